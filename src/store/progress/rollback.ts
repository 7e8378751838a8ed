/**
 * Rolling a workflow back. For each member that has completed, a new run undoes it, one after the other, the last member first. The
 * members stay as they ended: the runs that undo them are members of their own, with nodes behind all others.
 */
import { usualNode } from '../../core/workflow/graph.ts'
import { randomUUIDv7 } from 'node:crypto'
import { prevented } from '../../core/run/decision.ts'
import type { RollbackFacts } from '../../core/run/run.ts'
import type { WorkflowStop } from '../../core/workflow/workflow.ts'
import { runOf, type SeqRun } from '../rows/runs.ts'
import type { OpenWorkflow } from './open-workflow.ts'
import { insertMembers, type NewMember } from './members.ts'
import type { RemainderNode } from '../../core/workflow/export.ts'
import { nodeOf, nodeParams, type NodeRow } from '../rows/workflows.ts'
import { firstUndoing } from '../rows/undo-nodes.ts'

/** Stores the runs that undo the completed members. @returns the node of the first; null where no member has completed. */
export async function beginRollback(flow: OpenWorkflow): Promise<NodeRow | null> {
  const { tx, facts } = flow
  const { stop } = facts
  if (stop === null) return null
  const runs = (await tx.run('completedMembers', [facts.id])).map(runOf)
  const now = tx.now()
  const rollback = { askedAt: now, finishedAt: null, total: runs.length, done: 0, failed: 0 }
  flow.facts = { ...facts, rollback }
  if (runs.length === 0) return null
  const members = runs.map((run, at) => undoing(run, { at, stop, now }))
  const seqs = await insertMembers(tx, { workflow: facts.id, members })
  const saved = runs.flatMap(({ seq, checkpointAt }, at) =>
    checkpointAt === null ? [] : [[seq, seqs[at] ?? 0]],
  )
  if (saved.length > 0) tx.send('copyCheckpoints', saved)
  const nodes = members.map(({ node }) =>
    nodeParams(chained(node, members.length), {
      workflow: facts.id,
      runSeq: seqs[node - firstUndoing] ?? null,
      pending: 0,
    }),
  )
  tx.send('insertNodes', nodes)
  const [first] = await tx.run('nodesOf', [facts.id, [firstUndoing]])
  return first ? nodeOf(first) : null
}

function undoing(
  run: SeqRun,
  { at, stop, now }: { readonly at: number; readonly stop: WorkflowStop; readonly now: number },
): NewMember {
  const { verb, reason, by, requestedAt } = stop
  const record = { ...prevented(verb, { reason, by }, now), requestedAt }
  const rollback: RollbackFacts = {
    state: 'pending',
    stop: record,
    askedAt: now,
    finishedAt: null,
    failures: 0,
    crashes: 0,
    error: null,
    undoes: { runId: run.id, result: run.result },
  }
  const step = {
    task: run.task,
    queue: run.queue,
    priority: run.priority,
    tags: run.tags,
    id: null,
    takes: 'given',
    bound: run.input,
    isMapped: run.isMapped,
    delayMs: null,
    ttlMs: null,
  } as const
  const { tags, priority, checkpointAt } = run
  const node = firstUndoing + at
  return {
    id: randomUUIDv7(),
    node,
    step,
    state: 'waiting',
    tags,
    priority,
    deadlineAt: null,
    checkpointAt,
    rollback,
  }
}

/** The node of a run that undoes another, in the one chain of them. */
const chained = (node: number, count: number): RemainderNode => ({
  ...usualNode,
  node,
  next: node - firstUndoing + 1 < count ? node + 1 : null,
  chainEnd: firstUndoing + count - 1,
  last: node,
  isHead: node === firstUndoing,
  role: 'rollback',
})
