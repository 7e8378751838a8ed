/**
 * The nodes of a workflow that are to be run again although they have completed: a node, and everything after it.
 *
 * After a node come the rest of its chain and, where the chain is a member of a group, the group itself, for it gets another result,
 * with the rest of the chain that the group stands in; and so on outwards. The other members of those groups keep their results.
 */
import { CheckreinError } from '../../core/errors.ts'
import type { StoredWorkflow, WorkflowNode } from '../port/workflows.ts'
import { isReachedIn } from './remainder.ts'

interface From {
  readonly flow: Pick<StoredWorkflow, 'id' | 'retryOf'>
  /** The number of the node. */
  readonly from: number
}

type Range = readonly [first: number, last: number]

/** The nodes as they were before that node had its turn. @throws {CheckreinError} `USAGE` where there is no such node, or its turn never came. */
export function againFrom(
  nodes: readonly WorkflowNode[],
  { flow, from }: From,
): readonly WorkflowNode[] {
  const node = nodes.find((one) => one.node === from && one.role !== 'rollback')
  if (!node) throw noNode(flow.id, from)
  const ranges = rangesFrom(new Map(nodes.map((one) => [one.node, one])), node)
  const isAgain = (one: WorkflowNode): boolean =>
    ranges.some(([first, last]) => one.node >= first && one.node <= last)
  const kept = nodes.find((one) => one.role === 'kept' && isAgain(one))
  if (kept) throw isKept(flow, kept)
  if (!isReachedIn(nodes, node)) throw notReached(flow.id, from)
  return nodes.map((one) => (isAgain(one) ? notCompleted(one) : one))
}

/** The ranges of the numbers of a node and of all that comes after it. */
function rangesFrom(
  nodes: ReadonlyMap<number, WorkflowNode>,
  { node, chainEnd, up }: WorkflowNode,
): readonly Range[] {
  const ranges: Range[] = [[node, chainEnd]]
  for (let group = nodes.get(up ?? 0); group; group = nodes.get(group.up ?? 0)) {
    ranges.push([group.node, group.node])
    if (group.next !== null) ranges.push([group.next, group.chainEnd])
  }
  return ranges
}

const notCompleted = (node: WorkflowNode): WorkflowNode => ({
  ...node,
  result: null,
  run: node.run && { ...node.run, state: 'cancelled' },
})

function noNode(id: string, from: number): CheckreinError {
  return new CheckreinError('USAGE', {
    message: `Workflow ${id} has no node ${from}`,
    hint: '`tree` shows the nodes of a workflow with their numbers.',
  })
}

function notReached(id: string, from: number): CheckreinError {
  return new CheckreinError('USAGE', {
    message: `Workflow ${id} cannot be run again from node ${from}: the nodes before it have not completed`,
    hint: 'Leave out `from`: everything that has not completed is run again. Or name a node before it.',
  })
}

function isKept({ id, retryOf }: From['flow'], { node }: WorkflowNode): CheckreinError {
  const hint = 'Run that workflow again from there.'
  return new CheckreinError('USAGE', {
    message: `Node ${node} of workflow ${id} is a result that it has kept of ${retryOf === null ? 'another workflow' : `workflow ${retryOf}`}: it has no run that could be run again`,
    hint,
  })
}
