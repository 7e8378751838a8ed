/** A run's feed: what happened to it, entry by entry. */
import type { Statements, Tx } from './driver.ts'
import type { FeedRow } from './rows.ts'

export async function writeFeed(
  tx: Tx,
  statements: Statements,
  feed: readonly FeedRow[],
): Promise<void> {
  if (feed.length > 0) await tx.each(statements.insertFeed, feed)
}

/** How many entries of a type that may come without end a run keeps. */
const kept = { log: 1000, progress: 100 } as const

/** Deletes the oldest entries past what is kept. */
export async function trimFeed(
  tx: Tx,
  statements: Statements,
  { type, seqs }: { readonly type: keyof typeof kept; readonly seqs: Iterable<number> },
): Promise<void> {
  await tx.each(
    statements.trimFeed,
    [...seqs].map((seq) => [seq, type, kept[type]]),
  )
}
