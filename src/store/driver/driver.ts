/** The narrow seam between the one store and its databases. */
import type { RunFilter } from '../../core/filter.ts'
import type { State } from '../../core/run/transitions.ts'
import type { ReinsStatements } from './request-statements.ts'
import type { Change, ClaimRequest, Finding } from '../store.ts'
import type { WorkflowStatements } from './workflow-statements.ts'

/** A list stands for a set of ids. */
export type Param = string | number | null | readonly string[] | readonly number[]
export type Row = Readonly<Record<string, string | number | null>>

/** One open write transaction. */
export interface Tx {
  /** Runs a statement with its parameters, and gives its rows. */
  all(statement: string, params?: readonly Param[]): readonly Row[] | Promise<readonly Row[]>
  /** Runs a statement once for each set of parameters, in this place of the order; where it fails, the transaction does. */
  send(statement: string, sets: readonly (readonly Param[])[]): void
  /** Runs a statement once for each set of parameters, and gives all their rows, in order. */
  each(
    statement: string,
    sets: readonly (readonly Param[])[],
  ): readonly Row[] | Promise<readonly Row[]>
  /** Runs a statement once for each set of parameters; says of each whether it changed a row. */
  change(
    statement: string,
    sets: readonly (readonly Param[])[],
  ): readonly boolean[] | Promise<readonly boolean[]>
  /** Inserts a row for each set of parameters; gives the `seq` of each, or null where the id was taken. */
  insert(
    statement: string,
    sets: readonly (readonly Param[])[],
  ): readonly (number | null)[] | Promise<readonly (number | null)[]>
  /** Lets others know of a change when it is durable. */
  tell(change: Change): void
  /** Notes a bulk operation that is to be carried out once the transaction is committed; else keepers do. */
  begun(bulkId: string): void
  /** Epoch ms. */
  now(): number
  /** Judges whether a lease has lapsed: on the clock of leases, never ahead. */
  leaseNow(): number
  /** Grants a lease from now: on the same clock, never behind. */
  grantNow(): number
}

export interface Driver extends AsyncDisposable {
  /** The statements, in this database's SQL. */
  readonly statements: Statements
  /**
   * Runs `work` in a write transaction of its own: all of it is durable when the promise fulfils, nothing of it when
   * the promise rejects. Waits for other writers without blocking the event loop. `work` may run more than once.
   * @throws {CheckreinError} a `STORE_…` code for what the database reported.
   */
  transact<T>(work: (tx: Tx) => Promise<T>, options?: { readonly isLong?: boolean }): Promise<T>
  /**
   * Runs one reading statement; sees everything that was committed before the call.
   * @param options `isLong` where a statement may read a great many rows, so that its answer is waited for.
   */
  read(
    statement: string,
    params?: readonly Param[],
    options?: { readonly isLong?: boolean },
  ): Promise<readonly Row[]>
  /** Entries of the feed of all runs that nothing can come before any more, oldest first. */
  readFeed(after: number, limit: number): Promise<readonly Row[]>
  /** The position of the newest entry; -1 where there is none. */
  feedEnd(): Promise<number>
  /**
   * `Tx.insert` as a transaction of its own, where that is cheaper than any other; null where it is not, or where one of
   * the rows cannot be inserted: then none is. Where the answer is lost it is run again, and what it has inserted stands
   * in its own way.
   */
  insertAlone(
    statement: string,
    sets: readonly (readonly Param[])[],
  ): Promise<readonly (number | null)[] | null> | null
  /**
   * `claim` as a transaction of its own, with the entries of the feed, where that is cheaper; null where it is not, or
   * where there is more to it: then nothing was claimed. Where its answer is lost it may have been done.
   * @throws {CheckreinError} `LEASE_LOST`.
   */
  claimAlone(request: ClaimRequest): Promise<readonly Row[] | null> | null
  /**
   * `completeRuns` as a transaction of its own, with the entries of the feed, where that is cheaper, else null. Says of
   * each whether it was done; what was not must go the long way.
   */
  completeAlone(sets: readonly (readonly Param[])[]): Promise<readonly boolean[] | null> | null
  /** Runs one writing statement in a transaction of its own; where the database can, other writes don't hold it
   * up. It may run more than once, each time with parameters of its own. Of a row with `database_now` the time is noted. */
  touch(statement: string, params: () => readonly Param[]): Promise<readonly Row[]>
  /**
   * Starts the next runs for a worker whose lease is held: the rows of those that it started, as they are now. Each
   * database has its own best way.
   */
  claim(tx: Tx, request: ClaimRequest): Promise<readonly Row[]>
  /** See `Store.claimableTasks`. */
  claimableTasks(request: Pick<ClaimRequest, 'queues' | 'tasks'>): Promise<readonly string[]>
  /** See `Store.lookPauseMs`. */
  readonly lookPauseMs: number
  /** Called with the bulk operations that a transaction has begun, when it is committed. */
  onBegun: (bulkIds: readonly string[]) => void
  /** Runs `work` within a transaction of the caller's, which the caller commits or not. */
  join<T>(transaction: unknown, work: (tx: Tx) => Promise<T>): Promise<T>
  /** Waits for the claims under way: they did not see what is committed now. @throws {CheckreinError} `STORE_BUSY` where one does not end. */
  outlast(): Promise<void>
  /** Whether one transaction may be under way while another begins, so that neither sees what the other writes. */
  readonly isConcurrent: boolean
  now(): number
  leaseNow(): number
  grantNow(): number
  onChange(listener: (change: Change) => void): Disposable
  findings(): Promise<readonly Finding[]>
}

/**
 * Every statement that the store uses. Both databases have all of them, with the same parameters and columns.
 *
 * Those whose names end in `ToChange` hold the rows until the transaction ends, against all other writers; a database
 * that has one writer at a time needs no word for that.
 */
export interface Statements extends ReinsStatements, WorkflowStatements {
  readonly insertRuns: string
  /** Inserts nothing at all where any tombstone stands. */
  readonly insertPlainRuns: string
  /** The same, and fails where an id is taken. */
  readonly insertNewRuns: string
  readonly runsById: string
  readonly runsToChange: string
  readonly runsBySeqToChange: string
  readonly keyHolderToChange: string
  readonly updateRuns: string
  readonly completeRuns: string
  readonly insertTags: string
  readonly insertFeed: string
  readonly trimFeed: string
  readonly waitingForToChange: string
  /** Says in the rows of runs that somebody waits for their end, where they hold no key: `key_held` is 2. */
  readonly markAwaited: string
  readonly hasTombstones: string
  readonly tombstonesFor: string
  readonly insertTombstones: string
  readonly deleteTombstone: string
  readonly liveTombstones: string
  readonly insertWorker: string
  readonly renewLease: string
  readonly deleteWorker: string
  /** Gives a row where the lease is held, and keeps it from being ended by others meanwhile. */
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
  listRuns(filter: FilterSql, order: 'newest' | 'oldest'): string
  countRuns(filter: FilterSql): string
  /** Cancels a run that is in one of the states; members of workflows only where that is said. */
  preventRuns(states: readonly State[], whose: 'members too' | 'no members'): string
  /** The `seq`, `id`, `attempt` and place in a workflow of every run of a filter that is not final. */
  matchRuns(filter: FilterSql): string
  filterSql(filter: MemberFilter): FilterSql
}

/** Which members of a workflow are meant. */
export interface MemberFilter extends RunFilter {
  /** Those from a node to another. */
  readonly nodes?: readonly [first: number, last: number]
  /** Not those that wait to be reached. */
  readonly isReached?: true
}

/** A filter as a condition on `checkrein_runs r`; its parameters come after the statement's own. */
export interface FilterSql {
  readonly where: string
  readonly params: readonly Param[]
  /** Where it asks for a tag: the place of that among the parameters, and what else it asks for. */
  readonly tagged?: { readonly tag: string; readonly rest: string }
}
