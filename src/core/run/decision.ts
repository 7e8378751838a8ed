/** What the machine answers, and the pieces that its rooms share. */
import type { MachineEvent } from './events.ts'
import type { RunFacts } from './run.ts'
import type { StopRecord } from './stop.ts'

/** What an event came to. The first nine answer a client's verb. */
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
  /** The signal is kept for the handler. */
  | 'sent'
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
export type Accepted = Decision & { readonly run: RunFacts }
export type EventOf<T extends MachineEvent['type']> = Extract<MachineEvent, { readonly type: T }>

export const unchanged = (answer: Answer): Decision => ({ answer, run: null, data: {} })

export const accepted = (run: RunFacts, data: Decision['data'] = {}): Accepted => ({
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

/** Nobody holds the run, nothing is asked of it, and it waits for nothing. */
export const atRest = {
  workerId: null,
  intent: null,
  runAt: null,
  pausedFrom: null,
  paused: null,
  resumeAt: null,
  waitsFor: null,
  wait: null,
  wakeAt: null,
  signalled: null,
} as const satisfies Partial<RunFacts>

export function finished(run: RunFacts, end: Partial<RunFacts>, now: number): RunFacts {
  return { ...run, ...atRest, finishedAt: now, ...end }
}

export type LeavingEvent = EventOf<
  'lapse' | 'complete' | 'fail' | 'crash' | 'stop' | 'release' | 'park' | 'wait'
>
