/**
 * The one implementation of the store's port, over a driver.
 *
 * It holds no truth of its own: each method is a transaction or a read. Writes go through the group commit, so calls
 * made in one turn of the event loop share a transaction; the rooms beside this one (`enqueue`, `apply`, `control`,
 * `claims`) say what is done within it.
 */
import { checkedFilter, type RunFilter } from '../core/filter.ts'
import type { FeedEntry } from '../core/events.ts'
import type { Answer } from '../core/decision.ts'
import type { StoredRun } from '../core/run.ts'
import type { State } from '../core/transitions.ts'
import { applyEvents, completeAlone } from './apply.ts'
import {
  claimedInOrder,
  claimRuns,
  eachByItself,
  lapseRunsOf,
  lapseWorker,
  moveWhatIsDue,
  workerParams,
} from './claims.ts'
import { Asking } from './asking.ts'
import { controlWithin, matchParams } from './control.ts'
import type { Driver, Param, Row, Tx } from './driver.ts'
import { enqueueAlone, enqueueEntry, enqueueRuns } from './enqueue.ts'
import { GroupCommit, type Writer } from './group-commit.ts'
import { countsOf, listedOf, pageParams } from './pages.ts'
import { type LogCall, pruneOnce, writeLog } from './upkeep.ts'
import { feedEntryOf, heldIntentOf, matchedOf, runOf, tombstoneOf, workerOf } from './rows.ts'
import type {
  Change,
  ClaimedRun,
  ClaimRequest,
  Controlled,
  ControlRequest,
  Enqueued,
  Finding,
  HeldIntent,
  HeldRun,
  Housekept,
  Listed,
  NewRun,
  Page,
  Retention,
  RunEventCall,
  Store,
  StoreWithin,
  Tombstone,
  WorkerInfo,
  WorkerRecord,
} from './store.ts'

export class SqlStore implements Store {
  readonly lookPauseMs: number
  readonly now: () => number
  readonly #driver: Driver
  readonly #commits: GroupCommit
  /** Claims, leases and housekeeping: where transactions can be under way side by side, the others don't wait for them. */
  readonly #chores: GroupCommit
  /** What may have to wait for somebody else's runs. */
  readonly #upkeep: GroupCommit
  readonly #enqueue: Writer<NewRun, Enqueued>
  readonly #apply: Writer<RunEventCall, Answer>
  /** Each caller's only one: so what is left of several of them is left of whole calls. */
  readonly #applyOne: Writer<RunEventCall, Answer>
  readonly #asking: Asking
  readonly #log: Writer<LogCall, null>

  constructor(driver: Driver) {
    const { statements } = driver
    this.#driver = driver
    this.lookPauseMs = driver.lookPauseMs
    this.now = () => driver.now()
    this.#commits = new GroupCommit(driver)
    this.#chores = driver.isConcurrent ? new GroupCommit(driver) : this.#commits
    this.#upkeep = driver.isConcurrent ? new GroupCommit(driver) : this.#commits
    this.#enqueue = Object.assign(
      (tx: Tx, runs: readonly NewRun[]) => enqueueRuns(tx, statements, runs),
      { alone: (runs: readonly NewRun[]) => enqueueAlone(driver, runs) },
    )
    this.#apply = (tx, calls) => applyEvents(tx, statements, calls)
    this.#applyOne = Object.assign(
      (tx: Tx, calls: readonly RunEventCall[]) => applyEvents(tx, statements, calls),
      { alone: (calls: readonly RunEventCall[]) => completeAlone(driver, calls) },
    )
    this.#asking = new Asking(driver, this.#commits)
    this.#log = (tx, calls) => writeLog(tx, statements, calls)
  }

  /** One write of its own kind, in turn with the others. */
  async #write<T>(work: (tx: Tx) => Promise<T>, commits = this.#commits): Promise<T> {
    const [result] = await commits.submit(async (tx) => [await work(tx)], [null])
    return result as T
  }

  #read(statement: string, params: readonly Param[] = []): Promise<readonly Row[]> {
    return this.#driver.read(statement, params)
  }

  /** What people ask for may be long. */
  #readLong(statement: string, params: readonly Param[]): Promise<readonly Row[]> {
    return this.#driver.read(statement, params, { isLong: true })
  }

  enqueue(runs: readonly NewRun[]): Promise<readonly Enqueued[]> {
    return this.#commits.submit(this.#enqueue, runs)
  }

  apply(calls: readonly RunEventCall[]): Promise<readonly Answer[]> {
    return this.#commits.submit(calls.length === 1 ? this.#applyOne : this.#apply, calls)
  }

  async log(calls: readonly LogCall[]): Promise<void> {
    await this.#commits.submit(this.#log, calls)
  }

  control(request: ControlRequest): Promise<readonly Controlled[]> {
    return this.#asking.control(request)
  }

  within(transaction: unknown): StoreWithin {
    const { statements } = this.#driver
    const join = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
      this.#driver.join(transaction, work)
    return {
      enqueue: (runs) => join((tx) => enqueueRuns(tx, statements, runs)),
      control: ({ target, ...asked }) =>
        join((tx) => controlWithin(tx, statements, { target, asked })),
    }
  }

  async registerWorker(worker: WorkerInfo): Promise<void> {
    const { insertWorker } = this.#driver.statements
    await this.#write(
      async (tx) => tx.all(insertWorker, workerParams(worker, tx.now(), tx.grantNow())),
      this.#chores,
    )
  }

  renewLease(workerId: string): Promise<boolean> {
    const { renewLease } = this.#driver.statements
    return this.#driver
      .touch(renewLease, () => [workerId, this.#driver.leaseNow(), this.#driver.grantNow()])
      .then((rows) => rows.length > 0)
  }

  async removeWorker(workerId: string): Promise<void> {
    const { statements } = this.#driver
    await this.#write(async (tx) => {
      const [worker] = await tx.all(statements.deleteWorker, [workerId])
      if (worker) await lapseRunsOf(tx, statements, worker)
    }, this.#chores)
  }

  async workers(): Promise<readonly WorkerRecord[]> {
    const rows = await this.#read(this.#driver.statements.allWorkers)
    return rows.map((row) => workerOf(row, this.#driver.leaseNow()))
  }

  claimableTasks(request: Pick<ClaimRequest, 'queues' | 'tasks'>): Promise<readonly string[]> {
    return this.#driver.claimableTasks(request)
  }

  claim(request: ClaimRequest): Promise<readonly ClaimedRun[]> {
    const claimed = this.#driver.claimAlone(request)
    return claimed
      ? claimed.then((rows) => (rows ? claimedInOrder(rows) : this.#claimAmongOthers(request)))
      : this.#claimAmongOthers(request)
  }

  #claimAmongOthers(request: ClaimRequest): Promise<readonly ClaimedRun[]> {
    return this.#write((tx) => claimRuns(tx, this.#driver, request), this.#chores)
  }

  async held(workerId: string): Promise<readonly HeldRun[]> {
    return (await this.#read(this.#driver.statements.heldRuns, [workerId])).map(matchedOf)
  }

  async intents(workerId: string): Promise<readonly HeldIntent[]> {
    const rows = await this.#read(this.#driver.statements.heldIntents, [workerId])
    const now = this.#driver.now()
    return rows.map((row) => heldIntentOf(row, now))
  }

  async housekeep(): Promise<Housekept> {
    const { statements } = this.#driver
    const nextInMs = await this.#nextInMs()
    const moved =
      nextInMs === 0
        ? await this.#write((tx) => moveWhatIsDue(tx, statements), this.#chores)
        : { dueCount: 0, expiredCount: 0 }
    const lapsed = await this.#lapse()
    return { ...moved, lapsed, nextInMs: nextInMs === 0 ? await this.#nextInMs() : nextInMs }
  }

  async #lapse(): Promise<Housekept['lapsed']> {
    const { statements } = this.#driver
    const rows = await this.#read(statements.lapsedWorkers, [this.#driver.leaseNow()])
    return eachByItself(rows, ({ id }) =>
      this.#write((tx) => lapseWorker(tx, statements, String(id)), this.#upkeep),
    )
  }

  async #nextInMs(): Promise<number | null> {
    const at = (await this.#read(this.#driver.statements.nextAt))[0]?.['at']
    return at == null ? null : Math.max(0, Number(at) - this.#driver.now())
  }

  prune(retention: Retention, limit: number): Promise<number> {
    const { statements } = this.#driver
    const work = (tx: Tx): Promise<number> => pruneOnce(tx, statements, { retention, limit })
    return this.#driver.isConcurrent
      ? this.#driver.transact(work, { isLong: true })
      : this.#write(work)
  }

  async get(id: string): Promise<StoredRun | null> {
    const [row] = await this.#read(this.#driver.statements.runsById, [[id]])
    return row ? runOf(row) : null
  }

  async finals(ids: readonly string[]): Promise<readonly StoredRun[]> {
    return (await this.#read(this.#driver.statements.finalRuns, [ids])).map(runOf)
  }

  async list(filter: RunFilter, page: Page): Promise<Listed> {
    const { statements } = this.#driver
    const sql = statements.filterSql(checkedFilter(filter))
    const rows = await this.#readLong(statements.listRuns(sql, page.order), [
      ...pageParams(page),
      ...sql.params,
    ])
    return listedOf(rows.map(runOf), page)
  }

  async counts(filter: RunFilter): Promise<Readonly<Record<State, number>>> {
    const sql = this.#driver.statements.filterSql(checkedFilter(filter))
    return countsOf(await this.#readLong(this.#driver.statements.countRuns(sql), matchParams(sql)))
  }

  async feed(query: Parameters<Store['feed']>[0]): Promise<readonly FeedEntry[]> {
    const { statements } = this.#driver
    const { runId, after, limit } = query
    const rows =
      runId === null
        ? await this.#driver.readFeed(after, limit)
        : await this.#read(statements.feedOfRun, [runId, after, limit])
    const entries = rows.map(feedEntryOf)
    if (runId === null || after >= 0 || entries[0]?.type === 'enqueue') return entries
    const run = await this.get(runId)
    return run ? [enqueueEntry(run), ...entries] : []
  }

  feedEnd(): Promise<number> {
    return this.#driver.feedEnd()
  }

  async tombstones(): Promise<readonly Tombstone[]> {
    return (await this.#read(this.#driver.statements.liveTombstones, [this.#driver.now()])).map(
      tombstoneOf,
    )
  }

  liftTombstone(target: Parameters<Store['liftTombstone']>[0]): Promise<boolean> {
    const place = 'id' in target ? ['id', '', target.id] : ['key', target.task, target.key]
    const { deleteTombstone } = this.#driver.statements
    return this.#write(async (tx) => (await tx.each(deleteTombstone, [place])).length > 0)
  }

  findings(): Promise<readonly Finding[]> {
    return this.#driver.findings()
  }

  onChange(listener: (change: Change) => void): Disposable {
    return this.#driver.onChange(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#commits, this.#chores, this.#upkeep].map((one) => one.close()))
    await this.#driver[Symbol.asyncDispose]()
  }
}
