/** The service's own table: what its users call their operations, and which workflow each of them is. */
import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'

export interface Operation {
  /** Its user's own id. */
  readonly id: string
  readonly workflow: string
  /** What was asked for, as JSON. */
  readonly wanted: string
  /** What the tasks have to say of it. */
  readonly note: string | null
}

/** A table of its own in a file of its own: the runs may be in any store. */
export class OperationsTable implements Disposable {
  readonly #db: DatabaseSync

  constructor(file: string) {
    this.#db = new DatabaseSync(file, { timeout: 5000 })
    this.#db.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE IF NOT EXISTS operations (
        id TEXT PRIMARY KEY, workflow TEXT NOT NULL UNIQUE, wanted TEXT NOT NULL, note TEXT) STRICT`)
  }

  /**
   * The operation of that id, which is made where there is none. The id of its workflow is on record before the workflow is: should the
   * service die in between, the same request again starts that one, and no other.
   */
  put(id: string, wanted: string): Operation {
    this.#db
      .prepare(
        'INSERT INTO operations (id, workflow, wanted) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      )
      .run(id, randomUUID(), wanted)
    const operation = this.get(id)
    if (!operation) throw new Error(`operation ${id} was just written`)
    return operation
  }

  get(id: string): Operation | null {
    const row = this.#db.prepare('SELECT * FROM operations WHERE id = ?').get(id)
    return (row as Operation | undefined) ?? null
  }

  all(): readonly Operation[] {
    return this.#db
      .prepare('SELECT * FROM operations ORDER BY rowid')
      .all() as unknown as Operation[]
  }

  note(workflow: string, note: string): void {
    this.#db.prepare('UPDATE operations SET note = ? WHERE workflow = ?').run(note, workflow)
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }
}
