/** The rows of workers. */
import type { WorkerInfo, WorkerRecord } from '../port/runs.ts'
import type { Param, Row } from '../driver/sql.ts'
import { bigint, type Columns, int, json, shapeOf, text } from './columns.ts'

/** A worker as it is stored. */
interface WorkerRow extends WorkerInfo {
  /** Epoch ms. */
  readonly startedAt: number
  /** The end of the lease, epoch ms on the clock of leases. */
  readonly leaseUntil: number
}

const workerColumns: Columns<WorkerRow> = {
  id: text('id'),
  host: text('host'),
  pid: int('pid'),
  queues: json('queues'),
  tasks: json('tasks'),
  version: text('version'),
  startedAt: bigint('started_at'),
  leaseMs: bigint('lease_ms'),
  leaseUntil: bigint('lease_until'),
}

/** The columns that are written for a new worker. */
export const newWorker = shapeOf(workerColumns)

const worker = shapeOf<WorkerRow & Pick<WorkerRecord, 'heldCount'>>({
  ...workerColumns,
  heldCount: int('held_count'),
})

/** Makes a worker of its row. @param leaseNow epoch ms on the clock of leases, from which the time left is reckoned. */
export function workerOf(row: Row, leaseNow: number): WorkerRecord {
  const { leaseUntil, ...rest } = worker.read(row)
  return { ...rest, leaseLeftMs: leaseUntil - leaseNow }
}

const ended = shapeOf<Pick<WorkerRow, 'id' | 'tasks'>>({
  id: workerColumns.id,
  tasks: workerColumns.tasks,
})
/** Makes of the row of a deleted worker the facts that are still needed: its id and its tasks. */
export const endedWorkerOf = (row: Row): Pick<WorkerRow, 'id' | 'tasks'> => ended.read(row)

/** The parameters of `insertWorker`. @param grantNow on the clock of leases, from which the first lease goes. */
export function workerParams(info: WorkerInfo, now: number, grantNow: number): Param[] {
  return newWorker.write({ ...info, startedAt: now, leaseUntil: grantNow + info.leaseMs })
}
