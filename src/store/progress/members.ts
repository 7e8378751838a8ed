/** The runs of a workflow as they are stored. */
import type { RollbackFacts } from '../../core/run/run.ts'
import type { StepPlan } from '../../core/workflow/step-plan.ts'
import type { State } from '../../core/run/transitions.ts'
import type { Tx } from '../driver/driver.ts'
import { writeFeed } from '../journal/feed.ts'
import type { FeedRow } from '../rows/runs.ts'
import type { Param } from '../driver/sql.ts'

export interface NewMember {
  readonly id: string
  readonly node: number
  readonly step: StepPlan
  readonly state: Extract<State, 'queued' | 'scheduled' | 'waiting'>
  readonly tags: readonly string[]
  readonly priority: number
  readonly deadlineAt: number | null
  /** Where it goes on from a checkpoint, or undoes another. */
  readonly checkpointAt?: number | null
  readonly rollback?: RollbackFacts
}

/** Stores members; gives the place of each, or null where its id was taken. */
export async function insertMembers(
  tx: Tx,
  { workflow, members }: { readonly workflow: string; readonly members: readonly NewMember[] },
): Promise<readonly (number | null)[]> {
  const now = tx.now()
  const sets = members.map((member) => paramsOf(member, workflow, now))
  const seqs = await tx.insert('insertMembers', sets)
  const tags = members.flatMap(({ tags }, at) => tags.map((tag) => [tag, seqs[at] ?? 0]))
  if (tags.length > 0) tx.send('insertTags', tags)
  writeFeed(
    tx,
    members.flatMap((member, at) => entriesOf(member, seqs[at] ?? null, now)),
  )
  return seqs
}

/** One that is queued at once needs no entry, as any run; nor does one that waits for its turn: what it comes after says so. */
function entriesOf({ state }: NewMember, seq: number | null, now: number): FeedRow[] {
  if (seq === null || state !== 'scheduled') return []
  return [{ seq, at: now, type: 'enqueue', attempt: 0, state, data: null }]
}

function paramsOf(member: NewMember, workflow: string, now: number): Param[] {
  const { step, state } = member
  const isStarted = state !== 'waiting'
  return [
    member.id,
    step.task,
    step.queue,
    member.priority,
    member.tags.length > 0 ? JSON.stringify(member.tags) : null,
    step.takes === 'given' ? step.bound : null,
    isStarted && step.ttlMs !== null ? now + step.ttlMs : null,
    now,
    state,
    isStarted && step.delayMs !== null ? now + step.delayMs : null,
    member.deadlineAt,
    workflow,
    member.node,
    step.isMapped ? 1 : null,
    member.rollback ? JSON.stringify(member.rollback) : null,
    member.checkpointAt ?? null,
  ]
}
