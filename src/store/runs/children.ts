/** A run and its children: which of them it waits for, and which requests they get when it is stopped. */
import { randomUUIDv7 } from 'node:crypto'
import { callOfParent, callOfPausedParent } from '../../core/run/call-ids.ts'
import { nextChildToAwait } from '../../core/run/children.ts'
import type { Tx } from '../driver/driver.ts'
import { queueBulk } from '../journal/outbox.ts'
import type { SeqRun } from '../rows/runs.ts'
import type { PausedParent, StoppedParent } from '../changes/ends.ts'
import { noPause, type PauseOrder } from '../port/requests.ts'

/** Asks the children of stopped runs to stop, too, where that is wanted: by bulk operations, for the children may be many and have children themselves. */
export async function stopChildren(tx: Tx, stopped: readonly StoppedParent[]): Promise<void> {
  const parents = stopped.filter(({ children }) => children !== 'detach')
  if (parents.length === 0) return
  const rows = await tx.run('liveParents', [parents.map(({ id }) => id)])
  const live = new Set(rows.map((row) => String(row['parent'])))
  for (const { id, children = 'cancel', ...asked } of parents)
    if (live.has(id)) {
      const callId = callOfParent(id, { ...asked, children })
      const filter = { parent: id }
      await queueBulk(tx, filter, { ...asked, callId, children, running: children })
    }
}

/** Pauses the children of runs that are paused with them, or lets those go on that their parent has paused; by bulk operations, too. */
export async function pauseChildren(tx: Tx, paused: readonly PausedParent[]): Promise<void> {
  if (paused.length === 0) return
  const rows = await tx.run('liveParents', [paused.map(({ id }) => id)])
  const live = new Set(rows.map((row) => String(row['parent'])))
  for (const { id, verb, reason, by, withinMs, otherwise } of paused) {
    if (!live.has(id)) continue
    const callId = callOfPausedParent(id, verb, randomUUIDv7())
    const pause = { ...noPause, withinMs, otherwise, parentId: id, ...childrenToo(verb) }
    const asked = { callId, verb, reason, by, graceMs: 0, rollback: false, pause }
    await queueBulk(tx, { parent: id }, asked)
  }
}

const childrenToo = (verb: 'pause' | 'resume'): Pick<PauseOrder, 'children'> =>
  verb === 'pause' ? { children: 'pause' } : {}

/** The id of another child that the run waits for, now that one has ended; null where that was the last, or where the run waits for no children. */
export async function nextAwaited(
  tx: Tx,
  { id, wait }: Pick<SeqRun, 'id' | 'wait'>,
): Promise<string | null> {
  if (wait?.children === undefined) return null
  const awaited = new Set(wait.children)
  const rows = await tx.run('liveChildren', [id])
  return nextChildToAwait(
    rows.map((row) => String(row['id'])).filter((child) => awaited.has(child)),
  )
}
