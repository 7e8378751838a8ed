/**
 * PostgreSQL behind the seam.
 *
 * Each transaction and each read borrows a connection. Writers meet in the rows: a statement that reads what it will
 * change holds the rows until the end (`…ToChange`), in the order of their places, so that two of them seldom wait for
 * each other; where they do, the server ends one, and it is run again.
 *
 * A transaction whose connection is lost before the commit was sent has done nothing, and is run again on another connection, for as
 * long as `patienceMs`. Where the connection is lost in the commit, the id of the transaction tells whether it was committed.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { idleStates } from '../../core/run/transitions.ts'
import type { Driver, Limits, Tx, NewRows } from '../driver/driver.ts'
import type { Change, ClaimRequest, Finding } from '../store.ts'
import { DatabaseClock } from './connection/clock.ts'
import { claimStays } from './connection/errors.ts'
import { postgresFindings } from './schema/findings.ts'
import { FeedHorizon, writersIn } from './news/horizon.ts'
import { inCallersTransaction } from './transactions/callers-transaction.ts'
import { columnsOf, type Lane, type Lanes, lanesToAsk } from '../driver/lanes.ts'
import { SingleStatements } from './transactions/single-statement.ts'
import { Link, type LinkParts } from './connection/link.ts'
import { isUpToDate, migrateBy } from './schema/migrate.ts'
import { Notices, notify } from './news/notices.ts'
import type { PostgresOptions, PostgresSettings } from './connection/options.ts'
import { refuseOldServer } from './connection/server.ts'
import type { Session } from './connection/session.ts'
import { sessionSettings } from './connection/settings.ts'
import { type PostgresStatements, postgresStatements } from './sql/statements.ts'
import { PostgresTx, whichAndWhen } from './transactions/transaction.ts'
import { Transactor } from './transactions/run-transaction.ts'
import type { Param, Row } from '../driver/sql.ts'
import type { StatementName } from '../driver/statements.ts'

/** How the driver for PostgreSQL is opened. */
export interface PostgresDriverOptions extends PostgresOptions {
  /** Whether a store that does not exist yet is made; default true. */
  readonly create?: boolean
  /** Epoch ms, also for leases; for tests. */
  readonly now?: () => number
}

/** A count of a great many runs may take long, and so may a prune. */
const longAnswerMs = 120_000
const horizonMs = 10
const longestHorizonMs = 200
/** How long claims are waited for, ms; the server ends one whose process has stopped half-way sooner. */
const outlastMs = 15_000

/** The driver for PostgreSQL: one schema of one database, shared by all processes that open it. */
export class PostgresDriver implements Driver {
  readonly statements: PostgresStatements
  readonly isConcurrent = true
  /** A look is a question to another process, or another machine. */
  readonly lookPauseMs = 20
  readonly now: () => number
  readonly leaseNow: () => number
  readonly grantNow: () => number
  onBegun: Driver['onBegun'] = () => undefined
  readonly hasten: Driver['hasten'] = () => this.#link.hasten()
  readonly #link: Link
  readonly #clock: DatabaseClock
  readonly #notices: Notices
  readonly #transactor: Transactor
  readonly #alone: SingleStatements
  readonly #horizon = new FeedHorizon()
  #horizonTimer: NodeJS.Timeout | null = null
  #horizonPauseMs = horizonMs
  readonly #schema: string
  readonly #settings: PostgresSettings

  /** Opens the database, and makes the schema or brings it up to date unless the options forbid that. @throws {CheckreinError} a `STORE_…` or `SCHEMA_…` code. */
  static async open(parts: LinkParts, options: PostgresDriverOptions): Promise<PostgresDriver> {
    const link = await Link.open(parts)
    try {
      const driver = new PostgresDriver(link, parts, options)
      const isReady = await link.patiently(() =>
        link.borrow((session) => driver.#prepare(session, options)),
      )
      if (!isReady) await migrateBy(link, { schema: driver.#schema, where: link.where })
      return driver
    } catch (error) {
      await link[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(link: Link, { settings }: LinkParts, options: PostgresDriverOptions) {
    this.#link = link
    this.#schema = settings.schema
    this.#settings = settings
    this.statements = postgresStatements(`"${settings.schema}"`)
    this.#clock = new DatabaseClock()
    this.now = options.now ?? this.#clock.now
    this.leaseNow = options.now ?? this.#clock.leaseNow
    this.grantNow = options.now ?? this.#clock.grantNow
    this.#notices = new Notices({
      channel: settings.schema,
      connect: () => link.listener(),
      send: (change) => this.#spread(change),
      look: async () => JSON.stringify(await this.read(this.statements.newest)),
      lookMs: settings.lookMs,
    })
    this.#transactor = new Transactor({
      link,
      databaseClock: this.#clock,
      clock: this,
      channel: settings.schema,
      notices: this.#notices,
      statements: this.statements,
      onBegun: (bulkIds) => this.onBegun(bulkIds),
    })
    this.#alone = new SingleStatements({
      link,
      statements: this.statements,
      notices: this.#notices,
      clock: this,
    })
  }

  /** Asks the server for its version and its time, and learns whether a pooler stands between. @returns whether the tables are there, and up to date. */
  async #prepare(session: Session, options: PostgresDriverOptions): Promise<boolean> {
    const { sentAt } = this.#clock
    const [server] = await session.rows(
      `SELECT pg_backend_pid() AS pid, current_setting('server_version_num')::int AS version,
        (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now`,
      [],
    )
    this.#clock.heard(Number(server?.['now']), sentAt)
    refuseOldServer(Number(server?.['version']))
    this.#link.isPooled = Number(server?.['pid']) !== session.toldPid
    if (!this.#link.isPooled) this.#link.planned = this.#planned()
    if (this.#link.isOwn) this.#link.settings = sessionSettings
    const { create = true, migrate = create } = options
    return isUpToDate(session, { schema: this.#schema, where: this.#link.where, migrate })
  }

  transact<T>(work: (tx: Tx) => Promise<T>, { isLong, lockMs }: Limits = {}): Promise<T> {
    return this.#transactor.run(work, { lockMs, ...(isLong && { answerMs: longAnswerMs }) })
  }

  /** Runs `work` within a transaction of the caller's. Nothing is committed here, and notices are sent when the caller commits. */
  async join<T>(transaction: unknown, work: (tx: Tx) => Promise<T>): Promise<T> {
    return inCallersTransaction(transaction, this.#link.where, async (runner) => {
      const tx = new PostgresTx(runner, { statements: this.statements, clock: this })
      try {
        const result = await work(tx)
        for (const change of tx.changes) tx.notify(this.#schema, change)
        await tx.settled()
        return result
      } catch (error) {
        throw await tx.firstError(error)
      }
    })
  }

  async read(
    statement: string,
    params: readonly Param[] = [],
    { isLong = false } = {},
  ): Promise<readonly Row[]> {
    const answerMs = isLong ? longAnswerMs : undefined
    return this.#link.ask((session) => session.rows(statement, params), answerMs)
  }

  insertAlone(name: StatementName, rows: NewRows): Promise<readonly (number | null)[] | null> {
    return this.#alone.insert(name, rows)
  }

  completeAlone(sets: readonly (readonly Param[])[]): Promise<readonly boolean[] | null> | null {
    return this.#link.isOwn ? this.#alone.complete(sets) : null
  }

  claimAlone(request: ClaimRequest): Promise<readonly Row[] | null> | null {
    if (!this.#link.isOwn || request.limit <= 0) return null
    return this.#lanesOf(request).then((lanes) => this.#alone.claim(request, lanes))
  }

  async touch(statement: string, params: () => readonly Param[]): Promise<readonly Row[]> {
    return this.#link.touch(async (session) => {
      const { sentAt } = this.#clock
      const rows = await session.rows(statement, params())
      const heard = rows[0]?.['database_now']
      if (heard != null) this.#clock.heard(Number(heard), sentAt)
      return rows
    })
  }

  async claimableTasks(request: Lanes): Promise<readonly string[]> {
    const [queues, tasks] = columnsOf(await this.#lanesOf(request))
    const rows = await this.read(this.statements.claimableTasks, [queues, tasks, this.now()])
    return rows.map((row) => String(row['task']))
  }

  #lanesOf(request: Lanes): Promise<readonly Lane[]> {
    return lanesToAsk(request, (count) => this.read(this.statements.fullLanes, [count]))
  }

  /** Claims in one statement, also while other workers do: each passes over the runs that another one holds. */
  async claim(
    tx: Tx,
    { workerId, limit, startsLater, ...request }: ClaimRequest,
  ): Promise<readonly Row[]> {
    if (limit <= 0) return []
    const lanes = await lanesToAsk(request, (count) => tx.run('fullLanes', [count]))
    const [queues, tasks] = columnsOf(lanes)
    const startedAt = startsLater === true ? null : tx.now()
    const params = [queues, tasks, tx.now(), workerId, limit, startedAt]
    const rows = await tx.all(this.statements.claimRuns, params)
    const ids = rows.map((row) => String(row['id']))
    if (tx instanceof PostgresTx) tx.proof = { ids, workerId }
    return rows
  }

  async readFeed(after: number, limit: number): Promise<readonly Row[]> {
    const { feedHorizon, feedOfAll } = this.statements
    const begunAt = this.#horizon.begin()
    const [[horizon], entries] = await this.#link.ask((session) =>
      Promise.all([session.rows(feedHorizon, []), session.rows(feedOfAll, [after, limit])]),
    )
    this.#horizon.note(horizon, begunAt)
    const shown = this.#horizon.shown(entries, after)
    this.#lookAgain(shown.length < entries.length)
    return shown.filter((row) => row['run_id'] !== null)
  }

  /** Has readers look again soon where some entries could not be shown yet, with longer pauses while that goes on. */
  #lookAgain(isHeld: boolean): void {
    if (!isHeld) this.#horizonPauseMs = horizonMs
    if (!isHeld || this.#horizonTimer) return
    this.#horizonTimer = setTimeout(() => {
      this.#horizonTimer = null
      this.#horizonPauseMs = Math.min(this.#horizonPauseMs * 2, longestHorizonMs)
      this.#notices.tell('news')
    }, this.#horizonPauseMs).unref()
  }

  /** Waits until no entry can come below the newest position any more, for a second at most. */
  async feedEnd(): Promise<number> {
    let end: number | null = null
    for (let tries = 0; ; tries++) {
      const begunAt = this.#horizon.begin()
      const [horizon] = await this.read(this.statements.feedHorizon)
      this.#horizon.note(horizon, begunAt)
      end ??= Number(horizon?.['position'] ?? -1)
      if (this.#horizon.settled >= end || tries >= 100) return end
      await pause(horizonMs)
    }
  }

  /**
   * Waits until the claims now in progress have committed or rolled back. A claim takes the lock on the table of workers before its
   * snapshot: so once the claims that hold that lock now are over, every claim that could have missed our committed rows is over, and
   * later claims see them.
   */
  async outlast(): Promise<void> {
    const giveUpAt = performance.now() + outlastMs
    let claimers: readonly string[] | undefined
    for (let tries = 0; ; tries++) {
      const now = writersIn((await this.read(this.statements.claimers))[0])
      claimers = (claimers ?? now).filter((claimer) => now.includes(claimer))
      if (claimers.length === 0) return
      if (performance.now() > giveUpAt) throw claimStays(this.#link.where)
      await pause(Math.min(horizonMs * (tries + 1), longestHorizonMs))
    }
  }

  onChange(listener: (change: Change) => void): Disposable {
    return this.#notices.listen(listener)
  }

  async #spread(change: Change): Promise<void> {
    await this.#link.borrow((session) => session.rows(notify, [this.#schema, change]))
  }

  findings(): Promise<readonly Finding[]> {
    const { where } = this.#link
    const { schema, lookMs } = this.#settings
    const listener = () => this.#link.listener()
    return this.#link.patiently(() =>
      this.#link.borrow((session) =>
        postgresFindings(session, { schema, where, lookMs, listener }),
      ),
    )
  }

  /** The statements that are prepared once for each connection. */
  #planned(): ReadonlySet<string> {
    const fixed = Object.values(this.statements).filter((one) => typeof one === 'string')
    const prevents = (['no members', 'members too'] as const).map((whose) =>
      this.statements.preventRuns(idleStates, whose),
    )
    return new Set([...fixed, whichAndWhen, ...prevents])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#notices.stop()
    await this.#link[Symbol.asyncDispose]()
  }
}
