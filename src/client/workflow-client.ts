/** What may be asked about workflows. */
import type { FeedEntry } from '../core/run/events.ts'
import type { WorkflowExport } from '../core/workflow/export.ts'
import type { OutOf } from '../core/workflow/canvas.ts'
import type { StepLike } from '../core/workflow/parts.ts'
import type {
  ControlVerb,
  Store,
  StoredWorkflow,
  WorkflowControlled,
  WorkflowEnqueued,
  WorkflowFilter,
  WorkflowNode,
} from '../store/store.ts'
import type { WhoOptions } from './options/requester.ts'
import { feedOf } from './waits/feed.ts'
import {
  type FlowsParts,
  Flows,
  type StartArguments,
  type WorkflowControlOptions,
  type WorkflowOptions,
} from './requests/workflows.ts'
import { type ListOptions, pageOf } from './options/pages.ts'
import { workflowMissing } from './views/errors.ts'
import { SignalHandle } from './handles/signal-handle.ts'
import type { HandleParts } from './handles/handle.ts'
import { checkedId } from './options/targets.ts'
import { UpkeepClient } from './upkeep-client.ts'
import { Waits } from './waits/waits.ts'
import { WorkflowHandle } from './handles/workflow-handle.ts'
import { type ChainTree, treeOf, type Workflow, workflowView } from './views/workflow-view.ts'

export interface FeedOfWorkflow {
  /** Null: from the beginning. */
  readonly after: number | null
  readonly abortSignal: AbortSignal
  readonly isOver: () => Promise<boolean>
}

const nodesAtOnce = 5000

const byId = (flows: readonly StoredWorkflow[]): [string, StoredWorkflow][] =>
  flows.map((flow) => [flow.id, flow])

/** What the handle of a workflow needs of its client. */
export class WorkflowParts implements Disposable {
  readonly store: Store
  /** The end of a workflow, by its id. */
  readonly ends: Waits<StoredWorkflow>
  /** A workflow as it is, by its id. */
  readonly waits: Waits<StoredWorkflow>
  readonly flows: Flows
  readonly #runs: HandleParts

  constructor(runs: HandleParts, flows: Omit<FlowsParts, 'store'>) {
    const { store } = runs
    this.store = store
    this.#runs = runs
    this.flows = new Flows({ ...flows, store })
    this.ends = new Waits(store, async (ids) => byId(await store.endedWorkflows(ids)))
    this.waits = new Waits(store, async (ids) => byId(await store.workflows(ids)))
  }

  control(
    verb: ControlVerb,
    id: string,
    options: WorkflowControlOptions,
  ): Promise<WorkflowControlled> {
    return this.flows.control(this.store, { verb, id, options })
  }

  retry(id: string, options: WhoOptions): Promise<WorkflowEnqueued> {
    return this.flows.retry(this.store, id, options)
  }

  rest(id: string): Promise<WorkflowExport> {
    return this.store.workflowRest(checkedId(id))
  }

  async signal(
    workflow: string,
    {
      name,
      payload,
      options,
    }: { readonly name: string; readonly payload: unknown; readonly options: WhoOptions },
  ): Promise<readonly SignalHandle[]> {
    const { signals, waits } = this.#runs
    const sent = await signals.send({ filter: { workflow } }, { name, payload, options })
    return sent.map((one) => new SignalHandle(one, { name, waits }))
  }

  async tree(id: string): Promise<ChainTree> {
    const nodes: WorkflowNode[] = []
    for (let after = 0, isLast = false; !isLast;) {
      const page = await this.store.workflowNodes(id, { after, limit: nodesAtOnce })
      for (const node of page) nodes.push(node)
      isLast = page.length < nodesAtOnce
      after = page.at(-1)?.node ?? after
    }
    return treeOf(nodes)
  }

  async *feed(
    id: string,
    { after, ...how }: FeedOfWorkflow,
  ): AsyncGenerator<FeedEntry, void, undefined> {
    const start = after ?? (await this.store.feedStartOf(id))
    for await (const entry of feedOf(this.store, { runId: null, after: start, ...how }))
      if (entry.workflow === id) yield entry
  }

  [Symbol.dispose](): void {
    this.ends.close()
    this.waits.close()
  }
}

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
