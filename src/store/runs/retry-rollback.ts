/**
 * Roll-backs that are tried again: for each a new run that does nothing but roll back, and names the old one (`retryOf`). The old run
 * has ended and stays so; its roll-back says which run tries it again (`rollback.retriedAs`).
 *
 * The new run begins with the last checkpoint of the old one, ends as the old one ended, and belongs to no workflow and no parent. It holds no key, and
 * no hold keeps it back. Where it fails, too, the next one is made of it, whichever of them is named: so nothing is undone by two
 * runs at once, or after it was undone.
 *
 * Runs of one workflow that are tried again in one call are undone one after the other, in the order in which the workflow would have undone them.
 */
import { isFinal } from '../../core/run/transitions.ts'
import { Changes, loadRuns } from '../changes/changes.ts'
import type { Tx } from '../driver/driver.ts'
import { note, placeOf } from '../journal/audit-log.ts'
import type { Retried, RetryOfRun } from '../port/requests.ts'
import type { NewRun } from '../port/runs.ts'
import type { AdmittedRun } from '../rows/new-run.ts'
import type { SeqRun } from '../rows/runs.ts'
import { firstUndoing } from '../rows/undo-nodes.ts'
import { writeChanges } from './after-ends.ts'
import { insertAdmitted } from './enqueue.ts'
import { type Again, entryOfRetry, madeBefore } from './retry-record.ts'

/** A roll-back that is tried again: `newest` is the run that has tried it last, `old` the one that was named. */
interface Undoing extends Again {
  readonly newest: SeqRun
}

/** Tries the roll-backs of runs again by their ids. One answer each, in order. */
export async function retryRollbacks(
  tx: Tx,
  calls: readonly RetryOfRun[],
): Promise<readonly Retried[]> {
  const runs = await withRetries(tx, [...new Set(calls.map(({ id }) => id))])
  const made = await madeBefore(tx, calls)
  const again: Undoing[] = []
  const begun = new Set<string>()
  const answers = calls.map((call): Retried => {
    const { id, newId } = call
    const before = made.get(placeOf(call.asked.callId, id))
    if (before !== undefined) return { id, answer: 'retried', newId: before }
    const old = runs.get(id)
    if (!old) return { id, answer: 'not-found', newId: null }
    const newest = newestOf(runs, old)
    const refusal = begun.has(newest.id) ? 'rolling-back' : refusalOf(newest)
    if (refusal !== null) return { id, answer: refusal, newId: null }
    begun.add(newest.id)
    made.set(placeOf(call.asked.callId, id), newId)
    again.push({ call, old, newest })
    return { id, answer: 'retried', newId }
  })
  if (again.length > 0) await rollBackAgain(tx, again)
  return answers
}

/** The runs, and those that have tried their roll-backs again since. */
async function withRetries(tx: Tx, ids: readonly string[]): Promise<Map<string, SeqRun>> {
  const runs = new Map<string, SeqRun>()
  for (let left = ids; left.length > 0;) {
    const found = await loadRuns(tx, left)
    for (const run of found) runs.set(run.id, run)
    left = found.flatMap(({ rollback }) => {
      const next = rollback?.retriedAs
      return next === undefined || runs.has(next) ? [] : [next]
    })
  }
  return runs
}

/** The run that has tried the roll-back of a run last; itself where no other has, or where that one was deleted. */
function newestOf(runs: ReadonlyMap<string, SeqRun>, run: SeqRun): SeqRun {
  const next = runs.get(run.rollback?.retriedAs ?? '')
  return next ? newestOf(runs, next) : run
}

/** Why a roll-back is not tried again; null where it is. */
function refusalOf({ state, rollback }: SeqRun): Exclude<Retried['answer'], 'retried'> | null {
  if (rollback?.state === 'pending') return 'rolling-back'
  if (!isFinal(state)) return 'not-final'
  if (rollback === null) return 'no-rollback'
  return rollback.state === 'completed' ? 'rolled-back' : null
}

/** Stores the new runs, and notes in the old ones that they are there. */
async function rollBackAgain(tx: Tx, again: readonly Undoing[]): Promise<void> {
  await insertAdmitted(tx, admittedOf(again))
  const changes = new Changes(
    tx.now(),
    again.map(({ newest }) => newest),
  )
  for (const { newest, call } of again) changes.noteRetried(newest.id, call.newId)
  await writeChanges(tx, changes)
  note(tx, again.map(entryOfRetry))
}

/** The new runs; of those of one workflow, each waits for the end of the one before. */
function admittedOf(again: readonly Undoing[]): readonly AdmittedRun[] {
  const last = new Map<string, string>()
  return again
    .toSorted((a, b) => turnOf(a) - turnOf(b))
    .map(({ call, old, newest }) => {
      const before = old.workflow === null ? undefined : last.get(old.workflow)
      if (old.workflow !== null) last.set(old.workflow, call.newId)
      const admission = { undo: newest, ...(before === undefined ? {} : { waitsFor: before }) }
      return { run: newRunOf(call, newest), admission }
    })
}

/** The place of a run in the order in which its workflow undoes: first the members that were stopped, the last first, then the runs that undo completed ones. */
function turnOf({ old: { node } }: Undoing): number {
  const at = node ?? 0
  return at < firstUndoing ? -at : at
}

function newRunOf({ newId }: RetryOfRun, newest: SeqRun): NewRun {
  const { id, task, queue, priority, tags, key, input } = newest
  const none = { due: null, ttlMs: null, deadline: null }
  const again = { id: newId, onConflict: 'skip', graceMs: 0, retryOf: id } as const
  return { task, queue, priority, tags, key, input, ...again, ...none }
}
