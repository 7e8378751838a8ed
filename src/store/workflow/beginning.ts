/** The nodes with which a workflow begins that waits for the end of another. */
import type { RemainderNode } from '../../core/workflow/export.ts'

/**
 * The numbers of the nodes that are to be started, from which everything starts that starts with the workflow. A group stands for the first
 * nodes of its members where it starts all of them: they may be a hundred thousand. Where some of a group was done before, in the workflow that
 * this one goes on with, each of the nodes that start within it is named.
 */
export function beginningOf(nodes: readonly RemainderNode[]): ReadonlySet<number> {
  const all = new Set<number>()
  /** How many members of each group start with it. */
  const heads = new Map<number, number>()
  // A node within a group has the higher number, so that of the group comes after all within it.
  for (const node of nodes.toReversed()) {
    if (!isStarting(node, heads)) continue
    all.add(node.node)
    const { up, isHead } = node
    if (up !== null && isHead) heads.set(up, (heads.get(up) ?? 0) + 1)
  }
  const isStartedByGroup = ({ up, isHead }: RemainderNode): boolean =>
    up !== null && isHead && all.has(up)
  return new Set(
    nodes.flatMap((node) => (all.has(node.node) && !isStartedByGroup(node) ? [node.node] : [])),
  )
}

function isStarting(
  { node, step, size, role, isAtOnce }: RemainderNode,
  heads: ReadonlyMap<number, number>,
): boolean {
  if (!isAtOnce || role === 'kept') return false
  return step !== null || (heads.get(node) ?? 0) === size
}
