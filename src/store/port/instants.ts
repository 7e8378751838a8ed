import type { Moment } from './runs.ts'

/** The instant that is meant, epoch ms. */
export function instantOf(moment: Moment, now: number): number
export function instantOf(moment: Moment | null, now: number): number | null
export function instantOf(moment: Moment | null, now: number): number | null {
  if (moment === null) return null
  return 'at' in moment ? moment.at : now + moment.inMs
}
