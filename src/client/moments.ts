/** Instants as callers give them. */
import { type Duration, durationMs } from '../core/duration.ts'
import { CheckreinError } from '../core/errors.ts'
import type { Moment } from '../store/store.ts'

/** When something ends by itself: at an instant, or after a time; by default never. */
export interface UntilOptions {
  /** Epoch ms or a `Date`. */
  readonly until?: number | Date
  readonly for?: Duration
}

/** @throws {CheckreinError} `USAGE` for what is no instant. */
export function instantOf(value: number | Date, what: string): { readonly at: number } {
  const at = Number(value)
  if (Number.isSafeInteger(at)) return { at }
  throw new CheckreinError('USAGE', {
    message: `${what} must be a Date or whole epoch milliseconds`,
  })
}

/** @throws {CheckreinError} `USAGE`, also where both are given. */
export function momentOf({ until, for: time }: UntilOptions): Moment | null {
  if (until !== undefined && time !== undefined)
    throw new CheckreinError('USAGE', { message: 'Give until or for, not both' })
  if (until !== undefined) return instantOf(until, 'until')
  return time === undefined ? null : { inMs: durationMs(time, 'for') }
}
