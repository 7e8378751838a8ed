/**
 * The schema, made and brought up to date.
 *
 * All pending migrations are one transaction, under a lock that two migrators cannot both have: the second one finds the
 * work done. Each row of `migrations` says which version a program must know at least to go on with the schema, so that
 * the workers of a fleet may be replaced one by one:
 *
 * - `-- works with: 3` in a migration promises that programs which know version 3 go on as before. They do, and more of
 *   them may start.
 * - A migration that promises nothing ends the time of the programs before it. It is refused while workers are live, for
 *   nobody knows what their statements would do to the new tables; afterwards no such program can open the store.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { CheckreinError } from '../../../core/errors.ts'
import {
  type Migrated,
  type MigrateOptions,
  type Migration,
  migrationsIn,
} from '../../driver/migrations.ts'
import { tables } from '../tables.ts'
import { isLockTimeout, storeError } from '../connection/errors.ts'
import type { Link } from '../connection/link.ts'
import type { Session } from '../connection/session.ts'
import { begin, beginWithSettings } from '../connection/settings.ts'

const folder = new URL('../migrations/', import.meta.url)
const createTable = `CREATE TABLE IF NOT EXISTS migrations (
  version integer PRIMARY KEY, name text NOT NULL, needed_version integer NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());`

/** A migration waits so long for a table that others use, then lets them go on, and tries again. */
const lockMs = 3000
const mostTries = 10
const longestPauseMs = 1000
/** An index on a long history takes its time. */
const answerMs = 3_600_000

/** The schema that is made or brought up to date, and how its database is called. */
export interface SchemaParts {
  readonly schema: string
  /** How the database is called in messages. */
  readonly where: string
}

interface MigrationParts extends SchemaParts, MigrateOptions {
  /** Default: those of this package. */
  readonly all?: readonly Migration[]
}

/** The state in which a schema was found. */
interface Found {
  /** The version of the schema; 0 where there is no store. */
  readonly version: number
  /** The lowest version that a program must know to work with the schema. */
  readonly neededVersion: number
  readonly hasSchema: boolean
  /** The tables of another program that have names of ours. */
  readonly foreign: readonly string[]
}

/** The migrations of this package, in order. */
export const migrations = (): readonly Migration[] => migrationsIn(folder)

async function find(session: Session, schema: string): Promise<Found> {
  const rows = await session.rows(
    `SELECT n.nspname, c.relname, EXISTS (
        SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'needed_version')::int AS is_ours
      FROM pg_namespace AS n LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = ANY($2::text[])
      WHERE n.nspname = $1`,
    [schema, tables],
  )
  const hasVersions = rows.some((row) => row['relname'] === 'migrations' && row['is_ours'] === 1)
  const [row] = hasVersions
    ? await session.rows(
        `SELECT coalesce(max(version), 0) AS version, coalesce(max(needed_version), 0) AS needed FROM "${schema}".migrations`,
        [],
      )
    : []
  const version = Number(row?.['version'] ?? 0)
  const foreign = rows.filter((one) => one['relname'] !== null && one['is_ours'] === 0)
  return {
    version,
    neededVersion: Number(row?.['needed'] ?? 0),
    hasSchema: rows.length > 0,
    foreign: version > 0 ? [] : foreign.map((one) => String(one['relname'])),
  }
}

/** The version in the line `-- works with: 3` of a migration; without the line only programs that know the migration can go on. */
function neededVersion({ sql, version }: Migration): number {
  return Number(/^-- works with: (\d+)$/m.exec(sql)?.[1] ?? version)
}

/** The statements that bring the schema up to date, for a transaction that holds the lock. */
function statementsFor(
  { version, hasSchema }: Found,
  pending: readonly Migration[],
  schema: string,
): string {
  // Where the schema is there, this user need not have the right to make one.
  const create = hasSchema ? [] : [`CREATE SCHEMA "${schema}";`]
  const made = pending.flatMap((migration) => [
    `-- ${String(migration.version).padStart(4, '0')}_${migration.name}`,
    migration.sql.trim(),
    `INSERT INTO migrations (version, name, needed_version) VALUES (${migration.version}, '${migration.name}', ${neededVersion(migration)});`,
  ])
  const table = version === 0 ? [createTable] : []
  return [...create, `SET LOCAL search_path TO "${schema}";`, ...table, ...made].join('\n\n')
}

const lock = (schema: string): string =>
  `SELECT pg_advisory_xact_lock(hashtextextended('checkrein ${schema}', 0));`

/** The whole migration as a script for `psql`. */
function scriptOf(statements: string, schema: string): string {
  return `${begin};\n${lock(schema)}\n\n${statements}\n\nCOMMIT;\n`
}

/** Whether the schema is as this program wants it. @throws {CheckreinError} where it is not, and must not be changed. */
export async function isUpToDate(
  session: Session,
  parts: MigrationParts & { readonly migrate: boolean },
): Promise<boolean> {
  const known = (parts.all ?? migrations()).length
  const found = await find(session, parts.schema)
  refuseTooNew(found, { known, where: parts.where })
  if (found.version >= known) return true
  if (parts.migrate) return false
  throw found.version === 0 ? noStore(parts) : tooOld(parts, found.version)
}

/** Brings the schema up to date, however long it takes. @throws {CheckreinError} `SCHEMA_…`, `STORE_…`. */
export function migrateBy(link: Link, parts: MigrationParts): Promise<Migrated> {
  return link.patiently(() =>
    link.borrow(
      (session) => migratePostgres(session, parts),
      parts.isDryRun ? undefined : answerMs,
    ),
  )
}

/** Brings the schema up to date on one connection. @throws {CheckreinError} as `migrateBy`; also errors of `pg` as they are. */
export async function migratePostgres(session: Session, parts: MigrationParts): Promise<Migrated> {
  if (parts.isDryRun) return planned(session, parts)
  for (let tries = 1; ; tries++) {
    try {
      return await migrateOnce(session, parts)
    } catch (error) {
      if (!isLockTimeout(error) || tries >= mostTries) throw await explained(session, parts, error)
    }
    await pause(Math.random() * longestPauseMs)
  }
}

async function planned(session: Session, parts: MigrationParts): Promise<Migrated> {
  const { all = migrations(), schema, where } = parts
  const found = await find(session, schema)
  refuseTooNew(found, { known: all.length, where })
  refuseForeign(found, parts)
  const pending = all.slice(found.version)
  const sql = pending.length === 0 ? '' : scriptOf(statementsFor(found, pending, schema), schema)
  return { from: found.version, to: Math.max(found.version, all.length), sql }
}

async function migrateOnce(session: Session, parts: MigrationParts): Promise<Migrated> {
  const { all = migrations(), schema, where, isForced = false } = parts
  await session.script(
    `${beginWithSettings}; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0`,
  )
  try {
    await session.script(`${lock(schema)} SET LOCAL lock_timeout = ${lockMs}`)
    const found = await find(session, schema)
    refuseTooNew(found, { known: all.length, where })
    refuseForeign(found, parts)
    const pending = all.slice(found.version)
    if (!isForced) await refuseInUse(session, parts, { found, pending })
    const sql = pending.length === 0 ? '' : statementsFor(found, pending, schema)
    if (sql !== '') await session.script(sql)
    await session.script('COMMIT')
    return { from: found.version, to: Math.max(found.version, all.length), sql }
  } catch (error) {
    await session.script('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/** Refuses a migration that the programs of today do not work with, while workers hold leases. */
async function refuseInUse(
  session: Session,
  { schema, where }: SchemaParts,
  { found, pending }: { readonly found: Found; readonly pending: readonly Migration[] },
): Promise<void> {
  const breaking = pending.find((migration) => neededVersion(migration) > found.version)
  if (!breaking || found.version === 0) return
  const live = await session.rows(
    `SELECT id, host, pid, version FROM "${schema}".workers
      WHERE lease_until > extract(epoch FROM clock_timestamp()) * 1000 ORDER BY id LIMIT 10`,
    [],
  )
  if (live.length === 0) return
  const who = live.map(({ id, host, pid }) => `${id} (pid ${pid} on ${host})`)
  throw new CheckreinError('SCHEMA_IN_USE', {
    message: `Migration ${breaking.version} of ${where} does not work with the workers that run: ${who.join(', ')}`,
    hint: 'Nothing was changed. Stop them, then migrate; `checkrein migrate --force` does not wait for that, and their writes may fail.',
    details: { version: found.version, needed: neededVersion(breaking), workers: live },
  })
}

/** Explains an error of a migration: where a right is missing, it names what this user could not make. */
async function explained(
  session: Session,
  parts: MigrationParts,
  error: unknown,
): Promise<unknown> {
  const known = storeError(error, parts.where)
  if (known.code !== 'STORE_FORBIDDEN') return error
  const found = await find(session, parts.schema).catch(() => null)
  const hint =
    'Have a user who may create it run `checkrein migrate`, and grant this one its role: docs/postgres.md.'
  if (found && found.version > 0) return tooOld(parts, found.version, { cause: error, hint })
  return new CheckreinError('STORE_FORBIDDEN', {
    message: `There is no store in the schema ${parts.schema} of ${parts.where}, and this user may not make one: ${known.message}`,
    hint,
    details: known.details,
    cause: error,
  })
}

function tooOld(
  { schema, where, all = migrations() }: MigrationParts,
  version: number,
  { cause, hint }: { readonly cause?: unknown; readonly hint?: string } = {},
): CheckreinError {
  const needed = all.length
  return new CheckreinError('SCHEMA_TOO_OLD', {
    message: `The schema ${schema} of ${where} has version ${version}; this Checkrein needs ${needed}`,
    hint: hint ?? 'Bring it up to date: checkrein migrate. `--dry-run` shows what that would do.',
    details: { version, needed },
    cause,
  })
}

function noStore({ schema, where }: SchemaParts): CheckreinError {
  return new CheckreinError('STORE_UNAVAILABLE', {
    message: `There is no store in the schema ${schema} of ${where}`,
    hint: 'Check the URL and the schema. `checkrein migrate`, a worker, or the first enqueue makes the store.',
    details: { where, schema },
  })
}

function refuseTooNew(
  { version, neededVersion }: Found,
  { known, where }: { readonly known: number; readonly where: string },
): void {
  if (neededVersion <= known) return
  throw new CheckreinError('SCHEMA_TOO_NEW', {
    message: `${where} has schema version ${version}; this Checkrein knows versions up to ${known}`,
    hint: 'Update the checkrein package of this program to the one that the others use. Nothing was changed.',
    details: { version, known },
  })
}

/** Refuses a schema in which another program has tables with names of ours. */
function refuseForeign({ foreign }: Found, { schema, where }: SchemaParts): void {
  if (foreign.length === 0) return
  throw new CheckreinError('SCHEMA_FOREIGN', {
    message: `The schema ${schema} of ${where} has tables of another program: ${foreign.join(', ')}`,
    hint: 'Nothing was changed. Give Checkrein a schema of its own: `?schema=checkrein` in the URL, or --schema checkrein.',
    details: { schema, tables: foreign },
  })
}
