/** All nodes of a workflow, with their runs, as a transaction sees them. */
import type { ExportedSignal } from '../../core/workflow/export.ts'
import type { Tx } from '../driver/driver.ts'
import type { WorkflowNode } from '../port/workflows.ts'
import { signalOf } from '../rows/requests.ts'
import { memberOf } from '../rows/workflows.ts'

const pageLength = 5000

/** All nodes of a workflow, in order, with their runs and with the checkpoints of the runs that have not ended. */
export async function nodesWithin(tx: Tx, id: string): Promise<readonly WorkflowNode[]> {
  const nodes: WorkflowNode[] = []
  for (let after = 0, isLast = false; !isLast;) {
    const rows = await tx.run('membersOf', [id, after, pageLength])
    for (const row of rows) nodes.push(memberOf(row))
    isLast = rows.length < pageLength
    after = nodes.at(-1)?.node ?? after
    if (!isLast) await new Promise(setImmediate)
  }
  return withCheckpoints(tx, nodes)
}

/** Adds the checkpoints of the runs that have not ended: only those will go on from one. */
async function withCheckpoints(
  tx: Tx,
  nodes: readonly WorkflowNode[],
): Promise<readonly WorkflowNode[]> {
  const seqs = nodes.flatMap(({ run }) =>
    run?.checkpointAt != null && run.finishedAt === null ? [run.seq] : [],
  )
  if (seqs.length === 0) return nodes
  const rows = await tx.run('checkpointsOf', [seqs])
  const saved = new Map(rows.map((row) => [Number(row['run_seq']), String(row['data'])]))
  return nodes.map((node) => {
    const checkpoint = saved.get(node.run?.seq ?? 0)
    return node.run && checkpoint !== undefined
      ? { ...node, run: { ...node.run, checkpoint } }
      : node
  })
}

/** The signals that handlers were not through with, in their order, by the numbers of the nodes. */
export type Unread = ReadonlyMap<number, readonly ExportedSignal[]>

/** Reads the signals that the handlers of some members were not through with. */
export async function unreadSignals(tx: Tx, nodes: readonly WorkflowNode[]): Promise<Unread> {
  const nodeOf = new Map<string, number>()
  const seqs: number[] = []
  for (const { node, run } of nodes) {
    if (run === null || run.signalled === null || run.finishedAt !== null) continue
    nodeOf.set(run.id, node)
    seqs.push(run.seq)
  }
  if (seqs.length === 0) return new Map()
  const rows = await tx.run('unreadSignals', [seqs])
  const unread = new Map<number, ExportedSignal[]>()
  for (const { callId, name, payload, reason, by, origin, runId } of rows.map(signalOf)) {
    const node = nodeOf.get(runId ?? '') ?? 0
    const signals = unread.get(node) ?? []
    signals.push({ callId, name, payload, reason, by, origin })
    unread.set(node, signals)
  }
  return unread
}
