import { byRequest } from '../../core/run/intent.ts'
import type { Housekept } from '../store.ts'
import type { MachineEvent } from '../../core/run/events.ts'
import type { Tx } from '../driver/driver.ts'
import { endPastHolds } from '../control/holds.ts'
import { resumeWorkflows } from '../workflow/control.ts'
import type { StatementName } from '../driver/statements.ts'
import { Changes } from '../changes/changes.ts'
import { writeChanges } from '../runs/after-ends.ts'
import { runOf } from '../rows/runs.ts'

/** How many runs one housekeeping step moves of each kind. */
export const stepLimit = 500

/**
 * Does something for each, in a transaction of its own, for what holds up one must not hold up another.
 * @throws the first error, where nothing could be done for any.
 */
export async function eachByItself<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result | null>,
): Promise<readonly Result[]> {
  const done: Result[] = []
  const errors: unknown[] = []
  for (const item of items) {
    const result = await work(item).catch((error: unknown) => void errors.push(error))
    if (result) done.push(result)
  }
  if (errors.length > 0 && done.length === 0) throw errors[0]
  return done
}

export type Moved = Pick<Housekept, 'dueCount' | 'expiredCount'>

/** One step of what is due, over or has expired. */
export async function moveWhatIsDue(tx: Tx): Promise<Moved> {
  const move = (found: StatementName, event: MachineEvent): Promise<number> =>
    moveAll(tx, { found, event })
  // First, while no run is held: whoever carries out a hold has its bulk operation before it has runs.
  await endPastHolds(tx)
  const expired = await move('expiredRunsToChange', { type: 'expire' })
  const late = await move('lateRunsToChange', { type: 'deadline' })
  const woken = await move('wakeableRunsToChange', { type: 'wake', by: 'time' })
  const continued = await resumeWorkflows(tx, stepLimit)
  const reason = 'it was paused until now'
  const resume = { type: 'resume', reason, by: null, ...byRequest } as const
  const resumed = await move('resumableRunsToChange', resume)
  const lifted = { ...resume, reason: 'the hold that paused it is no more' } as const
  const freed = await move('orphanedRunsToChange', lifted)
  const due = await move('dueRunsToChange', { type: 'due' })
  return { expiredCount: expired + late, dueCount: due + woken + resumed + freed + continued }
}

export async function moveAll(
  tx: Tx,
  { found, event }: { readonly found: StatementName; readonly event: MachineEvent },
): Promise<number> {
  const runs = (await tx.run(found, [tx.now(), stepLimit])).map(runOf)
  const changes = new Changes(tx.now(), runs)
  for (const run of runs) changes.decide(run.id, event)
  await writeChanges(tx, changes)
  return runs.length
}
