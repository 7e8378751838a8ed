/** What the store is told of workflows, and what it says of them. Instants are epoch ms of its clock. */
import type { KeptResult, RemainderNode } from '../../core/workflow/export.ts'
import type { Hooks, NodePlan } from '../../core/workflow/graph.ts'
import type { Answer } from '../../core/run/decision.ts'
import type { JsonText, StoredRun } from '../../core/run/run.ts'
import type { State } from '../../core/run/transitions.ts'
import type { Cause, WorkflowFacts, WorkflowState } from '../../core/workflow/workflow.ts'
import type { RequestedBy, ControlRequest } from './requests.ts'
import type { Enqueued, InstantOrDelay } from './runs.ts'
import type { RunningPolicy } from '../../core/run/intent.ts'

export interface NewWorkflow {
  readonly id: string
  readonly name: string | null
  /** At most one workflow that is not final holds it. */
  readonly key: string | null
  readonly tags: readonly string[]
  readonly priority: number
  readonly nodes: readonly RemainderNode[]
  readonly pausesAtPoints: boolean
  readonly hooks: Hooks
  /** When all its runs are stopped, whatever they do. */
  readonly deadline: InstantOrDelay | null
  readonly retryOf: string | null
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
  readonly createdAt: number
  /** How many members are in each state; null where that was not asked for. */
  readonly counts: Readonly<Record<State, number>> | null
  /** How many go on, or are about to. */
  readonly activeCount: number | null
}

/** A node with its run, as it is now. */
export interface WorkflowNode extends Omit<NodePlan, 'isAtOnce'> {
  readonly pending: number
  readonly failures: number
  readonly cause: Cause | null
  /** Of a group that has settled, and of what was kept. */
  readonly result: JsonText | null
  /** The run of another workflow that it was. */
  readonly kept: Pick<KeptResult, 'runId' | 'task'> | null
  /** Null for a group, and for a run that was deleted. */
  readonly run: (StoredRun & { readonly seq: number }) | null
}

export interface WorkflowControl extends RequestedBy {
  readonly id: string
  readonly verb: ControlRequest['verb']
  readonly graceMs: number
  readonly tombstoneMs: number
  readonly rollback: boolean
  /** What becomes of the runs that the handlers of its members have enqueued; default `cancel`. */
  readonly children?: RunningPolicy
  readonly running: RunningPolicy
  readonly pause: ControlRequest['pause']
}

export interface WorkflowControlled {
  readonly id: string
  readonly answer: Answer | 'not-found'
  /** Null where there is none. */
  readonly state: WorkflowState | null
  readonly tombstoneUntil: number | null
}

export interface WorkflowRetry extends RequestedBy {
  readonly id: string
  /** Of the new one. */
  readonly newId: string
}

/** What came of storing a workflow. */
export type WorkflowEnqueued = Omit<Enqueued, 'replacedId'>

/** Which workflows are meant: all that fit every part that is given. */
export interface WorkflowFilter {
  readonly name?: string
  readonly key?: string
  readonly tag?: string
  readonly state?: WorkflowState | readonly WorkflowState[]
}
