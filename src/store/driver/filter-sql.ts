/**
 * Filters on runs as conditions in SQL, for both databases: what each part of a filter asks, and in which order. Only how a
 * parameter is written, and how a tag and a value of the input are found, is each database's own.
 */
import { statesOf } from '../../core/filter.ts'
import type { MemberFilter } from '../port/requests.ts'
import type { FilterSql, Param } from './sql.ts'
import { stateTerms } from './state-sql.ts'

/** Gives the place of one more parameter: `?3`, or `$3::text`. `real`: a number that need not be whole. */
export type Bind = (value: Param, type: 'text' | 'int' | 'real') => string

/** The pieces of SQL in which the databases differ. */
export interface FilterDialect {
  /** The place of a parameter. */
  placeOf(at: number, type: Parameters<Bind>[1]): string
  /** The condition that a run has a tag; `tag` is the place of its parameter. */
  hasTag(tag: string): string
  /** The condition that the input of a run has a value at a path; the names of the path have no quotes in them. */
  hasValue(wanted: { readonly path: string; readonly value: Wanted }, bind: Bind): string
}

type Wanted = string | number | boolean

/** For each part of a filter that has one value: the column, the comparison, and the type of the parameter. */
const comparisons = {
  task: ['r.task', '=', 'text'],
  queue: ['r.queue', '=', 'text'],
  key: ['r.key', '=', 'text'],
  workflow: ['r.workflow', '=', 'text'],
  parent: ['r.parent', '=', 'text'],
  createdAfter: ['r.created_at', '>', 'real'],
  createdBefore: ['r.created_at', '<', 'real'],
} as const satisfies Partial<Record<keyof MemberFilter, readonly [string, string, string]>>

/** The condition that a member of a workflow was reached: it does not wait for the steps before it. */
const isReached =
  "NOT (r.attempt = 0 AND (r.state = 'waiting' OR coalesce(r.paused_from, '') = 'waiting'))"

const isKept = "r.state = 'paused' AND coalesce(r.paused_by_kind, '') <> 'request'"

/** The condition of a filter. Its first two parameters are the statement's own. */
export function filterSqlIn(dialect: FilterDialect): (filter: MemberFilter) => FilterSql {
  return (filter) => {
    const params: Param[] = []
    const bind: Bind = (value, type) => dialect.placeOf(2 + params.push(value), type)
    const rest = termsOf(filter, { dialect, bind }).join(' AND ') || 'true'
    if (filter.tag === undefined) return { where: rest, params }
    const tag = bind(filter.tag, 'text')
    return { where: `${dialect.hasTag(tag)} AND ${rest}`, params, tagged: { tag, rest } }
  }
}

interface Words {
  readonly dialect: FilterDialect
  readonly bind: Bind
}

/** The conditions of a filter, without the one for its tag. */
function termsOf(filter: MemberFilter, { dialect, bind }: Words): readonly string[] {
  const terms: string[] = []
  for (const [part, [column, operator, type]] of Object.entries(comparisons)) {
    const value = filter[part as keyof typeof comparisons]
    if (value === undefined) continue
    terms.push(
      `${column} ${operator} ${bind(type === 'real' ? Number(value) : String(value), type)}`,
    )
  }
  if (filter.nodes) {
    const [first, last] = filter.nodes
    terms.push(`r.node BETWEEN ${bind(first, 'int')} AND ${bind(last, 'int')}`)
  }
  if (filter.isReached) terms.push(isReached)
  if (filter.isKept) terms.push(isKept)
  for (const [path, value] of Object.entries(filter.input ?? {}))
    terms.push(dialect.hasValue({ path, value }, bind))
  return [...terms, ...stateTerms(statesOf(filter))]
}
