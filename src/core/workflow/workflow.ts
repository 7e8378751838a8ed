import type { KillChoice } from '../run/kill.ts'
import type { JsonText } from '../run/run.ts'
import type { StopVerb } from '../run/transitions.ts'
import type { StepFailure } from '../run/settled.ts'
import { type RunningPolicy } from '../run/intent.ts'

/** The states of a workflow, as they are stored. A pause is stored beside the state, for it is true of the workflow and not of its runs. */
export const workflowStates = ['running', 'completed', 'failed', 'cancelled'] as const
/** One of the `workflowStates`. */
export type WorkflowState = (typeof workflowStates)[number]

/** The pause of a workflow: its author, reason and end. Instants are epoch ms. */
export interface WorkflowPause {
  readonly reason: string | null
  readonly by: string | null
  readonly at: number
  /** When the workflow resumes by itself; null for never. */
  readonly until: number | null
  /** Whether its `onPaused` task was run. */
  readonly isTold?: boolean
}

/** A request to stop a workflow. `requestedAt` is epoch ms. */
export interface WorkflowStop {
  readonly verb: StopVerb
  readonly reason: string | null
  readonly by: string | null
  readonly requestedAt: number
  readonly running: RunningPolicy
  /** Whether members that have completed are rolled back, the last first. */
  readonly rollback: boolean
  /** The choice of the way in which members are killed. */
  readonly kill?: KillChoice
}

/** The reason why a step did not complete, as it is stored. */
export type Cause = Omit<StepFailure, 'workflowId'>

/** The roll-back of the members that had completed. Instants are epoch ms. */
export interface WorkflowRollback {
  readonly askedAt: number
  readonly finishedAt: number | null
  /** How many members are to be rolled back, how many of them are through with it, and how many failed to. */
  readonly total: number
  readonly done: number
  readonly failed: number
}

/** How many members have ended, by how they ended. */
export interface EndCounts {
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  /** Members that go on by themselves, and do not belong to the workflow any more. */
  readonly detached: number
}

/** The part of a workflow that events change. Instants are epoch ms. */
export interface WorkflowFacts extends EndCounts {
  readonly state: WorkflowState
  readonly total: number
  readonly holdsKey: boolean
  readonly isDone: boolean
  readonly paused: WorkflowPause | null
  readonly stop: WorkflowStop | null
  readonly cause: Cause | null
  readonly rollback: WorkflowRollback | null
  readonly result: JsonText | null
  readonly retriedBy: string | null
  readonly finishedAt: number | null
}

/** Whether all members of a workflow have ended, and all runs that undo them. */
export function hasEnded({ total, rollback, ...counts }: WorkflowFacts): boolean {
  const { completed, failed, cancelled, detached } = counts
  const isOver = completed + failed + cancelled + detached >= total
  return isOver && (rollback === null || rollback.done >= rollback.total)
}

/** The state of a workflow all of whose members have ended. */
export function finalStateOf({
  isDone,
  stop,
  cause,
}: Pick<WorkflowFacts, 'isDone' | 'stop' | 'cause'>): WorkflowState {
  if (isDone) return 'completed'
  if (stop !== null || cause === null) return 'cancelled'
  return cause.state
}
