/** The waits of runs, and the events that end them. */
import { type Accepted, type Decision, accepted, type EventOf, unchanged } from './decision.ts'
import type { RunFacts, WaitFacts, WaitOutcome } from './run.ts'

/** Decides what a `signal` does: it is kept for the handler, and where the handler waits for that name, the wait is over. */
export function receiveSignal(
  run: RunFacts,
  { name, position }: EventOf<'signal'>,
  now: number,
): Accepted {
  const signalled = { ...run, signalled: Math.max(run.signalled ?? 0, position) }
  const isAwaited = isWaiting(run) && run.wait?.signal === name
  const next = isAwaited ? woken(signalled, { now }) : signalled
  return { answer: 'sent', run: next, data: { name, position } }
}

const isWaiting = ({ state, pausedFrom }: RunFacts): boolean =>
  state === 'waiting' || pausedFrom === 'waiting'

/** Decides what a `wake` does to a run that waits, or was paused while it waited. @param now epoch ms. */
export function wakeRun(run: RunFacts, { by, next }: EventOf<'wake'>, now: number): Decision {
  if (!isWaiting(run)) return unchanged('refused')
  if (next !== undefined) return accepted({ ...run, waitsFor: next }, { by, waitsFor: next })
  if (by === 'time' && (run.wakeAt === null || run.wakeAt > now)) return unchanged('refused')
  const outcome = wakeOutcome(run.wait, by)
  return accepted(woken(run, outcome === null ? { now } : { now, outcome }), { by })
}

/** How the wait of its handler has ended; null where a signal ends it, or it did not wait by itself. */
function wakeOutcome(wait: RunFacts['wait'], by: EventOf<'wake'>['by']): WaitOutcome | null {
  const isForChildren = wait?.children !== undefined
  if (by === 'run') return isForChildren ? 'ended' : null
  if (by === 'signal') return null
  return wait?.signal == null && !isForChildren ? 'slept' : 'timeout'
}

/** The run after its wait: in its queue, or scheduled where it is not due yet. A paused run notes that for later. */
function woken(
  run: RunFacts,
  { now, outcome }: { readonly now: number; readonly outcome?: WaitOutcome },
): RunFacts {
  const isEarly = run.runAt !== null && run.runAt > now
  const [state, runAt] = isEarly ? (['scheduled', run.runAt] as const) : (['queued', null] as const)
  const done = [...(run.wait?.done ?? []), ...(outcome === undefined ? [] : [outcome])]
  const begun = outcome === undefined ? begunWait(run) : {}
  const wait = run.wait === null ? null : { signal: null, done, ...begun }
  const over = { runAt, waitsFor: null, wakeAt: null, wait }
  return run.state === 'waiting'
    ? { ...run, ...over, state }
    : { ...run, ...over, pausedFrom: state }
}

/** The wait for a signal that is woken before its end; nothing where it has none. */
function begunWait({ wait, wakeAt }: RunFacts): Pick<WaitFacts, 'begun'> {
  const signal = wait?.signal ?? null
  return signal === null || wakeAt === null ? {} : { begun: { signal, endsAt: wakeAt } }
}
