/** The remainder of a workflow: the nodes that have not completed, and the results of others that those nodes still need. */
import {
  exportedNode,
  exportSchema,
  exportVersion,
  type KeptResult,
  type RemainderNode,
  type WorkflowExport,
} from '../../core/workflow/export.ts'
import { decodePayload } from '../../core/payload.ts'
import type { JsonText } from '../../core/run/run.ts'
import { inputOf } from '../../core/workflow/step-plan.ts'
import type { PausedWorkflow } from '../../core/workflow/parts.ts'
import { largestFanIn } from './fan-in.ts'
import type { Unread } from './read-nodes.ts'
import type { StoredWorkflow, WorkflowNode } from '../port/workflows.ts'

/** The nodes of a workflow by their numbers, and facts about a node that follow from other nodes. */
class Known {
  readonly #nodes: ReadonlyMap<number, WorkflowNode>
  readonly #before = new Map<number, WorkflowNode>()
  readonly #reached = new Map<number, boolean>()

  constructor(nodes: readonly WorkflowNode[]) {
    this.#nodes = new Map(nodes.map((node) => [node.node, node]))
    for (const node of nodes) if (node.next !== null) this.#before.set(node.next, node)
    // In order of the numbers: a node that comes before another, or is above it, has the lower number.
    for (const node of nodes) this.#reached.set(node.node, this.#isReachedNow(node))
  }

  groupOf({ up }: WorkflowNode): WorkflowNode | undefined {
    return up === null ? undefined : this.#nodes.get(up)
  }

  isReached({ node }: WorkflowNode): boolean {
    return this.#reached.get(node) ?? true
  }

  #isReachedNow(node: WorkflowNode): boolean {
    const before = this.#before.get(node.node)
    if (before) return this.isCompleted(before)
    const group = this.groupOf(node)
    return group === undefined || this.isReached(group)
  }

  isCompleted(node: WorkflowNode): boolean {
    if (node.role === 'kept') return node.cause === null
    if (node.step !== null) return node.run?.state === 'completed'
    // A group has a result once it has settled as its policy wants.
    return node.result !== null
  }

  /** The result of what comes before a node that was reached. */
  valueBefore(node: WorkflowNode): JsonText | null {
    const source = node.source === null ? this.#before.get(node.node) : this.#nodes.get(node.source)
    if (source) return resultOf(source)
    const group = this.groupOf(node)
    return group ? this.valueBefore(group) : null
  }
}

const resultOf = ({ run, result }: WorkflowNode): JsonText | null => (run ? run.result : result)

/**
 * The nodes of a workflow that does what is left of another.
 * @param isRetry whether runs begin anew; else each goes on from its last checkpoint.
 */
export function remainderOf(
  nodes: readonly WorkflowNode[],
  { isRetry = false } = {},
): readonly RemainderNode[] {
  const graph = nodes.filter(({ role }) => role !== 'rollback')
  const known = new Known(graph)
  const needed = sourcesOf(graph, known)
  const over = new Set<number>()
  const rest: RemainderNode[] = []
  for (const node of graph) {
    const group = known.groupOf(node)
    if (group && over.has(group.node)) {
      over.add(node.node)
      continue
    }
    if (!known.isCompleted(node)) {
      const settled = isRetry ? null : settledCause(node, group)
      rest.push(
        settled ? keptOf(node, { cause: settled, fills: true }) : left(node, { known, isRetry }),
      )
      continue
    }
    over.add(node.node)
    const fills = node.next === null && group !== undefined
    if (fills || needed.has(node.node)) rest.push(keptOf(node, { cause: null, fills }))
  }
  return withoutDead(rest)
}

/** Whether everything before a node has completed. */
export function isReachedIn(nodes: readonly WorkflowNode[], node: WorkflowNode): boolean {
  return new Known(nodes.filter(({ role }) => role !== 'rollback')).isReached(node)
}

/** The cause of a member that did not complete, where the policy of its group takes every outcome; else null. */
function settledCause(node: WorkflowNode, group: WorkflowNode | undefined): KeptResult['cause'] {
  return group?.policy === 'allSettled' ? node.cause : null
}

/** Leaves out the nodes that come after one which did not complete in a group that takes every outcome: their chain is over. */
function withoutDead(nodes: readonly RemainderNode[]): readonly RemainderNode[] {
  const dead: (readonly [number, number])[] = nodes.flatMap(({ role, kept, node, chainEnd }) =>
    role === 'kept' && kept?.cause ? [[node + 1, chainEnd] as const] : [],
  )
  if (dead.length === 0) return nodes
  return nodes.filter(({ node }) => !dead.some(([first, last]) => node >= first && node <= last))
}

/** The numbers of the nodes whose results a step behind a clause still takes. */
function sourcesOf(nodes: readonly WorkflowNode[], known: Known): ReadonlySet<number> {
  return new Set(
    nodes.flatMap((node) => (node.source === null || known.isReached(node) ? [] : [node.source])),
  )
}

interface Keeping {
  readonly cause: KeptResult['cause']
  /** Whether the node fills a slot of its group; else it is kept only for a step behind a clause. */
  readonly fills: boolean
}

function keptOf(node: WorkflowNode, { cause, fills }: Keeping): RemainderNode {
  const { run, kept } = node
  return {
    ...planOf(node),
    next: null,
    last: node.node,
    ...(fills ? {} : { up: null, slot: 0 }),
    role: 'kept',
    hooks: {},
    step: null,
    size: 0,
    isAtOnce: false,
    kept: {
      result: cause ? null : resultOf(node),
      cause,
      runId: run?.id ?? kept?.runId ?? null,
      task: run?.task ?? kept?.task ?? null,
    },
  }
}

function left(
  node: WorkflowNode,
  { known, isRetry }: { readonly known: Known; readonly isRetry: boolean },
): RemainderNode {
  const { step, run } = node
  const isAtOnce = known.isReached(node)
  if (step === null || !isAtOnce) return { ...planOf(node), isAtOnce }
  const bound =
    step.takes === 'given' ? step.bound : (run?.input ?? inputOf(step, known.valueBefore(node)))
  const checkpoint = isRetry ? null : (run?.checkpoint ?? null)
  return {
    ...planOf(node),
    isAtOnce,
    step: { ...step, takes: 'given', bound, delayMs: null },
    ...(checkpoint === null ? {} : { checkpoint }),
  }
}

/** The plan of a node, without how far it has come. */
function planOf(node: WorkflowNode): RemainderNode {
  const { next, chainEnd, last, up, slot, isHead, isPausePoint } = node
  const { source, role, hooks, step, size, policy } = node
  const place = { node: node.node, next, chainEnd, last, up, slot, isHead, isPausePoint, source }
  return { ...place, role, hooks, step, size, policy, isAtOnce: false }
}

/** All nodes of a workflow, with their runs and checkpoints, and the signals that handlers were not through with, by the numbers of the nodes. */
interface Exported {
  readonly nodes: readonly WorkflowNode[]
  readonly unread: Unread
}

/** The remainder of a workflow as people export it. */
export function exportOf(
  flow: StoredWorkflow,
  { nodes, unread }: Exported,
  now: number,
): WorkflowExport {
  const { id, name, key, tags, priority, pausesAtPoints, hooks } = flow
  return {
    $schema: exportSchema,
    version: exportVersion,
    workflow: { id, name, key, tags, priority, pausesAtPoints, hooks },
    exportedAt: now,
    last: lastOf(nodes),
    nodes: remainderOf(nodes).map((node) => exportedNode(withSignals(node, unread))),
  }
}

function withSignals(node: RemainderNode, unread: Unread): RemainderNode {
  const signals = node.role === 'kept' ? undefined : unread.get(node.node)
  return signals === undefined ? node : { ...node, signals }
}

function lastOf(nodes: readonly WorkflowNode[]): WorkflowExport['last'] {
  let last: WorkflowNode['run'] = null
  for (const { run, role } of nodes)
    if (
      role === 'step' &&
      run?.state === 'completed' &&
      (run.finishedAt ?? 0) >= (last?.finishedAt ?? 0)
    )
      last = run
  return last && { runId: last.id, task: last.task, result: decodePayload(last.result) }
}

/** The input of an `onPaused` task, as JSON. `rest` is null in it where it would be too large. */
export function pausedText(
  flow: StoredWorkflow,
  { rest, value }: { readonly rest: WorkflowExport; readonly value: JsonText | null },
): JsonText {
  const { reason = null, by = null } = flow.paused ?? {}
  const text = JSON.stringify(rest)
  const told: Omit<PausedWorkflow, 'result' | 'rest'> = { workflowId: flow.id, reason, by }
  const whole = text.length > largestFanIn ? 'null' : text
  return `${JSON.stringify(told).slice(0, -1)},"result":${value ?? 'null'},"rest":${whole}}`
}
