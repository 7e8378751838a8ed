/** Requests to runs, and the record of them. Instants are epoch ms of the store's clock. */
import type { Answer } from '../../core/run/decision.ts'
import type { ErrorRecord } from '../../core/errors.ts'
import type { RunFilter } from '../../core/filter.ts'
import type { HoldFilter } from '../../core/hold.ts'
import {
  byRequest,
  type PauseFallback,
  type Pauser,
  type RunningPolicy,
} from '../../core/run/intent.ts'
import type { KillChoice } from '../../core/run/kill.ts'
import type { JsonText } from '../../core/run/run.ts'
import type { State, StopVerb } from '../../core/run/transitions.ts'
import type { InstantOrDelay } from './runs.ts'

/** The verbs that can be asked of a run: those that end it, and `pause` and `resume`. */
export type ControlVerb = StopVerb | 'pause' | 'resume'

/** The runs that a request is for: some ids, the run that holds the key of a task, or all runs of a filter that are not final. */
export type Target =
  | { readonly ids: readonly string[] }
  | { readonly task: string; readonly key: string }
  | { readonly filter: RunFilter }

/** The call, its reason, and who asks from where: the record says this of every request. */
export interface RequestedBy {
  /** The id of the call: a UUIDv7 of the caller's. A call that is made again under the same id is the same call, and is carried out once. */
  readonly callId: string
  readonly reason: string | null
  /** The person or program that asks; null where it did not say. */
  readonly by: string | null
  /** The process that asks: `host pid 4711`. */
  readonly origin: string | null
}

/** A verb, the runs that it is for, and how it is to be carried out. */
export interface ControlRequest extends RequestedBy {
  readonly verb: ControlVerb
  readonly target: Target
  /** How long a handler has to end by itself before it is forced to, ms. */
  readonly graceMs: number
  /** How long a tombstone waits for an id or key that does not exist, ms; 0 for none. */
  readonly tombstoneMs: number
  /** For verbs that end runs: whether to roll back, whatever the task says. */
  readonly rollback: boolean
  /** For verbs that end runs: what becomes of the runs that their handlers have enqueued; default `cancel`. */
  readonly children?: RunningPolicy
  /** For verbs that end runs: what was chosen about the way in which they are killed. */
  readonly kill?: KillChoice
  /** How a pause is carried out; `noPause` for every other verb. */
  readonly pause: PauseOrder
}

/**
 * How a pause is carried out, and for whom: when a hold is lifted or a workflow is resumed, the runs that it has paused go on, and
 * no others.
 */
export interface PauseOrder extends Pauser {
  /** How long the handler may take to its next checkpoint, ms. */
  readonly withinMs: number
  /** The way to go on where it takes longer. */
  readonly otherwise: PauseFallback
  /** When the run resumes by itself; null for never. */
  readonly until: InstantOrDelay | null
  /** The state of a run that has parked: `queued` under a hold on a whole queue or task, for that keeps queued runs from being claimed. */
  readonly parksIn: 'paused' | 'queued'
  /** Set where the children of the run are paused with it. */
  readonly children?: 'pause'
}

/** Stands in place of the order in a request that is no pause. */
export const noPause: PauseOrder = {
  withinMs: 0,
  otherwise: 'wait',
  until: null,
  ...byRequest,
  parksIn: 'paused',
}

/** The answer to a verb for one run. */
export interface Controlled {
  /** The id that was asked for; null for a key that no run holds. */
  readonly id: string | null
  readonly answer: Answer | 'not-found'
  /** The state of the run afterwards; null where there is no run. */
  readonly state: State | null
  /** Until when a tombstone waits for the id or key; null where none does. */
  readonly tombstoneUntil: number | null
  /** The hold or the paused workflow that keeps the run where it is; only with the answer `held`. */
  readonly heldBy?: Pauser
}

/** A message to the handlers of runs. */
export interface SignalRequest extends RequestedBy {
  readonly target: Target
  readonly name: string
  readonly payload: JsonText | null
}

/** The answer to a signal to one run. */
export interface Signalled {
  readonly runId: string | null
  readonly answer: Answer | 'not-found'
  /** The place of the signal among all rows of the record; null where there is no run. */
  readonly position: number | null
}

/** The kinds of rows in the record: a message to a handler, a verb on one run, a verb on all runs of a filter, a hold, the lifting of one. */
export const signalKinds = ['signal', 'control', 'bulk', 'hold', 'lift', 'prune'] as const
/** One of `signalKinds`. */
export type SignalKind = (typeof signalKinds)[number]

/** One row of the record of everything that was asked. Instants are epoch ms. */
export interface SignalRecord extends RequestedBy {
  /** The place in the record; it grows with each row. */
  readonly position: number
  readonly kind: SignalKind
  /** The name of the signal, or the verb. */
  readonly name: string
  /** The run; null in a row about many runs, and for a key that no run held. */
  readonly runId: string | null
  /** The filter of a row about many runs, or the task and key; null in a row about one id. */
  readonly target: Readonly<Record<string, unknown>> | null
  readonly payload: JsonText | null
  readonly createdAt: number
  /** The answer that the caller got; null for a verb on many runs, which has one answer for each. */
  readonly answer: Answer | 'not-found' | null
  /** When it reached the handler; null where it has not. */
  readonly deliveredAt: number | null
  /** The attempt that it reached. */
  readonly attempt: number | null
  /** When it was over: a reply was kept, a stop was observed, a run has parked; null until then. */
  readonly completedAt: number | null
  /** The handler's reply; for a verb what became of the run, or how many runs gave which answer. */
  readonly reply: JsonText | null
  readonly error: ErrorRecord | null
}

/** Which rows of the record are meant: those that fit every part that is given. */
export interface SignalQuery {
  readonly callIds?: readonly string[]
  readonly runIds?: readonly string[]
  /** The rows about this run, also those about many runs of which it was one. */
  readonly runId?: string
  readonly kinds?: readonly SignalKind[]
  readonly names?: readonly string[]
  readonly by?: string
  readonly createdAfter?: number
  readonly createdBefore?: number
  /** Only rows that are not over. */
  readonly isPending?: boolean
  /** Only rows that have reached the handler or are over. */
  readonly isHeard?: boolean
}

/** A verb on all runs of a filter, carried out piece by piece. Instants are epoch ms. */
export interface Bulk extends RequestedBy {
  readonly verb: ControlVerb | 'signal'
  readonly filter: RunFilter
  readonly createdAt: number
  /** When it was through, or was aborted; null while it goes on. */
  readonly finishedAt: number | null
  /** How many runs the filter found when it began. */
  readonly totalCount: number
  /** How many of them were dealt with. */
  readonly doneCount: number
  /** How many there were of each answer. */
  readonly counts: Readonly<Partial<Record<Answer, number>>>
  /** The person or program that ended the operation before it was through, with the reason; null where nobody did. */
  readonly aborted: BulkAbort | null
}

/** The end of a bulk operation before it was through. */
export interface BulkAbort {
  readonly reason: string | null
  readonly by: string | null
  /** Epoch ms. */
  readonly at: number
}

/** A request for a hold; see `Hold`. */
export interface HoldRequest extends RequestedBy {
  readonly verb: 'pause' | StopVerb
  readonly filter: HoldFilter
  /** When the hold ends by itself; null for never. */
  readonly until: InstantOrDelay | null
  /** The policy for the runs that the hold finds running. */
  readonly inFlight: InFlight
  readonly graceMs: number
  readonly rollback: boolean
  /** The choice of the way in which the runs are killed that it finds. */
  readonly kill?: KillChoice
  readonly pause: Pick<PauseOrder, 'withinMs' | 'otherwise' | 'children'>
}

/** The policies for the runs that a hold finds running: they finish, park at their next checkpoint, or are cancelled. */
export const inFlights = ['finish', 'park', 'cancel'] as const
/** One of `inFlights`. */
export type InFlight = (typeof inFlights)[number]

/** A verb that stands for all runs of a filter, also for those that are enqueued later. Its id is that of the call which put it. */
export interface Hold {
  readonly id: string
  readonly verb: 'pause' | StopVerb
  readonly filter: HoldFilter
  readonly reason: string | null
  readonly by: string | null
  readonly createdAt: number
  /** When it ends by itself; null for never. */
  readonly until: number | null
  /** Whether the runs that it ends are rolled back where they have started, whatever their tasks say. */
  readonly rollback: boolean
}

/** A stop that waits for an id, or for the key of a task, which does not exist yet. */
export interface Tombstone {
  readonly kind: 'id' | 'key'
  /** The id or the key. */
  readonly value: string
  /** The task of a key; null for an id. */
  readonly task: string | null
  readonly verb: StopVerb
  readonly reason: string | null
  readonly by: string | null
  readonly createdAt: number
  readonly expiresAt: number
}

/** The request of a bulk operation to each run of a filter. */
export type BulkRequest =
  | { readonly kind: 'control'; readonly filter: MemberFilter; readonly asked: Asked }
  | {
      readonly kind: 'signal'
      readonly filter: MemberFilter
      readonly message: Omit<SignalRequest, 'target'>
    }

/** A verb without the runs that it is for. */
export type Asked = Omit<ControlRequest, 'target'> & {
  /** Whether it is asked for the second time, because a run may have been enqueued beside the first: it leaves no tombstone, and where it finds the run it takes away the one that the first has left. */
  readonly isAgain?: boolean
  /** The policy for the runs that are running; only where the members of a workflow or the children of a run are asked. */
  readonly running?: RunningPolicy
  /** Whether the runs are members of a workflow that cannot be reached any more, because a node before them did not complete. */
  readonly isUnreachable?: true
}

/** A filter that can also name the members of a workflow and the children of a run. */
export interface MemberFilter extends RunFilter {
  /** Only the members from one node to another, both included. */
  readonly nodes?: readonly [first: number, last: number]
  /** Without the members that wait for the steps before them. */
  readonly isReached?: true
  /** Only the paused runs that a hold or the pause of their workflow keeps where they are. */
  readonly isKept?: true
}

/** One run that is to be tried again. */
export interface RetryOfRun {
  readonly id: string
  /** The id of the new run. */
  readonly newId: string
  /** Another input than that of the old run; undefined for the same. */
  readonly input?: JsonText | null | undefined
  /** Whether only its roll-back is tried again, which has failed or was given up. */
  readonly rollback?: boolean
  readonly asked: RequestedBy
}

/** The answer of one run that was to be tried again. */
export interface Retried {
  readonly id: string
  /**
   * `is-member`: its workflow is to be retried; `is-child`: its parent is, which enqueues it again. Of a roll-back: `no-rollback`: there
   * was none; `rolling-back`: it goes on, or is tried again already; `rolled-back`: it has completed.
   */
  readonly answer:
    | 'retried'
    | 'not-final'
    | 'not-found'
    | 'is-member'
    | 'is-child'
    | 'no-rollback'
    | 'rolling-back'
    | 'rolled-back'
  /** The id of the new run; null where there is none. */
  readonly newId: string | null
}
