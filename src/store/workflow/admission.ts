/**
 * How a workflow is admitted whose key another one holds. The three ways mean for workflows what they mean for runs (`store/runs/admission.ts`).
 *
 * A holder that is cancelled ends later, for its members are asked piece by piece. With `cancel-and-replace` the new workflow is stored with all
 * of its members waiting, and names the holder (`waitsFor`); the transaction in which the holder ends lets it begin (`store/progress/advance.ts`).
 */
import { callOfReplacement } from '../../core/run/call-ids.ts'
import type { Tx } from '../driver/driver.ts'
import type { NewWorkflow, StoredWorkflow } from '../port/workflows.ts'
import { workflowOf, workflowParams, type WorkflowPlace } from '../rows/workflows.ts'
import { fromStop, order } from './control.ts'

/** The place of a new workflow, and the workflow that lost its key to it; or the id of the workflow that is there already. */
export type Admitted =
  | { readonly place: WorkflowPlace; readonly replacedId: string | null }
  | { readonly existing: string }

/** Makes room for a workflow. @param isHeld whether it is stopped before it came: then it takes the key from nobody. */
export async function admitWorkflow(
  tx: Tx,
  { flow, isHeld }: { readonly flow: NewWorkflow; readonly isHeld: boolean },
): Promise<Admitted> {
  const { id, key, onConflict } = flow
  const [same] = await tx.run('workflowsToChange', [[id]])
  if (same) return { existing: id }
  const [row] = key === null ? [] : await tx.run('workflowByKeyToChange', [key])
  const holder = row ? workflowOf(row) : null
  const free = { holdsKey: key !== null, waitsFor: null }
  if (holder === null) return { place: free, replacedId: null }
  if (onConflict === 'skip') return { existing: holder.id }
  if (isHeld) return { place: { ...free, holdsKey: false }, replacedId: null }
  const waitsFor = await replace(tx, { flow, holder })
  return { place: { holdsKey: true, waitsFor }, replacedId: holder.id }
}

interface Replacement {
  readonly flow: NewWorkflow
  readonly holder: StoredWorkflow
}

/** Takes the key from the workflow that holds it. @returns the id of the workflow whose end the new one waits for; null for none. */
async function replace(tx: Tx, { flow, holder }: Replacement): Promise<string | null> {
  const without = { ...holder, holdsKey: false }
  await tx.run('updateWorkflow', workflowParams(without))
  const isWanted = flow.onConflict === 'cancel-and-replace' || !(await hasStarted(tx, holder))
  if (isWanted) await cancel(tx, { flow, holder: without })
  if (flow.onConflict === 'replace') return null
  // A holder that has not begun waits for the end of a workflow that it had replaced: the new one waits for that end in its place.
  return holder.waitsFor ?? holder.id
}

async function hasStarted(tx: Tx, { id }: StoredWorkflow): Promise<boolean> {
  return (await tx.run('startedMemberOf', [id])).length > 0
}

async function cancel(tx: Tx, { flow, holder }: Replacement): Promise<void> {
  const { id, by = null, origin = null, graceMs } = flow
  const asked = { verb: 'cancel', reason: `replaced by ${id}`, by } as const
  const request = fromStop(asked, { id: holder.id, callId: callOfReplacement(id) })
  await order(tx, { flow: holder, request: { ...request, origin, graceMs } })
}
