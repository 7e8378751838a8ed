import type { WorkflowFilter } from '../port/workflows.ts'
import type { FilterSql } from './sql.ts'

/** The statements about workflows; see `Statements`. */
export interface WorkflowStatements {
  /** Gives a row where it is new. */
  readonly insertWorkflow: string
  readonly workflowsById: string
  readonly workflowsToChange: string
  readonly workflowByKeyToChange: string
  readonly updateWorkflow: string
  /** Runs that are members. */
  readonly insertMembers: string
  readonly insertNodes: string
  /** Nodes of a workflow by their numbers. */
  readonly nodesOf: string
  /** The first nodes of the members of a group. */
  /** Those of the workflows of which something was asked that may keep members from starting. */
  readonly haltedWorkflows: string
  /** Of some nodes that have completed, those of which nothing comes but that their group has one less to wait for: how many of each group. */
  readonly plainArrivals: string
  /** The others of them. */
  readonly furtherNodesOf: string
  /** The heads of a group, but for those that `startPlainHeads` has started. */
  readonly headsOf: string
  /** Starts those heads of a group that are to be queued and no more: the `seq` of each. */
  readonly startPlainHeads: string
  /** Counts members of groups as ended; gives the groups. */
  readonly countDown: string
  readonly noteCauses: string
  readonly noteResults: string
  /** What the slots of a group were filled with. */
  readonly slotsOf: string
  /** What nodes by their numbers have come to. */
  readonly resultsOf: string
  /** Queues members that wait to be reached; says which. */
  readonly startMembers: string
  /** The input of a member that was reached, and does not wait. */
  readonly giveInput: string
  /** They go on, and are no members any more. */
  readonly detachRuns: string
  readonly completedMembers: string
  /** Checkpoints of runs for those that undo them. */
  readonly copyCheckpoints: string
  /** How many members of workflows are in each state, those that wait to be reached apart. */
  readonly memberCounts: string
  /** Nodes with their runs, after a number. */
  readonly membersOf: string
  /** The position of the first entry of its runs. */
  readonly feedStart: string
  readonly resumableWorkflowsToChange: string
  readonly prunableWorkflows: string
  readonly deleteNodes: string
  readonly deleteWorkflows: string
  listWorkflows(filter: FilterSql, order: 'newest' | 'oldest'): string
  workflowSql(filter: WorkflowFilter): FilterSql
}
