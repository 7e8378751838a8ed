/**
 * Keeps members from starting whose workflow is stopped or paused.
 *
 * A verb on a workflow stands in the workflow's row at once, and reaches its members piece by piece. The row of a workflow is locked before
 * those of its members, by all who complete them, so a claim cannot lock it: it holds its runs already. The guard looks once the claim is
 * committed. A verb that was asked before that is seen; a verb that is asked later finds the run running, and asks it to stop. A stop that was left as
 * a tombstone while the workflow was stored beside it, each unseen by the other, is found here, too.
 */
import { callOfTombstone } from '../../core/run/call-ids.ts'
import type { MachineEvent } from '../../core/run/events.ts'
import type { Tx } from '../driver/driver.ts'
import type { ClaimedRun } from '../port/runs.ts'
import type { StoredWorkflow } from '../port/workflows.ts'
import { tombstoneOf } from '../rows/requests.ts'
import { firstUndoing } from '../rows/undo-nodes.ts'
import { workflowOf } from '../rows/workflows.ts'
import { fromStop, order } from '../workflow/control.ts'
import { type GuardAfterCommit, pauseOfUnstarted } from './guard.ts'

/** Refuses members that their workflow keeps from starting, and asks of them what is asked of the workflow. */
export const workflowGuard: GuardAfterCommit = {
  async suspect(driver, claimed) {
    const members = claimed.filter(mayHalt)
    if (members.length === 0) return []
    const ids = [...new Set(members.map(workflowIdOf))]
    const rows = await driver.read(driver.statements.haltedWorkflows, [ids])
    const halted = new Set(rows.map((row) => String(row['id'])))
    return members.filter((run) => halted.has(workflowIdOf(run)))
  },
  async refuse(tx, suspects) {
    const flows = await workflowsToChange(tx, [...new Set(suspects.map(workflowIdOf))])
    return suspects.flatMap((run) => {
      const flow = flows.get(workflowIdOf(run))
      const event = flow ? eventOf(flow) : null
      return event ? [{ run, event }] : []
    })
  },
}

const workflowIdOf = ({ workflow }: ClaimedRun): string => workflow ?? ''

/** Whether a stop or a pause of its workflow is for the run: not where the run undoes what another has done. */
const mayHalt = ({ workflow, node, rollback }: ClaimedRun): boolean =>
  workflow !== null && rollback === null && (node ?? 0) < firstUndoing

/** The workflows by their ids, held; a tombstone that stands for one is used up, and its stop is in the row. */
async function workflowsToChange(
  tx: Tx,
  ids: readonly string[],
): Promise<ReadonlyMap<string, StoredWorkflow>> {
  const rows = await tx.run('workflowsToChange', [ids])
  const flows = new Map(rows.map(workflowOf).map((flow) => [flow.id, flow]))
  const places = ids.map((id) => ['id', '', id, tx.now()])
  for (const stone of (await tx.each('tombstonesFor', places)).map(tombstoneOf)) {
    const flow = flows.get(stone.value)
    tx.send('deleteTombstone', [['id', '', stone.value]])
    if (!flow || flow.finishedAt !== null) continue
    const request = fromStop(stone, { id: flow.id, callId: callOfTombstone(flow.id) })
    await order(tx, { flow, request })
    const [stopped] = await tx.run('workflowsToChange', [[flow.id]])
    if (stopped) flows.set(flow.id, workflowOf(stopped))
  }
  return flows
}

/** The event for the members that have not started; null where the workflow lets them start. */
function eventOf(flow: StoredWorkflow): MachineEvent | null {
  const { id: workflowId, stop, paused, pausesAtPoints } = flow
  if (stop) {
    const { verb, reason, by, rollback, kill } = stop
    return { type: verb, reason, by, graceMs: 0, rollback, ...(kill && { kill }) }
  }
  if (!paused || pausesAtPoints) return null
  const { reason, by, until } = paused
  return {
    type: 'pause',
    reason,
    by,
    ...pauseOfUnstarted,
    resumeAt: until,
    holdId: null,
    workflowId,
  }
}
