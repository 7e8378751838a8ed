/** The rows of requests: signals and the record, holds, bulk operations, tombstones. */
import type { Answer } from '../../core/run/decision.ts'
import type { Bulk, BulkRequest, Hold, SignalRecord, Tombstone } from '../port/requests.ts'
import type { Row } from '../driver/sql.ts'
import {
  bigint,
  type Columns,
  flag,
  json,
  maybeBigint,
  maybeInt,
  maybeJson,
  maybeText,
  pick,
  shapeOf,
  text,
} from './columns.ts'

const signalColumns: Columns<SignalRecord & { readonly runSeq: number | null }> = {
  position: bigint('position'),
  callId: text('call_id'),
  kind: text('kind'),
  name: text('name'),
  runSeq: maybeBigint('run_seq'),
  runId: maybeText('run_id'),
  createdAt: bigint('created_at'),
  deliveredAt: maybeBigint('delivered_at'),
  completedAt: maybeBigint('completed_at'),
  attempt: maybeInt('attempt'),
  answer: maybeText('answer'),
  reason: maybeText('reason'),
  by: maybeText('by'),
  origin: maybeText('origin'),
  target: maybeJson('target'),
  error: maybeJson('error'),
  reply: maybeText('reply'),
  payload: maybeText('payload'),
}

const { runSeq: _runSeq, ...readColumns } = signalColumns
const signal = shapeOf<SignalRecord>(readColumns)
/** Makes one entry of the record of its row. */
export const signalOf = (row: Row): SignalRecord => signal.read(row)

/** The columns that are written for a new row of the record. */
export const newSignal = shapeOf(
  pick(
    signalColumns,
    ...(['callId', 'kind', 'name', 'runSeq', 'runId', 'createdAt', 'completedAt'] as const),
    ...(['answer', 'reason', 'by', 'origin', 'target', 'error', 'reply', 'payload'] as const),
  ),
)

/** A hold with its lane, where it is on a whole task or queue and on nothing narrower (`isLane`). */
export interface HoldRow extends Hold {
  readonly isLane: boolean
  /** Null for any task; `queue` likewise. */
  readonly task: string | null
  readonly queue: string | null
}

const holdColumns: Columns<Hold> = {
  id: text('id'),
  verb: text('verb'),
  filter: json('filter'),
  createdAt: bigint('created_at'),
  until: maybeBigint('until'),
  rollback: flag('rollback'),
  reason: maybeText('reason'),
  by: maybeText('by'),
}
const hold = shapeOf(holdColumns)
/** Makes a hold of its row. */
export const holdOf = (row: Row): Hold => hold.read(row)

/** The columns that are written for a hold; `filter` is its text, for two holds with the same verb and the same text are the same hold. */
export const newHold = shapeOf<Omit<HoldRow, 'filter'> & { readonly filter: string }>({
  ...holdColumns,
  filter: text('filter'),
  isLane: flag('is_lane'),
  task: maybeText('task'),
  queue: maybeText('queue'),
})

/** A bulk operation as it is stored. Instants are epoch ms. */
export interface BulkRow {
  readonly id: string
  readonly createdAt: number
  /** When somebody worked on it last. */
  readonly touchedAt: number
  readonly finishedAt: number | null
  /** The place of the newest run when the operation began: runs that came later are not part of it. */
  readonly upperSeq: number
  /** The place up to which all runs of the operation were dealt with. */
  readonly doneSeq: number
  readonly totalCount: number
  readonly doneCount: number
  /** The hold that it carries out, or lifts. */
  readonly holdId: string | null
  /** The id of the workflow that it pauses or resumes. */
  readonly workflowId: string | null
  readonly counts: Readonly<Partial<Record<Answer, number>>>
  readonly request: BulkRequest
  readonly aborted: Bulk['aborted']
}

const bulkColumns: Columns<BulkRow> = {
  id: text('id'),
  createdAt: bigint('created_at'),
  touchedAt: bigint('touched_at'),
  finishedAt: maybeBigint('finished_at'),
  upperSeq: bigint('upper_seq'),
  doneSeq: bigint('done_seq'),
  totalCount: bigint('total_count'),
  doneCount: bigint('done_count'),
  holdId: maybeText('hold_id'),
  workflowId: maybeText('workflow'),
  counts: json('counts'),
  request: json('request'),
  aborted: maybeJson('aborted'),
}
const bulk = shapeOf(bulkColumns)
/** Makes a bulk operation of its row. */
export const bulkRowOf = (row: Row): BulkRow => bulk.read(row)

/** The columns that are written for a new bulk operation. */
export const newBulk = shapeOf(
  pick(
    bulkColumns,
    ...(['id', 'createdAt', 'touchedAt', 'upperSeq', 'totalCount'] as const),
    ...(['holdId', 'workflowId', 'request'] as const),
  ),
)

const tombstone = shapeOf<Omit<Tombstone, 'task'> & { readonly task: string }>({
  kind: text('kind'),
  task: text('task'),
  value: text('value'),
  verb: text('verb'),
  reason: maybeText('reason'),
  by: maybeText('by'),
  createdAt: bigint('created_at'),
  expiresAt: bigint('expires_at'),
})
/** The columns that are written for a tombstone; `task` is empty for an id. */
export const newTombstone = tombstone

/** Makes a tombstone of its row; the `task` of a tombstone for an id is null, though the row has an empty text. */
export function tombstoneOf(row: Row): Tombstone {
  const found = tombstone.read(row)
  return found.kind === 'key' ? found : { ...found, task: null }
}
