/** Stores new workflows: all of the graph in one transaction, or nothing of it. */
import { randomUUIDv7 } from 'node:crypto'
import { CheckreinError } from '../../core/errors.ts'
import { signalIds } from '../control/signals.ts'
import type { Tx } from '../driver/driver.ts'
import { instantOf } from '../port/instants.ts'
import { datedOf } from '../rows/new-run.ts'
import { WorkflowProgress } from '../progress/workflow-progress.ts'
import { insertMembers, type NewMember } from '../progress/members.ts'
import type { RemainderNode } from '../../core/workflow/export.ts'
import type { NewWorkflow, WorkflowEnqueued } from '../port/workflows.ts'
import { newWorkflowParams, nodeOf, nodeParams, workflowOf } from '../rows/workflows.ts'
import { admitWorkflow } from './admission.ts'
import { beginningOf } from './beginning.ts'
/** How many nodes are stored before others have a turn. */
const portion = 1000

/** Stores a workflow. @param isHeld whether nothing of it starts, because it will be stopped in the same transaction. */
export async function insertWorkflow(
  tx: Tx,
  { flow, isHeld }: { readonly flow: NewWorkflow; readonly isHeld: boolean },
): Promise<WorkflowEnqueued> {
  const { id } = flow
  const admitted = await admitWorkflow(tx, { flow, isHeld })
  if ('existing' in admitted) return { id: admitted.existing, outcome: 'exists', replacedId: null }
  const { place, replacedId } = admitted
  const rows = await tx.run('insertWorkflow', newWorkflowParams(flow, place, tx.now()))
  if (rows.length === 0) return { id, outcome: 'exists', replacedId: null }
  const waits = place.waitsFor !== null
  await insertAll(tx, { flow, isHeld: isHeld || waits, waits })
  tx.tell('work')
  const empty = waits ? [] : flow.nodes.filter(isEmptyGroup).map(({ node }) => node)
  if (empty.length > 0) await beginEmpty(tx, { id, empty })
  return { id, outcome: 'enqueued', replacedId }
}

/** Stores the nodes and members in portions: while the database stores one, the next is made ready. */
async function insertAll(
  tx: Tx,
  { flow, isHeld, waits }: Pick<Portion, 'flow' | 'isHeld'> & { readonly waits: boolean },
): Promise<void> {
  const filled = countFilled(flow)
  const beginning = waits ? beginningOf(flow.nodes) : none
  let stored: Promise<void> | null = null
  for (let at = 0; at < flow.nodes.length; at += portion) {
    if (at > 0) await new Promise(setImmediate)
    const nodes = flow.nodes.slice(at, at + portion)
    const next = insertNodes(tx, { flow, isHeld, beginning, filled, nodes })
    next.catch(() => undefined)
    await stored
    stored = next
  }
  await stored
}

const none: ReadonlySet<number> = new Set()

interface Portion {
  readonly flow: NewWorkflow
  readonly isHeld: boolean
  /** The nodes with which it begins when another workflow has ended; none where it waits for no other. */
  readonly beginning: ReadonlySet<number>
  /** How many slots of each group are filled already. */
  readonly filled: ReadonlyMap<number, number>
  readonly nodes: readonly RemainderNode[]
}

async function insertNodes(
  tx: Tx,
  { flow, isHeld, beginning, filled, nodes }: Portion,
): Promise<void> {
  const members = nodes.flatMap((node) => memberOf(node, { flow, isHeld, now: tx.now() }))
  const seqs = await insertMembers(tx, { workflow: flow.id, members })
  const taken = members.find((_, at) => seqs[at] === null)
  if (taken)
    throw new CheckreinError('RUN_ID_TAKEN', {
      message: `Run ${taken.id} exists already`,
      hint: 'Nothing was stored. Give each step its own id, or leave the id out.',
      details: { id: taken.id },
    })
  const seqOf = new Map(members.map(({ node }, at) => [node, seqs[at] ?? null]))
  const sets = nodes.map((node) => {
    const pending = node.size - (filled.get(node.node) ?? 0)
    const runSeq = seqOf.get(node.node) ?? null
    const mark = beginning.has(node.node) ? ({ begins: true } as const) : {}
    return nodeParams(node, { workflow: flow.id, runSeq, pending, ...mark })
  })
  tx.send('insertNodes', sets)
  saveCheckpoints(tx, { nodes, seqOf })
  await sendSignals(tx, { nodes, members })
}

/** Sends the new members the signals that the handlers of the old ones were not through with. */
async function sendSignals(
  tx: Tx,
  { nodes, members }: Pick<Portion, 'nodes'> & { readonly members: readonly NewMember[] },
): Promise<void> {
  const unread = new Map(
    nodes.flatMap(({ node, signals }) => (signals ? [[node, signals] as const] : [])),
  )
  if (unread.size === 0) return
  const calls = members.flatMap(({ id, node }) =>
    (unread.get(node) ?? []).map((message) => ({ id, message })),
  )
  await signalIds(tx, calls)
}

function saveCheckpoints(
  tx: Tx,
  {
    nodes,
    seqOf,
  }: {
    readonly nodes: readonly RemainderNode[]
    readonly seqOf: ReadonlyMap<number, number | null>
  },
): void {
  const sets = nodes.flatMap(({ node, checkpoint }) =>
    checkpoint == null ? [] : [[seqOf.get(node) ?? 0, checkpoint]],
  )
  if (sets.length > 0) tx.send('saveCheckpoints', sets)
}

/** How many slots of each group are filled already, by what was kept. */
function countFilled({ nodes }: NewWorkflow): ReadonlyMap<number, number> {
  const filled = new Map<number, number>()
  for (const { role, up } of nodes)
    if (role === 'kept' && up !== null) filled.set(up, (filled.get(up) ?? 0) + 1)
  return filled
}

function memberOf(
  { node, step, role, isAtOnce, checkpoint }: RemainderNode,
  { flow, isHeld, now }: Pick<Portion, 'flow' | 'isHeld'> & { readonly now: number },
): NewMember[] {
  if (step === null || role === 'kept') return []
  const start = step.delayMs === null ? 'queued' : 'scheduled'
  const priority = step.priority ?? flow.priority
  const tags = [...new Set([...flow.tags, ...step.tags])]
  const state = isAtOnce && !isHeld ? start : 'waiting'
  const deadlineAt = instantOf(flow.deadline, now)
  const dated = datedOf({ deadline: flow.deadline })
  const id = step.id ?? randomUUIDv7()
  const checkpointAt = checkpoint == null ? null : now
  return [{ id, node, step, state, tags, priority, deadlineAt, dated, checkpointAt }]
}

const isEmptyGroup = ({ step, role, size, isAtOnce }: RemainderNode): boolean =>
  isAtOnce && step === null && role !== 'kept' && size === 0

async function beginEmpty(
  tx: Tx,
  { id, empty }: { readonly id: string; readonly empty: readonly number[] },
): Promise<void> {
  const [row] = await tx.run('workflowsToChange', [[id]])
  if (!row) return
  const flow = new WorkflowProgress(tx, workflowOf(row))
  const nodes = await tx.run('nodesOf', [id, empty])
  await flow.begin(nodes.map(nodeOf))
  await flow.write()
}
