/** The workflows of the store's port: what a caller gives, and what the store answers. Instants are epoch ms of the store's clock. */
import type { KeptResult, RemainderNode } from '../../core/workflow/export.ts'
import type { Hooks, NodePlan } from '../../core/workflow/graph.ts'
import type { Answer } from '../../core/run/decision.ts'
import type { KillChoice } from '../../core/run/kill.ts'
import type { OnConflict } from '../../core/run/on-conflict.ts'
import type { JsonText, StoredRun } from '../../core/run/run.ts'
import type { State } from '../../core/run/transitions.ts'
import type { Cause, WorkflowFacts, WorkflowState } from '../../core/workflow/workflow.ts'
import type { RequestedBy, ControlRequest } from './requests.ts'
import type { Enqueued, InstantOrDelay } from './runs.ts'
import type { RunningPolicy } from '../../core/run/intent.ts'

/** A workflow to be stored. */
export interface NewWorkflow {
  readonly id: string
  readonly name: string | null
  /** At most one workflow that is not final holds a key; null for none. */
  readonly key: string | null
  readonly onConflict: OnConflict
  /** For a workflow that takes the key from another, and cancels it: how long the handlers of that one have to end by themselves, ms. */
  readonly graceMs: number
  /** For the record, where it takes the key from another workflow: who asks, and from where. */
  readonly by?: string | null
  readonly origin?: string | null
  readonly tags: readonly string[]
  readonly priority: number
  readonly nodes: readonly RemainderNode[]
  /** Whether a pause takes effect at the pause points of its chains, and nowhere else. */
  readonly pausesAtPoints: boolean
  readonly hooks: Hooks
  /** When all its runs are stopped, whatever they do. */
  readonly deadline: InstantOrDelay | null
  /** The workflow whose rest this one does; null where it is none. */
  readonly retryOf: string | null
  /** The node of that workflow from which it was asked to be run again; null where only the nodes that did not complete were. */
  readonly retryFrom: number | null
}

/** A workflow as it is stored. */
export interface StoredWorkflow extends WorkflowFacts {
  readonly seq: number
  readonly id: string
  readonly name: string | null
  readonly key: string | null
  readonly tags: readonly string[]
  readonly priority: number
  readonly pausesAtPoints: boolean
  readonly hooks: Hooks
  readonly retryOf: string | null
  readonly retryFrom: number | null
  /** The id of the workflow from which it took the key, and whose end it waits for; null once that has come. */
  readonly waitsFor: string | null
  readonly createdAt: number
  /** How many members are in each state; null where that was not asked for. */
  readonly counts: Readonly<Record<State, number>> | null
  /** How many members go on or are about to; null where that was not asked for. */
  readonly activeCount: number | null
}

/** A node with its run, as it is now. */
export interface WorkflowNode extends Omit<NodePlan, 'isAtOnce'> {
  /** How many members of a group have not ended. */
  readonly pending: number
  /** How many members of a group have not completed, but failed or were cancelled. */
  readonly failures: number
  readonly cause: Cause | null
  /** The result of a group that has settled, or of a node that was kept; else null. */
  readonly result: JsonText | null
  /** The run of another workflow whose result the node keeps; null where it keeps none. */
  readonly kept: Pick<KeptResult, 'runId' | 'task'> | null
  /** Null for a group, and for a run that was deleted. */
  readonly run: (StoredRun & { readonly seq: number }) | null
}

/** A verb on a workflow; see `ControlRequest` for the parts that both have. */
export interface WorkflowControl extends RequestedBy {
  readonly id: string
  readonly verb: ControlRequest['verb']
  readonly graceMs: number
  readonly tombstoneMs: number
  readonly rollback: boolean
  /** The policy for the runs that the handlers of its members have enqueued; default `cancel`. */
  readonly children?: RunningPolicy
  /** The choice of the way in which its members are killed. */
  readonly kill?: KillChoice
  /** The policy for the members that are running. */
  readonly running: RunningPolicy
  readonly pause: ControlRequest['pause']
}

/** The answer to a verb on a workflow. */
export interface WorkflowControlled {
  readonly id: string
  readonly answer: Answer | 'not-found'
  /** The state of the workflow afterwards; null where there is none. */
  readonly state: WorkflowState | null
  /** Until when a tombstone waits for it, epoch ms; null where none does. */
  readonly tombstoneUntil: number | null
}

/** A request to run the remaining steps of a workflow in a new workflow. */
export interface WorkflowRetry extends RequestedBy {
  /** The workflow that has ended. */
  readonly id: string
  /** The id of the new workflow. */
  readonly newId: string
  /** The node from which everything is run again, also where it completed; null for the nodes that did not complete alone. */
  readonly from: number | null
}

/** The answer to a workflow that was to be stored; `replacedId` is the id of the workflow that lost its key to this one. */
export type WorkflowEnqueued = Enqueued

/** Which workflows are meant: all that fit every part that is given. */
export interface WorkflowFilter {
  readonly name?: string
  readonly key?: string
  readonly tag?: string
  readonly state?: WorkflowState | readonly WorkflowState[]
}
