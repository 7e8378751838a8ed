/** Holds in words. */
import { humanDuration } from '../core/duration.ts'
import { type HoldFilter, isHeldBy, isOfLanes } from '../core/hold.ts'
import type { Scope } from '../client/targets.ts'
import type { Run } from '../client/view.ts'
import type { Hold } from '../store/store.ts'
import { dateTime, plain } from './output.ts'
import { whoAndWhy } from './words.ts'

/** `task index-folder, queue media`; `everything`. */
export function filterWords({ input, ...filter }: HoldFilter): string {
  const parts = Object.entries(filter).map(([part, value]) => `${part} ${plain(value)}`)
  const inputs = Object.entries(input ?? {}).map(
    ([path, value]) => `${plain(path)}=${plain(String(value))}`,
  )
  return [...parts, ...inputs].join(', ') || 'everything'
}

export function scopeWords({ task, queue }: Scope): string {
  return filterWords({
    ...(task === undefined ? {} : { task }),
    ...(queue === undefined ? {} : { queue }),
  })
}

export function holdWords(hold: Hold): string {
  const { id, verb, filter, until } = hold
  const end = until === null ? 'until it is lifted' : `until ${dateTime(until)}`
  return `${plain(id)}  ${verb} stands for ${filterWords(filter)}${whoAndWhy(hold)}, ${end}`
}

/** The hold on a whole task or queue that keeps a queued run from being taken. */
export function holdOf(run: Run, holds: readonly Hold[]): Hold | undefined {
  if (run.state !== 'queued') return undefined
  return holds.find((hold) => isOfLanes(hold) && isHeldBy(hold.filter, { ...run, input: null }))
}

/** `for 2.0 h`, of what lasts until then. */
export function leftWords(until: number | null, now: number): string {
  return until === null ? 'until lifted' : `for ${humanDuration(Math.max(0, until - now))}`
}
