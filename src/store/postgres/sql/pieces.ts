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
 * A source with an `ord`, for a join, of which the planner believes that it has hardly any rows. The planner takes a table that was
 * empty when its statistics were made for one row, however many came since: with many sets, it would read the whole table, and for
 * each row all of the sets.
 */
export const few = (source: string): string =>
  `(SELECT * FROM ${source} WHERE num_nonnulls(ord) = 1) AS u`
/** A table of the parameters as `sets` makes it, of which the planner believes that it has hardly any rows: `few` of `sets`. */
export const fewSets = (...columns: readonly string[]): string => few(sets(...columns))

/**
 * The condition that a column has a value, in words with which the planner looks into an index for each set, and never reads the
 * index from end to end. It is for the first column of an index only: for another one the planner would read all entries that have the
 * same first column.
 */
export const isSame = (column: string, value: string): string => `${column} = ANY(ARRAY[${value}])`

/**
 * The condition of `stateIs` in words that imply the condition of no partial index: no run has the state ''. It is for rows that are
 * found by their places: else the planner reads the whole index of that state, for each of them.
 */
export const isInState = (accepted: readonly State[], table: string): string =>
  `(${stateIs(accepted, table)} OR ${table}state = '')`

/**
 * The words behind a subquery which have it carried out as it is written. Else the planner takes it apart and joins its table in a way
 * that it thinks cheaper: a table without statistics it reads as a whole.
 */
export const asWritten = 'OFFSET 0'

/** The condition for rows of one run after a position, in words that only the index on both columns can answer. */
export const isAfter = (run: string, position = '$2::bigint'): string =>
  `(run_seq, position) > (${run}, ${position}) AND (run_seq, position) <= (${run}, 9223372036854775807)`

/** Locks the rows that a statement reads; where another transaction has locked one, the statement waits for it. */
export const held = 'FOR NO KEY UPDATE'
/** Locks the rows that a statement reads, and passes over rows that are locked: another keeper deals with those. */
export const heldOrSkipped = `${held} SKIP LOCKED`

/** The first parameter as a list whose length the planner does not know: for a long one it would rather read all of the table. */
export const anyOfFew = 'ANY(ARRAY(SELECT unnest($1::bigint[])))'

/**
 * The condition that all of these columns are null. In a table without statistics the planner takes each IS NULL for one row in two
 * hundred, and three of them for one row in all: then it would read the table, and all of the sets for each row.
 */
export const areNull = (...columns: readonly string[]): string =>
  `num_nonnulls(${columns.join(', ')}) < 1`
