/**
 * The pauses that a resume cannot end: a run that a hold is for, or whose workflow is paused, would be paused again by the guard of its next
 * claim. So a resume answers `held`, and names the hold or the workflow.
 */
import { isHeldBy } from '../../core/hold.ts'
import type { EventOf } from '../../core/run/decision.ts'
import { isByRequest } from '../../core/run/intent.ts'
import type { Tx } from '../driver/driver.ts'
import type { Hold } from '../port/requests.ts'
import type { StoredWorkflow } from '../port/workflows.ts'
import type { SeqRun } from '../rows/runs.ts'
import { workflowOf } from '../rows/workflows.ts'
import { rowHolds } from '../runs/row-holds.ts'

/** The pause that keeps a run where it is, beside or instead of its own. */
export type KeptBy = NonNullable<EventOf<'resume'>['keptBy']>

/** Says of a run which pause keeps it; null where none does. */
export type KeeperOf = (run: SeqRun) => KeptBy | null

const nobody: KeeperOf = () => null

/** Looks for the holds and paused workflows that keep these runs, where a resume is asked of them. */
export async function keeperOf(
  tx: Tx,
  runs: readonly SeqRun[],
  isResume: boolean,
): Promise<KeeperOf> {
  const paused = isResume ? runs.filter(mayBeKept) : []
  if (paused.length === 0) return nobody
  const ids = [...new Set(paused.flatMap(({ workflow }) => workflow ?? []))]
  const [holds, rows] = await Promise.all([
    rowHolds(tx),
    ids.length === 0 ? [] : tx.run('workflowsById', [ids]),
  ])
  const pauses = holds.filter(({ verb }) => verb === 'pause')
  const flows = new Map(rows.map(workflowOf).map((flow) => [flow.id, flow]))
  return (run) => {
    if (!mayBeKept(run)) return null
    return byHold(pauses, run) ?? byWorkflow(flows.get(run.workflow ?? ''))
  }
}

/** A running run whose own pause is taken back goes on in any case; a hold lets attempts finish that have started. */
function mayBeKept({ state, intent }: SeqRun): boolean {
  const asked = intent?.pause ?? null
  return state === 'paused' || (asked !== null && !isByRequest(asked))
}

function byHold(holds: readonly Hold[], run: SeqRun): KeptBy | null {
  const hold = holds.find(({ filter }) => isHeldBy(filter, run))
  if (hold === undefined) return null
  const { id: holdId, reason, by, createdAt: at, until } = hold
  return { holdId, workflowId: null, reason, by, at, until }
}

function byWorkflow(flow: StoredWorkflow | undefined): KeptBy | null {
  if (!flow?.paused || flow.pausesAtPoints) return null
  const { reason, by, at, until } = flow.paused
  return { holdId: null, workflowId: flow.id, reason, by, at, until }
}
