import type { WorkerInfo, Housekept } from '../store.ts'
import type { Param, Row } from '../driver/sql.ts'
import { Changes } from '../changes/changes.ts'
import { writeChanges } from './after-ends.ts'
import { defaultCrashes } from '../../core/backoff.ts'
import type { Tx } from '../driver/driver.ts'
import { runOf } from '../rows/runs.ts'

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
export async function lapseRunsOf(tx: Tx, worker: Row): Promise<number> {
  const tasks = JSON.parse(String(worker['tasks'])) as WorkerInfo['tasks']
  const held = (await tx.run('heldRunsToChange', [String(worker['id'])])).map(runOf)
  const changes = new Changes(tx.now(), held)
  for (const run of held) {
    const { maxCrashes = defaultCrashes, rollbackOn = [] } = tasks[run.task] ?? {}
    changes.decide(run.id, { type: 'lapse', maxCrashes, rollbackOn })
  }
  await writeChanges(tx, changes)
  return held.length
}

/** Ends the lease of a worker that has lapsed; null where it has not, or another keeper was first. */
export async function lapseWorker(tx: Tx, id: string): Promise<Housekept['lapsed'][number] | null> {
  const [worker] = await tx.run('deleteLapsedWorker', [id, tx.leaseNow()])
  return worker ? { workerId: id, runCount: await lapseRunsOf(tx, worker) } : null
}
