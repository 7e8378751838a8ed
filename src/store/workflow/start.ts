/** Starts workflows, also those that were stopped before they came. */
import { callOfTombstone } from '../../core/run/call-ids.ts'
import { Changes, loadRuns } from '../changes/changes.ts'
import type { Tx } from '../driver/driver.ts'
import type { NewWorkflow, WorkflowEnqueued } from '../port/workflows.ts'
import { tombstoneOf } from '../rows/requests.ts'
import { workflowOf } from '../rows/workflows.ts'
import { writeChanges } from '../runs/after-ends.ts'
import type { Tombstone } from '../store.ts'
import { fromStop, order } from './control.ts'
import { insertWorkflow } from './insert.ts'

/** Stores a workflow; one that was stopped before it came is stored, and stopped. */
export async function startWorkflow(tx: Tx, flow: NewWorkflow): Promise<WorkflowEnqueued> {
  const ids = [flow.id, ...flow.nodes.flatMap(({ step }) => step?.id ?? [])]
  const places = ids.map((id) => ['id', '', id, tx.now()])
  const stones = (await tx.each('tombstonesFor', places)).map(tombstoneOf)
  const own = stones.find(({ value }) => value === flow.id)
  const isHeld = own !== undefined
  const stored = await insertWorkflow(tx, { flow, isHeld })
  if (stored.outcome === 'exists') return stored
  for (const { value } of stones) tx.send('deleteTombstone', [['id', '', value]])
  const others = stones.filter(({ value }) => value !== flow.id)
  await preventMembers(tx, others)
  if (own === undefined) return stored
  const [row] = await tx.run('workflowsToChange', [[flow.id]])
  const request = fromStop(own, { id: flow.id, callId: callOfTombstone(flow.id) })
  if (row) await order(tx, { flow: workflowOf(row), request })
  return { ...stored, outcome: 'prevented' }
}

/** Stops the members that were stopped before they came. */
async function preventMembers(tx: Tx, stones: readonly Tombstone[]): Promise<void> {
  if (stones.length === 0) return
  const runs = await loadRuns(
    tx,
    stones.map(({ value }) => value),
  )
  const changes = new Changes(tx.now(), runs)
  for (const { value, verb, reason, by } of stones) {
    const run = changes.get(value)
    if (run) changes.decide(run.id, { type: verb, reason, by, graceMs: 0 })
  }
  await writeChanges(tx, changes)
}
