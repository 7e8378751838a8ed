/** The methods of the port that change workflows. */
import type { WorkflowExport } from '../../core/workflow/export.ts'
import { afterRecord, type Bulks } from '../control/bulk.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import type { GroupCommit } from '../driver/group-commit.ts'
import { controlWorkflow } from './control.ts'
import { nodesWithin, unreadSignals } from '../progress/read-nodes.ts'
import type {
  NewWorkflow,
  WorkflowControl,
  WorkflowControlled,
  WorkflowEnqueued,
  WorkflowRetry,
} from '../port/workflows.ts'
import { exportOf } from '../progress/remainder.ts'
import { workflowOf } from '../rows/workflows.ts'
import { stillActive, workflowNotFound } from './errors.ts'
import { retryWorkflow } from './retry.ts'
import { startWorkflow } from './start.ts'

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
      const unread = await unreadSignals(tx, nodes)
      return exportOf(flow, { nodes, unread }, tx.now())
    })
  }

  /** Does work that may take long: on PostgreSQL in a transaction of its own, on SQLite in turn with the others. */
  #long<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#driver.isConcurrent
      ? this.#driver.transact(work, { isLong: true })
      : this.#commits.once(work)
  }
}
