/**
 * Keeps runs from starting that were stopped before they existed.
 *
 * A verb and an enqueue that are under way at the same time do not see each other: the one leaves a tombstone, the other a run that
 * is queued. Whichever of them is committed last, a claim that looks for tombstones after it has chosen sees both.
 * Where there is one writer at a time, the enqueue has always seen the tombstone, and the guard is not needed.
 */
import type { Param } from '../driver/sql.ts'
import type { Tombstone } from '../port/requests.ts'
import type { ClaimedRun } from '../port/runs.ts'
import { tombstoneOf } from '../rows/requests.ts'
import type { SeqRun } from '../rows/runs.ts'
import type { GuardBeforeCommit } from './guard.ts'

/** Refuses runs for whose id or key a tombstone stands, and uses the tombstone up. */
export const tombstoneGuard: GuardBeforeCommit = {
  isForConcurrentWriters: true,
  look: (tx) => tx.run('hasTombstones'),
  async refuse({ tx, chosen, rows }) {
    const now = tx.now()
    const wanted = chosen.flatMap((run) => placesOf(run).map((place) => [...place, now]))
    const stones = (await tx.each('tombstonesFor', wanted)).map(tombstoneOf)
    if (stones.length === 0) return []
    return (await rows()).flatMap((run) => {
      const stone = stones.find((one) => isFor(one, run))
      if (!stone) return []
      const { verb, reason, by, kind, task, value } = stone
      tx.send('deleteTombstone', [[kind, task ?? '', value]])
      return [{ run, event: { type: verb, reason, by, graceMs: 0 } }]
    })
  },
}

/** Where tombstones for a run stand: under its id and, where it has one, its key. */
function placesOf({ id, task, key }: ClaimedRun): readonly Param[][] {
  return [['id', '', id], ...(key === null ? [] : [['key', task, key]])]
}

function isFor({ kind, value, task }: Tombstone, run: SeqRun): boolean {
  return kind === 'id' ? value === run.id : run.holdsKey && value === run.key && task === run.task
}
