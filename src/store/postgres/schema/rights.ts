/** The rights that producers, operators and workers need in the database; docs/postgres.md has them as GRANTs, and a test tries each. */
import type { TableName } from '../tables.ts'
import type { Finding } from '../../store.ts'
import type { Session } from '../connection/session.ts'

/** The rights of each role, as a GRANT has them. A statement that locks a row needs the right to change a column of it. */
const roles = {
  producers: [
    'SELECT ON migrations',
    'SELECT ON runs',
    'INSERT ON runs',
    'UPDATE (key_held) ON runs',
    'INSERT ON tags',
    'SELECT ON feed',
    'INSERT ON feed',
    'SELECT ON tombstones',
    'DELETE ON tombstones',
    'SELECT ON checkpoints',
    'SELECT ON signals',
    'SELECT ON holds',
    'INSERT ON checkpoints',
    'SELECT ON workflows',
    'INSERT ON workflows',
    'UPDATE (key_held) ON workflows',
    'SELECT ON nodes',
    'INSERT ON nodes',
  ],
  operators: [
    'SELECT ON migrations',
    'SELECT ON runs',
    'UPDATE ON runs',
    'SELECT ON tags',
    'SELECT ON feed',
    'INSERT ON feed',
    'SELECT ON workers',
    'SELECT ON tombstones',
    'INSERT ON tombstones',
    'UPDATE ON tombstones',
    'DELETE ON tombstones',
    'SELECT ON checkpoints',
    'SELECT ON signals',
    'INSERT ON signals',
    'UPDATE ON signals',
    'SELECT ON bulks',
    'INSERT ON bulks',
    'UPDATE ON bulks',
    'SELECT ON holds',
    'SELECT ON workflows',
    'UPDATE ON workflows',
    'SELECT ON nodes',
    'UPDATE ON nodes',
    'INSERT ON holds',
    'UPDATE ON holds',
    'DELETE ON holds',
  ],
  workers: [
    'SELECT ON migrations',
    'SELECT ON runs',
    'INSERT ON runs',
    'UPDATE ON runs',
    'DELETE ON runs',
    'SELECT ON tags',
    'INSERT ON tags',
    'DELETE ON tags',
    'SELECT ON feed',
    'INSERT ON feed',
    'UPDATE ON feed',
    'DELETE ON feed',
    'SELECT ON workers',
    'INSERT ON workers',
    'UPDATE ON workers',
    'DELETE ON workers',
    'SELECT ON tombstones',
    'DELETE ON tombstones',
    'SELECT ON checkpoints',
    'INSERT ON checkpoints',
    'UPDATE ON checkpoints',
    'DELETE ON checkpoints',
    'SELECT ON borrowed',
    'INSERT ON borrowed',
    'DELETE ON borrowed',
    'SELECT ON signals',
    'INSERT ON signals',
    'UPDATE ON signals',
    'DELETE ON signals',
    'SELECT ON bulks',
    'UPDATE ON bulks',
    'SELECT ON holds',
    'INSERT ON bulks',
    'SELECT ON workflows',
    'UPDATE ON workflows',
    'DELETE ON workflows',
    'SELECT ON nodes',
    'UPDATE ON nodes',
    'DELETE ON nodes',
    'DELETE ON holds',
  ],
} as const satisfies Record<string, readonly `${string} ON ${TableName}`[]>
const wanted = [...new Set(Object.values(roles).flat())]

/** The finding `rights`: the roles of which the present user has all rights, or a warning with the rights that it lacks for each. */
export async function rightsFinding(session: Session, schema: string): Promise<Finding> {
  const checks = wanted.map((right) => `${check(schema, right)}::int AS "${right}"`)
  const [row] = await session.rows(`SELECT current_user::text AS name, ${checks.join(', ')}`, [])
  const entries = Object.entries(roles).map(([role, rights]) => {
    return { role, missing: rights.filter((right) => row?.[right] !== 1) }
  })
  const name = String(row?.['name'])
  const able = entries.filter(({ missing }) => missing.length === 0).map(({ role }) => role)
  if (able.length > 0) {
    const message = `user ${name} may do what ${able.join(', ')} do`
    return { name: 'rights', level: 'ok', message }
  }
  const lacks = entries.map(({ role, missing }) => `for ${role} ${missing.join(', ')}`)
  return {
    name: 'rights',
    level: 'warning',
    message: `user ${name} lacks rights: ${lacks.join('; ')}`,
    hint: 'Grant it one of the roles in docs/postgres.md.',
  }
}

function check(schema: string, right: string): string {
  const [, action = '', column, table = ''] = /^(\w+)(?: \((\w+)\))? ON (\w+)$/.exec(right) ?? []
  const place = `'"${schema}".${table}'`
  return column === undefined
    ? `has_table_privilege(${place}, '${action}')`
    : `has_column_privilege(${place}, '${column}', '${action}')`
}
