import { existsSync } from 'node:fs'
import { CheckreinError } from '../../core/errors.ts'
import { type Migrated, type Migration, migrationsIn, pending } from '../driver/migrations.ts'
import { Connection } from './connection.ts'
import { fileError } from './file.ts'

const own = (): readonly Migration[] => migrationsIn(new URL('./migrations/', import.meta.url))
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

interface MigrationParts {
  readonly file: string
  /** Default: those of this package. */
  readonly all?: readonly Migration[]
}

/** Whether `migrateSqlite` would write anything. @throws {CheckreinError} `SCHEMA_TOO_NEW`. */
export function needsMigration(
  connection: Connection,
  { file, all = own() }: MigrationParts,
): boolean {
  return pending(all, schemaVersion(connection), file).length > 0
}

/** Brings the schema up to date, within the caller's write transaction. @param parts `now`: epoch ms. */
export function migrateSqlite(
  connection: Connection,
  { file, all = own(), now }: MigrationParts & { readonly now: number },
): void {
  const version = schemaVersion(connection)
  if (version === 0) connection.exec(createTable)
  for (const migration of pending(all, version, file)) {
    connection.exec(migration.sql)
    const insert = 'INSERT INTO checkrein_schema (version, name, applied_at) VALUES (?1, ?2, ?3)'
    connection.all(insert, [migration.version, migration.name, now])
  }
}

/** Tells which migrations a file would need, and their SQL, without applying them; a file that is not there is not made. @throws {CheckreinError} as opening it does. */
export function sqliteMigration(file: string, all: readonly Migration[] = own()): Migrated {
  try {
    const from = versionOf(file)
    const todo = pending(all, from, file)
    const table = from === 0 ? [`${createTable};`] : []
    const sql = todo.map(({ version, name, sql }) => `-- ${version} ${name}\n${sql.trim()}`)
    return { from, to: from + todo.length, sql: [...table, ...sql].join('\n\n') }
  } catch (error) {
    throw fileError(error, file)
  }
}

function versionOf(file: string): number {
  if (!existsSync(file)) return 0
  const connection = Connection.open(file)
  try {
    return schemaVersion(connection)
  } finally {
    connection.close()
  }
}

/** The error `SCHEMA_TOO_OLD` for a store that would need a migration where none is allowed. */
export function tooOld(file: string, version: number): CheckreinError {
  const needed = own().length
  return new CheckreinError('SCHEMA_TOO_OLD', {
    message: `${file} has schema version ${version}; this Checkrein needs ${needed}`,
    hint: 'Bring it up to date: checkrein migrate. `--dry-run` shows what that would do.',
    details: { version, needed },
  })
}
