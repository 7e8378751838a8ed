/**
 * The guards of a claim: the last look before a handler starts.
 *
 * A stop is acknowledged to the one who asked for it as soon as it is durable. From then on no handler of a run that it is for may
 * start; that is the promise. Most of what is asked changes the row of the run itself, and a claim does not choose such a run.
 * But three things are asked of runs without touching their rows: a tombstone is left for an id or a key that does not exist yet, a
 * hold stands for every run of a filter, and a verb on a workflow is written in the workflow's row and reaches its members
 * piece by piece. A run can meet each of them too late. On PostgreSQL, an enqueue and a tombstone that are under way at the same
 * time do not see each other: both commit, and the run is queued although it was revoked. A run that ran when the hold was
 * put comes back to its queue for another attempt. A step is claimed while the bulk operation of a stop is a thousand members
 * away from it.
 *
 * The invariant: between the choice of a run and the first line of its handler, somebody looks at everything that may have been asked of
 * the run elsewhere, later than it was chosen. Whichever of the two was committed last, the claim or what was asked, one of them sees the other.
 * If a guard is missing, nothing fails and no test of a quiet system notices: now and then a run starts that somebody was
 * told would not.
 *
 * So drivers only choose runs, and the guards are asked in one place, `claim.ts`, for every store. A guard before the commit takes a claim
 * back as if it never had been; one after the commit releases the run, for the claim can be seen by then. To add one (a rate
 * limit, a concurrency key): write its file beside these, its line in a list below and, before the commit, its name in `ClaimGuardName`;
 * the compiler then asks PostgreSQL's `claimAlone`, which claims and commits in one statement, for the condition that makes it leave
 * the claim to the guards.
 */
import type { ClaimedRun } from '../port/runs.ts'
import type { ClaimGuardName, Driver, Tx } from '../driver/driver.ts'
import type { GroupCommit } from '../driver/group-commit.ts'
import { Changes, loadRuns } from '../changes/changes.ts'
import { writeChanges } from '../runs/after-ends.ts'
import { runOf } from '../rows/runs.ts'
import type { Choice, GuardAfterCommit, GuardBeforeCommit, Refusal } from './guard.ts'
import { holdGuard } from './hold-guard.ts'
import { tombstoneGuard } from './tombstone-guard.ts'
import { workflowGuard } from './workflow-guard.ts'

/** In the order in which they decide: a run that one refuses is not shown to the next. A guard that ends runs comes before one that pauses them. */
const beforeCommit: Readonly<Record<ClaimGuardName, GuardBeforeCommit>> = {
  tombstones: tombstoneGuard,
  holds: holdGuard,
}

const afterCommit: readonly GuardAfterCommit[] = [workflowGuard]

/**
 * Asks the guards that decide within the claim's transaction. The claims of the runs that they refuse are taken back.
 * @returns the runs that may start, in their order.
 */
export async function guardBeforeCommit(
  tx: Tx,
  { isConcurrent, chosen }: Pick<Driver, 'isConcurrent'> & Pick<Choice, 'chosen'>,
): Promise<readonly ClaimedRun[]> {
  if (chosen.length === 0) return chosen
  const guards = Object.values(beforeCommit).filter(
    ({ isForConcurrentWriters }) => isConcurrent || !isForConcurrentWriters,
  )
  const found = await Promise.all(guards.map(async (guard) => guard.look(tx)))
  if (found.every(({ length }) => length === 0)) return chosen
  const rows = rowsOf(tx, chosen)
  const refusals: Refusal[] = []
  let left = chosen
  for (const [at, guard] of guards.entries()) {
    const standing = found[at] ?? []
    if (standing.length === 0 || left.length === 0) continue
    const refused = await guard.refuse({ tx, chosen: left, rows }, standing)
    refusals.push(...refused)
    left = without(left, refused)
  }
  await takeBack(tx, refusals)
  return left
}

/**
 * Asks the guards that decide once the claim is committed. The runs that they refuse are released.
 * @returns the runs that may start, in their order.
 */
export async function guardAfterCommit(
  { driver, commits }: { readonly driver: Driver; readonly commits: GroupCommit },
  { claimed, workerId }: { readonly claimed: readonly ClaimedRun[]; readonly workerId: string },
): Promise<readonly ClaimedRun[]> {
  let left = claimed
  for (const guard of afterCommit) {
    const suspects = left.length === 0 ? [] : await guard.suspect(driver, left)
    if (suspects.length === 0) continue
    const refused = await commits.once(async (tx) => {
      const refusals = await guard.refuse(tx, suspects)
      await release(tx, { refusals, workerId })
      return refusals
    })
    left = without(left, refused)
  }
  return left
}

function rowsOf(tx: Tx, chosen: readonly ClaimedRun[]): Choice['rows'] {
  let rows: ReturnType<Choice['rows']> | null = null
  const read: Choice['rows'] = async () => {
    const seqs = chosen.map(({ seq }) => seq)
    return (await tx.run('runsBySeqToChange', [seqs])).map(runOf)
  }
  return () => (rows ??= read())
}

function without(runs: readonly ClaimedRun[], refusals: readonly Refusal[]): readonly ClaimedRun[] {
  const refused = new Set(refusals.map(({ run }) => run.id))
  return refused.size === 0 ? runs : runs.filter(({ id }) => !refused.has(id))
}

/** The claims were made in this transaction, and nobody has seen them: the runs are as they were before, and then the events happen to them. */
async function takeBack(tx: Tx, refusals: readonly Refusal[]): Promise<void> {
  if (refusals.length === 0) return
  const seqs = refusals.map(({ run }) => run.seq)
  await tx.run('unstartRuns', [seqs])
  const changes = new Changes(tx.now(), (await tx.run('runsBySeqToChange', [seqs])).map(runOf))
  for (const { run, event } of refusals) if (event) changes.decide(run.id, event)
  await writeChanges(tx, changes)
}

interface Release {
  readonly refusals: readonly Refusal[]
  readonly workerId: string
}

/** The claims are committed, and their numbers are used up: the worker hands the runs back, and then the events happen to them. */
async function release(tx: Tx, { refusals, workerId }: Release): Promise<void> {
  if (refusals.length === 0) return
  const ids = refusals.map(({ run }) => run.id)
  const changes = new Changes(tx.now(), await loadRuns(tx, ids))
  const unstarted = { mode: 'prevented', deliveredAt: null, proof: null } as const
  for (const { run, event } of refusals) {
    if (!changes.get(run.id)) continue
    const fence = { runId: run.id, attempt: run.attempt, workerId }
    changes.decide(run.id, { type: 'release', fence, ...unstarted })
    if (event) changes.decide(run.id, event)
  }
  await writeChanges(tx, changes)
}
