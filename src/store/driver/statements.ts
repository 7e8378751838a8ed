/** The names of the statements; SQLite and PostgreSQL have the same ones, each in its own SQL. */
import type { State } from '../../core/run/transitions.ts'
import type { RequestStatements } from './request-statements.ts'
import type { LaneStatements } from './lane-statements.ts'
import type { WorkflowStatements } from './workflow-statements.ts'
import type { FilterSql } from './sql.ts'
import type { RunPage } from '../port/runs.ts'
import type { MemberFilter } from '../port/requests.ts'

/**
 * Every statement that the store uses. Both databases have all of them, with the same parameters and columns.
 *
 * Statements whose names end in `ToChange` lock their rows until the transaction ends, against all other writers; a database
 * that has one writer at a time needs no word for that.
 */
export interface Statements extends RequestStatements, WorkflowStatements, LaneStatements {
  /** Runs that nothing stands in the way of. */
  readonly insertRuns: string
  /** Any new runs. */
  readonly insertAdmittedRuns: string
  /** Inserts nothing at all where any tombstone stands. */
  readonly insertPlainRuns: string
  /** As `insertPlainRuns`, and fails where an id is taken. */
  readonly insertNewRuns: string
  readonly runsById: string
  readonly runsToChange: string
  readonly runsBySeqToChange: string
  readonly keyHolderToChange: string
  readonly updateRuns: string
  readonly completeRuns: string
  readonly insertTags: string
  readonly insertFeed: string
  /** As `insertFeed`, with the ids of the calls on many runs that asked for it. */
  readonly insertFeedOfCalls: string
  readonly trimFeed: string
  readonly waitingForToChange: string
  /** Notes in the rows of runs that somebody waits for their end. */
  readonly markAwaited: string
  readonly hasTombstones: string
  readonly tombstonesFor: string
  readonly insertTombstones: string
  readonly deleteTombstone: string
  readonly liveTombstones: string
  readonly insertWorker: string
  readonly renewLease: string
  readonly deleteWorker: string
  /** Gives a row where the lease is held, and keeps others from ending it meanwhile. */
  readonly heldLease: string
  readonly allWorkers: string
  readonly lapsedWorkers: string
  /** Deletes one worker whose lease has lapsed; gives its row. */
  readonly deleteLapsedWorker: string
  readonly heldRunsToChange: string
  readonly heldIntents: string
  readonly heldRuns: string
  readonly dueRunsToChange: string
  readonly expiredRunsToChange: string
  readonly prunableRuns: string
  readonly keepNewestPosition: string
  readonly deleteFeed: string
  readonly deleteTags: string
  readonly deleteRuns: string
  readonly pruneTombstones: string
  readonly finalRuns: string
  readonly feedOfRun: string
  readonly feedOfAll: string
  readonly feedEnd: string
  /** A page of runs; without the large columns of their rows where their payloads are not asked for. */
  listRuns(filter: FilterSql, page: Omit<RunPage, 'limit' | 'cursor'>): string
  countRuns(filter: FilterSql): string
  /** Cancels a run that is in one of the states; a member of a workflow only where `whose` says so. */
  preventRuns(states: readonly State[], whose: 'members too' | 'no members'): string
  /** The `seq`, `id`, `attempt` and place in a workflow of every run of a filter that is not final. */
  matchRuns(filter: FilterSql): string
  filterSql(filter: MemberFilter): FilterSql
}

/** The name of a statement whose SQL is fixed; for the others there are functions that build it. */
export type StatementName = {
  [Name in keyof Statements]: Statements[Name] extends string ? Name : never
}[keyof Statements]
