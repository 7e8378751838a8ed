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
import {
  type Answer,
  type Accepted,
  type Decision,
  accepted,
  finished,
  type EventOf,
  prevented,
  unchanged,
} from './decision.ts'
import { leaveRunning, withSaved } from './ending.ts'
import { CheckreinError } from '../errors.ts'
import type { MachineEvent } from './events.ts'
import { defaultGraceMs, strongerStop } from './intent.ts'
import { pauseRun, resumeRun } from './pausing.ts'
import { beginRunRollback, endRunRollback, isRolledBackAfter } from './rollback.ts'
import { type Fence, hasBegun, type RunFacts } from './run.ts'
import { isFinal, transitions, type State, type StopVerb } from './transitions.ts'
import { receiveSignal, wakeRun } from './waiting.ts'

/**
 * Decides what `event` does to a run of which the facts in `run` are true.
 * @param now epoch ms of the store's clock.
 */
export function decide(run: RunFacts, event: MachineEvent, now: number): Decision {
  const targets = transitions[event.type].moves[run.state]
  if (targets === undefined)
    return { answer: refusal(run.state, event), run: null, data: asked(event) }
  if ('fence' in event && !holds(run, event.fence)) return unchanged('stale')
  const decision = apply(asBegun(run, event, now), event, now)
  if (decision.run !== null && !targets.includes(decision.run.state)) {
    const message = `${event.type} may not lead from ${run.state} to ${decision.run.state}`
    throw new CheckreinError('INTERNAL', { message })
  }
  return decision
}

/** The run with the start of its handler, where the event shows that the handler was called and nobody has said so yet. */
function asBegun(run: RunFacts, { type }: MachineEvent, now: number): RunFacts {
  const isOfHandler = type === 'checkpoint' || type === 'take' || type === 'progress'
  return isOfHandler && run.startedAt === null ? { ...run, startedAt: now } : run
}

function holds(run: RunFacts, fence: Fence): boolean {
  return run.attempt === fence.attempt && run.workerId === fence.workerId
}

function refusal(state: State, event: MachineEvent): Answer {
  const rule = transitions[event.type]
  if (rule.isFenced) return 'stale'
  if (rule.by !== 'client') return 'refused'
  if (!isFinal(state)) return 'not-paused'
  if (event.type === 'signal') return 'too-late'
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
      return stop(run, event, now)
    case 'pause':
      return run.rollback === null ? pauseRun(run, event, now) : tooLate(run, event)
    case 'resume':
      return resumeRun(run, event)
    case 'signal':
      return run.rollback === null ? receiveSignal(run, event, now) : unchanged('too-late')
    case 'due':
      return accepted({ ...run, state: 'queued', runAt: null })
    case 'wake':
      return wakeRun(run, event, now)
    case 'expire':
      return expire(run, now)
    case 'deadline':
      return deadline(run, now)
    case 'claim':
      return claim(run, event, now)
    case 'begin':
      return begin(run, event)
    case 'deliver':
      return deliver(run, event)
    case 'overdue':
      return overdue(run, event, now)
    case 'freeze':
      return freeze(run, event)
    case 'checkpoint':
      return checkpoint(run, event, now)
    case 'take':
      return accepted(run, { position: event.position })
    case 'progress':
      return progress(run, event)
    case 'lapse':
    case 'complete':
    case 'fail':
    case 'crash':
    case 'stop':
    case 'release':
    case 'park':
    case 'wait':
      return leaveRunning(run, event, now)
  }
}

// --- before it runs -------------------------------------------------------------------------------------------

function stop(run: RunFacts, event: EventOf<StopVerb>, now: number): Decision {
  if (run.rollback !== null && event.type !== 'terminate') return tooLate(run, event)
  if (run.state === 'running') return askToStop(run, event, now)
  const { reason, by } = event
  if (run.rollback === null) return prevent(run, event, now)
  const ended = endRunRollback(run, { state: 'abandoned' }, now)
  return { answer: 'prevented', run: ended, data: { reason, by, rollback: 'abandoned' } }
}

/** Answers a request that comes too late: the run was stopped or has failed already, and is being rolled back. */
function tooLate(run: RunFacts, event: MachineEvent): Decision {
  const answer = run.rollback?.stop ? 'already-cancelled' : 'too-late'
  return { ...unchanged(answer), data: asked(event) }
}

function prevent(run: RunFacts, event: EventOf<StopVerb>, now: number): Accepted {
  const { reason, by } = event
  const stop = prevented(event.type, { reason, by }, now)
  const isAsked = event.rollback === true
  const next = isRolledBackAfter(run, 'stop', { isAsked })
    ? beginRunRollback(run, stop, now)
    : finished(run, { state: 'cancelled', stop }, now)
  return { answer: 'prevented', run: next, data: { reason, by, stop } }
}

function expire(run: RunFacts, now: number): Decision {
  if (hasBegun(run)) return unchanged('refused')
  const why = { reason: 'its time to live ended before it started', by: null }
  const stop = prevented('expire', why, now)
  return accepted(finished(run, { state: 'cancelled', stop }, now), { stop })
}

function deadline(run: RunFacts, now: number): Decision {
  if (run.deadlineAt === null || run.deadlineAt > now) return unchanged('refused')
  const reason = `its deadline has passed: ${new Date(run.deadlineAt).toISOString()}`
  const past = { ...run, deadlineAt: null }
  if (run.state === 'running') {
    const request = { type: 'cancel', reason, by: null, graceMs: defaultGraceMs } as const
    return { ...askToStop(past, request, now), answer: 'done' }
  }
  const stop = prevented('expire', { reason, by: null }, now)
  if (isRolledBackAfter(run, 'stop')) return accepted(beginRunRollback(past, stop, now), { stop })
  return accepted(finished(past, { state: 'cancelled', stop }, now), { stop })
}

function claim(run: RunFacts, event: EventOf<'claim'>, now: number): Accepted {
  const { workerId, startsLater = false } = event
  const startedAt = startsLater ? null : now
  return accepted(
    { ...run, state: 'running', attempt: run.attempt + 1, workerId, startedAt },
    { workerId },
  )
}

// --- while it runs --------------------------------------------------------------------------------------------

function askToStop(run: RunFacts, event: EventOf<StopVerb>, now: number): Accepted {
  const { type: verb, reason, by, graceMs, rollback = false, children, kill } = event
  const request = {
    verb,
    reason,
    by,
    graceMs,
    requestedAt: now,
    deliveredAt: null,
    overdueAt: null,
    rollback,
    ...(children === undefined ? {} : { children }),
    ...(kill === undefined ? {} : { kill }),
  }
  const intent = {
    stop: strongerStop(run.intent?.stop ?? null, request),
    pause: run.intent?.pause ?? null,
  }
  const data = { reason, by, ...(verb === 'cancel' ? { graceMs } : {}), ...kill }
  return { answer: 'requested', run: { ...run, intent }, data }
}

function begin(run: RunFacts, { startedAt }: EventOf<'begin'>): Decision {
  if (run.startedAt !== null) return unchanged('refused')
  return accepted({ ...run, startedAt }, { startedAt })
}

function progress(run: RunFacts, { progress }: EventOf<'progress'>): Accepted {
  return accepted({ ...run, progress }, { progress: JSON.parse(progress) as unknown })
}

function deliver(run: RunFacts, { deliveredAt }: EventOf<'deliver'>): Decision {
  const stop = run.intent?.stop
  if (!run.intent || !stop || stop.verb === 'revoke') return unchanged('refused')
  const noted = { ...stop, deliveredAt: stop.deliveredAt ?? deliveredAt }
  return accepted({ ...run, intent: { ...run.intent, stop: noted } })
}

function overdue(run: RunFacts, { of }: EventOf<'overdue'>, now: number): Decision {
  const asked = run.intent?.[of]
  if (!run.intent || !asked) return unchanged('refused')
  const noted = { ...asked, overdueAt: asked.overdueAt ?? now }
  return accepted({ ...run, intent: { ...run.intent, [of]: noted } }, of === 'pause' ? { of } : {})
}

function freeze(run: RunFacts, { frozenAt }: EventOf<'freeze'>): Decision {
  const pause = run.intent?.pause
  if (!run.intent || !pause) return unchanged('refused')
  return accepted({ ...run, intent: { ...run.intent, pause: { ...pause, frozenAt } } })
}

function checkpoint(run: RunFacts, event: EventOf<'checkpoint'>, now: number): Decision {
  const { checkpoint, signals } = event
  const bytes = checkpoint === null ? {} : { bytes: checkpoint.length }
  const consumed = signals.length === 0 ? {} : { signals: signals.map(({ position }) => position) }
  return accepted(withSaved(run, event, now), { ...bytes, ...consumed })
}
