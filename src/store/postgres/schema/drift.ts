/** The differences between the tables and those that the migrations make, and how to mend each. */
import type { Finding } from '../../store.ts'
import { type FoundPart, partsIn, type SchemaPart, wantedParts } from './dump.ts'
import { migrations } from './migrate.ts'
import type { Session } from '../connection/session.ts'

/** The findings `schema` and, where anything is wrong with them, `indexes`. */
export async function driftFindings(session: Session, schema: string): Promise<readonly Finding[]> {
  const known = migrations().length
  const [row] = await session.rows(`SELECT max(version) AS version FROM "${schema}".migrations`, [])
  const version = Number(row?.['version'])
  if (version > known) {
    const message = `schema ${schema}, version ${version}: newer than this program, which knows ${known} and works with it. Its tables were not compared`
    return [{ name: 'schema', level: 'ok', message }]
  }
  const drift = compare(wantedParts(), await partsIn(session, schema))
  return [
    { name: 'schema', level: 'ok', message: `schema ${schema}, version ${version}` },
    ...drift.missing.map((part) => missingFinding(schema, part)),
    ...drift.different.map(([wanted, found]) => differentFinding(schema, wanted, found)),
    ...drift.invalid.map((part) => invalidFinding(schema, part)),
    ...drift.strange.map((part) => strangeFinding(schema, part)),
  ]
}

interface Drift {
  readonly missing: readonly SchemaPart[]
  readonly different: readonly (readonly [wanted: SchemaPart, found: SchemaPart])[]
  readonly invalid: readonly SchemaPart[]
  readonly strange: readonly SchemaPart[]
}

const nameOf = ({ kind, table, name }: SchemaPart): string => `${kind} ${table}.${name}`

/** Compares the parts. An index that is not ours is left to its maker; a column or constraint that is not ours may refuse our writes. */
function compare(wanted: readonly SchemaPart[], found: readonly FoundPart[]): Drift {
  const there = new Map(found.map((part) => [nameOf(part), part]))
  const known = new Set(wanted.map(nameOf))
  const pairs = wanted.flatMap((part) => {
    const other = there.get(nameOf(part))
    return other ? [[part, other] as const] : []
  })
  return {
    missing: wanted.filter((part) => !there.has(nameOf(part))),
    different: pairs.filter(([one, other]) => one.definition !== other.definition),
    invalid: pairs.filter(([, other]) => !other.isValid).map(([part]) => part),
    strange: found.filter((part) => !known.has(nameOf(part)) && part.kind !== 'index'),
  }
}

const isUnique = ({ definition }: SchemaPart): boolean => definition.includes('UNIQUE')

/** Without an index statements are slow; without a unique index, or any other part, a guarantee is gone. */
function missingFinding(schema: string, part: SchemaPart): Finding {
  const { kind, table, name } = part
  const isSlow = kind === 'index' && !isUnique(part)
  return {
    name: kind === 'index' ? 'indexes' : 'schema',
    level: isSlow ? 'warning' : 'error',
    message: `the ${kind} ${name} of ${table} is missing${isSlow ? ': what it is for takes a look at every row' : ''}`,
    hint: remedy(schema, part),
  }
}

function differentFinding(schema: string, wanted: SchemaPart, found: SchemaPart): Finding {
  const { kind, table, name } = wanted
  return {
    name: kind === 'index' ? 'indexes' : 'schema',
    level: kind === 'index' && !isUnique(wanted) ? 'warning' : 'error',
    message: `the ${kind} ${name} of ${table} is not as it was made. It is: ${found.definition}. It should be: ${wanted.definition}`,
    hint:
      kind === 'column'
        ? 'Somebody has changed the table: change it back.'
        : `${removal(schema, wanted)} ${remedy(schema, wanted)}`,
  }
}

function invalidFinding(schema: string, { kind, table, name }: SchemaPart): Finding {
  return {
    name: kind === 'index' ? 'indexes' : 'schema',
    level: 'warning',
    message: `the ${kind} ${name} of ${table} is not valid: it was not finished`,
    hint:
      kind === 'index'
        ? `REINDEX INDEX CONCURRENTLY "${schema}".${name};`
        : `ALTER TABLE "${schema}".${table} VALIDATE CONSTRAINT ${name};`,
  }
}

function strangeFinding(schema: string, part: SchemaPart): Finding {
  const { kind, table, name } = part
  return {
    name: 'schema',
    level: 'warning',
    message: `the ${kind} ${name} of ${table} was not made by Checkrein, and may refuse writes`,
    hint: `Remove it, unless you know that it refuses none: ${removal(schema, part)}`,
  }
}

function removal(schema: string, { kind, table, name }: SchemaPart): string {
  return kind === 'index'
    ? `DROP INDEX "${schema}".${name};`
    : `ALTER TABLE "${schema}".${table} DROP ${kind.toUpperCase()} ${name};`
}

/** The statement that makes a part that is missing. */
function remedy(schema: string, { kind, table, name, definition }: SchemaPart): string {
  if (kind === 'index') {
    const placed = definition.replace(` ON ${table} `, ` ON "${schema}".${table} `)
    return `${placed.replace('INDEX', 'INDEX CONCURRENTLY')};`
  }
  const what = kind === 'column' ? `COLUMN ${name}` : `CONSTRAINT ${name}`
  return `ALTER TABLE "${schema}".${table} ADD ${what} ${definition};`
}
