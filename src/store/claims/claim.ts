/** How a worker comes by its runs: the driver chooses them, the guards have their say, and the runs are handed over with what they saved. */
import { CheckreinError } from '../../core/errors.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import type { GroupCommit } from '../driver/group-commit.ts'
import type { Row } from '../driver/sql.ts'
import { writeFeed } from '../journal/feed.ts'
import type { ClaimedRun, ClaimRequest } from '../port/runs.ts'
import type { FeedRow } from '../rows/feed.ts'
import { claimedOf } from '../rows/runs.ts'
import { guardAfterCommit, guardBeforeCommit } from './guards.ts'

/** The parts of the store through which a claim goes. */
export interface ClaimParts {
  readonly driver: Driver
  /** Where the transaction of a claim has its turn. */
  readonly chores: GroupCommit
  /** Where the transactions of guards that come after the commit have theirs. */
  readonly commits: GroupCommit
}

/**
 * Starts the next runs for a worker, highest priority first, then oldest first.
 * @throws {CheckreinError} `LEASE_LOST` where the worker's lease has lapsed.
 */
export async function claim(
  parts: ClaimParts,
  request: ClaimRequest,
): Promise<readonly ClaimedRun[]> {
  const claimed = await start(parts, request)
  const allowed = await guardAfterCommit(parts, { claimed, workerId: request.workerId })
  return withCheckpoints(parts.driver, allowed)
}

/** In one statement where the driver can and nothing stands that a guard would look at; else in a transaction. */
async function start(
  { driver, chores }: ClaimParts,
  request: ClaimRequest,
): Promise<readonly ClaimedRun[]> {
  const alone = driver.claimAlone(request)
  const rows = alone && (await alone)
  return rows ? inOrder(rows) : chores.once((tx) => claimWithin(tx, driver, request))
}

/** The claim of one worker within a transaction. */
async function claimWithin(
  tx: Tx,
  driver: Driver,
  request: ClaimRequest,
): Promise<readonly ClaimedRun[]> {
  const { workerId } = request
  const [lease, rows] = await Promise.all([
    tx.run('heldLease', [workerId, tx.leaseNow()]),
    driver.claim(tx, request),
  ])
  if (lease.length === 0) throw new CheckreinError('LEASE_LOST', { details: { workerId } })
  const { isConcurrent } = driver
  const claimed = await guardBeforeCommit(tx, { isConcurrent, chosen: inOrder(rows) })
  const now = tx.now()
  const data = JSON.stringify({ workerId })
  writeFeed(
    tx,
    claimed.map(({ seq, attempt }): FeedRow => {
      return { seq, at: now, type: 'claim', attempt, state: 'running', data }
    }),
  )
  return claimed
}

/** Highest priority first, then oldest first. */
function inOrder(rows: readonly Row[]): readonly ClaimedRun[] {
  return rows.map(claimedOf).toSorted((a, b) => b.priority - a.priority || a.seq - b.seq)
}

/** With what the attempts before have saved. Nobody else can have saved anything since the claim. */
async function withCheckpoints(
  driver: Driver,
  claimed: readonly ClaimedRun[],
): Promise<readonly ClaimedRun[]> {
  const saved = claimed.filter(({ hasCheckpoint }) => hasCheckpoint)
  if (saved.length === 0) return claimed
  const seqs = saved.map(({ seq }) => seq)
  const rows = await driver.read(driver.statements.checkpointsOf, [seqs])
  const data = new Map(rows.map((row) => [Number(row['run_seq']), String(row['data'])]))
  return claimed.map((run) => ({ ...run, checkpoint: data.get(run.seq) ?? null }))
}
