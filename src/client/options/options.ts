import type { KillOptions } from '../../core/run/kill.ts'
import type { SignalKind, InFlight } from '../../store/store.ts'
import type { Duration } from '../../core/duration.ts'
import type { RunningPolicy, PauseFallback, PausePolicy } from '../../core/run/intent.ts'
import type { WhoOptions } from './requester.ts'
import type { UntilOptions } from './instants.ts'
import type { HoldFilter } from '../../core/hold.ts'
import type { StopVerb } from '../../core/run/transitions.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { OnConflict } from '../../core/run/on-conflict.ts'
import type { ChildOptions } from '../../core/task/context.ts'
import type { StepLike } from '../../core/workflow/parts.ts'

/** Which requests; all that fit every part that is given. */
export interface AuditQuery {
  readonly runId?: string
  readonly callId?: string
  readonly kind?: SignalKind | readonly SignalKind[]
  /** The name of a signal, or a verb. */
  readonly name?: string | readonly string[]
  readonly by?: string
  /** Epoch ms, or a `Date`. */
  readonly createdAfter?: number | Date
  readonly createdBefore?: number | Date
  /** Only requests that are not over. */
  readonly isPending?: boolean
}

/** How runs are asked to end. */
export interface AskOptions extends WhoOptions {
  /** How long a tombstone waits for an id or key that does not exist yet; default 24 h, 0 for none. */
  readonly tombstone?: Duration
  /** Whether the run is rolled back after its stop, whatever its task says; default false. */
  readonly rollback?: boolean
  /**
   * The fate of the runs that the run's handler has enqueued: with `cancel` (default) they are asked the same, and those that they have
   * enqueued; with `wait` those that run may finish, and the others never start; with `detach` all go on.
   */
  readonly children?: RunningPolicy
}

/** How runs are stopped by `terminate`. */
export interface TerminateOptions extends AskOptions, KillOptions {}

/** How a run is stopped by a handle, which waits for the confirmation. */
export interface StopOptions extends TerminateOptions {
  /** How long the handler has to end by itself; default 5 s. */
  readonly grace?: Duration
  /** How long to wait for the confirmation; default: the grace, `killAfter` and 30 s. A roll-back is waited for, too. */
  readonly timeout?: Duration
  readonly abortSignal?: AbortSignal
}

/** How long a handle waits until a run has parked. */
export interface ParkWait {
  /** How long to wait until the run has parked; default: `within` and 30 s. */
  readonly timeout?: Duration
  readonly abortSignal?: AbortSignal
}

/** How runs, or a whole task or queue, are frozen. */
export type FreezeRunsOptions = WhoOptions & UntilOptions

/** How a run is frozen by its handle, which waits until it stands still. */
export type FreezeOptions = FreezeRunsOptions & ParkWait

/** How running runs are brought to a pause. */
export interface ParkOptions {
  /** How long it may take to the next checkpoint; default 30 s. */
  readonly within?: Duration
  /**
   * The measure against a run that meets no checkpoint in time: `wait` (default) shows it as overdue; `kill` kills its
   * isolate, and it resumes from its last checkpoint; `freeze` stops its process where it stands.
   */
  readonly otherwise?: PauseFallback
}

/** Whether runs are paused with their children. */
export interface PauseChildrenOptions {
  /** The fate of its children: they go on (`leave`, default), or are paused with it, those too that it enqueues meanwhile, and resumed with it. */
  readonly children?: PausePolicy
}

/** The fate of children, whatever is asked of their parent. */
export interface AnyChildrenOptions {
  readonly children?: RunningPolicy | PausePolicy
}

/** How runs are stopped by verbs that wait for nothing but the record. */
export type CancelOptions = Omit<StopOptions, Waiting>

/** How runs are paused by a verb that waits for nothing but the record. */
export type PauseRunsOptions = FreezeRunsOptions & ParkOptions & PauseChildrenOptions

/** How a run is paused by a handle, which waits until it has parked. */
export type PauseOptions = PauseRunsOptions & ParkWait

/** The fate of the runs that a pause of a whole task or queue finds running; default `finish`. */
export interface InFlightOptions {
  readonly inFlight?: InFlight
}

/** How a whole task or queue is paused. */
export type ScopeOptions = PauseRunsOptions & InFlightOptions

/** A verb that is to stand, for which runs, and how. */
export type HoldOptions = PauseRunsOptions & HoldParts

/** The parts of a hold besides those of a pause. */
export interface HoldParts extends KillOptions {
  readonly verb: 'pause' | StopVerb
  readonly filter: HoldFilter
  /**
   * The fate of the runs that it finds running: they `finish`, the verb is asked of them too (`park`), or they are
   * cancelled. Default: `finish` where a whole task or queue is paused, and for `revoke`; else `park`.
   */
  readonly inFlight?: InFlight
  /** With verbs that end runs: how long handlers have to end by themselves; default 5 s. */
  readonly grace?: Duration
  /** With verbs that end runs: whether they are rolled back, whatever their tasks say. */
  readonly rollback?: boolean
}

/** Which hold is meant: by its id, or as it was made. */
export type HoldTarget = string | Pick<HoldOptions, 'verb' | 'filter'>

/** The options of all verbs on runs together. */
export type ControlOptions = Omit<StopOptions, 'children'> &
  FreezeRunsOptions &
  ParkOptions &
  ParkWait &
  AnyChildrenOptions

/** Checks that a value is one of the words. @param what names it in the error. @throws {CheckreinError} `USAGE`. */
export function oneOf<Word extends string>(
  words: readonly Word[],
  given: Word,
  what: string,
): Word {
  if (words.includes(given)) return given
  throw new CheckreinError('USAGE', { message: `${what} must be one of ${words.join(', ')}` })
}

/** How a run is enqueued. */
export interface EnqueueOptions extends ChildOptions {
  /** Default: a new UUIDv7. A run with this id that exists is returned instead, if it is of the same task. */
  readonly id?: string
  /** The requester, where the new run replaces another; default: the client's `by`. */
  readonly by?: string
  /** The process that asks, for the record, where the new run replaces another; default: the client's `origin`. */
  readonly origin?: string
}

/** How a workflow is started. */
export interface WorkflowOptions {
  /** Default: a new UUIDv7. A workflow with this id that exists is returned instead. */
  readonly id?: string
  /** A name for people; workflows are found by it. */
  readonly name?: string
  /** The caller's own name for this one; at most one workflow that is not final holds it. */
  readonly key?: string
  /**
   * Where another workflow holds the key: `skip` (default) returns that one; `replace` cancels it unless one of its members has started,
   * and takes its key; `cancel-and-replace` cancels it in any case, and begins when it has ended.
   */
  readonly onConflict?: OnConflict
  /** With `onConflict`: how long the members of the old workflow that run have to end by themselves; default 5 s. */
  readonly grace?: Duration
  /** The requester, where the new workflow replaces another; default: the client's `by`. */
  readonly by?: string
  /** The process that asks, for the record, where the new workflow replaces another; default: the client's `origin`. */
  readonly origin?: string
  /** Its runs have them, too. */
  readonly tags?: readonly string[]
  /** The priority of its runs; default 0. */
  readonly priority?: number
  /** Its runs are stopped at this instant (epoch ms or `Date`), or so long after it was started (`'2h'`). */
  readonly deadline?: number | Date | Exclude<Duration, number>
  /** Is run with the result when the workflow has completed. */
  readonly onCompleted?: StepLike
  /** Is run when the workflow has failed or was cancelled: with a `StepFailure`. */
  readonly onFailed?: StepLike
}

/** How a workflow is stopped. */
export interface StopWorkflowOptions extends WhoOptions, KillOptions {
  /** How long handlers have to end by themselves; default 5 s. */
  readonly grace?: Duration
  /** The fate of running members: they are asked the same (`cancel`, default), go on by themselves (`detach`), or may finish (`wait`). */
  readonly running?: RunningPolicy
  /** Whether members are rolled back: those that run, and, when they have stopped, those that have completed, the last first. */
  readonly rollback?: boolean
  /** The fate of the runs that the handlers of its members have enqueued; default `cancel`. */
  readonly children?: RunningPolicy
  /** How long a tombstone waits for a workflow that does not exist yet; default 24 h, 0 for none. */
  readonly tombstone?: Duration
}

/** How runs are tried again. */
export interface RetryOptions extends WhoOptions {
  /** The input of the new run, where one run is tried again; default: that of the old run. */
  readonly input?: unknown
  /** Whether only the roll-back is tried again, which has failed or was given up: the new run does nothing else. */
  readonly rollback?: boolean
}

/** How a workflow is run again. */
export interface WorkflowRetryOptions extends WhoOptions {
  /** The number of a node, as `tree` gives it: that node and everything after it are run again, also where they have completed. */
  readonly from?: number
}

/** The options of all verbs on workflows together. */
export type WorkflowControlOptions = Omit<StopWorkflowOptions, 'children'> &
  FreezeRunsOptions &
  ParkOptions &
  AnyChildrenOptions

/** How a result is waited for. */
export interface ResultOptions {
  /** Rejects with `RESULT_TIMEOUT` after this long; default: waits for as long as it takes. */
  readonly timeout?: Duration
  readonly abortSignal?: AbortSignal
}

/** How long an operation that waits may take. */
export interface WaitOptions {
  /** How long to wait before the answer is the present state; default 30 s; 0 to look once. */
  readonly timeout?: Duration
  readonly abortSignal?: AbortSignal
}

/** How a run, or a workflow, is waited for. */
export interface RunWaitOptions extends WaitOptions {
  /**
   * Until it has `ended` (default); until a stop that was asked of it is confirmed (`stopped`), and rolled back where that was
   * asked; until a pause that was asked of it has taken effect (`paused`).
   */
  readonly until?: 'ended' | 'stopped' | 'paused'
}

/** How a signal to one run is waited for. */
export interface SignalWaitOptions extends WaitOptions {
  /** The id of the call that has sent it. */
  readonly callId: string
  /** Until its handler has `replied` (default), or until the signal has reached it (`delivered`). */
  readonly until?: 'replied' | 'delivered'
}

/** Which part of a feed is followed, and for how long. */
export interface EventsOptions {
  /** Goes on after this position; default: from the beginning for one run, from now on for all. */
  readonly after?: number
  /** Whether it waits for more when all is read; default true. */
  readonly follow?: boolean
  readonly abortSignal?: AbortSignal
}

/** The names of the options by which a handle's verbs wait. */
export const waitingOptions = ['timeout', 'abortSignal'] as const

/** The name of an option by which a handle's verbs wait. */
export type Waiting = (typeof waitingOptions)[number]
