/** Workers: their leases, what they claim, what lapses. */
import { CheckreinError } from '../core/errors.ts'
import type { MachineEvent } from '../core/events.ts'
import { Changes } from './apply.ts'
import type { Driver, Param, Row, Statements, Tx } from './driver.ts'
import { writeFeed } from './feed.ts'
import { claimedOf, type FeedRow, runOf } from './rows.ts'
import type { ClaimedRun, ClaimRequest, Housekept, WorkerInfo } from './store.ts'

/** How many runs one housekeeping step moves of each kind. */
const stepLimit = 500

/** @throws {CheckreinError} `LEASE_LOST` where the worker's lease has lapsed: it may not start anything new. */
export async function claimRuns(
  tx: Tx,
  driver: Driver,
  request: ClaimRequest,
): Promise<readonly ClaimedRun[]> {
  const { workerId } = request
  const { statements } = driver
  const [held, rows] = await Promise.all([
    tx.all(statements.heldLease, [workerId, tx.leaseNow()]),
    driver.claim(tx, request),
  ])
  if (held.length === 0) throw new CheckreinError('LEASE_LOST', { details: { workerId } })
  const claimed = rows.map(claimedOf).toSorted(byPriority)
  const now = tx.now()
  const data = JSON.stringify({ workerId })
  const feed = claimed.map((run): FeedRow => [run.seq, now, 'claim', run.attempt, 'running', data])
  writeFeed(tx, statements, feed)
  return claimed
}

/** Highest priority first, then oldest first. */
function byPriority(a: ClaimedRun, b: ClaimedRun): number {
  return b.priority - a.priority || a.seq - b.seq
}

export function workerParams(worker: WorkerInfo, now: number, leaseNow: number): Param[] {
  return [
    worker.id,
    worker.host,
    worker.pid,
    JSON.stringify(worker.queues),
    JSON.stringify(worker.tasks),
    worker.version,
    now,
    worker.leaseMs,
    leaseNow + worker.leaseMs,
  ]
}

/** A worker's row as it was when it was deleted: every run that it still held lapses. @returns how many. */
export async function lapseRunsOf(tx: Tx, statements: Statements, worker: Row): Promise<number> {
  const tasks = JSON.parse(String(worker['tasks'])) as WorkerInfo['tasks']
  const held = (await tx.all(statements.heldRunsToChange, [String(worker['id'])])).map(runOf)
  const changes = new Changes(tx.now(), held)
  for (const run of held) {
    const maxCrashes = tasks[run.task]?.maxCrashes ?? defaultCrashes
    changes.decide(run.id, { type: 'lapse', maxCrashes })
  }
  await changes.write(tx, statements)
  return held.length
}

/** For a run whose worker does not say how often its task may lose one; see `Retry.crashes`. */
const defaultCrashes = 3

/** One step of everything that time brings about. */
export async function housekeepOnce(
  tx: Tx,
  statements: Statements,
): Promise<Omit<Housekept, 'nextInMs'>> {
  const lapsed: { workerId: string; runCount: number }[] = []
  for (const worker of await tx.all(statements.deleteLapsedWorkers, [tx.leaseNow()])) {
    const runCount = await lapseRunsOf(tx, statements, worker)
    lapsed.push({ workerId: String(worker['id']), runCount })
  }
  const expiredCount = await moveAll(tx, statements, {
    found: statements.expiredRunsToChange,
    event: { type: 'expire' },
  })
  const dueCount = await moveAll(tx, statements, {
    found: statements.dueRunsToChange,
    event: { type: 'due' },
  })
  return { lapsed, expiredCount, dueCount }
}

async function moveAll(
  tx: Tx,
  statements: Statements,
  { found, event }: { readonly found: string; readonly event: MachineEvent },
): Promise<number> {
  const runs = (await tx.all(found, [tx.now(), stepLimit])).map(runOf)
  const changes = new Changes(tx.now(), runs)
  for (const run of runs) changes.decide(run.id, event)
  await changes.write(tx, statements)
  return runs.length
}
