/**
 * The last gate before members start: the stop or the pause of their workflow.
 *
 * What is asked of a workflow stands in its row at once, and reaches its members piece by piece. So whoever has claimed some looks
 * whether that stands there, and hands them back: what is claimed after it was asked does not start. A stop that was left as a tombstone while
 * the workflow was stored beside it, each unseen by the other, is found here, too.
 */
import type { MachineEvent } from '../../core/run/events.ts'
import { Changes, loadRuns } from '../runs/changes.ts'
import type { Tx } from '../driver/driver.ts'
import { tombstoneOf } from '../rows/runs.ts'
import type { ClaimedRun } from '../store.ts'
import { fromStop, order } from './control.ts'
import type { StoredWorkflow } from '../port/workflows.ts'
import { workflowOf } from '../rows/workflows.ts'
import { firstUndoing } from '../rows/undo-nodes.ts'
/** Whether the stop or the pause of its workflow is one of its own: not so where it undoes what was done. */
export const mayHalt = ({ workflow, node, rollback }: ClaimedRun): boolean =>
  workflow !== null && rollback === null && (node ?? 0) < firstUndoing

/** Hands back those that their workflows keep from starting. @returns their ids. */
export async function handBackHalted(
  tx: Tx,
  { claimed, workerId }: { readonly claimed: readonly ClaimedRun[]; readonly workerId: string },
): Promise<ReadonlySet<string>> {
  const flows = await halted(
    tx,
    claimed.map(({ workflow }) => workflow ?? ''),
  )
  const refused = claimed.filter(({ workflow }) => flows.has(workflow ?? ''))
  const runs = await loadRuns(
    tx,
    refused.map(({ id }) => id),
  )
  const changes = new Changes(tx.now(), runs)
  const ended = { mode: 'prevented', deliveredAt: null, proof: null } as const
  for (const { id: runId, attempt, workflow } of refused) {
    const fence = { runId, attempt, workerId }
    const event = eventOf(flows.get(workflow ?? ''))
    if (event && changes.get(runId)) {
      changes.decide(runId, { type: 'release', fence, ...ended })
      changes.decide(runId, event)
    }
  }
  await changes.write(tx)
  return new Set(refused.map(({ id }) => id))
}

/** The workflows that nothing may start of, held. */
async function halted(
  tx: Tx,
  ids: readonly string[],
): Promise<ReadonlyMap<string, StoredWorkflow>> {
  const own = [...new Set(ids)]
  const rows = await tx.run('workflowsToChange', [own])
  const places = own.map((id) => ['id', '', id, tx.now()])
  const stones = (await tx.each('tombstonesFor', places)).map(tombstoneOf)
  const flows = new Map(rows.map(workflowOf).map((flow) => [flow.id, flow]))
  for (const stone of stones) {
    const flow = flows.get(stone.value)
    tx.send('deleteTombstone', [['id', '', stone.value]])
    if (!flow || flow.finishedAt !== null) continue
    const request = fromStop(stone, { id: flow.id, callId: `${flow.id}/tombstone` })
    await order(tx, { flow, request })
    const [now] = await tx.run('workflowsToChange', [[flow.id]])
    if (now) flows.set(flow.id, workflowOf(now))
  }
  return new Map([...flows].filter(([, flow]) => eventOf(flow) !== null))
}

/** What its members are asked that have not started. */
function eventOf(flow: StoredWorkflow | undefined): MachineEvent | null {
  if (!flow) return null
  const { id: holdId, stop, paused, pausesAtPoints } = flow
  if (stop) {
    const { verb, reason, by, rollback } = stop
    return { type: verb, reason, by, graceMs: 0, rollback }
  }
  if (!paused || pausesAtPoints) return null
  const { reason, by, until } = paused
  const how = { withinMs: 0, otherwise: 'wait', parksIn: 'paused' } as const
  return { type: 'pause', reason, by, ...how, resumeAt: until, holdId }
}
