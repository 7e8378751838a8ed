/** The answers of the machine, and the pieces that its files share. */
import type { MachineEvent } from './events.ts'
import type { RunFacts } from './run.ts'
import type { StopRecord } from './stop.ts'

/** The outcome of an event. The first ten answer a client's verb. */
export type Answer =
  /** No code of the run was executing, and no further attempt starts; there may have been attempts before. */
  | 'prevented'
  /** The run is running, and the request is on record. */
  | 'requested'
  | 'already-cancelled'
  /** The run had finished. */
  | 'too-late'
  | 'paused'
  | 'already-paused'
  /** It was paused already, and the end of the pause is another one now. */
  | 'moved'
  | 'resumed'
  | 'not-paused'
  /** A hold, or the pause of its workflow, keeps the run where it is. */
  | 'held'
  /** The signal is kept for the handler. */
  | 'sent'
  /** The event of a worker or keeper was accepted. */
  | 'done'
  /** The event does not come from the current attempt. */
  | 'stale'
  /** The state does not accept the event. */
  | 'refused'

/** The decision about one event: the answer, the run afterwards, and the entry of the feed. */
export interface Decision {
  readonly answer: Answer
  /** The facts afterwards; null where nothing changed. */
  readonly run: RunFacts | null
  /** The details for the entry in the feed. */
  readonly data: Readonly<Record<string, unknown>>
}

/** A decision that accepts the event, so that the run is written anew. */
export type Accepted = Decision & { readonly run: RunFacts }
/** The event of one type, or of several: `EventOf<'fail' | 'crash'>`. */
export type EventOf<T extends MachineEvent['type']> = Extract<MachineEvent, { readonly type: T }>

/** The decision that leaves the run as it is. */
export const unchanged = (answer: Answer): Decision => ({ answer, run: null, data: {} })

/** The decision that accepts an event of a worker or a keeper. @param run the facts afterwards. */
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
  return { ...base, mode: 'prevented', confirmed: true, stoppedAt: now, proof: null, sent: [] }
}

/** The facts of a run that no worker holds, of which nothing is asked, and which waits for nothing. */
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

/** The facts of a run that has ended. @param end the final state, and what goes with it. @param now epoch ms. */
export function finished(run: RunFacts, end: Partial<RunFacts>, now: number): RunFacts {
  return { ...run, ...atRest, finishedAt: now, ...end }
}

/** An event after which a run is not `running` any more. */
export type LeavingEvent = EventOf<
  'lapse' | 'complete' | 'fail' | 'crash' | 'stop' | 'release' | 'park' | 'wait'
>
