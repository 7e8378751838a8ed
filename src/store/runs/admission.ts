/**
 * What can stand in the way of a run when it is enqueued, all looked up in the same transaction: a tombstone for its id or
 * key, which makes it `cancelled` before it ever was queued, another run that holds its key, and a hold on runs of its kind.
 */
import { callOfReplacement } from '../../core/run/call-ids.ts'
import { isHeldBy } from '../../core/hold.ts'
import { isFinal } from '../../core/run/transitions.ts'
import { Changes, loadRuns } from '../changes/changes.ts'
import { writeChanges } from './after-ends.ts'
import type { Tx } from '../driver/driver.ts'
import { rowHolds } from './row-holds.ts'
import type { Admission } from '../rows/new-run.ts'
import { note } from '../journal/audit-log.ts'
import { tombstoneOf } from '../rows/requests.ts'
import { runOf, type SeqRun } from '../rows/runs.ts'
import type { Hold, NewRun, Tombstone } from '../store.ts'

export interface Standing {
  readonly tombstones: readonly Tombstone[]
  readonly holds: readonly Hold[]
  /** Whether nothing stands in the way of any of the runs, nor one of them in that of another. */
  readonly isFree: boolean
}

export async function standingBefore(tx: Tx, runs: readonly NewRun[]): Promise<Standing> {
  const tombstones = await tombstonesFor(tx, runs)
  const keys = runs.flatMap(({ task, key }) => (key === null ? [] : [[task, key]]))
  const holders = await tx.each('keyHolderToChange', keys)
  const holds = await rowHolds(tx)
  const isOnce = new Set(keys.map((pair) => JSON.stringify(pair))).size === keys.length
  const found = tombstones.length + holds.length + holders.length
  return { tombstones, holds, isFree: found === 0 && isOnce }
}

/** Where a run goes, and whose key it takes; or the run that is there already. */
export type Place =
  | { readonly admission: Admission; readonly replacedId: string | null }
  | { readonly existing: string }

const at = (admission: Admission, replacedId: string | null = null): Place => ({
  admission,
  replacedId,
})

/** Makes room for a run, and says where it goes. */
export async function admit(
  tx: Tx,
  { run, standing }: { readonly run: NewRun; readonly standing: Standing },
): Promise<Place> {
  const stopper = await tombstoneOn(tx, { run, standing })
  if (stopper) return at({ stopper })
  const hold = standing.holds.find(({ filter }) => isHeldBy(filter, run))
  if (hold && hold.verb !== 'pause') return at({ stopper: { ...hold, verb: hold.verb } })
  const [row] = run.key === null ? [] : await tx.each('keyHolderToChange', [[run.task, run.key]])
  const holder = row ? runOf(row) : null
  if (!holder) return at(hold ? { hold } : {})
  if (run.onConflict === 'skip' || holder.id === run.id) return { existing: holder.id }
  // The same call made twice: it replaces nothing again.
  if (await exists(tx, run.id)) return at({})
  const replaced = await replace(tx, { run, holder })
  return at(hold ? { ...replaced, hold } : replaced, holder.id)
}

/** The tombstone that was left for the run, used up by it. */
async function tombstoneOn(
  tx: Tx,
  { run, standing }: { readonly run: NewRun; readonly standing: Standing },
): Promise<Tombstone | null> {
  const stone = standing.tombstones.find(({ kind, value, task }) =>
    kind === 'id' ? value === run.id : value === run.key && task === run.task,
  )
  if (!stone || (await exists(tx, run.id))) return null
  return (await useUp(tx, stone)) ? stone : null
}

async function exists(tx: Tx, id: string): Promise<boolean> {
  return (await loadRuns(tx, [id])).length > 0
}

/** Whether it was still there: a run before this one in the same batch may have met it. */
async function useUp(tx: Tx, { kind, task, value }: Tombstone): Promise<boolean> {
  return (await tx.each('deleteTombstone', [[kind, task ?? '', value]])).length > 0
}

/** Takes the key from its holder: one that has not started is cancelled; a running one goes on, or is cancelled and waited for. */
async function replace(
  tx: Tx,
  { run, holder }: { run: NewRun; holder: SeqRun },
): Promise<Admission> {
  const changes = new Changes(tx.now(), [holder])
  const { by = null, graceMs } = run
  const asked = { reason: `replaced by ${run.id}`, by, graceMs }
  if (holder.state !== 'running' || run.onConflict === 'cancel-and-replace') {
    changes.decide(holder.id, { type: 'cancel', ...asked })
  }
  changes.dropKey(holder.id)
  await writeChanges(tx, changes)
  noteReplaced(tx, { run, holder, by: changes.get(holder.id) })
  if (run.onConflict === 'replace') return {}
  if (!isFinal(changes.get(holder.id)?.state ?? 'cancelled')) return { waitsFor: holder.id }
  // The holder had itself replaced a run that is still being stopped: its successor waits for the same end.
  if (holder.waitsFor === null || holder.attempt > 0) return {}
  const [first] = await loadRuns(tx, [holder.waitsFor])
  return first && !isFinal(first.state) ? { waitsFor: first.id } : {}
}

/** The record says who took the key away: under the id of the run that did. */
function noteReplaced(
  tx: Tx,
  {
    run,
    holder,
    by,
  }: { readonly run: NewRun; readonly holder: SeqRun; readonly by?: SeqRun | undefined },
): void {
  if (by === undefined || (by.state === holder.state && by.intent === holder.intent)) return
  const { by: who = null, origin = null } = run
  const asked = {
    callId: callOfReplacement(run.id),
    reason: `replaced by ${run.id}`,
    by: who,
    origin,
  }
  const isOver = by.state !== 'running'
  const answer = isOver ? 'prevented' : 'requested'
  note(tx, [{ asked, kind: 'control', name: 'cancel', run: holder, answer, isOver }])
}

async function tombstonesFor(tx: Tx, runs: readonly NewRun[]): Promise<readonly Tombstone[]> {
  if ((await tx.run('hasTombstones')).length === 0) return []
  const now = tx.now()
  const wanted = runs.flatMap((run) => [
    ['id', '', run.id, now],
    ...(run.key === null ? [] : [['key', run.task, run.key, now]]),
  ])
  return (await tx.each('tombstonesFor', wanted)).map(tombstoneOf)
}
