/** Filters on runs, in PostgreSQL's SQL. */
import { matchedRun } from '../../rows/runs.ts'
import { statesOf } from '../../../core/filter.ts'
import { liveRanges, stateTerms } from '../../driver/state-sql.ts'
import type { FilterSql, Param } from '../../driver/sql.ts'
import type { MemberFilter } from '../../port/requests.ts'

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
  const rest = terms.join(' AND ') || 'true'
  if (filter.tag === undefined) return { where: rest, params }
  const tag = bind(filter.tag, 'text')
  const where = `r.seq IN (SELECT run_seq FROM @tags WHERE tag = ${tag}) AND ${rest}`
  return { where, params, tagged: { tag, rest } }
}

/** Statements that end in a filter leave the first two places to others; each must stand somewhere, with a type. */
const ownParams = '($1::text IS NULL AND $2::text IS NULL)'
export const conditionOf = ({ where, params }: Pick<FilterSql, 'where' | 'params'>): string =>
  params.length > 0 ? `${ownParams} AND ${where}` : where

/** So many runs of a tag are looked at, also those that have finished, before the live ones are asked whether they have it. */
const fewTagged = 10_000

const matchedColumns = matchedRun.names('r.')

/** Live runs of a filter, in their order. */
export function matchRuns(filter: FilterSql): string {
  const { params, tagged } = filter
  if (!tagged) return `${ofEachRange(conditionOf(filter)).join(' UNION ALL ')} ORDER BY seq`
  // Both ways are written out: the planner would take the one that is short if the tables are as it last saw them.
  const { tag, rest } = tagged
  const condition = conditionOf({ where: rest, params })
  const hasTag = `EXISTS (SELECT 1 FROM @tags WHERE tag = ${tag} AND run_seq = r.seq OFFSET 0)`
  const ofFew = `
    SELECT ${matchedColumns} FROM unnest(ARRAY(SELECT run_seq FROM few)) AS t(seq)
    CROSS JOIN LATERAL (SELECT * FROM @runs WHERE seq = t.seq OFFSET 0) AS r
    WHERE (SELECT count(*) FROM few) <= ${fewTagged} AND r.finished_at IS NULL AND ${condition}`
  const ofMany = ofEachRange(
    `(SELECT count(*) FROM few) > ${fewTagged} AND ${condition} AND ${hasTag}`,
  )
  return `
    WITH few AS MATERIALIZED (SELECT run_seq FROM @tags WHERE tag = ${tag} LIMIT ${fewTagged + 1})
    ${[ofFew, ...ofMany].join(' UNION ALL ')} ORDER BY seq`
}

const ofEachRange = (condition: string): readonly string[] =>
  liveRanges.map(
    (range) => `SELECT ${matchedColumns} FROM @runs AS r WHERE ${range} AND ${condition}`,
  )
