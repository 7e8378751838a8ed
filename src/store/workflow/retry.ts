/** A retry of a workflow: its remainder as a new workflow, in one transaction. */
import { CheckreinError } from '../../core/errors.ts'
import type { Tx } from '../driver/driver.ts'
import { note } from '../journal/audit-log.ts'
import type {
  NewWorkflow,
  StoredWorkflow,
  WorkflowEnqueued,
  WorkflowNode,
  WorkflowRetry,
} from '../port/workflows.ts'
import { againFrom } from '../progress/again.ts'
import { nodesWithin } from '../progress/read-nodes.ts'
import { remainderOf } from '../progress/remainder.ts'
import { workflowOf, workflowParams } from '../rows/workflows.ts'
import { stillActive, workflowNotFound } from './errors.ts'
import { startWorkflow } from './start.ts'

/** Stores the workflow that runs another again. @throws {CheckreinError} see `Store.retryWorkflow`. */
export async function retryWorkflow(tx: Tx, request: WorkflowRetry): Promise<WorkflowEnqueued> {
  const { id, from } = request
  const [row] = await tx.run('workflowsToChange', [[id]])
  if (!row) throw workflowNotFound(id)
  const flow = workflowOf(row)
  const before = await retryBefore(tx, { flow, from })
  if (before !== null) return { id: before, outcome: 'exists', replacedId: null }
  if (flow.finishedAt === null) throw stillActive(id, 'It can be run again when it has ended.')
  if (flow.state === 'completed' && from === null) throw nothingLeft(id)
  const stored = await startWorkflow(tx, nextOf(flow, await nodesWithin(tx, id), request))
  // Where another workflow holds the key, nothing was started: a later retry may be.
  if (stored.id !== request.newId || stored.outcome === 'exists') return stored
  await tx.run('updateWorkflow', workflowParams({ ...flow, retriedBy: stored.id }))
  noteRetry(tx, request)
  return stored
}

/**
 * The id of the retry that has run the workflow again from the same place; null where there is none.
 * @throws {CheckreinError} `WORKFLOW_ACTIVE` where one from another place goes on.
 */
async function retryBefore(
  tx: Tx,
  { flow, from }: { readonly flow: StoredWorkflow; readonly from: number | null },
): Promise<string | null> {
  const { id, retriedBy } = flow
  if (retriedBy === null) return null
  const [row] = await tx.run('workflowsById', [[retriedBy]])
  const before = row ? workflowOf(row) : null
  if (before === null) return null
  // A retry that was deleted has ended, and nobody knows any more where it began.
  if (before.retryFrom === from) return retriedBy
  if (before.finishedAt !== null) return null
  throw stillActive(id, `Workflow ${retriedBy} runs it again: wait for its end, or cancel it.`)
}

function nextOf(
  flow: StoredWorkflow,
  nodes: readonly WorkflowNode[],
  { id, newId, from }: WorkflowRetry,
): NewWorkflow {
  const { name, key, tags, priority, pausesAtPoints, hooks } = flow
  // Members that were rolled back are to be done again.
  const done = flow.rollback === null ? nodes : nodes.map(undone)
  const left = from === null ? done : againFrom(done, { flow, from })
  return {
    name,
    key,
    tags,
    priority,
    pausesAtPoints,
    hooks,
    id: newId,
    onConflict: 'skip',
    graceMs: 0,
    nodes: remainderOf(left, { isRetry: true }),
    deadline: null,
    retryOf: id,
    retryFrom: from,
  }
}

const undone = (node: WorkflowNode): WorkflowNode =>
  node.run?.state === 'completed' ? { ...node, run: { ...node.run, state: 'cancelled' } } : node

function nothingLeft(id: string): CheckreinError {
  return new CheckreinError('USAGE', {
    message: `Workflow ${id} has completed: nothing of it is left to run again`,
    hint: 'Start it anew: `startWorkflow`. Or name the node from which it is run again: `from`.',
  })
}

function noteRetry(tx: Tx, request: WorkflowRetry): void {
  const { id: workflow, newId: retriedBy, from } = request
  const target = { workflow, retriedBy, ...(from === null ? {} : { from }) }
  const entry = { asked: request, kind: 'control', name: 'retry', run: null } as const
  note(tx, [{ ...entry, answer: 'done', isOver: true, target }])
}
