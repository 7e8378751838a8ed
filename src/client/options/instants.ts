/** Instants as callers give them. */
import { type Duration, durationMs } from '../../core/duration.ts'
import { CheckreinError } from '../../core/errors.ts'
import { isInstant } from '../../core/instant.ts'
import type { InstantOrDelay } from '../../store/store.ts'

/** The store's time, epoch ms. */
export type Now = () => number

/** When something ends by itself: at an instant, or after a time; by default never. */
export type UntilOptions =
  | {
      /** Epoch ms or a `Date`; not in the past. */
      readonly until?: number | Date
      readonly for?: never
    }
  | { readonly until?: never; readonly for?: Duration }

/** Checks an instant, and gives it as epoch ms. @param what how it is called in the error. @throws {CheckreinError} `USAGE` where the value is no instant. */
export function instantOf(value: number | Date, what: string): { readonly at: number } {
  const at = Number(value)
  if (Number.isSafeInteger(at) && isInstant(at)) return { at }
  throw new CheckreinError('USAGE', {
    message: `${what} must be a Date or whole epoch milliseconds, of the years 0 to 9999`,
    hint: 'Leave it out to mean never.',
  })
}

/**
 * Checks an instant that must be yet to come: 60,000, meant as a duration, would be an instant of 1970, and is refused.
 * @param now the store's time.
 * @throws {CheckreinError} `USAGE`, also where the instant is past.
 */
export function comingInstantOf(
  value: number | Date,
  what: string,
  now: number,
): { readonly at: number } {
  const instant = instantOf(value, what)
  if (instant.at > now) return instant
  throw new CheckreinError('USAGE', {
    message: `${what} is in the past: ${new Date(instant.at).toISOString()}`,
    hint:
      what === 'until'
        ? "An instant is a Date or epoch ms, by the store's clock. For a time from now give `for: '60s'`."
        : "An instant is a Date or epoch ms, by the store's clock. A duration is text: '60s'.",
  })
}

/**
 * Reads the end that a caller gives with `until` or `for`.
 * @param now the store's time.
 * @throws {CheckreinError} `USAGE`, also where both are given, and where the instant is past.
 */
export function instantOrDelayOf(
  { until, for: time }: UntilOptions,
  now: number,
): InstantOrDelay | null {
  if (until !== undefined && time !== undefined)
    throw new CheckreinError('USAGE', { message: 'Give until or for, not both' })
  if (until !== undefined) return comingInstantOf(until, 'until', now)
  return time === undefined ? null : { inMs: durationMs(time, 'for') }
}
