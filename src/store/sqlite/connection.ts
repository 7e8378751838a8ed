import { realpathSync } from 'node:fs'
import { backup, DatabaseSync, type StatementSync } from 'node:sqlite'
import { CheckreinError } from '../../core/errors.ts'
import { Turns } from '../driver/turns.ts'
import type { Param, Row } from '../driver/sql.ts'

/** More pages than a database can have: a backup in one step. */
const allPages = 2_000_000_000

/** Lists go in as JSON. */
function bound(param: Param): string | number | null {
  return typeof param === 'object' && param !== null ? JSON.stringify(param) : param
}

/** One connection that prepares each statement once. Calls are synchronous and never wait for a lock. */
export class Connection {
  readonly #db: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  static open(file: string): Connection {
    return new Connection(new DatabaseSync(file, { timeout: 0 }))
  }

  /** Opens a file to read it. @param timeout how long a program that locks even readers out is waited for, in this thread, ms. */
  static openToRead(file: string, timeout: number): Connection {
    return new Connection(new DatabaseSync(file, { readOnly: true, timeout }))
  }

  /** Copies the database as it is at one moment, in another thread, into a file that is empty. */
  async copyTo(file: string): Promise<void> {
    await backup(this.#db, file, { rate: allPages })
  }

  all(sql: string, params: readonly Param[] = []): readonly Row[] {
    return this.#prepare(sql).all(...params.map(bound)) as unknown as readonly Row[]
  }

  /** Runs a statement once for each set of parameters; all their rows, in order. */
  each(sql: string, sets: readonly (readonly Param[])[]): readonly Row[] {
    const statement = this.#prepare(sql)
    return sets.flatMap((params) => statement.all(...params.map(bound)) as unknown as Row[])
  }

  /** Runs a statement once for each set of parameters; whether each changed a row. */
  change(sql: string, sets: readonly (readonly Param[])[]): boolean[] {
    const statement = this.#prepare(sql)
    return sets.map((params) => statement.run(...params.map(bound)).changes !== 0)
  }

  /** Inserts a row for each set of parameters; its rowid, or null where a conflict kept it out. */
  insert(sql: string, sets: readonly (readonly Param[])[]): (number | null)[] {
    const statement = this.#prepare(sql)
    return sets.map((params) => {
      const { changes, lastInsertRowid } = statement.run(...params.map(bound))
      return changes === 0 ? null : Number(lastInsertRowid)
    })
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    this.#prepared.set(sql, statement)
    return statement
  }

  /** Runs statements whose rows nobody wants; may be several. */
  exec(sql: string): void {
    this.#db.exec(sql)
  }

  get isInTransaction(): boolean {
    return this.#db.isTransaction
  }

  close(): void {
    this.#prepared.clear()
    if (this.#db.isOpen) this.#db.close()
  }
}

const turns = new Turns()

/**
 * Runs `work` on the caller's own connection, within the transaction that has begun there: as a whole or not at all, so that
 * an error of ours leaves the transaction as it was before. @throws {CheckreinError} `USAGE`.
 */
export async function inCallersTransaction<T>(
  transaction: unknown,
  file: string,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const db = joinable(transaction, file)
  return turns.take(db, async () => {
    if (!db.isTransaction) throw noTransaction()
    db.exec('SAVEPOINT checkrein')
    try {
      const result = await work(new Connection(db))
      db.exec('RELEASE checkrein')
      return result
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK TO checkrein; RELEASE checkrein')
      throw error
    }
  })
}

function joinable(transaction: unknown, file: string): DatabaseSync {
  const db = transaction as Partial<DatabaseSync> | null
  if (typeof db?.prepare !== 'function' || db.isTransaction === undefined) {
    throw new CheckreinError('USAGE', {
      message: 'That is not a transaction of this database',
      hint: 'Give the DatabaseSync of node:sqlite, open on the same file, on which you have begun one.',
    })
  }
  const other = (db as DatabaseSync).location()
  if (other !== null && realpathSync(other) === realpathSync(file)) return db as DatabaseSync
  throw new CheckreinError('USAGE', {
    message: `That connection is to ${other ?? 'a database in memory'}, and the store is ${file}`,
    hint: 'Open a connection to the same file.',
  })
}

function noTransaction(): CheckreinError {
  return new CheckreinError('USAGE', {
    message: 'No transaction has begun on that connection',
    hint: "Begin it first: db.exec('BEGIN IMMEDIATE').",
  })
}
