/** Pieces of PostgreSQL's statements. */
import type { State } from '../../../core/run/transitions.ts'
import { stateIs } from '../../driver/state-sql.ts'
import type { ShapeSql } from '../../rows/columns.ts'

/** A table of the parameters from `$1` on, a row for each set: `sets('seq bigint', 'at bigint')`. */
export function sets(...columns: readonly string[]): string {
  const lists = columns.map((column, at) => `$${at + 1}::${column.split(' ')[1]}[]`)
  const names = columns.map((column) => column.split(' ')[0])
  return `unnest(${lists.join(', ')}) WITH ORDINALITY AS u(${names.join(', ')}, ord)`
}

/** `(id, task) VALUES ($1, $2)`; the parameters have the types of the columns. */
export const valuesOf = (shape: ShapeSql): string => `(${shape.names()}) VALUES (${places(shape)})`

/** `$2::text, $3::bigint`: a place for each column of a shape. */
export const places = ({ typed }: ShapeSql, from = 1): string =>
  typed.map((column, at) => `$${from + at}::${column.split(' ')[1]}`).join(', ')

/**
 * For a join: some of what has an `ord`, of which the planner believes that there is hardly any. A table that was empty when
 * the server last looked at it is taken for one row, however many came since: of many sets, the planner would read all of
 * the table, and for each row all of the sets.
 */
export const few = (source: string): string =>
  `(SELECT * FROM ${source} WHERE num_nonnulls(ord) = 1) AS u`
export const fewSets = (...columns: readonly string[]): string => few(sets(...columns))

/**
 * That they are the same, in words by which an index is looked into for each set, and is never read from end to end. Of an index on
 * several columns only for the first: for another the planner would rather read all that has the same first.
 */
export const isSame = (column: string, value: string): string => `${column} = ANY(ARRAY[${value}])`

/**
 * The same as `stateIs`, in words that imply the condition of no partial index: no run has the state ''. For rows that are
 * found by their places: else the planner reads all of the index of that state, for each of them.
 */
export const isInState = (accepted: readonly State[], table: string): string =>
  `(${stateIs(accepted, table)} OR ${table}state = '')`

/**
 * Behind a subquery: that it is carried out as it is written. Else the planner takes it apart and joins its table in a way that it
 * thinks cheaper: of a table that it does not know, by reading all of it.
 */
export const asWritten = 'OFFSET 0'

/** What one run has after a position, in words that only the index of both bears. */
export const isAfter = (run: string, position = '$2::bigint'): string =>
  `(run_seq, position) > (${run}, ${position}) AND (run_seq, position) <= (${run}, 9223372036854775807)`

/** A writer that meets a row which another one holds waits for it. */
export const held = 'FOR NO KEY UPDATE'
/** A run whose time to live goes on. */
export const mayExpire = 'expires_at IS NOT NULL AND attempt = returned AND finished_at IS NULL'
/** What another keeper holds is being dealt with. */
export const heldOrSkipped = `${held} SKIP LOCKED`

/** The first parameter as a list whose length the planner does not know: for a long one it would rather read all of the table. */
export const anyOfFew = 'ANY(ARRAY(SELECT unnest($1::bigint[])))'

/**
 * That all of these columns are null. Of a table that the planner does not know it takes each IS NULL for one row in two
 * hundred, and three of them for one row in all: it reads the table, and all of the sets for each row.
 */
export const areNull = (...columns: readonly string[]): string =>
  `num_nonnulls(${columns.join(', ')}) < 1`
