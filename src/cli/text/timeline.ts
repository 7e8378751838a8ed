/** The events of a run in their order, with the requests that were made of it. */
import type { SignalEntry } from '../../client/views/audit.ts'
import { humanDuration } from '../../core/duration.ts'
import type { FeedEntry } from '../../core/run/events.ts'
import { entryWords } from './entry-words.ts'
import { dateTime, style, timeOfDay } from './output.ts'
import { cameOfIt, askedWords, whoAndWhy } from './words.ts'

interface Step {
  readonly at: number
  readonly words: string
}

/** Log lines in their place; each with the time since the one before. */
export function timelineLines(
  events: readonly FeedEntry[],
  record: readonly SignalEntry[],
): string[] {
  const [first] = events
  if (!first) return []
  const steps = stepsOf(events, record)
  const lines = steps.map(({ at, words }, index) => {
    const since = at - (steps[index - 1]?.at ?? at)
    const pause = since <= 0 ? '' : `+${humanDuration(since)}`
    return `  ${timeOfDay(at)}  ${style('dim', pause.padEnd(10))}  ${words}`
  })
  return ['', style('bold', `Timeline from ${dateTime(first.at)}`), ...lines]
}

function stepsOf(events: readonly FeedEntry[], record: readonly SignalEntry[]): Step[] {
  const find = finder(record)
  const steps: Step[] = []
  let quiet: FeedEntry[] = []
  for (const entry of withoutPromptStarts(events)) {
    const signals = consumed(entry, record)
    if (isQuiet(entry)) quiet.push(...(isOfSignalsOnly(entry) ? [] : [entry]))
    else {
      steps.push(...together(quiet), { at: entry.at, words: entryWords(entry, find(entry)) })
      quiet = []
    }
    if (signals.length === 0) continue
    steps.push(...together(quiet), ...signals)
    quiet = []
  }
  return [...steps, ...together(quiet)]
}

const promptMs = 1000

/** Leaves out that a handler was called where that came soon after the claim, as a rule; elsewhere it stands at its time. */
function withoutPromptStarts(events: readonly FeedEntry[]): readonly FeedEntry[] {
  let claimedAt = 0
  return events.flatMap((entry) => {
    if (entry.type === 'claim') claimedAt = entry.at
    if (entry.type !== 'begin') return [entry]
    const at = Number(entry.data['startedAt'])
    return at - claimedAt < promptMs ? [] : [{ ...entry, at }]
  })
}

/** The types of entries that come again and again. */
const isQuiet = ({ type }: FeedEntry): boolean => type === 'checkpoint' || type === 'progress'

/** A write that kept no state: what it kept is shown signal by signal. */
const isOfSignalsOnly = ({ type, data }: FeedEntry): boolean =>
  type === 'checkpoint' && data['bytes'] === undefined

/** Many checkpoints as one, and the last progress; few as they are. */
function together(entries: readonly FeedEntry[]): Step[] {
  const saved = entries.filter(({ type }) => type === 'checkpoint')
  const last = saved.at(-1)
  if (!last || saved.length < 3)
    return entries.map((one) => ({ at: one.at, words: entryWords(one) }))
  const progress = entries.findLast(({ type }) => type === 'progress')
  const steps = [
    { at: last.at, words: `${saved.length} checkpoints, the last: ${entryWords(last)}` },
    ...(progress ? [{ at: progress.at, words: entryWords(progress) }] : []),
  ]
  return steps.sort((a, b) => a.at - b.at)
}

/** The signals that the handler was through with. */
function consumed({ at, data }: FeedEntry, record: readonly SignalEntry[]): Step[] {
  const { signals } = data as { signals?: unknown }
  if (!Array.isArray(signals)) return []
  return record
    .filter(({ position }) => signals.includes(position))
    .map((one) => ({ at, words: `signal ${askedWords(one)}: ${cameOfIt(one)}` }))
}

/** The record of a verb is written by another clock's look than the entry of the feed. */
const sameMs = 1000

/** Finds the request that an entry is about: a signal by its position, a verb by its requester and its time. */
function finder(record: readonly SignalEntry[]): (entry: FeedEntry) => SignalEntry | undefined {
  const byPosition = new Map(record.map((one) => [one.position, one]))
  const verbs = record.filter(({ kind }) => kind !== 'signal')
  return ({ type, at, data }) => {
    if (typeof data['position'] === 'number') return byPosition.get(data['position'])
    const isOf = ({ name, by, reason, createdAt }: SignalEntry): boolean =>
      name === type &&
      by === (data['by'] ?? null) &&
      reason === (data['reason'] ?? null) &&
      Math.abs(createdAt - at) < sameMs
    return verbs.find(isOf)
  }
}

/** The signals of a run, a line each. */
export function signalLines(record: readonly SignalEntry[]): string[] {
  const signals = record.filter(({ kind }) => kind === 'signal')
  if (signals.length === 0) return []
  return [
    '',
    style('bold', 'Signals'),
    ...signals.map(
      (one) =>
        `  ${timeOfDay(one.createdAt)}  ${askedWords(one)}${whoAndWhy(one)}  ${cameOfIt(one)}`,
    ),
  ]
}
