/** The narrow seam between the one store and its databases. */
import type { RunFilter } from '../core/filter.ts'
import type { State } from '../core/transitions.ts'
import type { Finding } from './store.ts'

export type Param = string | number | null
export type Row = Readonly<Record<string, string | number | null>>

/** One open write transaction. */
export interface Tx {
  /** Runs a statement with its parameters, and gives its rows. */
  all(statement: string, params?: readonly Param[]): readonly Row[] | Promise<readonly Row[]>
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
  /** Epoch ms. */
  now(): number
  /** See `Clock.leaseNow`. */
  leaseNow(): number
}

export interface Driver extends AsyncDisposable {
  /** The statements, in this database's SQL. */
  readonly statements: Statements
  /**
   * Runs `work` in a write transaction of its own: all of it is durable when the promise fulfils, nothing of it when
   * the promise rejects. Waits for other writers without blocking the event loop. `work` may run more than once.
   * @throws {CheckreinError} a `STORE_…` code for what the database reported.
   */
  transact<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Runs one reading statement; sees everything that was committed before the call. */
  read(statement: string, params?: readonly Param[]): Promise<readonly Row[]>
  now(): number
  leaseNow(): number
  onChange(listener: () => void): Disposable
  findings(): Promise<readonly Finding[]>
}

/**
 * Every statement that the store uses. Both databases have all of them, with the same parameters and columns.
 * Where a parameter is a set of ids, it is a JSON array.
 */
export interface Statements {
  readonly insertRuns: string
  readonly runsById: string
  readonly runsBySeq: string
  readonly keyHolder: string
  readonly updateRuns: string
  readonly completeRuns: string
  readonly insertTags: string
  readonly insertFeed: string
  readonly trimFeed: string
  readonly waitingFor: string
  readonly hasTombstones: string
  readonly tombstonesFor: string
  readonly insertTombstones: string
  readonly deleteTombstone: string
  readonly liveTombstones: string
  readonly insertWorker: string
  readonly renewLease: string
  readonly deleteWorker: string
  readonly heldLease: string
  readonly allWorkers: string
  readonly lapsedWorkers: string
  readonly heldRuns: string
  readonly heldIntents: string
  readonly dueRuns: string
  readonly expiredRuns: string
  readonly nextAt: string
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
  readonly laneHeads: string
  readonly claimable: string
  readonly laneProbe: string
  readonly startRuns: string
  listRuns(filter: FilterSql, order: 'newest' | 'oldest'): string
  countRuns(filter: FilterSql): string
  /** Cancels a run that is in one of the states. */
  preventRuns(states: readonly State[]): string
  /** The `seq`, `id` and `attempt` of every run of a filter that is not final. */
  matchRuns(filter: FilterSql): string
  filterSql(filter: RunFilter): FilterSql
}

/** A filter as a condition on `checkrein_runs r`; its parameters come after the statement's own. */
export interface FilterSql {
  readonly where: string
  readonly params: readonly Param[]
}
