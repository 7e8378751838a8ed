/** A run's feed: what happened to it, entry by entry. */
import type { Tx } from '../driver/driver.ts'
import { type FeedRow, newEntry, newEntryOfCall } from '../rows/feed.ts'

/** Adds entries to the feeds of runs, in order, and lets the readers of feeds know. */
export function writeFeed(tx: Tx, feed: readonly FeedRow[]): void {
  if (feed.length === 0) return
  const isOfCalls = feed.some(({ callId = null }) => callId !== null)
  if (isOfCalls) tx.send('insertFeedOfCalls', feed.map(newEntryOfCall.write))
  else tx.send('insertFeed', feed.map(newEntry.write))
  tx.tell('news')
}

/** How many entries a run keeps of the types that may come without end. */
const kept = { log: 1000, progress: 100, checkpoint: 100 } as const

/** Deletes the oldest entries of a type that are too many. @param seqs the places of the runs. */
export function trimFeed(
  tx: Tx,
  { type, seqs }: { readonly type: keyof typeof kept; readonly seqs: Iterable<number> },
): void {
  const sets = [...seqs].map((seq) => [seq, type, kept[type]])
  if (sets.length > 0) tx.send('trimFeed', sets)
}
