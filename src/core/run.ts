import type { ErrorRecord } from './errors.ts'
import type { Intent } from './intent.ts'
import type { StopRecord } from './stop.ts'
import type { State } from './transitions.ts'

/** Text that is JSON; kept as text so that it is parsed once, where it is used. */
export type JsonText = string

/** The part of a run that events change. Instants are epoch ms. */
export interface RunFacts {
  readonly state: State
  /** How often a worker has claimed the run; the number of the current attempt, 0 before the first. Part of the fence. */
  readonly attempt: number
  /** How many attempts ended because the handler threw or ran out of time. */
  readonly failures: number
  /** How many attempts ended because the isolate or the worker was lost. */
  readonly crashes: number
  /** The worker that holds the run; set while it is running, null otherwise. Part of the fence. */
  readonly workerId: string | null
  /** When a scheduled run is due. */
  readonly runAt: number | null
  readonly intent: Intent | null
  /** The state that `resume` leads back to; set while it is paused. */
  readonly pausedFrom: 'scheduled' | 'queued' | 'waiting' | null
  /** The id of the run whose end this one waits for. */
  readonly waitsFor: string | null
  readonly progress: JsonText | null
  /** What the handler returned; what it returned after an abort was delivered is a partial result. */
  readonly result: JsonText | null
  readonly error: ErrorRecord | null
  readonly stop: StopRecord | null
  /** When the current or last attempt was claimed. */
  readonly startedAt: number | null
  readonly finishedAt: number | null
}

/** One invocation of a task, as it is stored. Instants are epoch ms. */
export interface StoredRun extends RunFacts {
  readonly id: string
  readonly task: string
  readonly queue: string
  /** Runs with a higher priority are claimed first; default 0. */
  readonly priority: number
  /** The caller's own name for the work; at most one run of a task that is not final holds it. */
  readonly key: string | null
  readonly tags: readonly string[]
  readonly input: JsonText | null
  /** When it expires, if no attempt has started by then. */
  readonly expiresAt: number | null
  readonly createdAt: number
}

/** Proof that a write comes from the current attempt of a run. */
export interface Fence {
  readonly runId: string
  readonly attempt: number
  /** Made anew each time a worker starts or loses its lease. */
  readonly workerId: string
}

/** The facts of a run that was just enqueued. */
export const freshFacts: RunFacts = {
  state: 'queued',
  attempt: 0,
  failures: 0,
  crashes: 0,
  workerId: null,
  runAt: null,
  intent: null,
  pausedFrom: null,
  waitsFor: null,
  progress: null,
  result: null,
  error: null,
  stop: null,
  startedAt: null,
  finishedAt: null,
}

/** A run's state with what was asked of it: what people see. */
export type Status = State | 'pausing' | 'cancelling' | 'unresponsive'

export function statusOf(run: Pick<RunFacts, 'state' | 'intent'>): Status {
  if (run.state !== 'running' || run.intent === null) return run.state
  const { stop, pause } = run.intent
  if (stop !== null && stop.overdueAt !== null) return 'unresponsive'
  if (stop !== null && stop.verb !== 'revoke') return 'cancelling'
  return pause === null ? 'running' : 'pausing'
}
