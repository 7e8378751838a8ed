/** Decides the state of a run that leaves `running`; the order of the rules is in `machine.ts`. */
import { backoffMs } from '../backoff.ts'
import {
  type Accepted,
  type Decision,
  accepted,
  finished,
  type EventOf,
  unchanged,
  type LeavingEvent,
} from './decision.ts'
import { type ErrorRecord, workerLost } from '../errors.ts'
import type { Ended, Saved } from './events.ts'
import { pauserOf, type StopIntent } from './intent.ts'
import { beginRunRollback, isRolledBackAfter, leaveRollback } from './rollback.ts'
import { neverStarted, type RunFacts } from './run.ts'
import type { StopMode, StopRecord } from './stop.ts'
import { nextChildToAwait } from './children.ts'

/** Decides where a run goes that leaves `running`. @param before the facts before the event. @param now epoch ms. */
export function leaveRunning(before: RunFacts, event: LeavingEvent, now: number): Decision {
  const run = remembering(before, event, now)
  if (run.rollback !== null) return leaveRollback(run, event, now)
  switch (event.type) {
    case 'complete':
      return complete(run, event, now)
    case 'stop':
      return stop(run, event, now)
    case 'fail':
      return fail({ ...run, failures: run.failures + 1 }, event, now)
    case 'crash':
      return fail({ ...run, crashes: run.crashes + 1 }, event, now)
    case 'lapse':
      return lapse(run, event.maxCrashes, now)
    case 'release':
      return goOnAs(returnedBy(run, event), 'queued', { mode: event.mode, ended: event, now })
    case 'park':
      return goOnAs(run, 'queued', { mode: byItself(run), now })
    case 'wait':
      return wait(run, event, now)
  }
}

function stop(run: RunFacts, event: EventOf<'stop'>, now: number): Decision {
  const intent = run.intent?.stop
  if (!intent) return unchanged('refused')
  return cancelled(returnedBy(run, event), { intent, mode: event.mode, ended: event, now })
}

/** The mode of a stop where the handler gave its slot back: cooperative, unless the request (`revoke`) only forbids the next attempt. */
function byItself({ intent }: RunFacts): StopMode {
  return intent?.stop && intent.stop.verb !== 'revoke' ? 'cooperative' : 'prevented'
}

/** The run with a claim more that was taken back before the handler was called: such a claim was no attempt. */
function returnedBy(run: RunFacts, { mode }: EventOf<'release' | 'stop'>): RunFacts {
  return mode === 'prevented' ? unstarted(run) : run
}

function unstarted(run: RunFacts): RunFacts {
  return { ...run, returned: run.returned + 1, startedAt: null }
}

/** The run with all that the attempt leaves behind: its last checkpoint, and the ends after which its task wants a roll-back. */
function remembering(run: RunFacts, event: LeavingEvent, now: number): RunFacts {
  const { rollbackOn = run.rollbackOn } = event
  const saved = 'saved' in event ? event.saved : undefined
  const startedAt = run.startedAt ?? ('startedAt' in event ? (event.startedAt ?? null) : null)
  return { ...(saved ? withSaved(run, saved, now) : run), rollbackOn, startedAt }
}

/** The run with a newer checkpoint, if there is one: the waits before it are over for good. */
export function withSaved(run: RunFacts, { checkpoint }: Saved, now: number): RunFacts {
  if (checkpoint === null) return run
  return { ...run, checkpointAt: now, checkpoints: run.checkpoints + 1, wait: null }
}

function wait(run: RunFacts, event: EventOf<'wait'>, now: number): Accepted {
  const { signal, done, wakeInMs, children } = event
  const wakeAt = wakeInMs === null ? null : now + wakeInMs
  const waitsFor = children === undefined ? event.waitsFor : nextChildToAwait(children)
  const wait = { signal, done, ...(children === undefined ? {} : { children }) }
  const waiting = { ...run, waitsFor, wait, wakeAt }
  return goOnAs(waiting, 'waiting', { mode: byItself(run), data: waitData(waiting), now })
}

function waitData({ waitsFor, wait, wakeAt }: RunFacts): Decision['data'] {
  return {
    ...(waitsFor === null ? {} : { waitsFor }),
    ...(wait?.signal == null ? {} : { signal: wait.signal }),
    ...(wait?.children === undefined ? {} : { children: wait.children.length }),
    ...(wakeAt === null ? {} : { wakeAt }),
  }
}

function complete(run: RunFacts, event: EventOf<'complete'>, now: number): Accepted {
  const { result } = event
  const heard = heardStop(run, event)
  if (heard)
    return cancelled({ ...run, result }, { intent: heard, mode: 'cooperative', ended: event, now })
  return accepted(finished(run, { state: 'completed', result }, now))
}

/** The request to stop, where it had reached the handler before it ended. */
function heardStop(run: RunFacts, ended: Ended): StopIntent | null {
  const stop = run.intent?.stop ?? null
  if (stop === null || stop.verb === 'revoke') return null
  return ended.deliveredAt === null && stop.deliveredAt === null ? null : stop
}

function fail(run: RunFacts, event: EventOf<'fail' | 'crash'>, now: number): Accepted {
  const heard = heardStop(run, event)
  if (heard) {
    const error = isPlainAbort(event.error) ? null : event.error
    return cancelled({ ...run, error }, { intent: heard, mode: 'cooperative', ended: event, now })
  }
  const { error, retry } = event
  const isLast = run.failures >= retry.attempts || run.crashes >= retry.crashes
  if (isLast || !event.isRetryable) return failed({ ...run, error }, now)
  const times = event.type === 'fail' ? run.failures : run.crashes
  const runAt = now + backoffMs(retry, times, event.random)
  const how = { mode: 'prevented', ended: event, data: { error, runAt }, now } as const
  return goOnAs({ ...run, error, runAt }, 'scheduled', how)
}

function isPlainAbort(error: ErrorRecord): boolean {
  return error.code === 'ATTEMPT_CANCELLED' || error.name === 'AbortError'
}

/** The run has failed for good: a request that was made meanwhile comes too late. */
function failed(run: RunFacts, now: number): Accepted {
  const data = { error: run.error }
  if (isRolledBackAfter(run, 'failure')) return accepted(beginRunRollback(run, null, now), data)
  return accepted(finished(run, { state: 'failed' }, now), data)
}

function lapse(run: RunFacts, maxCrashes: number, now: number): Accepted {
  const stop = run.intent?.stop
  // Nobody can vouch for it that the handler was not called: the run counts as begun, for its roll-back and its children.
  if (!stop && neverStarted(run)) return goOnAs(run, 'queued', { mode: 'prevented', now })
  const lost = { ...run, crashes: run.crashes + 1 }
  if (stop) {
    const mode = stop.verb === 'revoke' ? 'prevented' : 'forced'
    return cancelled(lost, { intent: stop, mode, isConfirmed: false, now })
  }
  const next = { ...lost, error: workerLost }
  if (next.crashes >= maxCrashes) return failed(next, now)
  return goOnAs(next, 'queued', { mode: 'prevented', data: { error: workerLost }, now })
}

interface How {
  readonly mode: StopMode
  readonly ended?: Ended
  readonly data?: Decision['data']
  readonly now: number
}

/** The attempt is over, and the run goes on in that state, unless it was asked to stop or to pause meanwhile. */
function goOnAs(run: RunFacts, state: 'queued' | 'scheduled' | 'waiting', how: How): Accepted {
  const { stop = null, pause = null } = run.intent ?? {}
  if (stop) return cancelled(run, { intent: stop, ...how })
  const next = { ...run, workerId: null, intent: null, resumeAt: null }
  // A run that parks for a hold on its queue goes back to that queue, from which nothing is claimed.
  if (pause === null || pause.parksIn === 'queued') return accepted({ ...next, state }, how.data)
  const { reason, by, requestedAt: at, resumeAt, children } = pause
  const policy = children === undefined ? {} : { children }
  const who = { reason, by, at, ...pauserOf(pause), ...policy }
  const paused = { paused: who, resumeAt, pausedFrom: state }
  return accepted({ ...next, ...paused, state: 'paused' }, how.data)
}

interface Stopped extends How {
  readonly intent: StopIntent
  readonly isConfirmed?: boolean
}

function stopped({ intent, mode, ended, isConfirmed = true, now }: Stopped): StopRecord {
  const { verb, reason, by, requestedAt } = intent
  return {
    verb,
    mode,
    confirmed: isConfirmed,
    reason,
    by,
    requestedAt,
    deliveredAt: ended?.deliveredAt ?? intent.deliveredAt,
    stoppedAt: now,
    proof: ended?.proof ?? null,
    sent: isConfirmed ? (ended?.sent ?? []) : null,
  }
}

/** The run was stopped: that is its end, or the beginning of its roll-back. */
function cancelled(run: RunFacts, how: Stopped): Accepted {
  const stop = stopped(how)
  const isAsked = how.intent.rollback
  if (isRolledBackAfter(run, 'stop', { isAsked }))
    return accepted(beginRunRollback(run, stop, how.now), { stop })
  return accepted(finished(run, { state: 'cancelled', stop }, how.now), { stop })
}
