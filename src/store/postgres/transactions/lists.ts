import type { Param } from '../../driver/sql.ts'

type ParamSet = readonly Param[]

/** A statement with more is slow to read and to answer; and no value may have more than 1 GiB. */
const mostSets = 5000
const mostText = 16_000_000

/** The sets in portions. */
export function portionsOf(sets: readonly ParamSet[]): readonly (readonly ParamSet[])[] {
  const portions: ParamSet[][] = []
  let text = 0
  for (const set of sets) {
    const length = textIn(set)
    const last = portions.at(-1)
    if (last && last.length < mostSets && text + length <= mostText) {
      last.push(set)
      text += length
    } else {
      portions.push([set])
      text = length
    }
  }
  return portions
}

function textIn(set: ParamSet): number {
  let length = 0
  for (const param of set) if (typeof param === 'string') length += param.length
  return length
}

/** A list for each parameter. */
export function listsOf(sets: readonly ParamSet[]): Param[][] {
  const width = sets[0]?.length ?? 0
  return Array.from({ length: width }, (_, at) => sets.map((set) => set[at] ?? null))
}
