/** The names of the statements about workflows. */
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
  /** The workflows that wait for the end of this one, also those that were stopped while they did. */
  readonly workflowsWaitingForToChange: string
  /** A row where a member of a workflow has started. */
  readonly startedMemberOf: string
  /** The nodes with which a workflow begins that has waited for the end of another. */
  readonly beginningNodes: string
  /** Runs that are members. */
  readonly insertMembers: string
  readonly insertNodes: string
  /** Nodes of a workflow by their numbers. */
  readonly nodesOf: string
  /** The workflows among these ids of which something was asked that may keep members from starting. */
  readonly haltedWorkflows: string
  /** Counts, by group, the completed nodes after which nothing happens but that their group has one member less to wait for. */
  readonly plainArrivals: string
  /** The other completed nodes among these. */
  readonly furtherNodesOf: string
  /** The first nodes of the members of a group, without those that `startPlainHeads` has started. */
  readonly headsOf: string
  /** Queues those first nodes of the members of a group that take nothing from before, and are not delayed. @returns the `seq` of each. */
  readonly startPlainHeads: string
  /** Counts members of groups as ended; gives the groups. */
  readonly countDown: string
  readonly noteCauses: string
  readonly noteResults: string
  /** The results and causes in the slots of a group. */
  readonly slotsOf: string
  /** The results of nodes by their numbers. */
  readonly resultsOf: string
  /** Queues members that wait for the steps before them; says of each whether it was queued. */
  readonly startMembers: string
  /** The input of a member that was reached, and does not wait. */
  readonly giveInput: string
  /** Takes runs out of their workflow; they go on by themselves. */
  readonly detachRuns: string
  readonly completedMembers: string
  /** Copies the checkpoints of runs to the runs that undo them. */
  readonly copyCheckpoints: string
  /** Counts the members of workflows in each state; members that wait for the steps before them are counted apart. */
  readonly memberCounts: string
  /** Nodes with their runs, after a number. */
  readonly membersOf: string
  /** As the statement before, without the payloads of the runs and the results of groups. */
  readonly slimMembersOf: string
  /** The position of the first entry in the feed about a run of a workflow. */
  readonly feedStart: string
  readonly resumableWorkflowsToChange: string
  readonly prunableWorkflows: string
  readonly deleteNodes: string
  readonly deleteWorkflows: string
  listWorkflows(filter: FilterSql, order: 'newest' | 'oldest'): string
  workflowSql(filter: WorkflowFilter): FilterSql
}
