/**
 * The schema, made and brought up to date.
 *
 * All pending migrations are one transaction, under a lock that two migrators cannot both have: the second one finds the
 * work done. Each row of `migrations` says which version a program must know at least to go on with the schema, so that
 * the workers of a fleet may be replaced one by one.
 */
import { CheckreinError } from '../../core/errors.ts'
import { type Migration, migrationsIn } from '../migrate.ts'
import type { Session } from './session.ts'

const folder = new URL('./migrations/', import.meta.url)

export interface SchemaParts {
  readonly schema: string
  readonly where: string
}

/** Which migrations a schema has. */
interface SchemaVersion {
  /** 0 where there is none. */
  readonly version: number
  /** What a program must know at least. */
  readonly neededVersion: number
}

/** The migrations of this package, in order. */
export const migrations = (): readonly Migration[] => migrationsIn(folder)

async function versionOf(session: Session, schema: string): Promise<SchemaVersion> {
  const table = `"${schema}".migrations`
  const [found] = await session.rows('SELECT to_regclass($1)::text AS name', [table])
  if (found?.['name'] == null) return { version: 0, neededVersion: 0 }
  const [row] = await session.rows(
    `SELECT coalesce(max(version), 0) AS version, coalesce(max(needed_version), 0) AS needed FROM ${table}`,
    [],
  )
  return { version: Number(row?.['version']), neededVersion: Number(row?.['needed']) }
}

/** The statements that would bring the schema up to date, as SQL; empty where it is. @throws {CheckreinError} `SCHEMA_TOO_NEW`. */
export async function pendingSql(
  session: Session,
  { schema, where }: SchemaParts,
  all = migrations(),
): Promise<string> {
  const has = await versionOf(session, schema)
  refuseTooNew(has, { known: all.length, where })
  const pending = all.slice(has.version)
  if (pending.length === 0) return ''
  const table = `CREATE TABLE IF NOT EXISTS migrations (
  version integer PRIMARY KEY, name text NOT NULL, needed_version integer NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());`
  return [
    ...(has.version === 0 ? [`CREATE SCHEMA IF NOT EXISTS "${schema}";`] : []),
    `SET LOCAL search_path TO "${schema}";`,
    ...(has.version === 0 ? [table] : []),
    ...pending.flatMap(({ version, name, sql }) => [
      sql.trim(),
      `INSERT INTO migrations (version, name, needed_version) VALUES (${version}, '${name}', ${neededVersion(sql, version)});`,
    ]),
  ].join('\n\n')
}

/** `-- works with: 3` in a migration says that programs which know version 3 can go on; by default only those that know it. */
function neededVersion(sql: string, version: number): number {
  return Number(/^-- works with: (\d+)$/m.exec(sql)?.[1] ?? version)
}

/** Brings the schema up to date. @returns how many migrations were made. */
export async function migratePostgres(
  session: Session,
  parts: SchemaParts,
  all = migrations(),
): Promise<number> {
  await session.script('BEGIN')
  try {
    await session.rows("SELECT pg_advisory_xact_lock(hashtextextended('checkrein ' || $1, 0))", [
      parts.schema,
    ])
    const { version } = await versionOf(session, parts.schema)
    const sql = await pendingSql(session, parts, all)
    if (sql !== '') await session.script(sql)
    await session.script('COMMIT')
    return all.length - Math.min(version, all.length)
  } catch (error) {
    await session.script('ROLLBACK')
    throw error
  }
}

/** Sees to it that the schema can be used. @throws {CheckreinError} `SCHEMA_…`, `STORE_UNAVAILABLE` where there is none and none is to be made. */
export async function prepareSchema(
  session: Session,
  parts: SchemaParts & { readonly migrate: boolean; readonly create: boolean },
): Promise<void> {
  const { schema, where, migrate, create } = parts
  const all = migrations()
  const has = await versionOf(session, schema)
  refuseTooNew(has, { known: all.length, where })
  if (has.version >= all.length) return
  if (migrate) await migratePostgres(session, parts, all)
  else if (has.version === 0 && !create) throw noStore(parts)
  else
    throw new CheckreinError('SCHEMA_TOO_OLD', {
      message: `The schema ${schema} of ${where} has version ${has.version}; this Checkrein needs ${all.length}`,
      hint: 'Bring it up to date: checkrein migrate. Workers of the version before go on meanwhile.',
      details: { version: has.version, needed: all.length },
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
  { version, neededVersion }: SchemaVersion,
  { known, where }: { readonly known: number; readonly where: string },
): void {
  if (neededVersion <= known) return
  throw new CheckreinError('SCHEMA_TOO_NEW', {
    message: `${where} has schema version ${version}; this Checkrein knows versions up to ${known}`,
    hint: 'Update the checkrein package of this program to the one that the others use. Nothing was changed.',
    details: { version, known },
  })
}
