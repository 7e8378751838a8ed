/** Instants that callers give as such or as a delay. */
import type { InstantOrDelay } from './runs.ts'

/** The instant that is meant, epoch ms; null where none is. @param now when a delay begins. */
export function instantOf(moment: InstantOrDelay, now: number): number
export function instantOf(moment: InstantOrDelay | null, now: number): number | null
export function instantOf(moment: InstantOrDelay | null, now: number): number | null {
  if (moment === null) return null
  return 'at' in moment ? moment.at : now + moment.inMs
}
