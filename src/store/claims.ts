/** Workers: their leases, what they claim, what lapses. */
import { CheckreinError } from '../core/errors.ts'
import type { MachineEvent } from '../core/events.ts'
import { Changes } from './apply.ts'
import type { Param, Row, Statements, Tx } from './driver.ts'
import { writeFeed } from './feed.ts'
import { claimedOf, type FeedRow, runOf } from './rows.ts'
import type { ClaimedRun, ClaimRequest, Housekept, WorkerInfo } from './store.ts'

/** How many runs one housekeeping step moves of each kind. */
const stepLimit = 500

type Lane = readonly [queue: string, task: string]

/** Each (queue, task) pair is a lane with its own short range of the claim index, however deep the others are. */
export function lanesOf({
  queues,
  tasks,
}: Pick<ClaimRequest, 'queues' | 'tasks'>): readonly Lane[] {
  return queues.flatMap((queue) => tasks.map((task) => [queue, task] as const))
}

/** @throws {CheckreinError} `LEASE_LOST` where the worker's lease has lapsed: it may not start anything new. */
export async function claimRuns(
  tx: Tx,
  statements: Statements,
  request: ClaimRequest,
): Promise<readonly ClaimedRun[]> {
  const { workerId } = request
  if ((await tx.all(statements.heldLease, [workerId, tx.leaseNow()])).length === 0) {
    throw new CheckreinError('LEASE_LOST', { details: { workerId } })
  }
  const now = tx.now()
  const heads = await bestOf(tx, statements, request)
  const isStarted = await tx.change(
    statements.startRuns,
    heads.map(({ seq }) => [seq, workerId, now]),
  )
  const claimed = heads
    .filter((_, at) => isStarted[at])
    .map((run) => ({ ...run, attempt: run.attempt + 1 }))
  const data = JSON.stringify({ workerId })
  const feed = claimed.map((run): FeedRow => [run.seq, now, 'claim', run.attempt, 'running', data])
  await writeFeed(tx, statements, feed)
  return claimed
}

/**
 * The best of the heads of all lanes. Lane by lane, for SQLite builds temporary tables for one statement that asks
 * about several and claims what it finds: 79 us for a run instead of 20. Inputs are read of the chosen ones alone.
 */
async function bestOf(
  tx: Tx,
  statements: Statements,
  request: ClaimRequest,
): Promise<readonly ClaimedRun[]> {
  const { limit } = request
  if (limit <= 0) return []
  const heads: Row[] = []
  for (const lane of lanesOf(request)) {
    heads.push(...(await tx.all(statements.laneHeads, [...lane, tx.now(), limit])))
  }
  if (heads.length === 0) return []
  const best = heads.sort(byPriority).slice(0, limit)
  const seqs = JSON.stringify(best.map((row) => row['seq']))
  return (await tx.all(statements.claimable, [seqs])).toSorted(byPriority).map(claimedOf)
}

/** Highest priority first, then oldest first. */
function byPriority(a: Row, b: Row): number {
  return Number(b['priority']) - Number(a['priority']) || Number(a['seq']) - Number(b['seq'])
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

/** Ends a lease: every run that the worker still held lapses. */
export async function endLease(
  tx: Tx,
  statements: Statements,
  worker: { readonly id: string; readonly tasks: WorkerInfo['tasks'] },
): Promise<number> {
  const held = (await tx.all(statements.heldRuns, [worker.id])).map(runOf)
  const changes = new Changes(tx.now(), held)
  for (const run of held) {
    changes.decide(run.id, {
      type: 'lapse',
      maxCrashes: worker.tasks[run.task]?.maxCrashes ?? defaultCrashes,
    })
  }
  await changes.write(tx, statements)
  await tx.all(statements.deleteWorker, [worker.id])
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
  for (const row of await tx.all(statements.lapsedWorkers, [tx.leaseNow()])) {
    const worker = {
      id: String(row['id']),
      tasks: JSON.parse(String(row['tasks'])) as WorkerInfo['tasks'],
    }
    lapsed.push({ workerId: worker.id, runCount: await endLease(tx, statements, worker) })
  }
  const expiredCount = await moveAll(tx, statements, {
    found: statements.expiredRuns,
    event: { type: 'expire' },
  })
  const dueCount = await moveAll(tx, statements, {
    found: statements.dueRuns,
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
