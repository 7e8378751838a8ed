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

// One statement, so that a store which another process is making is either not there yet, or whole.
const foreignTables = `SELECT name FROM sqlite_schema
  WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'checkrein_schema')
  ORDER BY name`
const mostNamed = 5

/**
 * Refuses a database that holds tables of another program and no store: a mistyped URL must not put ours among them.
 * @param mayShare whether somebody has asked for our tables in it: then only names of ours are refused.
 * @throws {CheckreinError} `SCHEMA_FOREIGN`.
 */
export function refuseForeign(connection: Connection, file: string, mayShare: boolean): void {
  const all = connection.all(foreignTables).map(({ name }) => String(name))
  const tables = mayShare ? all.filter((name) => name.startsWith('checkrein_')) : all
  if (tables.length === 0) return
  const more = tables.length > mostNamed ? ` and ${tables.length - mostNamed} more` : ''
  throw new CheckreinError('SCHEMA_FOREIGN', {
    message: `${file} is a database of another program, with the tables ${tables.slice(0, mostNamed).join(', ')}${more}`,
    hint: mayShare
      ? 'Nothing was changed. Name another file: these names are those of our own tables.'
      : 'Nothing was changed. Check the URL, and give Checkrein a file of its own; `checkrein migrate` makes its tables in this one, so that your transactions can take in both.',
    details: { file, tables },
  })
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
