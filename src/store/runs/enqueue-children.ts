/**
 * Runs that handlers enqueue.
 *
 * A handler that runs again comes to the same enqueues again, and must not enqueue its children twice. So each child has a place. It is made of the
 * number of states that the parent had saved, of the task and a hash of the input, of a number that counts calls with the same task and
 * input, and of the number of times that the parent had failed. Where a child with that place is there already, the call means that child. For example,
 * a handler enqueues two children and loses its worker; the next attempt makes the same two calls, and gets the ids of the same two runs. Only a child
 * that did not complete is enqueued anew once its parent has failed after it.
 */
import type { SeqRun } from '../rows/runs.ts'
import { loadRuns } from '../changes/changes.ts'
import type { Tx } from '../driver/driver.ts'
import { enqueueRuns, insertAdmitted } from './enqueue.ts'
import type { Stopper } from '../rows/new-run.ts'
import type { NewChild } from '../store.ts'

/** Stores the children in order. @returns their ids; null where the attempt is not the current one. */
export async function enqueueChildren(
  tx: Tx,
  children: readonly NewChild[],
): Promise<readonly (string | null)[]> {
  const ids = [...new Set(children.map(({ fence }) => fence.runId))]
  const parents = new Map((await loadRuns(tx, ids)).map((run) => [run.id, run]))
  const placed = children.flatMap((child) => {
    const parent = parents.get(child.fence.runId)
    return parent && isCurrent(parent, child) ? [admittedOf(child, parent)] : []
  })
  const known = await childrenAt(tx, placed)
  const fresh = new Map<string, PlacedChild>()
  for (const child of placed)
    if (!known.has(nameOf(child)) && !fresh.has(nameOf(child))) fresh.set(nameOf(child), child)
  await insert(tx, [...fresh.values()])
  const idOf = (child: PlacedChild): string | null =>
    known.get(nameOf(child)) ?? fresh.get(nameOf(child))?.run.id ?? null
  const answers = new Map(placed.map((child) => [child.call, idOf(child)]))
  return children.map((child) => answers.get(child) ?? null)
}

interface PlacedChild extends Pick<NewChild, 'run'> {
  readonly call: NewChild
  readonly parent: SeqRun
  /** The place of the child, without the number of times that its parent had failed. */
  readonly prefix: string
}

function isCurrent({ state, attempt, workerId, rollback }: SeqRun, { fence }: NewChild): boolean {
  const isSame = attempt === fence.attempt && workerId === fence.workerId
  return isSame && state === 'running' && rollback === null
}

const admittedOf = (call: NewChild, parent: SeqRun): PlacedChild => ({
  call,
  run: call.run,
  parent,
  prefix: `${parent.checkpoints}:${call.place}:`,
})

const nameOf = ({ parent, prefix }: PlacedChild): string => `${parent.id} ${prefix}`

/** The ids of the children that are there, by their names (`nameOf`). */
async function childrenAt(
  tx: Tx,
  placed: readonly PlacedChild[],
): Promise<ReadonlyMap<string, string>> {
  if (placed.length === 0) return new Map()
  const sets = placed.map(({ parent, prefix }) => [parent.id, prefix, `${prefix.slice(0, -1)};`])
  const rows = await tx.each('childrenAt', sets)
  const failures = new Map(placed.map(({ parent }) => [parent.id, parent.failures]))
  const known = new Map<string, string>()
  for (const row of rows) {
    const [parent, place, state] = [row['parent'], row['place'], row['state']].map(String)
    const at = String(place).lastIndexOf(':') + 1
    const isOfNow = Number(place?.slice(at)) === failures.get(String(parent))
    if (isOfNow || (state !== 'failed' && state !== 'cancelled'))
      known.set(`${parent} ${place?.slice(0, at)}`, String(row['id']))
  }
  return known
}

async function insert(tx: Tx, children: readonly PlacedChild[]): Promise<void> {
  if (children.length === 0) return
  const stopped: { child: PlacedChild; stopper: Stopper }[] = []
  const free: PlacedChild[] = []
  for (const child of children) {
    const stopper = stopperOf(child.parent)
    if (stopper) stopped.push({ child, stopper })
    else free.push(child)
  }
  if (free.length > 0)
    await enqueueRuns(
      tx,
      free.map(({ run }) => run),
    )
  const placed = stopped.map(({ child: { run }, stopper }) => ({ run, admission: { stopper } }))
  if (placed.length > 0) await insertAdmitted(tx, placed)
  const sets = children.map(({ run, parent, prefix }) => [
    run.id,
    parent.id,
    `${prefix}${parent.failures}`,
  ])
  tx.send('adoptRuns', sets)
}

/** The stop of the parent that a child meets before it has begun; null for none. */
function stopperOf({ intent }: SeqRun): Stopper | null {
  const stop = intent?.stop
  if (!stop || stop.children === 'detach') return null
  const { verb, reason, by, requestedAt } = stop
  return { verb, reason, by, createdAt: requestedAt }
}
