/** Bulk operations that a transaction begins, and that are carried out once it is committed. */
import { newBulk } from '../rows/requests.ts'
import type { Tx } from '../driver/driver.ts'
import { type Asked, type BulkRequest, type MemberFilter, noPause } from '../port/requests.ts'

type Ordered = Omit<Asked, 'origin' | 'tombstoneMs' | 'pause'> & Partial<Pick<Asked, 'pause'>>

/** Puts a verb on all runs of a filter on record; it is carried out once the transaction is committed. A call that is on record already is not carried out again. */
export async function queueBulk(
  tx: Tx,
  ...[filter, ordered]: [filter: MemberFilter, ordered: Ordered]
): Promise<void> {
  const asked: Asked = { pause: noPause, ...ordered, origin: null, tombstoneMs: 0 }
  const request: BulkRequest = { kind: 'control', filter, asked }
  const { callId } = asked
  const [at, upperSeq] = [tx.now(), Number.MAX_SAFE_INTEGER]
  const row = { id: callId, createdAt: at, touchedAt: at, upperSeq, totalCount: 0, request }
  await tx.run('insertBulk', newBulk.write({ ...row, holdId: null, workflowId: null }))
  tx.begun(callId)
}
