/** Workers: their leases, what they claim, what lapses. */
import { CheckreinError } from '../../core/errors.ts'
import type { MachineEvent } from '../../core/run/events.ts'
import { Changes } from './changes.ts'
import type { Driver, Param, Row, Statements, Tx } from '../driver/driver.ts'
import { writeFeed } from '../journal/feed.ts'
import { endPastHolds } from '../control/holds.ts'
import { claimedOf, type FeedRow, runOf } from '../rows/runs.ts'
import type { ClaimedRun, ClaimRequest, Housekept, WorkerInfo } from '../store.ts'
import { resumeWorkflows } from '../workflow/control.ts'

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
  const claimed = claimedInOrder(rows)
  const now = tx.now()
  const data = JSON.stringify({ workerId })
  const feed = claimed.map((run): FeedRow => [run.seq, now, 'claim', run.attempt, 'running', data])
  writeFeed(tx, statements, feed)
  return claimed
}

/** Highest priority first, then oldest first. */
export function claimedInOrder(rows: readonly Row[]): readonly ClaimedRun[] {
  return rows.map(claimedOf).toSorted(byPriority)
}

function byPriority(a: ClaimedRun, b: ClaimedRun): number {
  return b.priority - a.priority || a.seq - b.seq
}

export function workerParams(worker: WorkerInfo, now: number, grantNow: number): Param[] {
  return [
    worker.id,
    worker.host,
    worker.pid,
    JSON.stringify(worker.queues),
    JSON.stringify(worker.tasks),
    worker.version,
    now,
    worker.leaseMs,
    grantNow + worker.leaseMs,
  ]
}

/** A worker's row as it was when it was deleted: every run that it still held lapses. @returns how many. */
export async function lapseRunsOf(tx: Tx, statements: Statements, worker: Row): Promise<number> {
  const tasks = JSON.parse(String(worker['tasks'])) as WorkerInfo['tasks']
  const held = (await tx.all(statements.heldRunsToChange, [String(worker['id'])])).map(runOf)
  const changes = new Changes(tx.now(), held)
  for (const run of held) {
    const { maxCrashes = defaultCrashes, rollbackOn = [] } = tasks[run.task] ?? {}
    changes.decide(run.id, { type: 'lapse', maxCrashes, rollbackOn })
  }
  await changes.write(tx, statements)
  return held.length
}

/** For a run whose worker does not say how often its task may lose one; see `Retry.crashes`. */
const defaultCrashes = 3

/** Ends the lease of a worker that has lapsed; null where it has not, or another keeper was first. */
export async function lapseWorker(
  tx: Tx,
  statements: Statements,
  id: string,
): Promise<Housekept['lapsed'][number] | null> {
  const [worker] = await tx.all(statements.deleteLapsedWorker, [id, tx.leaseNow()])
  return worker ? { workerId: id, runCount: await lapseRunsOf(tx, statements, worker) } : null
}

/**
 * Does something for each, in a transaction of its own, for what holds up one must not hold up another.
 * @throws the first error, where nothing could be done for any.
 */
export async function eachByItself<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result | null>,
): Promise<readonly Result[]> {
  const done: Result[] = []
  const errors: unknown[] = []
  for (const item of items) {
    const result = await work(item).catch((error: unknown) => void errors.push(error))
    if (result) done.push(result)
  }
  if (errors.length > 0 && done.length === 0) throw errors[0]
  return done
}

type Moved = Pick<Housekept, 'dueCount' | 'expiredCount'>

/** One step of what is due, over or has expired. */
export async function moveWhatIsDue(tx: Tx, statements: Statements): Promise<Moved> {
  const move = (found: string, event: MachineEvent): Promise<number> =>
    moveAll(tx, statements, { found, event })
  // First, while no run is held: whoever carries out a hold has its bulk operation before it has runs.
  await endPastHolds(tx, statements)
  const expired = await move(statements.expiredRunsToChange, { type: 'expire' })
  const late = await move(statements.lateRunsToChange, { type: 'deadline' })
  const woken = await move(statements.wakeableRunsToChange, { type: 'wake', by: 'time' })
  const continued = await resumeWorkflows(tx, statements, stepLimit)
  const reason = 'it was paused until now'
  const resume = { type: 'resume', reason, by: null, holdId: null } as const
  const resumed = await move(statements.resumableRunsToChange, resume)
  const lifted = { ...resume, reason: 'the hold that paused it is no more' } as const
  const freed = await move(statements.orphanedRunsToChange, lifted)
  const due = await move(statements.dueRunsToChange, { type: 'due' })
  return { expiredCount: expired + late, dueCount: due + woken + resumed + freed + continued }
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
