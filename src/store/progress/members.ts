/** Stores the members of a workflow: runs that belong to its nodes. */
import type { RollbackFacts } from '../../core/run/run.ts'
import type { StepPlan } from '../../core/workflow/step-plan.ts'
import type { State } from '../../core/run/transitions.ts'
import type { Tx } from '../driver/driver.ts'
import { writeFeed } from '../journal/feed.ts'
import type { FeedRow } from '../rows/feed.ts'
import { newMember } from '../rows/runs.ts'
import type { Param } from '../driver/sql.ts'

/** A member to be stored. */
export interface NewMember {
  readonly id: string
  readonly node: number
  readonly step: StepPlan
  readonly state: Extract<State, 'queued' | 'scheduled' | 'waiting'>
  readonly tags: readonly string[]
  readonly priority: number
  readonly deadlineAt: number | null
  /** See `StoredRun.dated`; absent for a member that has no deadline. */
  readonly dated?: number | null
  /** When the checkpoint was saved from which the member goes on, epoch ms; absent or null for none. */
  readonly checkpointAt?: number | null
  readonly rollback?: RollbackFacts
}

/** Stores members. @returns the `seq` of each; null where its id was taken. */
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

/** The first entries of a member. A member that is queued at once needs none, as any run; nor does one that waits, for its node says what it comes after. */
function entriesOf({ state }: NewMember, seq: number | null, now: number): FeedRow[] {
  if (seq === null || state !== 'scheduled') return []
  return [{ seq, at: now, type: 'enqueue', attempt: 0, state, data: null }]
}

function paramsOf(member: NewMember, workflow: string, now: number): Param[] {
  const { step, state } = member
  const isStarted = state !== 'waiting'
  return newMember.write({
    ...member,
    dated: member.dated ?? null,
    task: step.task,
    queue: step.queue,
    input: step.takes === 'given' ? step.bound : null,
    expiresAt: isStarted && step.ttlMs !== null ? now + step.ttlMs : null,
    createdAt: now,
    runAt: isStarted && step.delayMs !== null ? now + step.delayMs : null,
    workflow,
    isMapped: step.isMapped,
    rollback: member.rollback ?? null,
    checkpointAt: member.checkpointAt ?? null,
  })
}
