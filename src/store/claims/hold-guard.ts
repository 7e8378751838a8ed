/**
 * Keeps runs from starting that are held by their tag, key or input.
 *
 * A run is compared with the holds when it is enqueued. But the run may have been enqueued beside the hold, each unseen by the
 * other, or it ran when the hold was put and comes back for another attempt. A hold on a whole task or queue needs no guard: claims pass
 * over its lane.
 */
import { isHeldBy } from '../../core/hold.ts'
import type { MachineEvent } from '../../core/run/events.ts'
import type { Hold } from '../port/requests.ts'
import { holdsInOrder } from '../runs/row-holds.ts'
import { type GuardBeforeCommit, pauseOfUnstarted } from './guard.ts'

/** Refuses runs that a hold is for, but for those that are being rolled back: they were stopped already. */
export const holdGuard: GuardBeforeCommit = {
  isForConcurrentWriters: false,
  look: (tx) => tx.run('rowHolds', [tx.now()]),
  async refuse({ chosen, rows }, found) {
    const holds = holdsInOrder(found)
    const ids = new Set(chosen.map(({ id }) => id))
    return (await rows()).flatMap((run) => {
      if (!ids.has(run.id) || run.rollback) return []
      const hold = holds.find(({ filter }) => isHeldBy(filter, run))
      return hold ? [{ run, event: eventOf(hold) }] : []
    })
  },
}

/** The event that a hold is for a run which has not started. */
function eventOf({ id, verb, reason, by, until, rollback }: Hold): MachineEvent {
  if (verb !== 'pause') return { type: verb, reason, by, graceMs: 0, rollback }
  return {
    type: verb,
    reason,
    by,
    ...pauseOfUnstarted,
    resumeAt: until,
    holdId: id,
    workflowId: null,
  }
}
