/** The leases of workers: a worker that does not renew its lease in time loses it, and the runs that it holds. */
import { defaultCrashes } from '../../core/backoff.ts'
import type { WorkerInfo, Housekept } from '../store.ts'
import type { Param, Row } from '../driver/sql.ts'
import { endedWorkerOf, workerParams } from '../rows/workers.ts'
import { Changes } from '../changes/changes.ts'
import { writeChanges } from './after-ends.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import type { GroupCommit } from '../driver/group-commit.ts'
import { runOf } from '../rows/runs.ts'

/** The methods of the port by which a worker takes, keeps and hands back its lease. */
export class Leases {
  readonly #driver: Driver
  readonly #chores: GroupCommit

  constructor(driver: Driver, chores: GroupCommit) {
    this.#driver = driver
    this.#chores = chores
  }

  /** See `Store.registerWorker`. */
  async register(worker: WorkerInfo): Promise<void> {
    await this.#chores.once(async (tx) =>
      tx.run('insertWorker', workerParams(worker, tx.now(), tx.grantNow())),
    )
  }

  /** See `Store.renewLease`. */
  async renew(workerId: string): Promise<boolean> {
    const { renewLease } = this.#driver.statements
    const params = (): Param[] => [workerId, this.#driver.leaseNow(), this.#driver.grantNow()]
    return (await this.#driver.touch(renewLease, params)).length > 0
  }

  /** See `Store.removeWorker`. */
  async remove(workerId: string): Promise<void> {
    await this.#chores.once(async (tx) => {
      const [worker] = await tx.run('deleteWorker', [workerId])
      if (worker) await lapseRunsOf(tx, worker)
    })
  }
}

/** Lets every run lapse that a worker still held. @param worker its row, which was deleted. @returns how many runs. */
async function lapseRunsOf(tx: Tx, worker: Row): Promise<number> {
  const { id, tasks } = endedWorkerOf(worker)
  const held = (await tx.run('heldRunsToChange', [id])).map(runOf)
  const changes = new Changes(tx.now(), held)
  for (const run of held) {
    const { maxCrashes = defaultCrashes, rollbackOn = [] } = tasks[run.task] ?? {}
    changes.decide(run.id, { type: 'lapse', maxCrashes, rollbackOn })
  }
  await writeChanges(tx, changes)
  return held.length
}

/** Ends a lease that has lapsed. @returns null where it has not, or another keeper was first. */
export async function lapseWorker(tx: Tx, id: string): Promise<Housekept['lapsed'][number] | null> {
  const [worker] = await tx.run('deleteLapsedWorker', [id, tx.leaseNow()])
  return worker ? { workerId: id, runCount: await lapseRunsOf(tx, worker) } : null
}
