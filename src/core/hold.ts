/** Holds: filters that stand, for the runs that exist and for those that are enqueued later. */
import { CheckreinError } from './errors.ts'
import { checkedFilter, type filterParts, partsThat, type RunFilter } from './filter.ts'
import { decodePayload } from './payload.ts'
import type { StoredRun } from './run/run.ts'

/** The parts of a filter that a run has from the start and never changes. */
export type HoldFilter = Pick<RunFilter, FixedPart>

type FixedPart = {
  [Part in keyof typeof filterParts]: (typeof filterParts)[Part] extends { readonly isFixed: true }
    ? Part
    : never
}[keyof typeof filterParts]

/** @throws {CheckreinError} `USAGE` for a part that changes while a run lives, or is none. */
export function checkedHoldFilter(filter: HoldFilter): HoldFilter {
  const parts = partsThat('isFixed')
  const other = Object.keys(filter).find((part) => !parts.includes(part))
  if (other === undefined) return checkedFilter(filter)
  throw new CheckreinError('USAGE', {
    message: `a hold has no part ${JSON.stringify(other)}`,
    hint: `A hold also applies to runs that come later, so its filter may name: ${parts.join(', ')}.`,
  })
}

/** Whether it holds whole lanes of runs, so that a claim need not look at each run. */
export function isOfLanes({
  verb,
  filter,
}: {
  readonly verb: string
  readonly filter: HoldFilter
}): boolean {
  return (
    verb === 'pause' && Object.keys(filter).every((part) => part === 'task' || part === 'queue')
  )
}

/** One text for one filter, whatever the order of its parts. */
export function filterText(filter: HoldFilter): string {
  return JSON.stringify(sorted(filter))
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, part]) => [name, sorted(part)]))
}

type HoldableRun = Pick<StoredRun, 'task' | 'queue' | 'key' | 'tags' | 'input'>

/** Whether the filter of a hold fits a run: every part that the filter names is as it says. */
export function isHeldBy(filter: HoldFilter, run: HoldableRun): boolean {
  const { task, queue, tag, key, input } = filter
  return (
    (task === undefined || task === run.task) &&
    (queue === undefined || queue === run.queue) &&
    (key === undefined || key === run.key) &&
    (tag === undefined || run.tags.includes(tag)) &&
    (input === undefined || hasValues(run.input, input))
  )
}

function hasValues(json: string | null, wanted: NonNullable<HoldFilter['input']>): boolean {
  const input = decodePayload(json)
  return Object.entries(wanted).every(([path, value]) => valueAt(input, path.split('.')) === value)
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, step) =>
      typeof at === 'object' && at !== null && !Array.isArray(at) && Object.hasOwn(at, step)
        ? (at as Readonly<Record<string, unknown>>)[step]
        : undefined,
    value,
  )
}
