/** A run's feed: what happened to it, entry by entry. */
import type { Tx } from '../driver/driver.ts'
import type { Param } from '../driver/sql.ts'
import type { FeedRow } from '../rows/runs.ts'

export function writeFeed(tx: Tx, feed: readonly FeedRow[]): void {
  if (feed.length === 0) return
  if (feed.some(({ callId = null }) => callId !== null))
    tx.send(
      'insertFeedOfCalls',
      feed.map((entry) => [...paramsOf(entry), entry.callId ?? null]),
    )
  else tx.send('insertFeed', feed.map(paramsOf))
  tx.tell('news')
}

const paramsOf = ({ seq, at, type, attempt, state, data }: FeedRow): Param[] => [
  seq,
  at,
  type,
  attempt,
  state,
  data,
]

/** How many entries of a type that may come without end a run keeps. */
const kept = { log: 1000, progress: 100, checkpoint: 100 } as const

/** Deletes the oldest entries past what is kept. */
export function trimFeed(
  tx: Tx,
  { type, seqs }: { readonly type: keyof typeof kept; readonly seqs: Iterable<number> },
): void {
  const sets = [...seqs].map((seq) => [seq, type, kept[type]])
  if (sets.length > 0) tx.send('trimFeed', sets)
}
