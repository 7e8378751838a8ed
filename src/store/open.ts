import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'
import { CheckreinError } from '../core/errors.ts'
import { PostgresDriver, type PostgresDriverOptions } from './postgres/driver.ts'
import type { Migrated, MigrateOptions } from './migrate.ts'
import { shownUrl } from './postgres/hosts.ts'
import { Link, type LinkParts } from './postgres/link.ts'
import { migrateBy } from './postgres/migrate.ts'
import { postgresSettings } from './postgres/options.ts'
import type { PgPool } from './postgres/pg.ts'
import { SqlStore } from './sql-store.ts'
import { SqliteDriver, type SqliteOptions } from './sqlite/driver.ts'
import { sqliteMigration } from './sqlite/migrate.ts'
import type { Store } from './store.ts'

export { shownUrl }
export type { Migrated, MigrateOptions }
export type StoreOptions = SqliteOptions & PostgresDriverOptions

/** What names a store: a URL, or a `pg.Pool` of the caller's. */
export type StorePlace = string | PgPool

/**
 * Opens a store, and makes it where it does not exist: `sqlite:work.db`, `sqlite:/var/lib/work.db`,
 * `postgres://user:password@host:5432/database`, or a `pg.Pool`.
 * @throws {CheckreinError} `STORE_URL` for a URL that names none; `STORE_…`, `SCHEMA_…`, `SQLITE_UNSAFE` where it cannot be opened.
 */
export async function openStore(place: StorePlace, options: StoreOptions = {}): Promise<Store> {
  refuseNoPlace(place)
  if (typeof place === 'string' && !isPostgresUrl(place))
    return new SqlStore(await SqliteDriver.open(sqliteFile(place), options))
  return new SqlStore(await PostgresDriver.open(linkParts(place, options), options))
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
  const parts = linkParts(place, options)
  const { isDryRun = false, isForced = false } = options
  await using link = await Link.open(parts)
  const { where, settings } = parts
  return await migrateBy(link, { schema: settings.schema, where, isDryRun, isForced })
}

async function migrateFile(
  place: string,
  options: StoreOptions & MigrateOptions,
): Promise<Migrated> {
  const file = sqliteFile(place)
  const migration = sqliteMigration(file)
  if (!options.isDryRun && migration.sql !== '') {
    await using _ = await SqliteDriver.open(file, options)
  }
  return migration
}

function linkParts(place: StorePlace, options: StoreOptions): LinkParts {
  if (typeof place !== 'string') refuseSmallPool(place)
  const where = typeof place === 'string' ? shownUrl(place) : "the pool's database"
  return { to: place, where, settings: postgresSettings({ ...schemaIn(place), ...options }) }
}

/** One connection listens. */
function refuseSmallPool(pool: PgPool): void {
  const { options } = pool as { options?: { max?: unknown } }
  if (options?.max !== 1) return
  throw new CheckreinError('USAGE', {
    message: 'The pool has room for one connection, and Checkrein needs two at least',
    hint: 'Make it with `max: 4` or more: one connection listens for changes.',
  })
}

/** `?schema=name` in a URL. Prisma writes `public` there for its own tables, which are not to be mixed with ours. */
export function schemaIn(place: StorePlace): { schema?: string } {
  const schema = typeof place === 'string' ? /[?&]schema=([^&#]*)/.exec(place)?.[1] : undefined
  return schema === undefined || schema === 'public' ? {} : { schema }
}

function refuseNoPlace(place: unknown): void {
  const hasConnect = typeof (place as { connect?: unknown } | null)?.connect === 'function'
  if (typeof place === 'string' || hasConnect) return
  throw new CheckreinError('STORE_URL', {
    message: `${place === undefined ? 'undefined' : typeof place} names no store`,
    hint: "Give a URL, 'sqlite:work.db' or 'postgres://user:password@host/database', or a pg.Pool. Is the variable set?",
  })
}

export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:\/\//.test(url)
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
