/** What the machine answers, and the pieces that its rooms share. */
import type { MachineEvent } from './events.ts'
import type { RunFacts } from './run.ts'
import type { StopRecord } from './stop.ts'

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

/** A decision that changes the run. */
export type Change = Decision & { readonly run: RunFacts }
export type Of<T extends MachineEvent['type']> = Extract<MachineEvent, { readonly type: T }>

export const unchanged = (answer: Answer): Decision => ({ answer, run: null, data: {} })

export const done = (run: RunFacts, data: Decision['data'] = {}): Change => ({
  answer: 'done',
  run,
  data,
})

/** The stop record of a run none of whose code was executing. */
export function prevented(
  verb: StopRecord['verb'],
  who: Pick<StopRecord, 'reason' | 'by'>,
  now: number,
): StopRecord {
  const base = { verb, ...who, requestedAt: now, deliveredAt: null }
  return { ...base, mode: 'prevented', confirmed: true, stoppedAt: now, proof: null }
}

export function finish(run: RunFacts, end: Partial<RunFacts>, now: number): RunFacts {
  const cleared = { workerId: null, intent: null, runAt: null, pausedFrom: null, waitsFor: null }
  return { ...run, ...cleared, finishedAt: now, ...end }
}
