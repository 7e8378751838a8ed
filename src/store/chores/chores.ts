/**
 * The chores of housekeeping that wait for a time: what is due, over or has expired moves on.
 *
 * To add one (cron, say): its name in `ChoreName`, its line here, and in each database the statement that says when it is due
 * next; the compiler asks for all three.
 *
 * All that is due is done in one transaction, in the order of the list:
 *
 * 1. Holds end first, while no run is locked: those who carry out a hold lock their bulk operation before they lock runs.
 * 2. Chores that end runs come before those that move runs on: a run that has expired or is too late is not woken, resumed or queued first.
 * 3. Runs wake before they are resumed, so that a run which slept and was paused goes on in one step.
 * 4. Workflows are resumed before their members: the bulk operation which that begins is then found to be resuming them.
 * 5. Runs whose own time has come are resumed before those whose hold is no more: a hold that has just ended has given its runs the same time,
 *    and their feeds are to say that.
 * 6. Runs are queued last: a run that was resumed above and whose time had come meanwhile is queued in the same step.
 */
import type { MachineEvent } from '../../core/run/events.ts'
import { byRequest } from '../../core/run/intent.ts'
import { Changes } from '../changes/changes.ts'
import { endPastHolds } from '../control/holds.ts'
import type { ChoreName } from '../driver/chore-name.ts'
import type { Tx } from '../driver/driver.ts'
import type { StatementName } from '../driver/statements.ts'
import type { Housekept } from '../port/runs.ts'
import { runOf } from '../rows/runs.ts'
import { writeChanges } from '../runs/after-ends.ts'
import { resumeWorkflows } from '../workflow/control.ts'

/** How many runs or workflows one step of a chore moves at most. */
const stepLimit = 500

interface Chore {
  /** Where the step is counted in what `housekeep` answers; null for a chore that moves no run by itself. */
  readonly counts: keyof Moved | null
  /** Does a bounded step within the transaction. @returns how many it has moved. */
  readonly step: (tx: Tx) => Promise<number>
}

/** How many runs and workflows the chores have moved. */
export type Moved = Pick<Housekept, 'dueCount' | 'expiredCount'>

const paused = { type: 'resume', by: null, ...byRequest } as const

const chores: Readonly<Record<ChoreName, Chore>> = {
  endHolds: { counts: null, step: endPastHolds },
  expire: { counts: 'expiredCount', step: moving('expiredRunsToChange', { type: 'expire' }) },
  endLate: { counts: 'expiredCount', step: moving('lateRunsToChange', { type: 'deadline' }) },
  wake: { counts: 'dueCount', step: moving('wakeableRunsToChange', { type: 'wake', by: 'time' }) },
  resumeWorkflows: { counts: 'dueCount', step: (tx) => resumeWorkflows(tx, stepLimit) },
  resume: {
    counts: 'dueCount',
    step: moving('resumableRunsToChange', { ...paused, reason: 'it was paused until now' }),
  },
  resumeOrphaned: {
    counts: 'dueCount',
    step: moving('orphanedRunsToChange', {
      ...paused,
      reason: 'the hold, workflow or parent that paused it does so no more',
    }),
  },
  queueDue: { counts: 'dueCount', step: moving('dueRunsToChange', { type: 'due' }) },
}

/** Does a bounded step of every chore, in their order. */
export async function doChores(tx: Tx): Promise<Moved> {
  const moved = { dueCount: 0, expiredCount: 0 }
  for (const { counts, step } of Object.values(chores)) {
    const count = await step(tx)
    if (counts !== null) moved[counts] += count
  }
  return moved
}

/** A step in which one event happens to each of the runs that a statement finds. */
function moving(found: StatementName, event: MachineEvent): Chore['step'] {
  return async (tx) => {
    const runs = (await tx.run(found, [tx.now(), stepLimit])).map(runOf)
    const changes = new Changes(tx.now(), runs)
    for (const run of runs) changes.decide(run.id, event)
    await writeChanges(tx, changes)
    return runs.length
  }
}
