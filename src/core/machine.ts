/**
 * The pure machine: what one event does to one run.
 *
 * `decide` takes what is true of a run, an event and the time, and answers with what is true afterwards, or why
 * nothing changed. It reads no clock, no store and no randomness, so each rule here can be checked alone, and both
 * stores, the model test and the documentation share it.
 *
 * The hard question is what becomes of a run that leaves `running`, because three things are in play: how the attempt
 * ended, what was asked of the run meanwhile, and whether the handler heard of it. The answers, in this order:
 *
 * 1. It was asked to stop, and the request had reached the handler: `cancelled`, cooperative, however it ended.
 * 2. It returned before the request reached it: `completed`; the request came too late.
 * 3. It would have been tried again, but was asked to stop: `cancelled`, for no further attempt starts.
 * 4. It would have been tried again, but was asked to pause: `paused`.
 * 5. Otherwise it is tried again, or has failed.
 *
 * A request that is only a `revoke` is never delivered, so the first rule does not apply to it.
 */
import { backoffMs } from './backoff.ts'
import { CheckreinError, type ErrorRecord, errorCodes } from './errors.ts'
import type { Ended, MachineEvent } from './events.ts'
import { type StopIntent, strongerStop } from './intent.ts'
import type { Fence, RunFacts } from './run.ts'
import type { StopMode, StopRecord } from './stop.ts'
import { isFinal, rules, type State, type StopVerb } from './transitions.ts'

/** What an event came to. The first six answer a client's verb. */
export type Answer =
  /** It had not started, and never will. */
  | 'prevented'
  /** It is running, and the request is on record. */
  | 'requested'
  | 'already-cancelled'
  /** It had finished. */
  | 'too-late'
  | 'paused'
  | 'already-paused'
  | 'resumed'
  | 'not-paused'
  /** The event of a worker or keeper was accepted. */
  | 'done'
  /** The event does not come from the current attempt. */
  | 'stale'
  /** The state does not accept the event. */
  | 'refused'

export interface Decision {
  readonly answer: Answer
  /** The facts afterwards; null where nothing changed. */
  readonly run: RunFacts | null
  /** What the feed says about it. */
  readonly data: Readonly<Record<string, unknown>>
}

type Change = Decision & { readonly run: RunFacts }
type Of<T extends MachineEvent['type']> = Extract<MachineEvent, { readonly type: T }>

/**
 * What `event` does to a run for which `run` is true.
 * @param now epoch ms of the store's clock.
 */
export function decide(run: RunFacts, event: MachineEvent, now: number): Decision {
  const targets = rules[event.type].moves[run.state]
  if (targets === undefined) return { answer: refusal(run.state, event), run: null, data: asked(event) }
  if ('fence' in event && !holds(run, event.fence)) return unchanged('stale')
  const decision = apply(run, event, now)
  if (decision.run !== null && !targets.includes(decision.run.state)) {
    const message = `${event.type} may not lead from ${run.state} to ${decision.run.state}`
    throw new CheckreinError('INTERNAL', { message })
  }
  return decision
}

const unchanged = (answer: Answer): Decision => ({ answer, run: null, data: {} })

function holds(run: RunFacts, fence: Fence): boolean {
  return run.attempt === fence.attempt && run.workerId === fence.workerId
}

function refusal(state: State, event: MachineEvent): Answer {
  const rule = rules[event.type]
  if (rule.isFenced) return 'stale'
  if (rule.by !== 'client') return 'refused'
  if (!isFinal(state)) return 'not-paused'
  return state === 'cancelled' ? 'already-cancelled' : 'too-late'
}

function asked(event: MachineEvent): Readonly<Record<string, unknown>> {
  return 'reason' in event ? { reason: event.reason, by: event.by } : {}
}

function apply(run: RunFacts, event: MachineEvent, now: number): Decision {
  switch (event.type) {
    case 'revoke':
    case 'abort':
    case 'cancel':
    case 'terminate':
      return run.state === 'running' ? askToStop(run, event, now) : prevent(run, event, now)
    case 'pause':
      return pause(run, event, now)
    case 'resume':
      return resume(run)
    case 'due':
      return done({ ...run, state: 'queued', runAt: null })
    case 'wake':
      return wake(run, now)
    case 'expire':
      return expire(run, now)
    case 'claim':
      return claim(run, event, now)
    case 'deliver':
    case 'overdue':
      return noteStop(run, event, now)
    case 'progress':
      return done({ ...run, progress: event.progress }, { progress: JSON.parse(event.progress) as unknown })
    default:
      return leaveRunning(run, event, now)
  }
}

type Leaving = Of<'lapse' | 'complete' | 'fail' | 'crash' | 'stop' | 'release' | 'park' | 'wait'>

function leaveRunning(run: RunFacts, event: Leaving, now: number): Decision {
  switch (event.type) {
    case 'complete':
      return complete(run, event, now)
    case 'stop':
      return run.intent?.stop ? cancelled(run, stopped(run.intent.stop, event.mode, event, now)) : unchanged('refused')
    case 'fail':
      return fail({ ...run, failures: run.failures + 1 }, event, now)
    case 'crash':
      return fail({ ...run, crashes: run.crashes + 1 }, event, now)
    case 'lapse':
      return lapse({ ...run, crashes: run.crashes + 1 }, event.maxCrashes, now)
    case 'release':
      return again(run, 'queued', { mode: event.mode, ended: event }, now)
    case 'park':
      return again(run, 'queued', { mode: 'prevented' }, now)
    case 'wait':
      return again({ ...run, waitsFor: event.waitsFor }, 'waiting', { mode: 'prevented' }, now)
  }
}

const done = (run: RunFacts, data: Decision['data'] = {}): Change => ({ answer: 'done', run, data })

// --- before it runs -------------------------------------------------------------------------------------------

function prevent(run: RunFacts, event: Of<StopVerb>, now: number): Change {
  const { reason, by } = event
  const stop = prevented(event.type, { reason, by }, now)
  return { answer: 'prevented', run: finish(run, { state: 'cancelled', stop }, now), data: { reason, by, stop } }
}

/** The stop record of a run none of whose code was executing. */
export function prevented(
  verb: StopRecord['verb'],
  who: Pick<StopRecord, 'reason' | 'by'>,
  now: number,
): StopRecord {
  const base = { verb, ...who, requestedAt: now, deliveredAt: null }
  return { ...base, mode: 'prevented', confirmed: true, stoppedAt: now, proof: null }
}

function expire(run: RunFacts, now: number): Decision {
  if (run.attempt > 0) return unchanged('refused')
  const stop = prevented('expire', { reason: 'its time to live ended before it started', by: null }, now)
  return done(finish(run, { state: 'cancelled', stop }, now), { stop })
}

function pause(run: RunFacts, event: Of<'pause' | 'resume'>, now: number): Decision {
  const { reason, by } = event
  if (run.state === 'paused') return { ...unchanged('already-paused'), data: { reason, by } }
  if (run.state === 'running') {
    const intent = { stop: run.intent?.stop ?? null, pause: run.intent?.pause ?? { reason, by, requestedAt: now } }
    return { answer: 'requested', run: { ...run, intent }, data: { reason, by } }
  }
  const pausedFrom = run.state as NonNullable<RunFacts['pausedFrom']>
  return { answer: 'paused', run: { ...run, state: 'paused', pausedFrom }, data: { reason, by } }
}

function resume(run: RunFacts): Decision {
  if (run.state === 'paused') {
    return { answer: 'resumed', run: { ...run, state: run.pausedFrom ?? 'queued', pausedFrom: null }, data: {} }
  }
  if (!run.intent?.pause) return unchanged('not-paused')
  const { stop } = run.intent
  return { answer: 'resumed', run: { ...run, intent: stop && { stop, pause: null } }, data: {} }
}

function wake(run: RunFacts, now: number): Decision {
  const isEarly = run.runAt !== null && run.runAt > now
  const [state, runAt] = isEarly ? (['scheduled', run.runAt] as const) : (['queued', null] as const)
  if (run.state === 'waiting') return done({ ...run, state, runAt, waitsFor: null })
  if (run.pausedFrom !== 'waiting') return unchanged('refused')
  return done({ ...run, pausedFrom: state, runAt, waitsFor: null })
}

function claim(run: RunFacts, event: Of<'claim'>, now: number): Change {
  const { workerId } = event
  return done({ ...run, state: 'running', attempt: run.attempt + 1, workerId, startedAt: now }, { workerId })
}

// --- while it runs --------------------------------------------------------------------------------------------

function askToStop(run: RunFacts, event: Of<StopVerb>, now: number): Change {
  const { type: verb, reason, by, graceMs } = event
  const request = { verb, reason, by, graceMs, requestedAt: now, deliveredAt: null, overdueAt: null }
  const intent = { stop: strongerStop(run.intent?.stop ?? null, request), pause: run.intent?.pause ?? null }
  const data = verb === 'cancel' ? { reason, by, graceMs } : { reason, by }
  return { answer: 'requested', run: { ...run, intent }, data }
}

function noteStop(run: RunFacts, event: Of<'deliver' | 'overdue'>, now: number): Decision {
  const stop = run.intent?.stop
  if (!run.intent || !stop || (event.type === 'deliver' && stop.verb === 'revoke')) return unchanged('refused')
  const { deliveredAt, overdueAt } = stop
  const noted = event.type === 'deliver' ? { deliveredAt: deliveredAt ?? event.deliveredAt } : { overdueAt: overdueAt ?? now }
  return done({ ...run, intent: { ...run.intent, stop: { ...stop, ...noted } } })
}

// --- when it leaves `running` ---------------------------------------------------------------------------------

function complete(run: RunFacts, event: Of<'complete'>, now: number): Change {
  const { result } = event
  const heard = heardStop(run, event)
  if (heard) return cancelled({ ...run, result }, stopped(heard, 'cooperative', event, now))
  return done(finish(run, { state: 'completed', result }, now))
}

/** The request to stop, where it had reached the handler before it ended. */
function heardStop(run: RunFacts, ended: Ended): StopIntent | null {
  const stop = run.intent?.stop ?? null
  if (stop === null || stop.verb === 'revoke') return null
  return ended.deliveredAt === null && stop.deliveredAt === null ? null : stop
}

function fail(run: RunFacts, event: Of<'fail' | 'crash'>, now: number): Change {
  const heard = heardStop(run, event)
  if (heard) {
    const error = isPlainAbort(event.error) ? null : event.error
    return cancelled({ ...run, error }, stopped(heard, 'cooperative', event, now))
  }
  const { error, retry } = event
  const isLast = run.failures >= retry.attempts || run.crashes >= retry.crashes
  if (isLast || !event.isRetryable) return done(finish(run, { state: 'failed', error }, now), { error })
  const times = event.type === 'fail' ? run.failures : run.crashes
  const runAt = now + backoffMs(retry, times, event.random)
  const how = { mode: 'prevented', ended: event, data: { error, runAt } } as const
  return again({ ...run, error, runAt }, 'scheduled', how, now)
}

function isPlainAbort(error: ErrorRecord): boolean {
  return error.code === 'ATTEMPT_CANCELLED' || error.name === 'AbortError'
}

function lapse(run: RunFacts, maxCrashes: number, now: number): Change {
  const error: ErrorRecord = { name: 'CheckreinError', message: errorCodes.WORKER_LOST.message, code: 'WORKER_LOST' }
  const stop = run.intent?.stop
  if (stop) return cancelled(run, { ...stopped(stop, 'forced', null, now), confirmed: false })
  if (run.crashes >= maxCrashes) return done(finish(run, { state: 'failed', error }, now), { error })
  return again({ ...run, error }, 'queued', { mode: 'prevented', data: { error } }, now)
}

/** The attempt is over, the run is not; unless it was asked to stop or to pause meanwhile. */
function again(
  run: RunFacts,
  state: 'queued' | 'scheduled' | 'waiting',
  how: { readonly mode: StopMode; readonly ended?: Ended; readonly data?: Decision['data'] },
  now: number,
): Change {
  const stop = run.intent?.stop
  if (stop) return cancelled(run, stopped(stop, how.mode, how.ended ?? null, now))
  const next = { ...run, workerId: null, intent: null }
  if (run.intent?.pause) return done({ ...next, state: 'paused', pausedFrom: state }, how.data)
  return done({ ...next, state }, how.data)
}

function stopped(intent: StopIntent, mode: StopMode, ended: Ended | null, now: number): StopRecord {
  const { verb, reason, by, requestedAt } = intent
  return {
    verb,
    mode,
    confirmed: true,
    reason,
    by,
    requestedAt,
    deliveredAt: ended?.deliveredAt ?? intent.deliveredAt,
    stoppedAt: now,
    proof: ended?.proof ?? null,
  }
}

function cancelled(run: RunFacts, stop: StopRecord): Change {
  return done(finish(run, { state: 'cancelled', stop }, stop.stoppedAt), { stop })
}

function finish(run: RunFacts, end: Partial<RunFacts>, now: number): RunFacts {
  const cleared = { workerId: null, intent: null, runAt: null, pausedFrom: null, waitsFor: null }
  return { ...run, ...cleared, finishedAt: now, ...end }
}
