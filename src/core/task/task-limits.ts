/** The limits that a task sets for its attempts: how long one may take, and how often it is saved. */
import { type Duration, durationMs, longestTimerMs } from '../duration.ts'
import { defaultKill, killChoiceOf, type KillOptions, type KillWay, wayOf } from '../run/kill.ts'
import { defaultPayloadLimit } from '../payload.ts'

/** The limits of a task, checked and with their defaults. */
export interface TaskLimits {
  /** Milliseconds; null for no limit. */
  readonly timeoutMs: number | null
  readonly hardTimeoutMs: number | null
  readonly heartbeatTimeoutMs: number | null
  readonly maxTimeoutMs: number | null
  readonly checkpointMs: number
  readonly checkpointLimit: number
  readonly parkAfterMs: number
  /** How its attempts are killed by a `terminate` or `cancel` that does not say. */
  readonly kill: KillWay
}

interface SaidLimits extends KillOptions {
  readonly timeout?: Duration
  readonly hardTimeout?: Duration
  readonly heartbeatTimeout?: Duration
  readonly maxTimeout?: Duration
  readonly checkpointEvery?: Duration
  readonly checkpointLimit?: number
  readonly parkAfter?: Duration
}

const shortestHeartbeatMs = 2000

/** @throws {RangeError} for limits that no timer can count, or that contradict each other. */
export function taskLimits(said: SaidLimits): TaskLimits {
  const timeoutMs = limitMs(said.timeout, 'timeout')
  const hardTimeoutMs = limitMs(said.hardTimeout, 'hardTimeout')
  const heartbeatTimeoutMs = limitMs(said.heartbeatTimeout, 'heartbeatTimeout')
  const maxTimeoutMs = limitMs(said.maxTimeout, 'maxTimeout')
  if (heartbeatTimeoutMs !== null && heartbeatTimeoutMs < shortestHeartbeatMs)
    throw new RangeError(`heartbeatTimeout must be at least ${shortestHeartbeatMs} ms`)
  if ((hardTimeoutMs ?? Infinity) < (timeoutMs ?? 0))
    throw new RangeError('hardTimeout is shorter than timeout, which then has no effect')
  if (maxTimeoutMs !== null && maxTimeoutMs <= (timeoutMs ?? hardTimeoutMs ?? Infinity))
    throw new RangeError(
      'maxTimeout is how far a handler may extend its timeout or hardTimeout: it must be longer',
    )
  const checkpointLimit = said.checkpointLimit ?? defaultPayloadLimit
  if (!Number.isInteger(checkpointLimit) || checkpointLimit < 1)
    throw new RangeError('checkpointLimit must be a whole number from 1')
  return {
    timeoutMs,
    hardTimeoutMs,
    heartbeatTimeoutMs,
    maxTimeoutMs,
    checkpointMs: countable(said.checkpointEvery ?? 1000, 'checkpointEvery', 0),
    checkpointLimit,
    parkAfterMs: durationMs(said.parkAfter ?? 5000, 'parkAfter'),
    kill: wayOf(killChoiceOf(said), defaultKill),
  }
}

function limitMs(value: Duration | undefined, what: string): number | null {
  return value === undefined ? null : countable(value, what, 1)
}

function countable(value: Duration, what: string, leastMs: number): number {
  const ms = durationMs(value, what)
  if (ms >= leastMs && ms <= longestTimerMs) return ms
  throw new RangeError(`${what} must be from ${leastMs} ms to 24 days`)
}

/** The ways to keep an attempt apart from the rest; each promises something else of a stop, see `docs/isolation.md`. */
export const isolations = ['process', 'thread', 'inline'] as const

/** One of the `isolations`. */
export type Isolation = (typeof isolations)[number]
