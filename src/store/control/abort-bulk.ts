/**
 * The end of a bulk operation before it is through.
 *
 * The process that carries out a bulk operation holds its row while it deals with a chunk of the runs, and reads there whether the
 * operation is over. So nothing needs to be sent to that process: the operation ends between two chunks, and the next chunk is never
 * begun.
 */
import type { Tx } from '../driver/driver.ts'
import { note } from '../journal/audit-log.ts'
import { bulkRowOf } from '../rows/requests.ts'
import type { Bulk, RequestedBy } from '../store.ts'
import { bulkOf } from './bulk.ts'

interface Abort {
  readonly id: string
  readonly who: RequestedBy
}

/** Ends a bulk operation, unless it is over. @returns the operation as it is then; null where there is none. */
export async function abortBulk(tx: Tx, { id, who }: Abort): Promise<Bulk | null> {
  const [row] = await tx.run('bulkToChange', [id])
  if (!row) return null
  const { finishedAt, aborted, counts } = bulkRowOf(row)
  const isOpen = finishedAt === null
  if (isOpen) await end(tx, { id, who, counts })
  const answer = isOpen || aborted !== null ? 'done' : 'too-late'
  const entry = { kind: 'lift', name: 'bulk', run: null, isOver: true } as const
  note(tx, [{ ...entry, asked: who, target: { bulk: id }, answer }])
  const [after = row] = await tx.run('bulkToChange', [id])
  return bulkOf(after)
}

async function end(tx: Tx, { id, who, counts }: Abort & Pick<Bulk, 'counts'>): Promise<void> {
  const now = tx.now()
  const { reason, by } = who
  await tx.run('abortBulk', [id, now, JSON.stringify({ reason, by, at: now })])
  tx.send('finishCall', [[id, now, JSON.stringify(counts)]])
}
