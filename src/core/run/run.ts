import type { ErrorRecord } from '../errors.ts'
import type { Intent, Pauser } from './intent.ts'
import type { StopRecord } from './stop.ts'
import { isFinal, type State } from './transitions.ts'

/** Text that is JSON; kept as text so that it is parsed once, where it is used. */
export type JsonText = string

/** The part of a run that events change. Instants are epoch ms. */
export interface RunFacts {
  readonly state: State
  /** How often a worker has claimed the run; the number of the current attempt, 0 before the first. Part of the fence. */
  readonly attempt: number
  /** How many of the claims were taken back before the handler was called: they were no attempts. */
  readonly returned: number
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
  /** The author and the reason of the pause; set while the run is paused. */
  readonly paused: PausedBy | null
  /** When a run that is paused, or is to pause, resumes by itself. */
  readonly resumeAt: number | null
  /** The id of the run whose end this one waits for. */
  readonly waitsFor: string | null
  /** The waits of its handler since the last checkpoint. */
  readonly wait: WaitFacts | null
  /** When a waiting run is woken whatever happens. */
  readonly wakeAt: number | null
  /** When it is stopped, whatever it does; null once that has been asked. */
  readonly deadlineAt: number | null
  /** When the handler last saved something that the store has. */
  readonly checkpointAt: number | null
  /** How many states of its handler were saved: what was done since the last is told from what was done before by it. */
  readonly checkpoints: number
  /** The newest signal that was sent to it; null where none was. */
  readonly signalled: number | null
  /** The ends after which its task wants a roll-back, as its last worker has said. */
  readonly rollbackOn: readonly RollbackCause[]
  /** Its roll-back, once there is one. */
  readonly rollback: RollbackFacts | null
  readonly progress: JsonText | null
  /** The result that the handler returned; after an abort was delivered it is a partial result. */
  readonly result: JsonText | null
  readonly error: ErrorRecord | null
  readonly stop: StopRecord | null
  /** When the handler of the newest attempt was called; null where that has not happened, as far as its worker has said. */
  readonly startedAt: number | null
  readonly finishedAt: number | null
}

/** The author, the reason and the time (epoch ms) of a pause, and the hold or workflow that asked for it. */
export interface PausedBy extends Pauser {
  readonly reason: string | null
  readonly by: string | null
  readonly at: number
  /** Set where its children were paused with it: they go on with it. */
  readonly children?: 'pause'
}

/** How a wait of a handler ended: it slept, its time ran out, its children have ended, or it took the signal at this position. */
export type WaitOutcome = 'slept' | 'timeout' | 'ended' | number

/**
 * The waits of a handler since its last checkpoint. A run that waits holds no slot; its next attempt begins at the
 * checkpoint, and meets the same waits again, in the same order. A wait that was over before returns at once.
 */
export interface WaitFacts {
  readonly done: readonly WaitOutcome[]
  /** The name of the signal that it waits for now; null for a sleep, or where it does not wait. */
  readonly signal: string | null
  /** The ids of the children whose ends it waits for. */
  readonly children?: readonly string[]
  /** The wait that a signal has woken before its time was over: should the signal not fit, it goes on to the same end. */
  readonly begun?: BegunWait
}

/** A wait for a signal of this name that ends at this time, epoch ms. */
export interface BegunWait {
  readonly signal: string
  readonly endsAt: number
}

/** The ends after which a task may want a roll-back without being asked: any stop, or a failure for good. */
export const rollbackCauses = ['stop', 'failure'] as const
/** One of the `rollbackCauses`. */
export type RollbackCause = (typeof rollbackCauses)[number]

/** The roll-back of a run; see `rollback.ts`. Instants are epoch ms. */
export interface RollbackFacts {
  /** `abandoned`: given up by `terminate`. */
  readonly state: 'pending' | 'completed' | 'failed' | 'abandoned'
  /** How the run was stopped, until that is written with its end; null after a failure. */
  readonly stop: StopRecord | null
  readonly askedAt: number
  readonly finishedAt: number | null
  readonly failures: number
  readonly crashes: number
  /** The error of its last attempt. */
  readonly error: ErrorRecord | null
  /** Set where the run only undoes another run that had completed: the id of that run, and its result. */
  readonly undoes?: { readonly runId: string; readonly result: JsonText | null }
  /** Set where it was tried again: the id of the run that did so. */
  readonly retriedAs?: string
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
  /** The last checkpoint. Lists of runs leave it out, and then it is null too: only a claim and a look at one run bring it. */
  readonly checkpoint: JsonText | null
  /** The workflow that the run is a member of, and the number of its node there; both null where it is no member. */
  readonly workflow: string | null
  readonly node: number | null
  /** The run whose handler has enqueued it; null where none has. */
  readonly parent: string | null
  /** The id of the run that this one tries again; null where it tries none. */
  readonly retryOf: string | null
  /** Whether its input is a list, and its handler is called for each. */
  readonly isMapped: boolean
  /** Which of its instants somebody named as dates, and not as lengths of time; null where none. The sum of 1 for its start and 2 for its deadline. */
  readonly dated: number | null
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
  returned: 0,
  failures: 0,
  crashes: 0,
  workerId: null,
  runAt: null,
  intent: null,
  pausedFrom: null,
  paused: null,
  resumeAt: null,
  waitsFor: null,
  wait: null,
  wakeAt: null,
  deadlineAt: null,
  checkpointAt: null,
  checkpoints: 0,
  signalled: null,
  rollbackOn: [],
  rollback: null,
  progress: null,
  result: null,
  error: null,
  stop: null,
  startedAt: null,
  finishedAt: null,
}

/**
 * So many attempts may be lost uncounted before their handlers were called, as far as anybody knows. That a handler was called is told to
 * the store a moment later, and a handler that takes its worker down at once must not run for ever.
 */
const mostUncounted = 10

/** Whether the handler of the current attempt was not called, as far as is known, so that the loss of its worker counts no crash. */
export function neverStarted({
  startedAt,
  attempt,
  returned,
}: Pick<RunFacts, 'startedAt' | 'attempt' | 'returned'>): boolean {
  return startedAt === null && attempt - returned <= mostUncounted
}

/** Whether its handler was ever called, as far as its worker has said. */
export function hasBegun({ attempt, returned }: Pick<RunFacts, 'attempt' | 'returned'>): boolean {
  return attempt > returned
}

/** A run's state with what was asked of it: what people see. */
export type Status =
  | State
  | 'starting'
  | 'pausing'
  | 'pausing (overdue)'
  | 'frozen'
  | 'cancelling'
  | 'unresponsive'
  | 'rolling back'

/** The status of a run: its state, or what is being done to it. */
export function statusOf(
  run: Pick<RunFacts, 'state' | 'intent' | 'rollback' | 'startedAt'>,
): Status {
  if (isFinal(run.state)) return run.state
  const { stop = null, pause = null } = run.intent ?? {}
  if (stop !== null && stop.overdueAt !== null) return 'unresponsive'
  if (stop !== null && stop.verb !== 'revoke') return 'cancelling'
  if (run.rollback !== null) return 'rolling back'
  if (pause === null)
    return run.state === 'running' && run.startedAt === null ? 'starting' : run.state
  if (pause.frozenAt !== null) return 'frozen'
  return pause.overdueAt === null ? 'pausing' : 'pausing (overdue)'
}
