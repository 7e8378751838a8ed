/** The door to the stores: which one a URL or a pool names, and how it is opened. */
import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'
import { CheckreinError } from '../core/errors.ts'
import type { PostgresDriverOptions } from './postgres/driver.ts'
import type { Migrated, MigrateOptions } from './driver/migrations.ts'
import { isPostgresUrl, schemaIn, shownUrl, type StorePlace } from './place.ts'
import { SqlStore } from './sql/sql-store.ts'
import { SqliteDriver } from './sqlite/driver.ts'
import type { SqliteOptions } from './sqlite/options.ts'
import type { BackedUp } from './sqlite/backup.ts'
import { sqliteMigration } from './sqlite/migrate.ts'
import type { Store } from './store.ts'

export type { BackedUp, Migrated, MigrateOptions, StorePlace }
/** The options of both kinds of stores; each takes its own. */
export type StoreOptions = SqliteOptions & PostgresDriverOptions

/** Loads the part for PostgreSQL where it is needed: a program that works on a file does without it. */
const loadPostgres = (): Promise<typeof import('./postgres/open.ts')> =>
  import('./postgres/open.ts')

/**
 * Opens a store, and makes it where it does not exist: `sqlite:work.db`, `sqlite:/var/lib/work.db`,
 * `postgres://user:password@host:5432/database`, or a `pg.Pool`.
 * @throws {CheckreinError} `STORE_URL` for a URL that names none; `STORE_…`, `SCHEMA_…`, `SQLITE_UNSAFE` where it cannot be opened.
 */
export async function openStore(place: StorePlace, options: StoreOptions = {}): Promise<Store> {
  refuseNoPlace(place)
  if (typeof place === 'string' && !isPostgresUrl(place))
    return new SqlStore(await SqliteDriver.open(sqliteFile(place), options))
  const { openPostgres } = await loadPostgres()
  return new SqlStore(await openPostgres(place, { ...schemaIn(place), ...options }))
}

/**
 * Makes the tables of a store, or brings them up to date; does nothing where they are.
 * @throws {CheckreinError} `SCHEMA_IN_USE` where workers run that a migration does not work with; as `openStore`.
 */
export async function migrateStore(
  place: StorePlace,
  options: StoreOptions & MigrateOptions = {},
): Promise<Migrated> {
  if (typeof place === 'string' && !isPostgresUrl(place)) return migrateFile(place, options)
  const { migratePostgres } = await loadPostgres()
  return migratePostgres(place, { ...schemaIn(place), ...options })
}

/**
 * Copies a store in a file into a new file, also while others write to it.
 * @throws {CheckreinError} `USAGE` where there is such a file already, or for a store on PostgreSQL; `STORE_…`.
 */
export async function backupStore(
  place: StorePlace,
  to: string,
  options: Pick<StoreOptions, 'schema'> = {},
): Promise<BackedUp> {
  refuseNoPlace(place)
  if (typeof place !== 'string' || isPostgresUrl(place))
    throw useDump({ ...schemaIn(place), ...options })
  const { backupSqlite } = await import('./sqlite/backup.ts')
  return backupSqlite(sqliteFile(place), to)
}

function useDump({ schema = 'checkrein' }: Pick<StoreOptions, 'schema'>): CheckreinError {
  return new CheckreinError('USAGE', {
    message: 'A store on PostgreSQL is backed up by the means of the server',
    hint: `For example: pg_dump --schema=${schema} --format=custom --file=store.dump <url>`,
  })
}

async function migrateFile(
  place: string,
  options: StoreOptions & MigrateOptions,
): Promise<Migrated> {
  const file = sqliteFile(place)
  const migration = sqliteMigration(file)
  if (!options.isDryRun && migration.sql !== '') {
    await using _ = await SqliteDriver.open(file, { ...options, mayShare: true })
  }
  return migration
}

function refuseNoPlace(place: unknown): void {
  const hasConnect = typeof (place as { connect?: unknown } | null)?.connect === 'function'
  if (typeof place === 'string' || hasConnect) return
  throw new CheckreinError('STORE_URL', {
    message: `${place === undefined ? 'undefined' : typeof place} names no store`,
    hint: "Give a URL, 'sqlite:work.db' or 'postgres://user:password@host/database', or a pg.Pool. Is the variable set?",
  })
}

function sqliteFile(url: string): string {
  if (url.startsWith('file:')) return fileURLToPath(url)
  const file = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(url)?.[1]
  if (file !== undefined && file !== ':memory:') return resolve(file)
  throw new CheckreinError('STORE_URL', {
    message: `${JSON.stringify(shownUrl(url))} does not name a store`,
    hint: "Use 'sqlite:work.db' or 'postgres://user:password@host:5432/database'.",
    details: { url: shownUrl(url) },
  })
}
