/** Parameters, rows and filters of SQL statements. */

/** The parameters of a statement that ends in a filter and has none of its own: the first two places are never used. */
export function matchParams({ params }: FilterSql): readonly Param[] {
  return params.length > 0 ? [null, null, ...params] : []
}

/** A parameter that other statements with the same parameters need, and this one does not: each must stand somewhere. */
export const isUnused = (place: string): string => `${place} IS NOT NULL`

/** A parameter of a statement; a list stands for a set of ids or places. */
export type Param = string | number | null | readonly string[] | readonly number[]

/** A row by the names of its columns. */
export type Row = Readonly<Record<string, string | number | null>>

/** A filter as a condition on `checkrein_runs r`; its parameters come after the statement's own. */
export interface FilterSql {
  readonly where: string
  readonly params: readonly Param[]
  /** Where the filter asks for a tag: the placeholder of the tag, and the condition without it. */
  readonly tagged?: { readonly tag: string; readonly rest: string }
}
