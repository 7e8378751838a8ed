/** Filters on runs, in PostgreSQL's SQL. */
import { statesOf } from '../../core/filter.ts'
import { stateTerms } from '../constraints.ts'
import type { FilterSql, MemberFilter, Param } from '../driver.ts'

/**
 * JSON without the escapes that PostgreSQL cannot make into text: U+0000 and halves of characters. No filter asks for those,
 * nor for what stands in their place. Two backslashes are one that is meant: they must not be taken for half an escape.
 */
const readable = (json: string): string =>
  `regexp_replace(replace(${json}, '\\\\', '\\u005c'), '\\\\u(0000|d[89a-f][0-9a-f]{2})', '\\\\ufffe', 'gi')`

/** Not so a member that waits for what comes before it. */
const isReached =
  "NOT (r.attempt = 0 AND (r.state = 'waiting' OR coalesce(r.paused_from, '') = 'waiting'))"

export function filterSql(filter: MemberFilter): FilterSql {
  const terms: string[] = []
  const params: Param[] = []
  const bind = (value: Param, type: string): string => `$${2 + params.push(value)}::${type}`
  if (filter.task !== undefined) terms.push(`r.task = ${bind(filter.task, 'text')}`)
  if (filter.queue !== undefined) terms.push(`r.queue = ${bind(filter.queue, 'text')}`)
  if (filter.key !== undefined) terms.push(`r.key = ${bind(filter.key, 'text')}`)
  if (filter.workflow !== undefined) terms.push(`r.workflow = ${bind(filter.workflow, 'text')}`)
  if (filter.parent !== undefined) terms.push(`r.parent = ${bind(filter.parent, 'text')}`)
  if (filter.nodes)
    terms.push(`r.node BETWEEN ${bind(filter.nodes[0], 'int')} AND ${bind(filter.nodes[1], 'int')}`)
  if (filter.isReached) terms.push(isReached)
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
