/** Workers: their leases, what they claim, what lapses. */
import { CheckreinError } from '../../core/errors.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import { writeFeed } from '../journal/feed.ts'
import { claimedOf, type FeedRow } from '../rows/runs.ts'
import type { ClaimedRun, ClaimRequest } from '../store.ts'
import type { Row } from '../driver/sql.ts'

/** @throws {CheckreinError} `LEASE_LOST` where the worker's lease has lapsed: it may not start anything new. */
export async function claimRuns(
  tx: Tx,
  driver: Driver,
  request: ClaimRequest,
): Promise<readonly ClaimedRun[]> {
  const { workerId } = request
  const [held, rows] = await Promise.all([
    tx.run('heldLease', [workerId, tx.leaseNow()]),
    driver.claim(tx, request),
  ])
  if (held.length === 0) throw new CheckreinError('LEASE_LOST', { details: { workerId } })
  const claimed = claimedInOrder(rows)
  const now = tx.now()
  const data = JSON.stringify({ workerId })
  const feed = claimed.map((run): FeedRow => [run.seq, now, 'claim', run.attempt, 'running', data])
  writeFeed(tx, feed)
  return claimed
}

/** Highest priority first, then oldest first. */
export function claimedInOrder(rows: readonly Row[]): readonly ClaimedRun[] {
  return rows.map(claimedOf).toSorted(byPriority)
}

function byPriority(a: ClaimedRun, b: ClaimedRun): number {
  return b.priority - a.priority || a.seq - b.seq
}
