/** The seam between the store and a database: what a database must be able to do. */
import type { Change, ClaimRequest, Finding } from '../store.ts'
import type { Param, Row } from './sql.ts'
import type { StatementName, Statements } from './statements.ts'

/**
 * The guards of a claim that decide before its commit (`store/claims/guards.ts`). A driver that claims in a statement of its own must
 * know of each of them whether there is anything for it to look at.
 */
export type ClaimGuardName = 'tombstones' | 'holds'

/** One open write transaction. Statements are named; `all` and `changeBySql` are for SQL that is built from a filter. */
export interface Tx {
  /** The statements in this database's SQL, for those that are built: `tx.all(tx.statements.matchRuns(sql), params)`. */
  readonly statements: Statements
  /** Runs a statement with its parameters, and gives its rows. */
  run(name: StatementName, params?: readonly Param[]): readonly Row[] | Promise<readonly Row[]>
  /** As `run`, with SQL that was built. */
  all(sql: string, params?: readonly Param[]): readonly Row[] | Promise<readonly Row[]>
  /** Runs a statement once for each set of parameters, in this place of the order, without waiting for it; where it fails, the transaction does. */
  send(name: StatementName, sets: readonly (readonly Param[])[]): void
  /** Runs a statement once for each set of parameters, and gives all their rows, in order. */
  each(
    name: StatementName,
    sets: readonly (readonly Param[])[],
  ): readonly Row[] | Promise<readonly Row[]>
  /** Runs a statement once for each set of parameters; says of each whether it changed a row. */
  change(
    name: StatementName,
    sets: readonly (readonly Param[])[],
  ): readonly boolean[] | Promise<readonly boolean[]>
  /** As `change`, with SQL that was built. */
  changeBySql(
    sql: string,
    sets: readonly (readonly Param[])[],
  ): readonly boolean[] | Promise<readonly boolean[]>
  /** Inserts a row for each set of parameters, which begins with the id; gives the `seq` of each, or null where the id was taken. */
  insert(
    name: StatementName,
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

/** Rows to be inserted by a statement that is a transaction of its own. */
export interface NewRows {
  readonly sets: readonly (readonly Param[])[]
  /** The ids of the rows, and when they are made (epoch ms): by both they are found again where the answer is lost. */
  readonly ids: readonly string[]
  readonly createdAt: number
}

/** How long a transaction may take. */
export interface Limits {
  /** Whether a statement may read a great many rows, so that its answer is waited for. */
  readonly isLong?: boolean
  /** How long a row may be held by others, ms, where writers wait for rows; then it fails with `STORE_BUSY`. Default: some seconds. */
  readonly lockMs?: number | undefined
}

/** A database that the one implementation of the store can work on (`store/sql/sql-store.ts`). */
export interface Driver extends AsyncDisposable {
  /** The statements, in this database's SQL. */
  readonly statements: Statements
  /**
   * Runs `work` in a write transaction of its own: all of it is durable when the promise fulfils, nothing of it when
   * the promise rejects. Waits for other writers without blocking the event loop. `work` may run more than once.
   * @throws {CheckreinError} a `STORE_…` code for what the database reported.
   */
  transact<T>(work: (tx: Tx) => Promise<T>, limits?: Limits): Promise<T>
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
   * `Tx.insert` as a transaction of its own; null where that is not cheaper than any other, or where one of the rows cannot be
   * inserted: then none is. Where the answer is lost, the statement is run again, and the rows that it finds in its way are its own.
   */
  insertAlone(name: StatementName, rows: NewRows): Promise<readonly (number | null)[] | null> | null
  /**
   * `claim` as a transaction of its own, with the entries of the feed, where that is cheaper; null where it is not, or where
   * anything stands that one of the guards before the commit (`ClaimGuardName`) would look at: then nothing was claimed. Where its answer
   * is lost it may have been done.
   * @throws {CheckreinError} `LEASE_LOST`.
   */
  claimAlone(request: ClaimRequest): Promise<readonly Row[] | null> | null
  /**
   * `completeRuns` as a transaction of its own, with the entries of the feed; null where that is not cheaper. Says of each
   * completion whether it was done; the others must go the long way.
   */
  completeAlone(sets: readonly (readonly Param[])[]): Promise<readonly boolean[] | null> | null
  /**
   * Runs one writing statement in a transaction of its own; where the database can, other writes do not hold it up. It may run more
   * than once, each time with new parameters. The time of a row with `database_now` is noted.
   */
  touch(statement: string, params: () => readonly Param[]): Promise<readonly Row[]>
  /**
   * Chooses the next runs for a worker whose lease is held and starts them: their rows, as they are now. Each database has its
   * own best way. Whether the runs may start is not the driver's to say: `store/claims/` asks the guards.
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
  /** Waits until the claims now in progress have committed or rolled back, for they may have missed rows that are committed by now. @throws {CheckreinError} `STORE_BUSY` where one does not end. */
  outlast(): Promise<void>
  /** Whether one transaction may be under way while another begins, so that neither sees what the other writes. */
  readonly isConcurrent: boolean
  /** See `Store.hasten`. */
  hasten(): void
  now(): number
  leaseNow(): number
  grantNow(): number
  onChange(listener: (change: Change) => void): Disposable
  findings(): Promise<readonly Finding[]>
}
