import type { FeedEntry } from '../../core/run/events.ts'
import type { WorkflowExport } from '../../core/workflow/export.ts'
import type {
  ControlVerb,
  Store,
  StoredWorkflow,
  WorkflowControlled,
  WorkflowEnqueued,
  WorkflowNode,
} from '../../store/store.ts'
import type { WhoOptions } from '../options/requester.ts'
import { feedOf } from '../waits/feed.ts'
import { type WorkflowRequestsParts, WorkflowRequests } from '../requests/workflows.ts'
import { SignalHandle } from './signal-handle.ts'
import type { HandleParts } from './handle.ts'
import { checkedId } from '../options/targets.ts'
import { workflowMissing } from '../views/errors.ts'
import { type Gone, Waits } from '../waits/waits.ts'
import type { PayloadOptions } from '../options/pages.ts'
import type { RunOf } from '../views/view.ts'
import { type ChainTree, treeOf } from '../views/workflow-view.ts'
import type { WorkflowControlOptions, WorkflowRetryOptions } from '../options/options.ts'

/** The parts of its client that the handle of a workflow needs. */
export class WorkflowParts implements Disposable {
  readonly store: Store
  /** The end of a workflow, by its id. */
  readonly ends: Waits<StoredWorkflow>
  /** A workflow as it is, by its id. */
  readonly waits: Waits<StoredWorkflow>
  readonly flows: WorkflowRequests
  readonly #runs: HandleParts

  constructor(runs: HandleParts, flows: Omit<WorkflowRequestsParts, 'store'>) {
    const { store } = runs
    this.store = store
    this.#runs = runs
    this.flows = new WorkflowRequests({ ...flows, store })
    const gone: Gone = async (id) =>
      (await store.workflows([id])).length === 0 ? workflowMissing(id) : null
    this.ends = new Waits(store, async (ids) => byId(await store.endedWorkflows(ids)), gone)
    this.waits = new Waits(store, async (ids) => byId(await store.workflows(ids)), gone)
  }

  control(
    verb: ControlVerb,
    id: string,
    options: WorkflowControlOptions,
  ): Promise<WorkflowControlled> {
    return this.flows.control(this.store, { verb, id, options })
  }

  retry(id: string, options: WorkflowRetryOptions): Promise<WorkflowEnqueued> {
    return this.flows.retry(this.store, id, options)
  }

  rest(id: string): Promise<WorkflowExport> {
    return this.store.workflowRemainder(checkedId(id))
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

  async tree<Payloads extends boolean = false>(
    id: string,
    { payloads }: PayloadOptions<Payloads> = {},
  ): Promise<ChainTree<RunOf<Payloads>>> {
    const nodes: WorkflowNode[] = []
    for (let after = 0, isLast = false; !isLast;) {
      const page = await this.store.workflowNodes(id, {
        after,
        limit: nodesAtOnce,
        payloads: payloads === true,
      })
      for (const node of page) nodes.push(node)
      isLast = page.length < nodesAtOnce
      after = page.at(-1)?.node ?? after
    }
    return treeOf(nodes, payloads === undefined ? {} : { payloads })
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

/** The part of a workflow's feed that is followed: the position after which it begins, and when it ends. */
export interface FeedOfWorkflow {
  /** The position; null for the beginning. */
  readonly after: number | null
  readonly abortSignal: AbortSignal
  readonly isOver: () => Promise<boolean>
}

/** How many nodes of a workflow are read at a time. */
export const nodesAtOnce = 5000

/** Pairs workflows with their ids. */
export const byId = (flows: readonly StoredWorkflow[]): [string, StoredWorkflow][] =>
  flows.map((flow) => [flow.id, flow])
