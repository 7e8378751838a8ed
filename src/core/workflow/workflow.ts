import type { JsonText } from '../run/run.ts'
import type { StopVerb } from '../run/transitions.ts'
import type { StepFailure } from '../run/settled.ts'
import { type RunningPolicy } from '../run/intent.ts'

/** What is stored as its state; whether it is paused stands beside it, for that is true of it and not of its runs. */
export const workflowStates = ['running', 'completed', 'failed', 'cancelled'] as const
export type WorkflowState = (typeof workflowStates)[number]

/** Why it does not go on. Instants are epoch ms. */
export interface WorkflowPause {
  readonly reason: string | null
  readonly by: string | null
  readonly at: number
  /** When it resumes by itself. */
  readonly until: number | null
  /** Whether its `onPaused` task was run. */
  readonly isTold?: boolean
}

/** A request to stop it. */
export interface WorkflowStop {
  readonly verb: StopVerb
  readonly reason: string | null
  readonly by: string | null
  readonly requestedAt: number
  readonly running: RunningPolicy
  /** Whether members that have completed are rolled back, the last first. */
  readonly rollback: boolean
}

/** Why a step did not complete, as it is kept. */
export type Cause = Omit<StepFailure, 'workflowId'>

/** What came of rolling back the members that had completed. */
export interface WorkflowRollback {
  readonly askedAt: number
  readonly finishedAt: number | null
  /** How many members are to be rolled back, how many of them are through with it, and how many failed to. */
  readonly total: number
  readonly done: number
  readonly failed: number
}

/** How many members have ended, and how. */
export interface EndCounts {
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  /** They go on, and belong to it no more. */
  readonly detached: number
}

/** The part of a workflow that changes. */
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

/** Whether all of its members have ended, and all that undo them. */
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
