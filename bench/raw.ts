/** The same writes with `node:sqlite` alone: one table, no rules. The cost of a queue is measured against them. */
import { randomUUIDv7 } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** The raw queue that is measured beside ours. */
export interface RawQueue extends AsyncDisposable {
  /** Rows in one transaction. */
  enqueue(count: number, input: string): Promise<void>
  /** Claims in one transaction and completes in another; how many. */
  work(count: number): Promise<number>
}

export class RawSqlite implements RawQueue {
  readonly #db: DatabaseSync
  readonly #insert
  readonly #claim
  readonly #complete

  constructor(folder: string) {
    this.#db = new DatabaseSync(join(folder, 'raw.db'))
    this.#db.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      CREATE TABLE runs (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, task TEXT, input TEXT, state TEXT, at INTEGER, result TEXT);
      CREATE INDEX ready ON runs (seq) WHERE state = 'queued'`)
    this.#insert = this.#db.prepare(
      'INSERT INTO runs (id, task, input, state, at) VALUES (?, ?, ?, ?, ?)',
    )
    this.#claim = this.#db.prepare(
      "UPDATE runs SET state = 'running' WHERE seq IN (SELECT seq FROM runs WHERE state = 'queued' ORDER BY seq LIMIT ?) RETURNING seq, input",
    )
    this.#complete = this.#db.prepare(
      "UPDATE runs SET state = 'completed', result = ? WHERE seq = ?",
    )
  }

  async enqueue(count: number, input: string): Promise<void> {
    this.#db.exec('BEGIN IMMEDIATE')
    for (let n = 0; n < count; n++)
      this.#insert.run(randomUUIDv7(), 'no-op', input, 'queued', Date.now())
    this.#db.exec('COMMIT')
  }

  async work(count: number): Promise<number> {
    const rows = this.#claim.all(count)
    this.#db.exec('BEGIN IMMEDIATE')
    for (const row of rows) this.#complete.run('null', row['seq'] ?? null)
    this.#db.exec('COMMIT')
    return rows.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#db.close()
  }
}
