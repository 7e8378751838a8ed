/**
 * One transaction.
 *
 * Statements are sent at once. An answer that matters is awaited; the others are looked at before the commit. A commit whose answer
 * never came may have been done or not: the transaction's id, which came with its beginning, tells which on another connection. So a
 * caller is never told that a write failed which was done, or the reverse.
 *
 * Limits stand in the transaction itself, for a pooler may hand its connection to anybody afterwards: no row is waited
 * for longer than two seconds, and where this process stops half-way the server ends the transaction after ten, so that
 * the rows that it held are free again (`connection/settings.ts`).
 */
import { CheckreinError } from '../../../core/errors.ts'
import type { Tx } from '../../driver/driver.ts'
import type { Change } from '../../store.ts'
import type { DatabaseClock } from '../connection/clock.ts'
import { isAftermath } from '../connection/errors.ts'
import { begin, beginWithSettings } from '../connection/settings.ts'
import { type Doubt, lifeMark, type Proof } from './commit-status.ts'
import { listsOf, portionsOf } from './lists.ts'
import { type News, notify } from '../news/notices.ts'
import type { Session } from '../connection/session.ts'
import type { Param, Row } from '../../driver/sql.ts'
import type { StatementName, Statements } from '../../driver/statements.ts'

/** Reads the id of the transaction, the mark of the server's life, and the database's time. */
export const whichAndWhen = `SELECT pg_current_xact_id()::text AS xid, ${lifeMark}, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now`

/** Anything that runs the statements of a transaction: a session, or a client of the caller's. */
export interface Runner {
  rows(text: string, values: readonly Param[] | readonly Param[][]): Promise<Row[]>
}

/** The store's time; see `Tx`. */
export interface TxClock {
  now(): number
  leaseNow(): number
  grantNow(): number
}

/** The database that a transaction is on: its statements, and its time. */
export interface TxDatabase {
  readonly statements: Statements
  readonly clock: TxClock
}

/** A transaction of the seam on PostgreSQL: it runs statements, and gathers what is to be done when they are committed. It does not commit. */
export class PostgresTx implements Tx {
  readonly statements: Statements
  readonly #runner: Runner
  readonly #clock: TxClock
  readonly #sent: Promise<unknown>[] = []
  /** The first error of a statement; the statements behind it fail because of it. */
  #cause: { readonly error: unknown } | null = null
  /** The changes that others are to be told of. */
  readonly changes = new Set<Change>()
  /** The bulk operations that are to be carried out once the transaction is committed. */
  readonly bulkIds: string[] = []
  /** The rows that prove that the transaction was committed. */
  proof: Proof | null = null

  constructor(runner: Runner, database: TxDatabase) {
    this.#runner = runner
    this.statements = database.statements
    this.#clock = database.clock
  }

  run(name: StatementName, params: readonly Param[] = []): Promise<readonly Row[]> {
    return this.#rows(this.statements[name], params)
  }

  all(sql: string, params: readonly Param[] = []): Promise<readonly Row[]> {
    return this.#rows(sql, params)
  }

  async each(name: StatementName, sets: readonly (readonly Param[])[]): Promise<readonly Row[]> {
    return (await this.#portions(this.statements[name], sets)).flat()
  }

  /** The rows of each portion of the sets. */
  #portions(statement: string, sets: readonly (readonly Param[])[]): Promise<Row[][]> {
    const portions = portionsOf(sets)
    return Promise.all(portions.map((portion) => this.#rows(statement, listsOf(portion))))
  }

  #rows(statement: string, values: readonly Param[] | readonly Param[][]): Promise<Row[]> {
    const rows = this.#runner.rows(statement, values)
    rows.catch((error: unknown) => {
      if (!isAftermath(error)) this.#cause ??= { error }
    })
    return rows
  }

  change(name: StatementName, sets: readonly (readonly Param[])[]): Promise<readonly boolean[]> {
    return this.changeBySql(this.statements[name], sets)
  }

  async changeBySql(sql: string, sets: readonly (readonly Param[])[]): Promise<readonly boolean[]> {
    const rows = await this.#portions(sql, sets)
    return portionsOf(sets).flatMap((portion, at) => {
      const done = new Set(rows[at]?.map((row) => row['ord']))
      return portion.map((_, place) => done.has(place + 1))
    })
  }

  async insert(
    name: StatementName,
    sets: readonly (readonly Param[])[],
  ): Promise<readonly (number | null)[]> {
    const rows = await this.each(name, sets)
    if (rows.length > 0) this.proof = { ids: rows.map((row) => String(row['id'])), workerId: null }
    const seqs = new Map(rows.map((row) => [row['id'], Number(row['seq'])]))
    return sets.map(([id]) => {
      const seq = seqs.get(id as string) ?? null
      seqs.delete(id as string)
      return seq
    })
  }

  send(name: StatementName, sets: readonly (readonly Param[])[]): void {
    const sent = this.each(name, sets)
    sent.catch(() => undefined)
    this.#sent.push(sent)
  }

  tell(change: Change): void {
    this.changes.add(change)
  }

  begun(bulkId: string): void {
    this.bulkIds.push(bulkId)
  }

  /** Has the server send a notice to all that listen, when the transaction is committed. */
  notify(channel: string, change: Change): void {
    const sent = this.#rows(notify, [channel, change])
    sent.catch(() => undefined)
    this.#sent.push(sent)
  }

  now(): number {
    return this.#clock.now()
  }

  leaseNow(): number {
    return this.#clock.leaseNow()
  }

  grantNow(): number {
    return this.#clock.grantNow()
  }

  /** Fulfils when all statements that were sent are done. */
  async settled(): Promise<void> {
    await Promise.all(this.#sent)
  }

  /** The error that was first, where one brought others with it. */
  async firstError(thrown: unknown): Promise<unknown> {
    if (!isAftermath(thrown)) return thrown
    await Promise.allSettled(this.#sent)
    return this.#cause?.error ?? thrown
  }
}

/** The result and the changes of a transaction, which are real once it is committed. */
interface Made extends Doubt {
  readonly result: unknown
  readonly changes: Set<Change>
}

/** A commit whose answer did not come. */
export class UncertainCommit extends Error implements Doubt {
  readonly xid: string
  readonly life: string | null
  readonly proof: Proof | null
  readonly result: unknown
  readonly changes: Set<Change>

  constructor(made: Made, cause: unknown) {
    super('the answer to a commit did not come', { cause })
    this.xid = made.xid
    this.life = made.life
    this.proof = made.proof
    this.result = made.result
    this.changes = made.changes
  }
}

/** The parts of one transaction: its connection, its statements, and what is sent at its end. */
export interface TransactionParts {
  readonly session: Session
  readonly databaseClock: DatabaseClock
  readonly tx: PostgresTx
  /** Sends the last statement before the commit, if there is one. */
  readonly farewell: () => void
  /** The news of the changes that the transaction has made. */
  readonly news: () => News
}

/**
 * Runs `work` in a transaction on the session. @throws {UncertainCommit} where it may have been done.
 */
export async function transactOn<T>(
  { session, databaseClock, tx, farewell, news }: TransactionParts,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const { sentAt } = databaseClock
  session.script(session.hasSettings ? begin : beginWithSettings).catch(() => undefined)
  const begun = session.rows(whichAndWhen, []).then(([row]) => {
    databaseClock.heard(Number(row?.['now']), sentAt)
    return { xid: String(row?.['xid']), life: row?.['life'] == null ? null : String(row['life']) }
  })
  begun.catch(() => undefined)
  let made: Made & { readonly result: T }
  try {
    const result = await work(tx)
    farewell()
    made = { ...(await begun), proof: tx.proof, result, changes: tx.changes }
  } catch (error) {
    const first = await begun.then(
      () => tx.firstError(error),
      (failure: unknown) => failure,
    )
    await session.script('ROLLBACK')
    throw first
  }
  const committing = commit(session, made)
  const told = news()
  told.behind(session)
  const [sent, committed] = await Promise.allSettled([tx.settled(), committing])
  if (committed.status === 'fulfilled') {
    told.isDone()
    return made.result
  }
  const isUncertain = committed.reason instanceof UncertainCommit
  throw sent.status === 'rejected' && !isUncertain
    ? await tx.firstError(sent.reason)
    : committed.reason
}

async function commit(session: Session, made: Made): Promise<void> {
  let command: string | undefined
  try {
    command = (await session.script('COMMIT'))[0]?.command
  } catch (cause) {
    throw new UncertainCommit(made, cause)
  }
  // After an error in a statement before it, COMMIT fulfils, and has rolled back.
  if (command !== 'COMMIT')
    throw new CheckreinError('INTERNAL', { message: `a commit ended with ${command}` })
}
