/**
 * Roll-back: how a run ends that has been stopped, or has failed, and has something to undo.
 *
 * The run does not end at once. It goes back to its queue with the record of its stop in hand, and its task's
 * `rollback` is called as an attempt of its own: with the same input, the last checkpoint and that record, in a fresh
 * isolate, with the task's own limits and retries, counted apart. When that is over, one way or the other, the run ends
 * as it would have: `cancelled` with its stop record, or `failed` with its error. The outcome of the roll-back stands beside.
 *
 * A roll-back is not stopped by what stops a run: that has been asked already. `terminate` gives it up.
 */
import { backoffMs } from '../backoff.ts'
import {
  atRest,
  type Accepted,
  type Decision,
  accepted,
  finished,
  type EventOf,
  unchanged,
  type LeavingEvent,
} from './decision.ts'
import { workerLost } from '../errors.ts'
import {
  hasBegun,
  neverStarted,
  type RollbackCause,
  type RollbackFacts,
  type RunFacts,
} from './run.ts'
import type { StopRecord } from './stop.ts'

/** Whether a run that has started is to be rolled back: because its task says so, or because its stop asked for that. */
export function isRolledBackAfter(
  run: RunFacts,
  cause: RollbackCause,
  { isAsked = false } = {},
): boolean {
  return hasBegun(run) && run.rollback === null && (isAsked || run.rollbackOn.includes(cause))
}

/** Whether a roll-back has come to nothing: it failed, or was given up. */
export function hasComeToNothing(rollback: RollbackFacts | null): boolean {
  return rollback?.state === 'failed' || rollback?.state === 'abandoned'
}

/** Whether a roll-back has come to nothing, and no other run has tried it again. */
export function isNotUndone(rollback: RollbackFacts | null): boolean {
  return hasComeToNothing(rollback) && rollback?.retriedAs === undefined
}

/** @param stop null after a failure, whose error stands in the run. */
export function beginRunRollback(run: RunFacts, stop: StopRecord | null, now: number): RunFacts {
  const none = { failures: 0, crashes: 0, error: null, finishedAt: null }
  const rollback = { state: 'pending', stop, askedAt: now, ...none } as const
  return { ...run, ...atRest, deadlineAt: null, state: 'queued', rollback }
}

/** The facts of a run whose roll-back is over, and which has ended with it. */
export function endRunRollback(
  run: RunFacts,
  over: Pick<RollbackFacts, 'state'> & Partial<RollbackFacts>,
  now: number,
): RunFacts {
  const { rollback } = run
  if (rollback === null) return run
  const { stop } = rollback
  const state = stop === null ? 'failed' : 'cancelled'
  const ended = { ...rollback, ...over, stop: null, finishedAt: now }
  return finished(run, { state, stop, rollback: ended }, now)
}

/** Decides what follows when an attempt at a roll-back ends. */
export function leaveRollback(run: RunFacts, event: LeavingEvent, now: number): Decision {
  switch (event.type) {
    case 'complete':
      return over(run, { state: 'completed' }, now)
    case 'stop':
      return run.intent?.stop ? over(run, { state: 'abandoned' }, now) : unchanged('refused')
    case 'fail':
    case 'crash':
      return failed(run, event, now)
    case 'lapse':
      return lapsed(run, event.maxCrashes, now)
    case 'release':
    case 'park':
      return rollBackAgain(run, { state: 'queued' }, now)
    case 'wait': {
      const { waitsFor, signal, done, wakeInMs } = event
      const wakeAt = wakeInMs === null ? null : now + wakeInMs
      return rollBackAgain(run, { state: 'waiting', waitsFor, wait: { signal, done }, wakeAt }, now)
    }
  }
}

function failed(run: RunFacts, event: EventOf<'fail' | 'crash'>, now: number): Accepted {
  const rollback = run.rollback as RollbackFacts
  const { error, retry } = event
  const counts =
    event.type === 'fail'
      ? { failures: rollback.failures + 1, crashes: rollback.crashes }
      : { failures: rollback.failures, crashes: rollback.crashes + 1 }
  const isLast = counts.failures >= retry.attempts || counts.crashes >= retry.crashes
  if (isLast || !event.isRetryable) return over(run, { state: 'failed', error, ...counts }, now)
  const times = event.type === 'fail' ? counts.failures : counts.crashes
  const runAt = now + backoffMs(retry, times, event.random)
  return rollBackAgain(
    run,
    { state: 'scheduled', runAt, rollback: { ...rollback, error, ...counts } },
    now,
  )
}

function lapsed(run: RunFacts, maxCrashes: number, now: number): Accepted {
  const rollback = run.rollback as RollbackFacts
  if (neverStarted(run)) return rollBackAgain(run, { state: 'queued' }, now)
  const counted = { crashes: rollback.crashes + 1, error: workerLost }
  if (counted.crashes >= maxCrashes) return over(run, { state: 'failed', ...counted }, now)
  return rollBackAgain(run, { state: 'queued', rollback: { ...rollback, ...counted } }, now)
}

function over(
  run: RunFacts,
  how: Pick<RollbackFacts, 'state'> & Partial<RollbackFacts>,
  now: number,
): Accepted {
  const ended = endRunRollback(run, how, now)
  return accepted(ended, { rollback: how.state, ...(how.error ? { error: how.error } : {}) })
}

/** The roll-back goes on later, unless it was given up meanwhile. */
function rollBackAgain(run: RunFacts, next: Partial<RunFacts>, now: number): Accepted {
  if (run.intent?.stop) return over({ ...run, ...next }, { state: 'abandoned' }, now)
  const { runAt, rollback } = { ...run, ...next }
  const data = rollback?.error ? { error: rollback.error } : {}
  return accepted(
    { ...run, ...next, workerId: null, intent: null },
    { ...data, ...(runAt === null ? {} : { runAt }) },
  )
}
