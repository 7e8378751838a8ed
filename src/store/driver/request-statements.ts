/** The names of the statements about requests and waits. */
import type { SignalQuery } from '../store.ts'
import type { FilterSql } from './sql.ts'

/** The statements about requests to runs, and about what runs wait for; see `Statements`. */
export interface RequestStatements {
  /** Runs whose wait has a time that has come. */
  readonly wakeableRunsToChange: string
  /** Runs whose pause has a time that has come. */
  readonly resumableRunsToChange: string
  /** Runs that are past their deadline. */
  readonly lateRunsToChange: string
  /** Runs that are paused by a hold which is no more, and which no bulk operation is resuming. */
  readonly orphanedRunsToChange: string
  /** Running runs that a hold asks to park. */
  readonly pausingRunsToChange: string
  /** When the first chore of housekeeping is due (`ChoreName`), epoch ms; 0 where one is already, null where none will be. */
  readonly nextAt: string
  /** Takes claims back that were made in this transaction. */
  readonly unstartRuns: string
  readonly saveCheckpoints: string
  /** Checkpoints by the places of their runs. */
  readonly checkpointsOf: string
  readonly deleteCheckpoints: string
  /** Gives the positions of the rows that are new; a call that was recorded as not found may be recorded again. */
  readonly insertSignals: string
  readonly signalsOfCalls: string
  /** The answer to a call of one kind that named no run. */
  readonly answerOfCall: string
  readonly deliverSignals: string
  /** Notes that the verbs which were asked of a run have reached its handler. */
  readonly deliverControls: string
  readonly finishSignals: string
  /** Notes the reply to the verbs that were asked of a run. */
  readonly finishControls: string
  /** Notes the reply to a verb that was asked of many runs. */
  readonly finishCall: string
  /** Ends the signals to a run that no handler will take any more. */
  readonly refuseSignals: string
  readonly pendingSignals: string
  readonly mailbox: string
  /** The signals that the handlers of some runs are not through with, by the `seq` of the runs, oldest first. */
  readonly unreadSignals: string
  readonly deleteSignals: string
  readonly pruneAudit: string
  /** Gives a row where it is new. */
  readonly insertBulk: string
  readonly bulkToChange: string
  readonly updateBulk: string
  /** Ends a bulk operation before it is through, and notes who has asked for that. */
  readonly abortBulk: string
  /** Notes that a bulk operation failed; it is found again after the others. */
  readonly noteFailure: string
  readonly failingBulks: string
  /** Ends the bulk operations that carry out a hold, or pause or resume a workflow; gives them. */
  readonly endBulksOf: string
  readonly pruneBulks: string
  readonly bulksById: string
  readonly newestBulks: string
  /** Bulk operations that nobody has worked on for a while. */
  readonly idleBulks: string
  readonly seqEnd: string
  readonly insertHold: string
  readonly liveHolds: string
  /** The holds that are not on whole lanes: each run must be compared with them. */
  readonly rowHolds: string
  readonly holdById: string
  readonly holdByFilter: string
  readonly deleteHold: string
  readonly deletePastHolds: string
  /** Rows of the record, oldest first after a position, or newest first before it. */
  listSignals(filter: FilterSql, order: 'newest' | 'oldest'): string
  signalSql(query: SignalQuery): FilterSql
  /** The children of a run at the places from one to before another. */
  readonly childrenAt: string
  /** The runs that a run was given in place of children, at the places from one to before another. */
  readonly borrowedAt: string
  /** Notes the run that another was given in place of a child. */
  readonly insertBorrowed: string
  /** Forgets what some runs were given, which are deleted. */
  readonly deleteBorrowed: string
  /** Notes which run has enqueued another, and at which place. */
  readonly adoptRuns: string
  /** The runs among these ids that have children which are not final. */
  readonly liveParents: string
  /** The ids of the children of a run, and of the runs that it was given in place of some, that are not final. */
  readonly liveChildren: string
  /** The children of a run among these ids, and the runs that it was given in place of some, with their states, results, errors and stops. */
  readonly childrenOf: string
  /** The id of the newest run that tries a run again. */
  readonly newestRetry: string
}
