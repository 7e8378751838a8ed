/** What people ask of runs, and the record of it. Instants are epoch ms of the store's clock. */
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
import type { JsonText } from '../../core/run/run.ts'
import type { State, StopVerb } from '../../core/run/transitions.ts'
import type { InstantOrDelay } from './runs.ts'

export type ControlVerb = StopVerb | 'pause' | 'resume'

export type Target =
  | { readonly ids: readonly string[] }
  | { readonly task: string; readonly key: string }
  | { readonly filter: RunFilter }

/** Who asks for something, why, and from where: what the record says of every call. */
export interface RequestedBy {
  /** Of the call: a UUIDv7 of the caller's. A call that is made again under the same id is the same call. */
  readonly callId: string
  readonly reason: string | null
  readonly by: string | null
  /** The program that asks: `host pid 4711`. */
  readonly origin: string | null
}

export interface ControlRequest extends RequestedBy {
  readonly verb: ControlVerb
  readonly target: Target
  readonly graceMs: number
  /** How long a tombstone waits for an id or key that does not exist. */
  readonly tombstoneMs: number
  /** For verbs that end runs: whether to roll back, whatever the task says. */
  readonly rollback: boolean
  /** For verbs that end runs: what becomes of the runs that their handlers have enqueued; default `cancel`. */
  readonly children?: RunningPolicy
  /** For `pause`. */
  readonly pause: PauseOrder
}

/**
 * How a pause is carried out, and for whom: what a hold or a workflow pauses, and nothing else, is resumed when the hold is
 * lifted or the workflow is resumed.
 */
export interface PauseOrder extends Pauser {
  /** How long it may take to the next checkpoint. */
  readonly withinMs: number
  readonly otherwise: PauseFallback
  /** When it resumes by itself. */
  readonly until: InstantOrDelay | null
  /** Where a running run goes that has parked: a hold on a whole queue or task keeps what is queued. */
  readonly parksIn: 'paused' | 'queued'
}

/** What stands in place of the order in a request that is no pause. */
export const noPause: PauseOrder = {
  withinMs: 0,
  otherwise: 'wait',
  until: null,
  ...byRequest,
  parksIn: 'paused',
}

export interface Controlled {
  /** The id that was asked for; null for a key that no run holds. */
  readonly id: string | null
  readonly answer: Answer | 'not-found'
  /** The state afterwards; null where there is no run. */
  readonly state: State | null
  /** Until when a tombstone waits for it. */
  readonly tombstoneUntil: number | null
}

export interface SignalRequest extends RequestedBy {
  readonly target: Target
  readonly name: string
  readonly payload: JsonText | null
}

/** What came of sending a signal to one run. */
export interface Signalled {
  readonly runId: string | null
  readonly answer: Answer | 'not-found'
  /** Its place among all signals; null where there is no run. */
  readonly position: number | null
}

/**
 * What something was asked for: a message to a handler, a verb on one run, a verb on all runs of a filter, a hold or
 * its lifting.
 */
export const signalKinds = ['signal', 'control', 'bulk', 'hold', 'lift'] as const
export type SignalKind = (typeof signalKinds)[number]

/** One row of the record of everything that was asked. Instants are epoch ms. */
export interface SignalRecord extends RequestedBy {
  /** Grows with each. */
  readonly position: number
  readonly kind: SignalKind
  /** The name of the signal, or the verb. */
  readonly name: string
  /** Null for what is asked of many, and for a key that no run held. */
  readonly runId: string | null
  /** What was asked of many or of a key: the filter, or the task and key. */
  readonly target: Readonly<Record<string, unknown>> | null
  readonly payload: JsonText | null
  readonly createdAt: number
  /** What it came to at once. */
  readonly answer: Answer | 'not-found' | null
  /** When it reached the handler. */
  readonly deliveredAt: number | null
  /** The attempt that it reached. */
  readonly attempt: number | null
  /** When it was dealt with: a reply was kept, a stop was observed, a run has parked. */
  readonly completedAt: number | null
  /** What the handler replied; for verbs what came of it. */
  readonly reply: JsonText | null
  readonly error: ErrorRecord | null
}

/** Which rows of the record; all that fit every part that is given. */
export interface SignalQuery {
  readonly callIds?: readonly string[]
  readonly runIds?: readonly string[]
  readonly runId?: string
  readonly kinds?: readonly SignalKind[]
  readonly names?: readonly string[]
  readonly by?: string
  readonly createdAfter?: number
  readonly createdBefore?: number
  readonly isPending?: boolean
  /** Whether it has reached the handler, or was dealt with. */
  readonly isHeard?: boolean
}

/** A verb on all runs of a filter, carried out piece by piece. Instants are epoch ms. */
export interface Bulk extends RequestedBy {
  readonly verb: ControlVerb | 'signal'
  readonly filter: RunFilter
  readonly createdAt: number
  readonly finishedAt: number | null
  /** How many runs the filter found when it began. */
  readonly totalCount: number
  /** How many of them were dealt with. */
  readonly doneCount: number
  /** How many there were of each answer. */
  readonly counts: Readonly<Partial<Record<Answer, number>>>
}

export interface HoldRequest extends RequestedBy {
  readonly verb: 'pause' | StopVerb
  readonly filter: HoldFilter
  readonly until: InstantOrDelay | null
  /** What becomes of the runs that it finds running. */
  readonly inFlight: InFlight
  readonly graceMs: number
  readonly rollback: boolean
  readonly pause: Pick<PauseOrder, 'withinMs' | 'otherwise'>
}

/** They finish, park at their next checkpoint, or are cancelled. */
export const inFlights = ['finish', 'park', 'cancel'] as const
export type InFlight = (typeof inFlights)[number]

/** A verb that stands for all runs of a filter, also those that are enqueued later. Its id is that of the call. */
export interface Hold {
  readonly id: string
  readonly verb: 'pause' | StopVerb
  readonly filter: HoldFilter
  readonly reason: string | null
  readonly by: string | null
  readonly createdAt: number
  /** When it ends by itself. */
  readonly until: number | null
  /** Whether what it ends and has started is rolled back, whatever its task says. */
  readonly rollback: boolean
}

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

/** What is asked of each run. */
export type BulkRequest =
  | { readonly kind: 'control'; readonly filter: MemberFilter; readonly asked: Asked }
  | {
      readonly kind: 'signal'
      readonly filter: MemberFilter
      readonly message: Omit<SignalRequest, 'target'>
    }

export type Asked = Omit<ControlRequest, 'target'> & {
  /** The second asking: leaves no tombstone, and takes away the one that the first has left where it finds the run. */
  readonly isAgain?: boolean
  /** Where it is for the members of a workflow, or the children of a run: what becomes of those that run. */
  readonly running?: RunningPolicy
}

/** Which members of a workflow are meant. */
export interface MemberFilter extends RunFilter {
  /** Those from a node to another. */
  readonly nodes?: readonly [first: number, last: number]
  /** Not those that wait to be reached. */
  readonly isReached?: true
}
