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
  type Change,
  type Decision,
  done,
  finish,
  type Of,
  prevented,
  unchanged,
} from './decision.ts'
import { leaveRunning } from './ending.ts'
import { CheckreinError } from './errors.ts'
import type { MachineEvent } from './events.ts'
import { strongerStop } from './intent.ts'
import type { Fence, RunFacts } from './run.ts'
import { isFinal, transitions, type State, type StopVerb } from './transitions.ts'

/**
 * What `event` does to a run for which `run` is true.
 * @param now epoch ms of the store's clock.
 */
export function decide(run: RunFacts, event: MachineEvent, now: number): Decision {
  const targets = transitions[event.type].moves[run.state]
  if (targets === undefined)
    return { answer: refusal(run.state, event), run: null, data: asked(event) }
  if ('fence' in event && !holds(run, event.fence)) return unchanged('stale')
  const decision = apply(run, event, now)
  if (decision.run !== null && !targets.includes(decision.run.state)) {
    const message = `${event.type} may not lead from ${run.state} to ${decision.run.state}`
    throw new CheckreinError('INTERNAL', { message })
  }
  return decision
}

function holds(run: RunFacts, fence: Fence): boolean {
  return run.attempt === fence.attempt && run.workerId === fence.workerId
}

function refusal(state: State, event: MachineEvent): Answer {
  const rule = transitions[event.type]
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
      return done(
        { ...run, progress: event.progress },
        { progress: JSON.parse(event.progress) as unknown },
      )
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

function prevent(run: RunFacts, event: Of<StopVerb>, now: number): Change {
  const { reason, by } = event
  const stop = prevented(event.type, { reason, by }, now)
  return {
    answer: 'prevented',
    run: finish(run, { state: 'cancelled', stop }, now),
    data: { reason, by, stop },
  }
}

function expire(run: RunFacts, now: number): Decision {
  if (run.attempt > 0) return unchanged('refused')
  const stop = prevented(
    'expire',
    { reason: 'its time to live ended before it started', by: null },
    now,
  )
  return done(finish(run, { state: 'cancelled', stop }, now), { stop })
}

function pause(run: RunFacts, event: Of<'pause' | 'resume'>, now: number): Decision {
  const { reason, by } = event
  if (run.state === 'paused') return { ...unchanged('already-paused'), data: { reason, by } }
  if (run.state === 'running') {
    const intent = {
      stop: run.intent?.stop ?? null,
      pause: run.intent?.pause ?? { reason, by, requestedAt: now },
    }
    return { answer: 'requested', run: { ...run, intent }, data: { reason, by } }
  }
  const pausedFrom = run.state as NonNullable<RunFacts['pausedFrom']>
  return { answer: 'paused', run: { ...run, state: 'paused', pausedFrom }, data: { reason, by } }
}

function resume(run: RunFacts): Decision {
  if (run.state === 'paused') {
    return {
      answer: 'resumed',
      run: { ...run, state: run.pausedFrom ?? 'queued', pausedFrom: null },
      data: {},
    }
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
  return done(
    { ...run, state: 'running', attempt: run.attempt + 1, workerId, startedAt: now },
    { workerId },
  )
}

// --- while it runs --------------------------------------------------------------------------------------------

function askToStop(run: RunFacts, event: Of<StopVerb>, now: number): Change {
  const { type: verb, reason, by, graceMs } = event
  const request = {
    verb,
    reason,
    by,
    graceMs,
    requestedAt: now,
    deliveredAt: null,
    overdueAt: null,
  }
  const intent = {
    stop: strongerStop(run.intent?.stop ?? null, request),
    pause: run.intent?.pause ?? null,
  }
  const data = verb === 'cancel' ? { reason, by, graceMs } : { reason, by }
  return { answer: 'requested', run: { ...run, intent }, data }
}

function noteStop(run: RunFacts, event: Of<'deliver' | 'overdue'>, now: number): Decision {
  const stop = run.intent?.stop
  if (!run.intent || !stop || (event.type === 'deliver' && stop.verb === 'revoke'))
    return unchanged('refused')
  const { deliveredAt, overdueAt } = stop
  const noted =
    event.type === 'deliver'
      ? { deliveredAt: deliveredAt ?? event.deliveredAt }
      : { overdueAt: overdueAt ?? now }
  return done({ ...run, intent: { ...run.intent, stop: { ...stop, ...noted } } })
}
