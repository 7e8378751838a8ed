import { type Duration, durationMs } from './duration.ts'
import { CheckreinError } from './errors.ts'

/** How long to wait before the next attempt of a run that failed. */
export interface Backoff {
  /** `exponential` (default) doubles the wait each time, `fixed` keeps it. */
  readonly kind?: 'exponential' | 'fixed'
  /** The wait before the second attempt; default 1 s. */
  readonly delay?: Duration
  /** The longest wait; default 1 h. */
  readonly max?: Duration
  /** The part of the wait that is random, 0 to 1; default 0.5, so that a crowd which failed together does not return together. */
  readonly jitter?: number
}

/** How often a run may be tried again, and how long it waits between two attempts. */
export interface Retry {
  /** How often the handler may be tried in all, the first time included; default 1. Interruptions by a shutdown do not count. */
  readonly attempts?: number
  /** How often the run may lose its isolate or worker before it ends `failed`; default 3. */
  readonly crashes?: number
  readonly backoff?: Backoff
}

/** A `Retry` with its defaults filled in and its durations in milliseconds. */
export interface RetryPolicy {
  readonly attempts: number
  readonly crashes: number
  readonly kind: 'exponential' | 'fixed'
  readonly delayMs: number
  readonly maxMs: number
  readonly jitter: number
}

/** How often a run may lose its isolate or worker where its task does not say. */
export const defaultCrashes = 3

/** @throws {CheckreinError} `USAGE` for counts below 1 or a jitter outside 0 to 1. */
export function retryPolicy(retry: Retry = {}): RetryPolicy {
  const backoff = retry.backoff ?? {}
  return {
    attempts: count(retry.attempts ?? 1, 'retry.attempts'),
    crashes: count(retry.crashes ?? defaultCrashes, 'retry.crashes'),
    kind: oneOf(kinds, backoff.kind ?? 'exponential', 'retry.backoff.kind'),
    delayMs: durationMs(backoff.delay ?? 1000, 'retry.backoff.delay'),
    maxMs: durationMs(backoff.max ?? '1h', 'retry.backoff.max'),
    jitter: fraction(backoff.jitter ?? 0.5, 'retry.backoff.jitter'),
  }
}

/**
 * The wait in ms before the next attempt.
 * @param failures how many attempts have failed so far, 1 or more.
 * @param random a number from 0 up to 1.
 */
export function backoffMs(policy: RetryPolicy, failures: number, random: number): number {
  const grown =
    policy.kind === 'fixed' ? policy.delayMs : policy.delayMs * 2 ** Math.min(failures - 1, 50)
  const capped = Math.min(grown, policy.maxMs)
  return Math.round(capped * (1 - policy.jitter * random))
}

const kinds = ['exponential', 'fixed'] as const

function oneOf<T>(known: readonly T[], value: T, what: string): T {
  if (known.includes(value)) return value
  throw new CheckreinError('USAGE', {
    message: `${what} must be one of ${known.join(', ')}`,
    details: { value },
  })
}

function count(value: number, what: string): number {
  if (Number.isInteger(value) && value >= 1) return value
  throw new CheckreinError('USAGE', {
    message: `${what} must be a whole number from 1`,
    details: { value },
  })
}

function fraction(value: number, what: string): number {
  if (value >= 0 && value <= 1) return value
  throw new CheckreinError('USAGE', {
    message: `${what} must be a number from 0 to 1`,
    details: { value },
  })
}
