import { migrationsIn, pending } from '../migrate.ts'
import type { Tx } from '../driver.ts'
import type { Connection } from './connection.ts'

const folder = new URL('./migrations/', import.meta.url)
const hasTable = "SELECT 1 AS found FROM sqlite_schema WHERE name = 'checkrein_schema'"
const createTable =
  'CREATE TABLE checkrein_schema (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT'

/** The schema version of the file; 0 for one without our tables. */
export function schemaVersion(connection: Connection): number {
  if (connection.all(hasTable).length === 0) return 0
  return Number(
    connection.all('SELECT max(version) AS version FROM checkrein_schema')[0]?.['version'] ?? 0,
  )
}

/** Whether `migrateSqlite` would write anything. @throws {CheckreinError} `SCHEMA_TOO_NEW`. */
export function needsMigration(connection: Connection, file: string): boolean {
  return pending(migrationsIn(folder), schemaVersion(connection), file).length > 0
}

/** Brings the schema up to date, within the caller's write transaction. */
export async function migrateSqlite(connection: Connection, file: string, tx: Tx): Promise<void> {
  const version = schemaVersion(connection)
  if (version === 0) connection.exec(createTable)
  for (const migration of pending(migrationsIn(folder), version, file)) {
    connection.exec(migration.sql)
    const insert = 'INSERT INTO checkrein_schema (version, name, applied_at) VALUES (?1, ?2, ?3)'
    await tx.all(insert, [migration.version, migration.name, tx.now()])
  }
}
