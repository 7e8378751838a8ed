/**
 * The consequences of the end of runs, in the transaction in which they end.
 *
 * Every way in which a run can end calls `afterEnds`: the machine's (`writeChanges`) and the statements that end many runs at
 * once (the list is in `store/changes/changes.ts`). A new consequence of the end of a run, say the release of a
 * concurrency key, is one more line in `afterEnds`. One statement ends runs without it: `completeAlone` on PostgreSQL, whose conditions
 * leave out every run that an end has consequences for. A new consequence is one more of those conditions, too.
 *
 * The steps have an order. The runs that waited are woken first, for they can be looked up while the ends are still being written.
 * The workflow goes on next: its row is held since before the rows of its members (`holdWorkflows` in `apply.ts`). Children are
 * asked last, for that only puts a bulk operation on record, which is carried out once this transaction is committed.
 */
import { isFinal } from '../../core/run/transitions.ts'
import { Changes, loadRuns } from '../changes/changes.ts'
import type { Ends } from '../changes/ends.ts'
import type { Tx } from '../driver/driver.ts'
import { advance } from '../progress/advance.ts'
import { runOf, type SeqRun } from '../rows/runs.ts'
import { nextAwaited, pauseChildren, stopChildren } from './children.ts'

/**
 * Does everything that must be done because runs have ended.
 * @param written settles when the ends are written; the runs that wait for them are looked up meanwhile.
 */
export async function afterEnds(tx: Tx, ends: Ends, written?: Promise<void>): Promise<void> {
  if (ends.ended.length > 0) tx.tell('end')
  await Promise.all([written, wakeWaiters(tx, ends)])
  await advance(tx, ends.members)
  await stopChildren(tx, ends.stopped)
  await pauseChildren(tx, ends.paused ?? [])
}

/** Writes the changes that the machine has decided, and does everything that must be done because of them. */
export async function writeChanges(tx: Tx, changes: Changes): Promise<void> {
  const { written, awaited, ends } = changes.send(tx)
  if (awaited.length > 0) await wakeIfOver(tx, awaited)
  await afterEnds(tx, ends, written)
}

/** Wakes the runs that waited for those that have ended. */
async function wakeWaiters(
  tx: Tx,
  { ended, waiting }: Pick<Ends, 'ended' | 'waiting'>,
): Promise<void> {
  if (ended.length === 0) return
  await wake(tx, waiting ?? (await tx.run('waitingForToChange', [ended])).map(runOf))
}

/**
 * Wakes the runs that have begun to wait for a run which is final: they would never hear of its end. On PostgreSQL a completion
 * that is under way does not see the runs that have just begun to wait, but it sees that the row of its own run has changed meanwhile.
 * So the rows of the awaited runs are marked, and their completion goes the long way, which looks for waiting runs again.
 */
async function wakeIfOver(tx: Tx, awaited: readonly string[]): Promise<void> {
  const runs = await loadRuns(tx, awaited)
  await tx.run('markAwaited', [awaited])
  const ended = runs.flatMap(({ id, state }) => (isFinal(state) ? [id] : []))
  await wakeWaiters(tx, { ended })
}

/** Wakes runs whose wait for another run is over, or lets them wait for the next of their children. */
async function wake(tx: Tx, waiting: readonly SeqRun[]): Promise<void> {
  if (waiting.length === 0) return
  const changes = new Changes(tx.now(), waiting)
  for (const run of waiting) {
    const next = await nextAwaited(tx, run)
    changes.decide(run.id, { type: 'wake', by: 'run', ...(next === null ? {} : { next }) })
  }
  await writeChanges(tx, changes)
}
