/** The rows of the feed. */
import type { FeedEntry, FeedType } from '../../core/run/events.ts'
import type { State } from '../../core/run/transitions.ts'
import type { Row } from '../driver/sql.ts'
import { bigint, type Columns, int, maybeJson, maybeText, pick, shapeOf, text } from './columns.ts'

/** An entry of a run's feed that is to be written. */
export interface FeedRow {
  /** The place of the run in the store. */
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

/** The columns that are written for an entry that no call on many runs has asked for. Nearly all entries are of this kind. */
export const newEntry = shapeOf<Omit<FeedRow, 'callId'>>(
  pick(feedColumns, 'seq', 'at', 'type', 'attempt', 'state', 'data'),
)
/** The columns that are written for an entry that a call on many runs has asked for. */
export const newEntryOfCall = shapeOf<FeedRow>(feedColumns)

/** The columns that are read of an entry, with the id and the workflow of its run. */
const entry = shapeOf<
  Omit<FeedEntry, 'data'> & { readonly data: object | null; readonly callId: string | null }
>({
  position: bigint('position'),
  runId: text('run_id'),
  workflow: maybeText('workflow'),
  ...pick(feedColumns, 'at', 'type', 'attempt', 'state', 'callId'),
  data: maybeJson('data'),
})

/** Makes an entry of the feed of its row; where a call on many runs asked for the event, its id stands in `data.call`. */
export function feedEntryOf(row: Row): FeedEntry {
  const { callId, data, ...rest } = entry.read(row)
  return { ...rest, data: { ...data, ...(callId === null ? {} : { call: callId }) } }
}
