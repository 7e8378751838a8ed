import type { WorkflowExport } from '../core/workflow/export.ts'
import type { OutOf } from '../core/workflow/canvas.ts'
import type { StepLike } from '../core/workflow/parts.ts'
import type {
  ControlVerb,
  WorkflowControlled,
  WorkflowEnqueued,
  WorkflowFilter,
} from '../store/store.ts'
import type { WhoOptions } from './options/requester.ts'
import { type StartArguments } from './requests/workflows.ts'
import { type ListOptions, pageOf } from './options/pages.ts'
import { workflowMissing } from './views/errors.ts'
import { checkedId } from './options/targets.ts'
import { UpkeepClient } from './upkeep-client.ts'
import { WorkflowHandle } from './handles/workflow-handle.ts'
import { type ChainTree, type Workflow, workflowView } from './views/workflow-view.ts'
import type { WorkflowControlOptions, WorkflowOptions } from './options/options.ts'
import { WorkflowParts } from './handles/workflow-parts.ts'

/** The half of the client that is about workflows. */
export abstract class WorkflowClient extends UpkeepClient {
  protected abstract readonly workflowParts: WorkflowParts

  /**
   * Stores a workflow: all of it, or nothing. Fulfils when it is durable.
   * @throws {CheckreinError} `WORKFLOW_INVALID`, `INPUT_REJECTED`, `PAYLOAD_…`, `RUN_ID_TAKEN`, `USAGE`, `STORE_…`.
   */
  async startWorkflow<S extends StepLike>(
    workflow: S,
    ...[options = {}]: StartArguments<S>
  ): Promise<WorkflowHandle<OutOf<S>>> {
    const enqueued = await this.workflowParts.flows.start(workflow, options)
    return new WorkflowHandle<OutOf<S>>(enqueued.id, this.workflowParts, enqueued)
  }

  /** Goes on with what `export()` gave, as a new workflow. @throws {CheckreinError} `WORKFLOW_INVALID`, `USAGE`, `STORE_…`. */
  async importWorkflow<Output = unknown>(
    json: unknown,
    options: WorkflowOptions = {},
  ): Promise<WorkflowHandle<Output>> {
    const enqueued = await this.workflowParts.flows.import(json, options)
    return new WorkflowHandle<Output>(enqueued.id, this.workflowParts, enqueued)
  }

  /** A handle for a workflow by its id; asks nothing of the store. */
  workflow<Output = unknown>(id: string): WorkflowHandle<Output> {
    return new WorkflowHandle<Output>(checkedId(id), this.workflowParts)
  }

  async getWorkflow(id: string): Promise<Workflow | null> {
    const [flow] = await this.workflowParts.store.workflows([checkedId(id)])
    return flow ? workflowView(flow) : null
  }

  /** A page of workflows, newest first by default. */
  async workflows(
    filter: WorkflowFilter = {},
    options: ListOptions = {},
  ): Promise<{ readonly workflows: readonly Workflow[]; readonly cursor: string | null }> {
    const { workflows, cursor } = await this.workflowParts.store.listWorkflows(
      filter,
      pageOf(options),
    )
    return { workflows: workflows.map((flow) => workflowView(flow)), cursor }
  }

  /** How a workflow is built, and what became of each part. @throws {CheckreinError} `WORKFLOW_NOT_FOUND`. */
  async workflowTree(id: string): Promise<ChainTree> {
    if ((await this.getWorkflow(id)) === null) throw workflowMissing(id)
    return this.workflowParts.tree(id)
  }

  /** A verb on a workflow: fulfils when it is on record and was asked of its members. The handle's verbs wait for what comes of it. */
  async controlWorkflow(
    id: string,
    verb: ControlVerb,
    options: WorkflowControlOptions = {},
  ): Promise<WorkflowControlled> {
    return this.workflowParts.control(verb, id, options)
  }

  /** Runs again what did not complete of a workflow that has ended; see the handle's `retry`. */
  async retryWorkflow(id: string, options: WhoOptions = {}): Promise<WorkflowEnqueued> {
    return this.workflowParts.retry(id, options)
  }

  /** What is left of a workflow; see the handle's `export`. */
  async exportWorkflow(id: string): Promise<WorkflowExport> {
    return this.workflowParts.rest(id)
  }
}
