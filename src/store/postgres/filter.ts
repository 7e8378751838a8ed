/** Filters on runs, in PostgreSQL's SQL. */
import { type RunFilter, statesOf } from '../../core/filter.ts'
import type { State } from '../../core/transitions.ts'
import { stateIs } from '../constraints.ts'
import type { FilterSql, Param } from '../driver.ts'

/** The states of the index of what people look for among the many. */
export const notable: readonly State[] = ['waiting', 'paused', 'failed', 'cancelled']

/** JSON without the escapes that PostgreSQL cannot make into text: U+0000 and halves of characters. */
const readable = (json: string): string =>
  `regexp_replace(${json}, '\\\\u(0000|d[89a-f][0-9a-f]{2})', '?', 'gi')`

export function filterSql(filter: RunFilter): FilterSql {
  const terms: string[] = []
  const params: Param[] = []
  const bind = (value: Param, type: string): string => `$${2 + params.push(value)}::${type}`
  if (filter.task !== undefined) terms.push(`r.task = ${bind(filter.task, 'text')}`)
  if (filter.queue !== undefined) terms.push(`r.queue = ${bind(filter.queue, 'text')}`)
  if (filter.key !== undefined) terms.push(`r.key = ${bind(filter.key, 'text')}`)
  if (filter.tag !== undefined)
    terms.push(`r.seq IN (SELECT run_seq FROM @tags WHERE tag = ${bind(filter.tag, 'text')})`)
  if (filter.createdAfter !== undefined)
    terms.push(`r.created_at > ${bind(Number(filter.createdAfter), 'float8')}`)
  if (filter.createdBefore !== undefined)
    terms.push(`r.created_at < ${bind(Number(filter.createdBefore), 'float8')}`)
  for (const [path, value] of Object.entries(filter.input ?? {})) {
    const at = bind(path.split('.'), 'text[]')
    const wanted = bind(JSON.stringify(value), 'text')
    terms.push(`(${readable('r.input')}::json #> ${at})::text = ${readable(wanted)}`)
  }
  terms.push(...stateTerms(statesOf(filter)))
  return { where: terms.join(' AND ') || 'true', params }
}

/** The wanted states, and the words of a partial index that holds them all, where there is one. */
function stateTerms(wanted: readonly State[]): string[] {
  if (wanted.length === 0) return []
  const terms = [stateIs(wanted, 'r.')]
  if (wanted.every((state) => notable.includes(state))) terms.push(stateIs(notable, 'r.'))
  return terms
}
