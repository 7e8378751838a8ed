/** Pausing and resuming, in whatever state a run is. */
import { type Decision, type EventOf, unchanged } from './decision.ts'
import {
  byRequest,
  isByRequest,
  isSamePauser,
  newerPause,
  type PauseIntent,
  pauserOf,
} from './intent.ts'
import type { StandingPause } from './events.ts'
import type { PausedBy, RunFacts } from './run.ts'

/** Decides what a `pause` does: a running run is asked to park, any other that may still run is paused at once. @param now epoch ms. */
export function pauseRun(run: RunFacts, event: EventOf<'pause'>, now: number): Decision {
  const { reason, by, resumeAt } = event
  const data = { reason, by, ...(resumeAt === null ? {} : { resumeAt }) }
  if (run.state === 'running') return askToPause(run, event, now)
  if (run.state === 'paused') {
    const next = pausedAgain(run, event, now)
    const isMoved = next !== null && next.resumeAt !== run.resumeAt
    return { answer: isMoved ? 'moved' : 'already-paused', run: next, data }
  }
  const pausedFrom = run.state as NonNullable<RunFacts['pausedFrom']>
  const paused = { paused: byOf(event, now), resumeAt, pausedFrom }
  return { answer: 'paused', run: { ...run, ...paused, state: 'paused' }, data }
}

function byOf(event: EventOf<'pause'>, at: number): PausedBy {
  const { reason, by, children } = event
  return { reason, by, at, ...pauserOf(event), ...(children === undefined ? {} : { children }) }
}

/** The end of the pause is on the run, too: what is still pausing by then, or frozen, goes on. */
function askToPause(run: RunFacts, event: EventOf<'pause'>, now: number): Decision {
  const { type: _, ...order } = event
  const asked: PauseIntent = { ...order, requestedAt: now, overdueAt: null, frozenAt: null }
  const pause = newerPause(run.intent?.pause ?? null, asked)
  const intent = { stop: run.intent?.stop ?? null, pause }
  const { reason, by, resumeAt, otherwise } = event
  const data = {
    reason,
    by,
    ...(resumeAt === null ? {} : { resumeAt }),
    ...(otherwise === 'wait' ? {} : { otherwise }),
  }
  return { answer: 'requested', run: { ...run, intent, resumeAt: pause.resumeAt }, data }
}

/** The run when one more pause is asked of it. A pause of the run itself replaces any; a hold changes only its own pause. */
function pausedAgain(run: RunFacts, event: EventOf<'pause'>, now: number): RunFacts | null {
  const { resumeAt } = event
  const isSame = isSamePauser(event, run.paused ?? byRequest)
  if (!isByRequest(event) && !isSame) return null
  const isWider = event.children !== undefined && run.paused?.children === undefined
  if (isSame && !isWider) return run.resumeAt === resumeAt ? null : { ...run, resumeAt }
  const { children } = run.paused ?? {}
  const policy = children === undefined ? {} : { children }
  return { ...run, resumeAt, paused: { ...policy, ...byOf(event, now) } }
}

/** Decides what a `resume` does: a paused run goes back to the state that it had, and a running one is not asked to park any more. */
export function resumeRun(run: RunFacts, event: EventOf<'resume'>): Decision {
  const { reason, by } = event
  const data = { reason, by }
  const pausedBy = run.state === 'paused' ? run.paused : run.intent?.pause
  const isMeant = pausedBy != null && (isByRequest(event) || isSamePauser(event, pausedBy))
  if (!isMeant) return { ...unchanged('not-paused'), data }
  if (event.keptBy) return keptWhereItIs(run, event.keptBy, data)
  if (run.state === 'paused') {
    const state = run.pausedFrom ?? 'queued'
    const over = { paused: null, resumeAt: null, pausedFrom: null }
    return { answer: 'resumed', run: { ...run, ...over, state }, data }
  }
  const stop = run.intent?.stop ?? null
  const intent = stop && { stop, pause: null }
  return { answer: 'resumed', run: { ...run, intent, resumeAt: null }, data }
}

/** The run stays, by the hold or workflow alone: when that is lifted or resumed, the run goes on. */
function keptWhereItIs(run: RunFacts, keptBy: StandingPause, data: Decision['data']): Decision {
  const { until, ...paused } = keptBy
  const isOwn = run.state === 'paused' && !isSamePauser(keptBy, run.paused ?? byRequest)
  const next = isOwn ? { ...run, paused, resumeAt: until } : null
  return { answer: 'held', run: next, data: { ...data, heldBy: pauserOf(keptBy) } }
}
