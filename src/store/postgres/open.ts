/** PostgreSQL, opened by a URL or over a pool of the caller's. */
import { CheckreinError } from '../../core/errors.ts'
import type { Migrated, MigrateOptions } from '../driver/migrations.ts'
import { shownUrl, type StorePlace } from '../place.ts'
import { PostgresDriver, type PostgresDriverOptions } from './driver.ts'
import { Link, type LinkParts } from './connection/link.ts'
import { migrateBy } from './schema/migrate.ts'
import { type PostgresOptions, postgresSettings } from './connection/options.ts'
import type { PgPool } from './connection/pg.ts'

/** @throws {CheckreinError} as `openStore`. */
export function openPostgres(
  place: StorePlace,
  options: PostgresDriverOptions,
): Promise<PostgresDriver> {
  return PostgresDriver.open(linkParts(place, options), options)
}

/** @throws {CheckreinError} as `migrateStore`. */
export async function migratePostgres(
  place: StorePlace,
  options: PostgresOptions & MigrateOptions,
): Promise<Migrated> {
  const parts = linkParts(place, options)
  const { isDryRun = false, isForced = false } = options
  await using link = await Link.open(parts)
  const { where, settings } = parts
  return await migrateBy(link, { schema: settings.schema, where, isDryRun, isForced })
}

function linkParts(place: StorePlace, options: PostgresOptions): LinkParts {
  if (typeof place !== 'string') refuseSmallPool(place)
  const where = typeof place === 'string' ? shownUrl(place) : "the pool's database"
  return { to: place, where, settings: postgresSettings(options) }
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
