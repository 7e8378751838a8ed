import { newBulk } from '../rows/requests.ts'
import type { Tx } from '../driver/driver.ts'
import { type Asked, type BulkRequest, type MemberFilter, noPause } from '../port/requests.ts'

type Ordered = Omit<Asked, 'origin' | 'tombstoneMs' | 'pause'>

/** Has them carried out when the transaction has committed; one that was ordered before is not ordered again. */
export async function queueBulk(
  tx: Tx,
  ...[filter, ordered]: [filter: MemberFilter, ordered: Ordered]
): Promise<void> {
  const asked: Asked = { ...ordered, origin: null, tombstoneMs: 0, pause: noPause }
  const request: BulkRequest = { kind: 'control', filter, asked }
  const { callId } = asked
  const [at, upperSeq] = [tx.now(), Number.MAX_SAFE_INTEGER]
  const row = { id: callId, createdAt: at, touchedAt: at, upperSeq, totalCount: 0, request }
  await tx.run('insertBulk', newBulk.write({ ...row, holdId: null, workflowId: null }))
  tx.begun(callId)
}
