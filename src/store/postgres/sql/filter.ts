/** Filters on runs, in PostgreSQL's SQL. */
import { asWritten } from './pieces.ts'
import { matchedRun } from '../../rows/runs.ts'
import { filterSqlIn } from '../../driver/filter-sql.ts'
import type { FilterSql } from '../../driver/sql.ts'
import { liveRanges } from '../../driver/state-sql.ts'

/**
 * The JSON without the escapes that PostgreSQL cannot make into text: U+0000 and halves of surrogate pairs. No filter can ask for
 * those, nor for the character that is put in their place. Two backslashes stand for one, and must not be taken for half an escape.
 * The strings are written with E, so that they mean the same whether `standard_conforming_strings` is on or off.
 */
const readable = (json: string): string =>
  `regexp_replace(replace(${json}, E'\\\\\\\\', E'\\\\u005c'), E'\\\\\\\\u(0000|d[89a-f][0-9a-f]{2})', E'\\\\\\\\ufffe', 'gi')`

/** Makes the condition of a filter on runs; its first two parameters are the statement's own. */
export const filterSql = filterSqlIn({
  placeOf: (at, type) => `$${at}::${type === 'real' ? 'float8' : type}`,
  hasTag: (tag) => `r.seq IN (SELECT run_seq FROM @tags WHERE tag = ${tag})`,
  hasValue({ path, value }, bind) {
    const steps = path.split('.').map((step) => ` -> ${bind(step, 'text')}`)
    const wanted = bind(JSON.stringify(value), 'text')
    return `(${readable('r.input')}::jsonb${steps.join('')}) = ${wanted}::jsonb`
  },
})

/** Mentions the first two parameters, which a filter leaves to its statement: each must stand somewhere, with a type. */
const ownParams = '($1::text IS NULL AND $2::text IS NULL)'
/** The condition of a filter for a statement that may not use its own two parameters: both are mentioned, as PostgreSQL wants of each. */
export const conditionOf = ({ where, params }: Pick<FilterSql, 'where' | 'params'>): string =>
  params.length > 0 ? `${ownParams} AND ${where}` : where

/** Where a tag is on no more runs than this, finished ones included, all of them are looked at; else each live run is asked whether it has the tag. */
const fewTagged = 10_000

const matchedColumns = matchedRun.names('r.')

/** The statement that finds the live runs of a filter, in the order of their places. */
export function matchRuns(filter: FilterSql): string {
  const { params, tagged } = filter
  if (!tagged) return `${ofEachRange(conditionOf(filter)).join(' UNION ALL ')} ORDER BY seq`
  // Both ways are written out: the planner would choose by statistics, which are wrong where the tables have grown since.
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
