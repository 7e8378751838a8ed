/**
 * How a workflow goes on when members end: the next step starts, a group has one member less to wait for, or the workflow ends.
 *
 * All of this happens in the transaction in which the members end, and under the lock of the workflow's row. So each slot of a
 * group is filled once, and the member that fills the last slot sees that it does. It goes in rounds: a round deals with every node
 * that has ended, whole groups in one statement, and the next round with the nodes that have ended by that. For example, the
 * last member of a group ends; the group settles with the results of all; the step after it starts.
 */
import type { MemberEnd } from '../changes/ends.ts'
import type { Tx } from '../driver/driver.ts'
import type { StoredWorkflow } from '../port/workflows.ts'
import { nodeOf, workflowOf } from '../rows/workflows.ts'
import { WorkflowProgress } from './workflow-progress.ts'

/** Goes on with the workflows of members that have ended. */
export async function advance(tx: Tx, ends: readonly MemberEnd[]): Promise<void> {
  if (ends.length === 0) return
  const ids = [...new Set(ends.map(({ workflow }) => workflow))]
  const rows = await tx.run('workflowsToChange', [ids])
  const over: string[] = []
  for (const row of rows) {
    const flow = new WorkflowProgress(tx, workflowOf(row))
    await flow.end(ends.filter(({ workflow }) => workflow === flow.facts.id))
    await flow.write()
    if (flow.facts.finishedAt !== null) over.push(flow.facts.id)
  }
  await beginSuccessors(tx, over)
}

/**
 * Lets the workflows begin that have taken the keys of those that are over, and have waited for their end. It looks until there is none: one that was
 * found had to be waited for where another transaction held it, and may have been replaced there by one that waits for the same end.
 */
async function beginSuccessors(tx: Tx, over: readonly string[]): Promise<void> {
  for (const id of over)
    for (let rows = await successors(tx, id); rows.length > 0; rows = await successors(tx, id))
      for (const row of rows)
        await beginSuccessor(new WorkflowProgress(tx, { ...row, waitsFor: null }))
}

async function successors(tx: Tx, id: string): Promise<readonly StoredWorkflow[]> {
  return (await tx.run('workflowsWaitingForToChange', [id])).map(workflowOf)
}

async function beginSuccessor(flow: WorkflowProgress): Promise<void> {
  if (flow.facts.finishedAt === null) {
    const nodes = await flow.tx.run('beginningNodes', [flow.facts.id])
    await flow.begin(nodes.map(nodeOf))
  }
  await flow.write()
}
