/**
 * The last gate before a run starts: holds that are seen by a run alone, by its tag, key or input.
 *
 * They are looked at when a run is enqueued; but it may have been enqueued beside the hold, each unseen by the other, or come
 * back for another attempt. So whoever claims looks again, after it has chosen.
 */
import { isHeldBy } from '../../core/hold.ts'
import type { MachineEvent } from '../../core/run/events.ts'
import { Changes } from './changes.ts'
import type { Tx } from '../driver/driver.ts'
import { holdOf, runOf } from '../rows/runs.ts'
import type { Hold } from '../store.ts'
import type { Row } from '../driver/sql.ts'

/** The holds that have to be looked at for each run: first those that end runs, and of each kind the oldest first. */
export async function rowHolds(tx: Tx): Promise<readonly Hold[]> {
  const holds = (await tx.run('rowHolds', [tx.now()])).map(holdOf)
  return holds.toSorted(
    (a, b) => Number(a.verb === 'pause') - Number(b.verb === 'pause') || a.createdAt - b.createdAt,
  )
}

/** What a hold asks of a run that has not started. */
export function eventOfHold({ id, verb, reason, by, until, rollback }: Hold): MachineEvent {
  if (verb !== 'pause') return { type: verb, reason, by, graceMs: 0, rollback }
  const how = { withinMs: 0, otherwise: 'wait', parksIn: 'paused' } as const
  return { type: verb, reason, by, ...how, resumeAt: until, holdId: id }
}

/** Those of the claimed that nothing holds. The claim of the others is taken back, and what is asked of them is done. */
export async function withoutHeld(tx: Tx, started: readonly Row[]): Promise<readonly Row[]> {
  if (started.length === 0) return started
  const holds = await rowHolds(tx)
  if (holds.length === 0) return started
  const seqs = started.map((row) => Number(row['seq']))
  const runs = (await tx.run('runsBySeqToChange', [seqs])).map(runOf)
  const held = runs.flatMap((run) => {
    // What is being rolled back was stopped already.
    const hold = run.rollback ? undefined : holds.find(({ filter }) => isHeldBy(filter, run))
    return hold ? [{ run, hold }] : []
  })
  if (held.length === 0) return started
  const heldSeqs = held.map(({ run }) => run.seq)
  await tx.run('unstartRuns', [heldSeqs])
  const back = (await tx.run('runsBySeqToChange', [heldSeqs])).map(runOf)
  const changes = new Changes(tx.now(), back)
  for (const { run, hold } of held) changes.decide(run.id, eventOfHold(hold))
  await changes.write(tx)
  return started.filter((row) => !heldSeqs.includes(Number(row['seq'])))
}
