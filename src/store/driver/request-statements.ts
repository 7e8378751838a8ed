import type { SignalQuery } from '../store.ts'
import type { FilterSql } from './sql.ts'

/** The statements about what is asked of runs, and about what they wait for; see `Statements`. */
export interface RequestStatements {
  /** Runs whose wait is over by its time. */
  readonly wakeableRunsToChange: string
  /** Runs whose pause is. */
  readonly resumableRunsToChange: string
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
  /** By the places of their runs. */
  readonly checkpointsOf: string
  readonly deleteCheckpoints: string
  /** Gives the places of those that are new; what was recorded as not found may be recorded again. */
  readonly insertSignals: string
  readonly signalsOfCalls: string
  /** What came of a call of one kind that named no run. */
  readonly answerOfCall: string
  readonly deliverSignals: string
  /** What was asked of a run and can have reached its handler. */
  readonly deliverControls: string
  readonly finishSignals: string
  /** What was asked of a run has come to something. */
  readonly finishControls: string
  /** What was asked of many has come to something. */
  readonly finishCall: string
  /** The signals of a run that nobody will deal with any more. */
  readonly refuseSignals: string
  readonly pendingSignals: string
  readonly mailbox: string
  readonly deleteSignals: string
  readonly pruneAudit: string
  /** Gives a row where it is new. */
  readonly insertBulk: string
  readonly bulkToChange: string
  readonly updateBulk: string
  /** It failed, and is found again after the others. */
  readonly noteFailure: string
  readonly failingBulks: string
  /** Ends those that carry out a hold, or pause or resume a workflow; gives them. */
  readonly endBulksOf: string
  readonly pruneBulks: string
  readonly bulksById: string
  readonly newestBulks: string
  /** Those that nobody has worked on for a while. */
  readonly idleBulks: string
  readonly seqEnd: string
  readonly insertHold: string
  readonly liveHolds: string
  /** Those that are not of whole lanes: what they hold is seen by its row alone. */
  readonly rowHolds: string
  readonly holdById: string
  readonly holdByFilter: string
  readonly deleteHold: string
  readonly deletePastHolds: string
  /** Oldest first after a position, or newest first before it. */
  listSignals(filter: FilterSql, order: 'newest' | 'oldest'): string
  signalSql(query: SignalQuery): FilterSql
  /** The runs that another has enqueued, at places from one to before another; `ord` says for which set. */
  readonly childrenAt: string
  /** Says of a run which other has enqueued it, and at which place. */
  readonly adoptRuns: string
  /** Which of the runs have children that are not final. */
  readonly liveParents: string
  /** The ids of the children of a run that are not final. */
  readonly liveChildren: string
  /** What those of the runs have come to that a run has enqueued. */
  readonly childrenOf: string
}
