/** Filters on runs, in PostgreSQL's SQL. */
import { type RunFilter, statesOf } from '../../core/filter.ts'
import { stateTerms } from '../constraints.ts'
import type { FilterSql, Param } from '../driver.ts'

/**
 * JSON without the escapes that PostgreSQL cannot make into text: U+0000 and halves of characters. No filter asks for those,
 * nor for what stands in their place. Two backslashes are one that is meant: they must not be taken for half an escape.
 */
const readable = (json: string): string =>
  `regexp_replace(replace(${json}, '\\\\', '\\u005c'), '\\\\u(0000|d[89a-f][0-9a-f]{2})', '\\\\ufffe', 'gi')`

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
    const steps = path.split('.').map((step) => ` -> ${bind(step, 'text')}`)
    const wanted = bind(JSON.stringify(value), 'text')
    terms.push(`(${readable('r.input')}::jsonb${steps.join('')}) = ${wanted}::jsonb`)
  }
  terms.push(...stateTerms(statesOf(filter)))
  return { where: terms.join(' AND ') || 'true', params }
}
