/** Holds in words. */
import { humanDuration } from '../../core/duration.ts'
import type { RunFilter } from '../../core/filter.ts'
import { isHeldBy, isOfLanes } from '../../core/hold.ts'
import type { Scope } from '../../client/options/targets.ts'
import type { RunRow } from '../../client/views/view.ts'
import type { Hold } from '../../store/store.ts'
import { brief, dateTime, plain } from './output.ts'
import { whoAndWhy } from './words.ts'

/** `task index-folder, queue media, running or paused`; `everything`. */
export function filterWords(filter: RunFilter): string {
  const { input, state, createdAfter, createdBefore, ...texts } = filter
  const parts = Object.entries<unknown>(texts).map(([part, value]) => `${part} ${brief(value)}`)
  if (state !== undefined) parts.push([state].flat().join(' or '))
  if (createdAfter !== undefined) parts.push(`enqueued after ${dateTime(Number(createdAfter))}`)
  if (createdBefore !== undefined) parts.push(`enqueued before ${dateTime(Number(createdBefore))}`)
  const inputs = Object.entries(input ?? {}).map(
    ([path, value]) => `${plain(path)}=${plain(String(value))}`,
  )
  return [...parts, ...inputs].join(', ') || 'everything'
}

/** Names a whole task or queue: `task index-folder, queue media`. */
export function scopeWords({ task, queue }: Scope): string {
  return filterWords({
    ...(task === undefined ? {} : { task }),
    ...(queue === undefined ? {} : { queue }),
  })
}

/** Tells a hold: its id, its verb, its runs, its requester, its end. */
export function holdWords(hold: Hold): string {
  const { id, verb, filter, until } = hold
  const end = until === null ? 'until it is lifted' : `until ${dateTime(until)}`
  return `${plain(id)}  ${verb} stands for ${filterWords(filter)}${whoAndWhy(hold)}, ${end}`
}

/** Of one that stands no more. */
export function liftedWords(hold: Hold): string {
  const { id, verb, filter } = hold
  return `${plain(id)}  ${verb} of ${filterWords(filter)}, which was asked${whoAndWhy(hold) || ' for'}`
}

/** The hold on a whole task or queue that keeps a queued run from being taken. */
export function holdOf(run: RunRow, holds: readonly Hold[]): Hold | undefined {
  if (run.state !== 'queued') return undefined
  return holds.find((hold) => isOfLanes(hold) && isHeldBy(hold.filter, { ...run, input: null }))
}

/** `for 2.0 h`, of what lasts until then. */
export function leftWords(until: number | null, now: number): string {
  return until === null ? 'until lifted' : `for ${humanDuration(Math.max(0, until - now))}`
}
