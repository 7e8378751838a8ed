/** Hooks: tasks that are run beside a workflow, each as a run of its own. The workflow does not wait for them. */
import { randomUUIDv7 } from 'node:crypto'
import type { JsonText } from '../../core/run/run.ts'
import { inputOf, type StepPlan } from '../../core/workflow/step-plan.ts'
import { firstEntries, insertionOf } from '../rows/new-run.ts'
import { writeFeed } from '../journal/feed.ts'
import type { NewRun } from '../store.ts'
import type { OpenWorkflow } from './open-workflow.ts'

/** Stores the run of a hook. @param value the input, as JSON, where the hook takes one from the workflow. */
export async function runHook(
  flow: OpenWorkflow,
  plan: StepPlan,
  value: JsonText | null,
): Promise<void> {
  const { tx, facts } = flow
  const { delayMs } = plan
  const run: NewRun = {
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
  const now = tx.now()
  const placed = { run, admission: {} }
  const { name, sets } = insertionOf([placed], now)
  const [seq = null] = await tx.insert(name, sets)
  if (seq === null) return
  writeFeed(tx, firstEntries(placed, { seq, now }))
  if (run.tags.length > 0)
    tx.send(
      'insertTags',
      run.tags.map((tag) => [tag, seq]),
    )
  tx.tell('work')
}
