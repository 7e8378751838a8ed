import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { CheckreinError } from '../../core/errors.ts'
import type { Param, Row } from '../driver.ts'

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

  all(sql: string, params: readonly Param[] = []): readonly Row[] {
    return this.#prepare(sql).all(...params.map(bound)) as unknown as readonly Row[]
  }

  /** Runs a statement that gives at most one row, once for each set of parameters. */
  each(sql: string, sets: readonly (readonly Param[])[]): readonly Row[] {
    const statement = this.#prepare(sql)
    const rows: Row[] = []
    for (const params of sets) {
      const row = statement.get(...params.map(bound))
      if (row !== undefined) rows.push(row as Row)
    }
    return rows
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

/** The caller's own connection, on which a transaction has begun. @throws {CheckreinError} `USAGE`. */
export function joinedConnection(transaction: unknown): Connection {
  const db = transaction as Partial<DatabaseSync> | null
  if (typeof db?.prepare !== 'function' || db.isTransaction === undefined) {
    throw new CheckreinError('USAGE', {
      message: 'That is not a transaction of this database',
      hint: 'Give the DatabaseSync of node:sqlite, open on the same file, on which you have begun one.',
    })
  }
  if (db.isTransaction) return new Connection(db as DatabaseSync)
  throw new CheckreinError('USAGE', {
    message: 'No transaction has begun on that connection',
    hint: "Begin it first: db.exec('BEGIN IMMEDIATE').",
  })
}
