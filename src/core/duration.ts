import { CheckreinError, shown } from './errors.ts'

/** A length of time: milliseconds as a number, or text such as `'250ms'`, `'2s'`, `'1.5h'`, `'7d'`. */
export type Duration = number | `${number}${Unit}`
type Unit = 'ms' | 's' | 'm' | 'h' | 'd'

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
/** The longest that a timer can count; one that is longer fires at once. @see https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
export const longestTimerMs = 2 ** 31 - 1
/** A hundred years. */
export const longestMs = 100 * 365 * 86_400_000

/**
 * A duration in whole milliseconds, from 0 to a hundred years.
 * @param what names the setting in the error.
 * @throws {CheckreinError} `USAGE` where it is not a duration.
 */
export function durationMs(value: Duration, what: string): number {
  const ms = typeof value === 'number' ? value : parse(value)
  if (Number.isFinite(ms) && ms >= 0 && ms <= longestMs) return Math.round(ms)
  throw new CheckreinError('USAGE', {
    message: `${what}: ${shown(value)} is not a duration`,
    hint: "Give milliseconds as a number, or a number with a unit: '250ms', '2s', '5m', '1h', '7d'.",
    details: { what, value },
  })
}

function parse(text: unknown): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(text).trim())
  return match ? Number(match[1]) * (unitMs[match[2] ?? ''] ?? Number.NaN) : Number.NaN
}

/** A duration for people: `340 ms`, `1.5 s`, `3 min`, `2.0 h`. */
export function humanDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  if (ms < 3_600_000) return `${(ms / 60_000).toFixed(1)} min`
  return ms < 86_400_000 ? `${(ms / 3_600_000).toFixed(1)} h` : `${(ms / 86_400_000).toFixed(1)} d`
}
