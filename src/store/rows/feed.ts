/** The rows of the feed. */
import type { FeedEntry, FeedType } from '../../core/run/events.ts'
import type { State } from '../../core/run/transitions.ts'
import type { Row } from '../driver/sql.ts'
import { bigint, type Columns, int, maybeJson, maybeText, pick, shapeOf, text } from './columns.ts'

/** An entry of a run's feed that is to be written. */
export interface FeedRow {
  /** Of the run. */
  readonly seq: number
  /** Epoch ms. */
  readonly at: number
  readonly type: FeedType
  /** The attempt and the state after the event. */
  readonly attempt: number
  readonly state: State
  /** JSON; null for nothing. */
  readonly data: string | null
  /** The id of the call on many runs that asked for it; null or left out where it was none. */
  readonly callId?: string | null
}

const feedColumns: Columns<Required<FeedRow>> = {
  seq: bigint('run_seq'),
  at: bigint('at'),
  type: text('type'),
  attempt: int('attempt'),
  state: text('state'),
  data: maybeText('data'),
  callId: maybeText('call_id'),
}

/** What is written of entries that no call on many runs has asked for: nearly all. */
export const newEntry = shapeOf<Omit<FeedRow, 'callId'>>(
  pick(feedColumns, 'seq', 'at', 'type', 'attempt', 'state', 'data'),
)
/** What is written of the others. */
export const newEntryOfCall = shapeOf<FeedRow>(feedColumns)

/** What is read of an entry, with the id and the workflow of its run. */
const entry = shapeOf<
  Omit<FeedEntry, 'data'> & { readonly data: object | null; readonly callId: string | null }
>({
  position: bigint('position'),
  runId: text('run_id'),
  workflow: maybeText('workflow'),
  ...pick(feedColumns, 'at', 'type', 'attempt', 'state', 'callId'),
  data: maybeJson('data'),
})

export function feedEntryOf(row: Row): FeedEntry {
  const { callId, data, ...rest } = entry.read(row)
  return { ...rest, data: { ...data, ...(callId === null ? {} : { call: callId }) } }
}
