/** Filters on runs, in PostgreSQL's SQL. */
import { asWritten } from './pieces.ts'
import { matchedRun } from '../../rows/runs.ts'
import { filterSqlIn } from '../../driver/filter-sql.ts'
import type { FilterSql } from '../../driver/sql.ts'
import { liveRanges } from '../../driver/state-sql.ts'

/**
 * JSON without the escapes that PostgreSQL cannot make into text: U+0000 and halves of characters. No filter asks for those,
 * nor for what stands in their place. Two backslashes are one that is meant: they must not be taken for half an escape.
 */
const readable = (json: string): string =>
  `regexp_replace(replace(${json}, '\\\\', '\\u005c'), '\\\\u(0000|d[89a-f][0-9a-f]{2})', '\\\\ufffe', 'gi')`

export const filterSql = filterSqlIn({
  placeOf: (at, type) => `$${at}::${type === 'real' ? 'float8' : type}`,
  hasTag: (tag) => `r.seq IN (SELECT run_seq FROM @tags WHERE tag = ${tag})`,
  hasValue({ path, value }, bind) {
    const steps = path.split('.').map((step) => ` -> ${bind(step, 'text')}`)
    const wanted = bind(JSON.stringify(value), 'text')
    return `(${readable('r.input')}::jsonb${steps.join('')}) = ${wanted}::jsonb`
  },
})

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
  const hasTag = `EXISTS (SELECT 1 FROM @tags WHERE tag = ${tag} AND run_seq = r.seq ${asWritten})`
  const ofFew = `
    SELECT ${matchedColumns} FROM unnest(ARRAY(SELECT run_seq FROM few)) AS t(seq)
    CROSS JOIN LATERAL (SELECT * FROM @runs WHERE seq = t.seq ${asWritten}) AS r
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
