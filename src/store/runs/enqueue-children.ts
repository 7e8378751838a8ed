/**
 * Runs that handlers enqueue.
 *
 * A handler that runs again comes to the same enqueues again, and must not enqueue its children twice. So each child has a place. It is made of the
 * number of states that the parent had saved, of the task and a hash of the input, of a number that counts calls with the same task and
 * input, and of the number of times that the parent had failed. Where a child with that place is there already, the call means that child. For example,
 * a handler enqueues two children and loses its worker; the next attempt makes the same two calls, and gets the ids of the same two runs. Only a child
 * that did not complete is enqueued anew once its parent has failed after it.
 *
 * A child with a key may find another run to hold it. Where that one stays, it is given to the handler in place of a child (`borrowed`), and the
 * same call means it from then on, also when it has ended. It is no child: a stop of the handler's run is none of it.
 */
import { CheckreinError } from '../../core/errors.ts'
import { runOf, type SeqRun } from '../rows/runs.ts'
import { Changes, loadRuns } from '../changes/changes.ts'
import type { Tx } from '../driver/driver.ts'
import { noPause } from '../port/requests.ts'
import { writeChanges } from './after-ends.ts'
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
  await refuseOwnKeys(tx, [...fresh.values()])
  const given = await insert(tx, [...fresh.values()])
  const idOf = (child: PlacedChild): string | null =>
    known.get(nameOf(child)) ?? given.get(nameOf(child)) ?? null
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
  const borrows = sets.filter((_, at) => placed[at]?.run.key !== null)
  const rows = [
    ...(await tx.each('childrenAt', sets)),
    ...(borrows.length > 0 ? await tx.each('borrowedAt', borrows) : []),
  ]
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

/** Stores children. @returns the ids of the runs that they are, by their names (`nameOf`): of one whose key another run holds, that run. */
async function insert(
  tx: Tx,
  children: readonly PlacedChild[],
): Promise<ReadonlyMap<string, string>> {
  const stopped = children.flatMap((child) => {
    const stopper = stopperOf(child.parent)
    return stopper ? [{ child, stopper }] : []
  })
  const free = children.filter(({ parent }) => !stopperOf(parent))
  const ids = new Map(stopped.map(({ child }) => [nameOf(child), child.run.id]))
  if (free.length > 0) {
    const runs = free.map(({ run }) => run)
    const enqueued = await enqueueRuns(tx, runs)
    for (const [at, child] of free.entries())
      ids.set(nameOf(child), enqueued[at]?.id ?? child.run.id)
  }
  const placed = stopped.map(({ child: { run }, stopper }) => ({ run, admission: { stopper } }))
  if (placed.length > 0) await insertAdmitted(tx, placed)
  notePlaces(tx, children, ids)
  const own = free.filter((child) => ids.get(nameOf(child)) === child.run.id)
  await pauseNew(
    tx,
    own.map(({ run: { id }, parent }) => ({ id, parent })),
  )
  return ids
}

/** Pauses children that a run enqueues while it is asked to pause with its children. */
async function pauseNew(
  tx: Tx,
  children: readonly { readonly id: string; readonly parent: SeqRun }[],
): Promise<void> {
  const met = children.filter(({ parent }) => parent.intent?.pause?.children !== undefined)
  if (met.length === 0) return
  const changes = new Changes(
    tx.now(),
    await loadRuns(
      tx,
      met.map(({ id }) => id),
    ),
  )
  for (const { id, parent } of met) {
    const { reason = null, by = null } = parent.intent?.pause ?? {}
    const { until: _, ...order } = { ...noPause, parentId: parent.id, children: 'pause' as const }
    if (changes.get(id)) changes.decide(id, { type: 'pause', reason, by, ...order, resumeAt: null })
  }
  await writeChanges(tx, changes)
}

/** Notes at which places the runs are, as children or in place of them. */
function notePlaces(
  tx: Tx,
  children: readonly PlacedChild[],
  ids: ReadonlyMap<string, string>,
): void {
  const isOwn = (child: PlacedChild): boolean => ids.get(nameOf(child)) === child.run.id
  const placeOf = ({ parent, prefix }: PlacedChild): string => `${prefix}${parent.failures}`
  const own = children.filter(isOwn).map((child) => [child.run.id, child.parent.id, placeOf(child)])
  if (own.length > 0) tx.send('adoptRuns', own)
  const others = children
    .filter((child) => !isOwn(child))
    .map((child) => [child.parent.id, placeOf(child), ids.get(nameOf(child)) ?? ''])
  if (others.length > 0) tx.send('insertBorrowed', others)
}

/**
 * Refuses a child that would wait for a run which may wait for the child: its parent, or one that has enqueued that.
 * @throws {CheckreinError} `USAGE` where one of them holds the key, unless the child only takes the key.
 */
async function refuseOwnKeys(tx: Tx, children: readonly PlacedChild[]): Promise<void> {
  const keyed = children.filter(({ run }) => run.key !== null && run.onConflict !== 'replace')
  if (keyed.length === 0) return
  const holders = await tx.each(
    'keyHolderToChange',
    keyed.map(({ run }) => [run.task, run.key]),
  )
  if (holders.length === 0) return
  for (const { run, parent } of keyed) {
    const above = await lineOf(tx, parent)
    const holder = holders.find(
      ({ id, task, key }) => task === run.task && key === run.key && above.has(String(id)),
    )
    if (holder) throw ownKey(run, String(holder['id']))
  }
}

/** The ids of a run, of the run that has enqueued it, and so on. */
async function lineOf(tx: Tx, run: SeqRun): Promise<ReadonlySet<string>> {
  const ids = new Set([run.id])
  for (let next = run.parent; next !== null && !ids.has(next);) {
    ids.add(next)
    const [row] = await tx.run('runsById', [[next]])
    next = row ? runOf(row).parent : null
  }
  return ids
}

function ownKey({ task, key }: NewChild['run'], id: string): CheckreinError {
  return new CheckreinError('USAGE', {
    message: `Run ${id} holds the key ${JSON.stringify(key)} of ${task}, and has enqueued the run that asks for it, or asks itself: they would wait for each other`,
    hint: "Give the child another key, or take this one: onConflict: 'replace'.",
    details: { id, task, key },
  })
}

/** The stop of the parent that a child meets before it has begun; null for none. */
function stopperOf({ intent }: SeqRun): Stopper | null {
  const stop = intent?.stop
  if (!stop || stop.children === 'detach') return null
  const { verb, reason, by, requestedAt } = stop
  return { verb, reason, by, createdAt: requestedAt }
}
