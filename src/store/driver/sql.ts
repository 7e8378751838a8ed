/** The parameters of a statement that ends in a filter and has none of its own. */
export function matchParams({ params }: FilterSql): readonly Param[] {
  return params.length > 0 ? [null, null, ...params] : []
}

/** A list stands for a set of ids. */
export type Param = string | number | null | readonly string[] | readonly number[]

export type Row = Readonly<Record<string, string | number | null>>

/** A filter as a condition on `checkrein_runs r`; its parameters come after the statement's own. */
export interface FilterSql {
  readonly where: string
  readonly params: readonly Param[]
  /** Where it asks for a tag: the place of that among the parameters, and what else it asks for. */
  readonly tagged?: { readonly tag: string; readonly rest: string }
}
