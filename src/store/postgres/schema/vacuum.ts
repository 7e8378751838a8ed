/** Whether dead rows are cleaned up: where claims become slow after days, dead rows that stay are nearly always the cause. */
import { humanDuration } from '../../../core/duration.ts'
import type { Finding } from '../../store.ts'
import type { Session } from '../connection/session.ts'
import type { Row } from '../../driver/sql.ts'

/** Autovacuum begins at 5,000 dead rows and 1 % of the runs; where there are more than this, and `deadShare` of the live rows besides, it does not keep up. */
const manyDead = 50_000
const deadShare = 0.2
/** A transaction that is open for longer is reported: no row that died since it began can be cleaned up. */
const longestMs = 600_000
/** A table of this size should have been analyzed: without statistics the planner chooses bad plans for it. */
const largeTable = 10_000

const tableQuery = `
  SELECT s.relname AS name, s.n_live_tup AS live, s.n_dead_tup AS dead,
    (s.last_analyze IS NULL AND s.last_autoanalyze IS NULL)::int AS is_unknown,
    (coalesce(array_to_string(c.reloptions, ','), '') ~ 'autovacuum_enabled=(false|off|0|no)')::int AS is_off
  FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid WHERE s.schemaname = $1 ORDER BY s.relname`
/** Reads which transaction holds dead rows back for longest. A user without rights on statistics sees no sessions of other users. */
const holderQuery = `
  SELECT (extract(epoch FROM clock_timestamp() - at) * 1000)::bigint AS age, who, remedy FROM (
    SELECT xact_start AS at, format('pid %s (%s, %s)', pid, coalesce(nullif(application_name, ''), usename::text), state) AS who,
      format('SELECT pg_terminate_backend(%s);', pid) AS remedy
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend'
    UNION ALL
    SELECT prepared, format('the prepared transaction %L', gid), format('ROLLBACK PREPARED %L;', gid)
    FROM pg_prepared_xacts WHERE database = current_database()) AS holders
  ORDER BY at LIMIT 1`
const settingQuery = `
  SELECT current_setting('autovacuum') AS autovacuum, current_setting('track_counts') AS counts`

/** The findings `vacuum`, one at least. @param longMs how old a transaction may be. */
export async function vacuumFindings(
  session: Session,
  schema: string,
  longMs = longestMs,
): Promise<readonly Finding[]> {
  const [[setting], tables, [holder]] = await Promise.all([
    session.rows(settingQuery, []),
    session.rows(tableQuery, [schema]),
    session.rows(holderQuery, []),
  ])
  const wrong = [
    ...settingWarnings(setting),
    ...tables.flatMap((table) => tableWarnings(schema, table)),
    ...holderWarnings(holder, longMs),
  ]
  if (wrong.length > 0) return wrong
  const dead = tables.reduce((sum, table) => sum + Number(table['dead']), 0)
  return [
    { name: 'vacuum', level: 'ok', message: `${dead} dead rows, and nothing holds them back` },
  ]
}

const warning = (message: string, hint: string): Finding => ({
  name: 'vacuum',
  level: 'warning',
  message,
  hint,
})

function settingWarnings(setting: Row | undefined): Finding[] {
  const off = ['autovacuum', 'track_counts'].filter(
    (_, at) => setting?.[['autovacuum', 'counts'][at] ?? ''] === 'off',
  )
  return off.map((name) =>
    warning(
      `${name} is off: dead rows stay, and every claim reads past them`,
      `ALTER SYSTEM SET ${name} = on; SELECT pg_reload_conf();`,
    ),
  )
}

function tableWarnings(schema: string, table: Row): Finding[] {
  const name = `"${schema}".${table['name']}`
  const [live, dead] = [Number(table['live']), Number(table['dead'])]
  const isBehind = dead > manyDead + deadShare * live
  return [
    ...(table['is_off'] === 1
      ? [
          warning(
            `autovacuum is off for ${name}: dead rows stay, and every claim reads past them`,
            `ALTER TABLE ${name} RESET (autovacuum_enabled);`,
          ),
        ]
      : []),
    ...(isBehind
      ? [
          warning(
            `${name} has ${dead} dead rows and ${live} others: autovacuum does not keep up`,
            `VACUUM (ANALYZE) ${name}; then see what held it back: docs/postgres.md has the settings.`,
          ),
        ]
      : []),
    ...(table['is_unknown'] === 1 && live > largeTable
      ? [warning(`${name} has ${live} rows and was never analyzed`, `ANALYZE ${name};`)]
      : []),
  ]
}

function holderWarnings(holder: Row | undefined, longMs: number): Finding[] {
  const age = Number(holder?.['age'] ?? -1)
  if (age < longMs) return []
  return [
    warning(
      `${String(holder?.['who'])} has a transaction open for ${humanDuration(age)}: no row that died since is cleaned up`,
      `End it, if nobody needs it any more: ${String(holder?.['remedy'])}`,
    ),
  ]
}
