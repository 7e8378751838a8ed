/** Hooks: tasks that are run beside a workflow, each as a run of its own. The workflow does not wait for them. */
import { randomUUIDv7 } from 'node:crypto'
import type { JsonText } from '../../core/run/run.ts'
import type { Cause } from '../../core/workflow/workflow.ts'
import { loadRuns } from '../changes/changes.ts'
import type { MemberEnd } from '../changes/ends.ts'
import { nodeOf } from '../rows/workflows.ts'
import { causeOf } from './cause.ts'
import { inputOf, type StepPlan } from '../../core/workflow/step-plan.ts'
import { firstEntries, insertionOf } from '../rows/new-run.ts'
import { writeFeed } from '../journal/feed.ts'
import type { NewRun } from '../store.ts'
import type { OpenWorkflow } from './open-workflow.ts'

/** A hook that is to be run. */
export interface Call {
  readonly plan: StepPlan
  /** The input, as JSON, where the hook takes one from the workflow. */
  readonly value: JsonText | null
}

/** Stores the runs of hooks, all by one statement. */
export async function runHooks(flow: OpenWorkflow, calls: readonly Call[]): Promise<void> {
  if (calls.length === 0) return
  const { tx } = flow
  const now = tx.now()
  const placed = calls.map((call) => ({ run: runOf(flow, call), admission: {} }))
  const { name, sets } = insertionOf(placed, now)
  const seqs = await tx.insert(name, sets)
  // A hook whose id is taken has been run before.
  const stored = placed.flatMap((one, at) => {
    const seq = seqs[at] ?? null
    return seq === null ? [] : [{ one, seq }]
  })
  if (stored.length === 0) return
  writeFeed(
    tx,
    stored.flatMap(({ one, seq }) => firstEntries(one, { seq, now })),
  )
  const tags = stored.flatMap(({ one, seq }) => one.run.tags.map((tag) => [tag, seq]))
  if (tags.length > 0) tx.send('insertTags', tags)
  tx.tell('work')
}

function runOf({ facts }: OpenWorkflow, { plan, value }: Call): NewRun {
  const { delayMs } = plan
  return {
    id: plan.id ?? randomUUIDv7(),
    task: plan.task,
    queue: plan.queue,
    priority: plan.priority ?? facts.priority,
    key: null,
    onConflict: 'skip',
    graceMs: 0,
    tags: [...new Set([...facts.tags, ...plan.tags])],
    input: inputOf(plan, value),
    due: delayMs === null ? null : { inMs: delayMs },
    ttlMs: plan.ttlMs,
    deadline: null,
  }
}

/** The input of an `onFailed` task, as JSON. */
export const failureOf = ({ facts }: OpenWorkflow, cause: Cause): JsonText =>
  JSON.stringify({ workflowId: facts.id, ...cause })

/** Whether a member was cancelled before its turn, or by a stop of the whole workflow. Its turn does not come any more, so its hook is run at once. */
const isPrevented = ({ wasReached, isUnreachable, state }: MemberEnd): boolean =>
  !wasReached && !isUnreachable && state === 'cancelled'

/** Runs the hooks of the prevented ones among members that have ended. Where none of them has a hook, that costs one statement. */
export async function tellPrevented(flow: OpenWorkflow, ends: readonly MemberEnd[]): Promise<void> {
  const prevented = ends.filter(isPrevented)
  if (prevented.length === 0) return
  const numbers = prevented.map(({ node }) => node)
  const rows = await flow.tx.run('furtherNodesOf', [flow.facts.id, numbers])
  const hooks = new Map(rows.map(nodeOf).map(({ node, plan }) => [node, plan.onFailed] as const))
  const hooked = prevented.filter(({ node }) => hooks.get(node))
  if (hooked.length === 0) return
  const ids = hooked.map(({ run }) => run.id)
  const calls = (await loadRuns(flow.tx, ids)).flatMap((run) => {
    const plan = hooks.get(run.node ?? 0)
    return plan ? [{ plan, value: failureOf(flow, causeOf(run)) }] : []
  })
  await runHooks(flow, calls)
}
