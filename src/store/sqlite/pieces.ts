/** Pieces of SQLite's statements. */
import type { ShapeSql } from '../rows/columns.ts'

/** A column in words by which no index is used for it: the planner would read one from end to end, to have it in order. */
export const unindexed = (column: string): string => `+${column}`

/** `?1, ?2, …`: a place for each column of a shape. */
export const places = ({ typed }: ShapeSql, from = 1): string =>
  typed.map((_, at) => `?${from + at}`).join(', ')

/** `(id, task) VALUES (?1, ?2)` */
export const valuesOf = (shape: ShapeSql): string => `(${shape.names()}) VALUES (${places(shape)})`

/** `(state, run_at) = (?3, ?4)`, with the first place that is free. */
export const assigned = (shape: ShapeSql, from: number): string =>
  `(${shape.names()}) = (${places(shape, from)})`
