/**
 * SQLite behind the seam.
 *
 * Two connections: one writes, one reads, so that a reader never sees what a transaction of this process has not
 * committed. No call waits for a lock inside SQLite, for that would block the event loop and the heartbeats with it,
 * and its back-off lets one of two contending writers starve (measured: 430 to 1,500 ms without a turn). Instead a
 * refused BEGIN is tried again after a few milliseconds of jitter (10 to 35 ms at worst).
 * @see https://www.sqlite.org/wal.html
 */
import type { CheckreinError } from '../../core/errors.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import type { Change, ClaimRequest, Finding } from '../store.ts'
import { claimInLanes, tasksInLanes } from './claim.ts'
import { Connection, inCallersTransaction } from './connection.ts'
import { isBusy, storeError } from './errors.ts'
import { createPrivately, fileError, noStore, refuseMissing, refuseUnsafe } from './file.ts'
import { sqliteFindings } from './findings.ts'
import { bootRow, knownLeaseClock, newLeaseClock } from './lease-clock.ts'
import { migrateSqlite, needsMigration, refuseForeign, schemaVersion, tooOld } from './migrate.ts'
import { SameFiles } from './same-files.ts'
import { machineClock } from './machine-clock.ts'
import type { OpenOptions, SqliteOptions } from './options.ts'
import { sqliteStatements } from './statements.ts'
import { TimeOfDay, timeOfDayRow } from './time-of-day.ts'
import { WalWatch } from './wal-watch.ts'
import type { Param, Row } from '../driver/sql.ts'
import type { Statements } from '../driver/statements.ts'

/** A commit writes whole pages, so small ones make it cheaper: an enqueue took 47 us with 2 KiB, 88 us with 4 KiB (the default). */
const pageSize = 2048
/** 8 MiB of log between two checkpoints. */
const checkpointPages = 4096

/** The driver for SQLite: one file, written by one connection and read by another, in this process and beside others. */
export class SqliteDriver implements Driver {
  readonly statements: Statements = sqliteStatements
  readonly isConcurrent = false
  /** A look costs some 20 us. */
  readonly lookPauseMs = 2
  readonly now: () => number
  leaseNow: () => number
  readonly #file: string
  #busyMs: number
  readonly #writer: Connection
  readonly #reader: Connection
  readonly #watch: WalWatch
  readonly #files: SameFiles
  onBegun: Driver['onBegun'] = () => undefined
  #lastWrite: Promise<unknown> = Promise.resolve()
  /** It watches nothing where the clock is a test's. */
  #timeOfDay = new TimeOfDay(null, [])

  /** Opens a file, and makes the store or brings it up to date unless the options forbid that. @throws {CheckreinError} a `STORE_…` code, `SCHEMA_…` or `SQLITE_UNSAFE`. */
  static async open(file: string, options: OpenOptions = {}): Promise<SqliteDriver> {
    refuseUnsafe(process.versions.sqlite ?? '0')
    let driver: SqliteDriver | undefined
    try {
      if (options.create === false || options.migrate === false) refuseMissing(file)
      else createPrivately(file)
      driver = new SqliteDriver(file, options)
      await driver.#prepare(options)
      return driver
    } catch (error) {
      await driver?.[Symbol.asyncDispose]()
      throw fileError(error, file)
    }
  }

  private constructor(file: string, options: SqliteOptions) {
    this.#file = file
    this.#busyMs = options.busyMs ?? 30_000
    this.now = options.now ?? (() => Date.now())
    this.leaseNow = this.now
    this.#files = new SameFiles(file)
    this.#writer = Connection.open(file)
    this.#reader = Connection.open(file)
    this.#watch = new WalWatch(`${file}-wal`, this.#writer)
  }

  async #prepare(options: OpenOptions): Promise<void> {
    if (options.create === false || options.migrate === false) await this.#refuseNoStore()
    const { mayShare = false } = options
    await this.#patiently(() => refuseForeign(this.#reader, this.#file, mayShare))
    const synchronous = options.durability === 'full' ? 'FULL' : 'NORMAL'
    this.#writer.exec(`PRAGMA page_size = ${pageSize}`)
    await this.#patiently(() => this.#writer.all('PRAGMA journal_mode = WAL'))
    this.#writer.exec(
      `PRAGMA synchronous = ${synchronous}; PRAGMA wal_autocheckpoint = ${checkpointPages}; PRAGMA cache_size = -8000`,
    )
    this.#reader.exec('PRAGMA query_only = 1')
    if (await this.#patiently(() => needsMigration(this.#writer, { file: this.#file }))) {
      if (options.migrate === false) throw tooOld(this.#file, schemaVersion(this.#writer))
      const migrate = (tx: Tx): void =>
        migrateSqlite(this.#writer, { file: this.#file, now: tx.now() })
      await this.transact(async (tx) => migrate(tx))
    }
    if (!options.now) {
      const machine = machineClock()
      const noted = await this.#patiently(() => this.#reader.all(timeOfDayRow))
      this.#timeOfDay = new TimeOfDay(machine, noted)
      const clock = await this.#patiently(() => knownLeaseClock(this.#reader.all(bootRow), machine))
      this.leaseNow = clock ?? (await this.transact((tx) => newLeaseClock(tx, machine)))
    }
    this.#files.note()
    this.#watch.start()
  }

  /** A database that is not ours is left as it is. */
  async #refuseNoStore(): Promise<void> {
    if ((await this.#patiently(() => schemaVersion(this.#reader))) === 0) throw noStore(this.#file)
  }

  grantNow(): number {
    return this.leaseNow()
  }

  async transact<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const turn = this.#lastWrite.then(() => this.#transactNow(work))
    this.#lastWrite = turn.catch(() => undefined)
    return turn
  }

  async #transactNow<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const begun: string[] = []
    const result = await this.#commit(work, begun)
    this.#watch.tell()
    if (begun.length > 0) this.onBegun(begun)
    return result
  }

  async #commit<T>(work: (tx: Tx) => Promise<T>, begun: string[]): Promise<T> {
    try {
      this.#rollBack()
      this.#files.checkNowAndThen()
      await this.#patiently(() => this.#writer.all('BEGIN IMMEDIATE'))
      const tx = this.#txOn(this.#writer, begun)
      await this.#timeOfDay.follow(tx)
      const result = await work(tx)
      this.#writer.all('COMMIT')
      this.#files.check()
      return result
    } catch (error) {
      this.#rollBack()
      this.#timeOfDay.forget()
      throw this.#failure(error)
    }
  }

  /** The error of ours: first of all that the file was replaced, for then others follow. */
  #failure(error: unknown): CheckreinError {
    return this.#files.error ?? storeError(error, this.#file)
  }

  /** Rolls back where a transaction is still open. SQLite has often done so by itself, and the caller needs the error that came before. */
  #rollBack(): void {
    try {
      if (this.#writer.isInTransaction) this.#writer.all('ROLLBACK')
    } catch {}
  }

  #txOn(connection: Connection, begun: string[] = []): Tx {
    const { statements } = this
    return {
      statements,
      run: (name, params) => connection.all(statements[name], params),
      all: (sql, params) => connection.all(sql, params),
      send: (name, sets) => void connection.change(statements[name], sets),
      each: (name, sets) => connection.each(statements[name], sets),
      change: (name, sets) => connection.change(statements[name], sets),
      changeBySql: (sql, sets) => connection.change(sql, sets),
      insert: (name, sets) => connection.insert(statements[name], sets),
      tell: () => undefined,
      begun: (bulkId) => void begun.push(bulkId),
      now: () => this.now(),
      leaseNow: () => this.leaseNow(),
      grantNow: () => this.leaseNow(),
    }
  }

  async join<T>(transaction: unknown, work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await inCallersTransaction(transaction, this.#file, async (own) => {
        const tx = this.#txOn(own)
        await this.#timeOfDay.follow(tx, { isOurs: false })
        const result = await work(tx)
        this.#files.check()
        return result
      })
    } catch (error) {
      throw this.#failure(error)
    }
  }

  async read(statement: string, params: readonly Param[] = []): Promise<readonly Row[]> {
    return this.#reading(() => this.#reader.all(statement, params))
  }

  async #reading<T>(call: () => T): Promise<T> {
    try {
      if (this.#timeOfDay.hasFallenBack) await this.transact(async () => undefined)
      const result = await this.#patiently(call)
      this.#files.checkNowAndThen()
      return result
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** Always null, as are the next two: a transaction around a statement costs next to nothing here. */
  insertAlone(): null {
    return null
  }

  claimAlone(): null {
    return null
  }

  completeAlone(): null {
    return null
  }

  touch(statement: string, params: () => readonly Param[]): Promise<readonly Row[]> {
    return this.transact(async (tx) => tx.all(statement, params()))
  }

  readFeed(after: number, limit: number): Promise<readonly Row[]> {
    return this.read(this.statements.feedOfAll, [after, limit])
  }

  async feedEnd(): Promise<number> {
    const [row] = await this.read(this.statements.feedEnd)
    return Number(row?.['position'] ?? -1)
  }

  /** Returns at once: there is one writer at a time, so no claim is under way now. */
  async outlast(): Promise<void> {}

  claimableTasks(request: Pick<ClaimRequest, 'queues' | 'tasks'>): Promise<readonly string[]> {
    return this.#reading(() =>
      tasksInLanes((statement, params) => this.#reader.all(statement, params), request, this.now()),
    )
  }

  claim(tx: Tx, request: ClaimRequest): Promise<readonly Row[]> {
    return claimInLanes(tx, request)
  }

  /** Calls until no other process holds the lock, with short pauses during which the event loop goes on. */
  async #patiently<T>(call: () => T): Promise<T> {
    const begunAt = performance.now()
    for (let tries = 0; ; tries++) {
      try {
        return call()
      } catch (error) {
        if (!isBusy(error) || performance.now() - begunAt > this.#busyMs) throw error
      }
      const pause = 0.5 + Math.random() * Math.min(2 ** tries, 12)
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }

  hasten(): void {
    this.#busyMs = 0
  }

  onChange(listener: (change: Change) => void): Disposable {
    return this.#watch.listen(listener)
  }

  async findings(): Promise<readonly Finding[]> {
    try {
      this.#files.check()
      return sqliteFindings((sql) => this.#reader.all(sql), this.#file)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lastWrite
    this.#watch.stop()
    this.#reader.close()
    this.#writer.close()
  }
}
