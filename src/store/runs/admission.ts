/**
 * How a run is admitted when it is enqueued. Three things can stand in its way, and all are looked up in the same transaction: a
 * tombstone for its id or key, which makes it `cancelled` before it ever was queued; another run that holds its key; and a hold
 * on runs like it.
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

/** The tombstones and holds that may stand in the way of some runs. */
export interface Standing {
  readonly tombstones: readonly Tombstone[]
  readonly holds: readonly Hold[]
  /** Whether nothing stands in the way of any of the runs, and no two of them want the same key. */
  readonly isFree: boolean
}

/** Looks up what stands in the way of runs. */
export async function standingBefore(tx: Tx, runs: readonly NewRun[]): Promise<Standing> {
  const tombstones = await tombstonesFor(tx, runs)
  const keys = runs.flatMap(({ task, key }) => (key === null ? [] : [[task, key]]))
  const holders = await tx.each('keyHolderToChange', keys)
  const holds = await rowHolds(tx)
  const isOnce = new Set(keys.map((pair) => JSON.stringify(pair))).size === keys.length
  const found = tombstones.length + holds.length + holders.length
  return { tombstones, holds, isFree: found === 0 && isOnce }
}

/** How a run is admitted, and from which run it takes the key; or the id of the run that is there already. */
export type Place =
  | { readonly admission: Admission; readonly replacedId: string | null }
  | { readonly existing: string }

const at = (admission: Admission, replacedId: string | null = null): Place => ({
  admission,
  replacedId,
})

/** Makes room for a run, and says how it is admitted. */
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
  // A call that is made twice finds its run there, which replaces nothing again.
  if (await exists(tx, run.id)) return at({})
  const replaced = await replace(tx, { run, holder })
  return at(hold ? { ...replaced, hold } : replaced, holder.id)
}

/** The tombstone that was left for the run, which is used up by it; null for none. */
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

/** Deletes a tombstone. @returns false where it is gone: a run before this one in the same batch has met it. */
async function useUp(tx: Tx, { kind, task, value }: Tombstone): Promise<boolean> {
  return (await tx.each('deleteTombstone', [[kind, task ?? '', value]])).length > 0
}

/** Takes the key from the run that holds it. A holder that has not started is cancelled; one that is running goes on, or is cancelled and waited for. */
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
  // The holder waited for the end of a run that it had replaced: the new run waits for that end in its place.
  if (holder.waitsFor === null || holder.attempt > 0) return {}
  const [first] = await loadRuns(tx, [holder.waitsFor])
  return first && !isFinal(first.state) ? { waitsFor: first.id } : {}
}

/** Records who took the key away, under the id of the run that has it now. */
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
