/** The methods of the port that change workflows. */
import { callOfTombstone } from '../../core/run/call-ids.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { WorkflowExport } from '../../core/workflow/export.ts'
import { afterRecord, type Bulks } from '../control/bulk.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import type { GroupCommit } from '../driver/group-commit.ts'
import { Changes, loadRuns } from '../changes/changes.ts'
import { writeChanges } from '../runs/after-ends.ts'
import { note } from '../journal/audit-log.ts'
import { tombstoneOf } from '../rows/requests.ts'
import type { Tombstone } from '../store.ts'
import { controlWorkflow, fromStop, order } from './control.ts'
import { insertWorkflow } from './insert.ts'
import { nodesWithin } from '../progress/read-nodes.ts'
import type {
  NewWorkflow,
  WorkflowControl,
  WorkflowControlled,
  WorkflowEnqueued,
  WorkflowNode,
  WorkflowRetry,
} from '../port/workflows.ts'
import { exportOf, remainderOf } from '../progress/remainder.ts'
import { workflowOf, workflowParams } from '../rows/workflows.ts'

/** Starts, controls and retries workflows. */
export class Workflows {
  readonly #driver: Driver
  readonly #commits: GroupCommit
  readonly #bulks: Bulks

  constructor(driver: Driver, commits: GroupCommit, bulks: Bulks) {
    this.#driver = driver
    this.#commits = commits
    this.#bulks = bulks
  }

  async start(flow: NewWorkflow): Promise<WorkflowEnqueued> {
    return this.#long((tx) => startWorkflow(tx, flow))
  }

  /** Asks a verb of a workflow; fulfils when it was asked of all members. */
  async control(request: WorkflowControl): Promise<WorkflowControlled> {
    const ask = (isAgain: boolean) =>
      this.#commits.once((tx) => controlWorkflow(tx, { ...request, isAgain }))
    let { answer, bulkId } = await ask(false)
    // The workflow may have been stored at the same time, and neither transaction has seen the other.
    if (answer.tombstoneUntil !== null && this.#driver.isConcurrent) {
      const now = await ask(true)
      if (now.answer.answer !== 'not-found') ({ answer, bulkId } = now)
    }
    const { id } = request
    if (bulkId !== null) await afterRecord(bulkId, () => this.#bulks.goOn(bulkId ?? id))
    return answer
  }

  /** See `Store.retryWorkflow`. @throws {CheckreinError} `WORKFLOW_NOT_FOUND`, `WORKFLOW_ACTIVE`, `USAGE`. */
  async retry(request: WorkflowRetry): Promise<WorkflowEnqueued> {
    return this.#long((tx) => retryWorkflow(tx, request))
  }

  /** See `Store.workflowRemainder`. @throws {CheckreinError} `WORKFLOW_NOT_FOUND`, `WORKFLOW_ACTIVE` where some of it is going on. */
  async rest(id: string): Promise<WorkflowExport> {
    return this.#long(async (tx) => {
      const [row] = await tx.run('workflowsToChange', [[id]])
      if (!row) throw workflowNotFound(id)
      const flow = workflowOf(row)
      const nodes = await nodesWithin(tx, id)
      const active = nodes.find(
        ({ run }) => run?.state === 'running' || (flow.paused === null && run?.finishedAt === null),
      )
      if (active && flow.finishedAt === null)
        throw stillActive(
          id,
          flow.paused === null
            ? 'Pause it first, and wait until it has paused.'
            : `Run ${active.run?.id} has not parked yet.`,
        )
      return exportOf(flow, nodes, tx.now())
    })
  }

  /** Does work that may take long: on PostgreSQL in a transaction of its own, on SQLite in turn with the others. */
  #long<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#driver.isConcurrent
      ? this.#driver.transact(work, { isLong: true })
      : this.#commits.once(work)
  }
}

/** Stores a workflow; one that was stopped before it came is stored, and stopped. */
export async function startWorkflow(tx: Tx, flow: NewWorkflow): Promise<WorkflowEnqueued> {
  const ids = [flow.id, ...flow.nodes.flatMap(({ step }) => step?.id ?? [])]
  const places = ids.map((id) => ['id', '', id, tx.now()])
  const stones = (await tx.each('tombstonesFor', places)).map(tombstoneOf)
  const own = stones.find(({ value }) => value === flow.id)
  const isHeld = own !== undefined
  const stored = await insertWorkflow(tx, { flow, isHeld })
  if (stored.outcome === 'exists') return stored
  for (const { value } of stones) tx.send('deleteTombstone', [['id', '', value]])
  const others = stones.filter(({ value }) => value !== flow.id)
  await preventMembers(tx, others)
  if (own === undefined) return stored
  const [row] = await tx.run('workflowsToChange', [[flow.id]])
  const request = fromStop(own, { id: flow.id, callId: callOfTombstone(flow.id) })
  if (row) await order(tx, { flow: workflowOf(row), request })
  return { ...stored, outcome: 'prevented' }
}

/** Stops the members that were stopped before they came. */
async function preventMembers(tx: Tx, stones: readonly Tombstone[]): Promise<void> {
  if (stones.length === 0) return
  const runs = await loadRuns(
    tx,
    stones.map(({ value }) => value),
  )
  const changes = new Changes(tx.now(), runs)
  for (const { value, verb, reason, by } of stones) {
    const run = changes.get(value)
    if (run) changes.decide(run.id, { type: verb, reason, by, graceMs: 0 })
  }
  await writeChanges(tx, changes)
}

async function retryWorkflow(tx: Tx, request: WorkflowRetry): Promise<WorkflowEnqueued> {
  const { id, newId, callId } = request
  const [row] = await tx.run('workflowsToChange', [[id]])
  if (!row) throw workflowNotFound(id)
  const flow = workflowOf(row)
  if (flow.retriedBy !== null) return { id: flow.retriedBy, outcome: 'exists' }
  if (flow.finishedAt === null)
    throw stillActive(id, 'It can be run again when it has failed or was cancelled.')
  if (flow.state === 'completed')
    throw new CheckreinError('USAGE', {
      message: `Workflow ${id} has completed: nothing of it is left to run again`,
      hint: 'Start it anew: `startWorkflow`.',
    })
  const all = await nodesWithin(tx, id)
  // Members that were rolled back are to be done again.
  const isUndone = flow.rollback !== null
  const nodes = isUndone
    ? all.map((node) => (node.run?.state === 'completed' ? undone(node) : node))
    : all
  const { name, key, tags, priority, pausesAtPoints, hooks } = flow
  const head = { name, key, tags, priority, pausesAtPoints, hooks }
  const next: NewWorkflow = {
    ...head,
    id: newId,
    nodes: remainderOf(nodes, { isRetry: true }),
    deadline: null,
    retryOf: id,
  }
  const stored = await startWorkflow(tx, next)
  await tx.run('updateWorkflow', workflowParams({ ...flow, retriedBy: stored.id }))
  const target = { workflow: id, retriedBy: stored.id }
  note(tx, [
    {
      asked: { ...request, callId },
      kind: 'control',
      name: 'retry',
      run: null,
      answer: 'done',
      isOver: true,
      target,
    },
  ])
  return stored
}

const undone = (node: WorkflowNode): WorkflowNode => ({
  ...node,
  run: node.run && { ...node.run, state: 'cancelled' },
})

/** The error for an id that no workflow has. */
export function workflowNotFound(id: string): CheckreinError {
  return new CheckreinError('WORKFLOW_NOT_FOUND', {
    message: `There is no workflow ${id}`,
    hint: '`list` shows the workflows that exist; workflows that ended long ago are deleted.',
    details: { id },
  })
}

function stillActive(id: string, hint: string): CheckreinError {
  return new CheckreinError('WORKFLOW_ACTIVE', {
    message: `Workflow ${id} is still going on`,
    hint,
    details: { id },
  })
}
