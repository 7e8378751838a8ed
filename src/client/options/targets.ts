/** Which runs are meant. */
import { CheckreinError, shown } from '../../core/errors.ts'
import { checkedFilter, type RunFilter } from '../../core/filter.ts'
import { checkedHoldFilter, type HoldFilter } from '../../core/hold.ts'
import { wholeText } from '../../core/text.ts'
import type { Target } from '../../store/store.ts'

/** Which runs a verb is for: an id, several, the run of a task that holds a key, or all that fit a filter. */
export type ControlTarget =
  | string
  | readonly string[]
  | { readonly task: string; readonly key: string }
  | { readonly filter: RunFilter }

/** Which runs are tried again: one by its id, several, or all of a filter that are final. */
export type RetryTarget = string | readonly string[] | { readonly filter: RunFilter }

/** Everything that can be paused as a whole, with all runs that come: a task, a queue, a task in a queue, or the whole store. */
export type Scope =
  | { readonly task: string; readonly queue?: string; readonly key?: never }
  | { readonly queue: string; readonly task?: never; readonly key?: never }
  | { readonly all: true; readonly task?: never; readonly queue?: never; readonly key?: never }

/** @throws {CheckreinError} `USAGE` for a target that is none. */
export function targetOf(target: ControlTarget): Target {
  if (typeof target === 'string') return { ids: [checkedId(target)] }
  // A hole in a list is no id either; `map` would pass over it.
  if (isMany(target)) return { ids: Array.from(target, checkedId) }
  if (typeof target !== 'object' || target === null) throw noTarget()
  if ('filter' in target) {
    refuseMore(target, ['filter'])
    return { filter: runFilter(target.filter) }
  }
  if (!('key' in target)) throw noTarget()
  refuseMore(target, ['task', 'key'])
  return { task: named(target.task, 'the task'), key: named(target.key, 'the key') }
}

/** Refuses members beside a filter or a key: they were meant for the options, which are another argument. */
function refuseMore(target: object, parts: readonly string[]): void {
  const more = Object.keys(target).find((part) => !parts.includes(part))
  if (more === undefined) return
  throw new CheckreinError('USAGE', {
    message: `a target of ${parts.join(' and ')} has no ${shown(more)} besides`,
    hint: 'Put the parts of a filter into `filter`; options are the argument after the target.',
  })
}

const named = (value: unknown, what: string): string => {
  if (typeof value === 'string' && value !== '') return wholeText(value, what)
  throw new CheckreinError('USAGE', {
    message: `${what} is ${value === '' ? 'empty' : shown(value)}`,
    hint: value === '' ? 'Is a variable set?' : 'It is text.',
  })
}

const textParts = ['task', 'queue', 'tag', 'key', 'workflow', 'parent'] as const

/** Refuses a part that is empty: it would mean nothing, or all, by accident. */
function refuseHollow(filter: RunFilter): void {
  if (typeof filter !== 'object' || (filter as object | null) === null || Array.isArray(filter))
    throw new CheckreinError('USAGE', {
      message: `the filter is ${Array.isArray(filter) ? 'an array' : shown(filter)}`,
      hint: "Give an object: { tag: 'tenant:9' }; {} means every run.",
    })
  for (const part of textParts)
    if (filter[part] !== undefined) named(filter[part], `the filter's ${part}`)
}

/** @throws {CheckreinError} `USAGE`. */
export function runFilter(filter: RunFilter): RunFilter {
  refuseHollow(filter)
  return checkedFilter(filter)
}

/** @throws {CheckreinError} `USAGE`. */
export function standingFilter(filter: HoldFilter): HoldFilter {
  refuseHollow(filter)
  return checkedHoldFilter(filter)
}

function noTarget(): CheckreinError {
  return new CheckreinError('USAGE', {
    message: 'The target names no runs',
    hint: "Give an id, an array of ids, { task, key }, or { filter: { tag: 'tenant:9' } }; pause, resume and freeze also take { task }, { queue } and { all: true }.",
  })
}

function isMany(target: ControlTarget): target is readonly string[] {
  return Array.isArray(target)
}

const scopeParts = ['task', 'queue', 'all']

/** Whether a whole task or queue is meant, and not runs that exist. */
export function isScope(target: ControlTarget | Scope): target is Scope {
  if (typeof target !== 'object' || target === null || Array.isArray(target)) return false
  const parts = Object.keys(target)
  return parts.length > 0 && parts.every((part) => scopeParts.includes(part))
}

/** The standing filter of a scope. @throws {CheckreinError} `USAGE` where it says all and something. */
export function scopeFilter({ ...scope }: Scope): HoldFilter {
  if (!('all' in scope)) return standingFilter(scope)
  if (scope.all && Object.keys(scope).length === 1) return {}
  throw new CheckreinError('USAGE', {
    message: '`all` is true and stands alone',
    hint: "Give { all: true }, or { task: 'index-folder' }.",
  })
}

/** @throws {CheckreinError} `USAGE` for what cannot be the id of a run. */
export function checkedId(id: unknown): string {
  if (typeof id === 'string' && id.length >= 1 && id.length <= 200) return wholeText(id, 'the id')
  throw new CheckreinError('USAGE', {
    message: `${shown(id).slice(0, 100)} is not an id of 1 to 200 characters`,
  })
}
