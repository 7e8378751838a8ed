/** The service's own table. It maps the id that a user gave an operation to the workflow that does the work. */
import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'

export interface Operation {
  /** The id that the user gave it. */
  readonly id: string
  readonly workflow: string
  /** The request of the user, as JSON. */
  readonly wanted: string
  /** The last note that a task has written about it. */
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
   * Returns the operation with that id, and makes it if there is none. The id of its workflow is on record before the workflow is: if the
   * service dies in between, the same request again starts that workflow, and no other.
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
