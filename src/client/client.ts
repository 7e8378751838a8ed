import type { FeedEntry } from '../core/run/events.ts'
import type { RunFilter } from '../core/filter.ts'
import type { State } from '../core/run/transitions.ts'
import type { OutOf } from '../core/workflow/canvas.ts'
import type { WorkflowExport } from '../core/workflow/export.ts'
import type { StepLike } from '../core/workflow/parts.ts'
import type {
  Bulk,
  Controlled,
  Finding,
  Hold,
  Store,
  StoreWithin,
  Tombstone,
  WorkerRecord,
  WorkflowControlled,
  WorkflowEnqueued,
  WorkflowFilter,
} from '../store/store.ts'
import { Requester, type RequesterOptions, type WhoOptions } from './options/requester.ts'
import { type AuditPage, auditPage } from './views/audit.ts'
import { abortRequest } from './requests/abort-bulk.ts'
import { type PruneOptions, Upkeep } from './requests/upkeep.ts'
import { Controls } from './requests/controls.ts'
import { type EnqueueArguments, Enqueuer, requestOf } from './requests/enqueue.ts'
import { theOnly, workflowMissing } from './views/errors.ts'
import { feedOf } from './waits/feed.ts'
import { type HandleParts, RunHandle } from './handles/handle.ts'
import type { LanesAnswer, TasksAnswer } from './views/lanes.ts'
import { type ListOptions, pageOf, type PayloadOptions } from './options/pages.ts'
import type { RetentionOptions } from './options/retention.ts'
import type { Preview, PreviewVerb } from './views/preview.ts'
import type { RunWaited, SignalWaited, WorkflowWaited } from './waits/long-polls.ts'
import { RunWaits } from './waits/run-waits.ts'
import { SignalHandle } from './handles/signal-handle.ts'
import type { Retried } from './requests/retry.ts'
import { Signals } from './requests/signals.ts'
import {
  checkedId,
  type ControlTarget,
  isScope,
  type RetryTarget,
  runFilter,
  type Scope,
} from './options/targets.ts'
import { foundRun, type Run, type RunOf, runViews } from './views/view.ts'
import { Within, type WithinParts } from './within.ts'
import type { WorkflowGraph } from '../core/workflow/read-graph.ts'
import {
  type StartArguments,
  type StartGraphOptions,
  WorkflowRequests,
  type WorkflowRequestsParts,
} from './requests/workflows.ts'
import { WorkflowHandle } from './handles/workflow-handle.ts'
import { type ChainTree, type Workflow, workflowView } from './views/workflow-view.ts'
import type { AnyTask, InputOf, OutputOf, SignalsOf } from '../core/task/context.ts'
import type {
  AuditQuery,
  AskOptions,
  TerminateOptions,
  CancelOptions,
  HoldOptions,
  HoldTarget,
  FreezeRunsOptions,
  PauseRunsOptions,
  RetryOptions,
  RunWaitOptions,
  ScopeOptions,
  SignalWaitOptions,
  EnqueueOptions,
  EventsOptions,
  StopWorkflowOptions,
  WorkflowOptions,
  WorkflowRetryOptions,
} from './options/options.ts'
import { Holds } from './requests/holds.ts'
import { WorkflowParts } from './handles/workflow-parts.ts'

/** The options of a client. */
export interface ClientOptions extends RequesterOptions {
  /** The largest input, and payload of a signal, in bytes of JSON; default 1 MiB. */
  readonly payloadLimit?: number
}

/**
 * Everything that may be asked of the system, on a store that this process has open.
 *
 * Each method hands its request to the room that knows it (`requests/`, `views/`, `waits/`), and is a row of the table of
 * operations under its own name, but for those that only make sense in code (`run`, `workflow`, `within` …).
 * The class is a façade, so it is as long as the table: nothing is decided here. Rooms that few programs need are loaded when
 * they are asked for: each isolate imports this file with its tasks, and starts the sooner the less comes with it.
 */
export class Client implements AsyncDisposable {
  readonly #store: Store
  readonly #requester: Requester
  readonly #payloadLimit: number | undefined
  readonly #parts: HandleParts & WithinParts
  readonly #workflows: WorkflowParts
  readonly #upkeep: Upkeep

  constructor(store: Store, options: ClientOptions = {}) {
    this.#store = store
    this.#requester = new Requester(options)
    this.#payloadLimit = options.payloadLimit
    this.#upkeep = new Upkeep(store, this.#requester)
    const retries = { store, requester: this.#requester, payloadLimit: options.payloadLimit }
    this.#parts = { store, retries, waits: new RunWaits(store), ...this.#partsOn(store) }
    this.#workflows = new WorkflowParts(this.#parts, this.#flowsParts())
  }

  #partsOn(store: StoreWithin): WithinParts {
    const now = (): number => this.#store.now()
    const [requester, payloadLimit] = [this.#requester, this.#payloadLimit]
    const enqueuer = new Enqueuer(store, now, { payloadLimit, requester })
    const controls = new Controls(store, requester, now)
    const holds = new Holds(store, requester, now)
    const signals = new Signals(store, requester, payloadLimit)
    const flows = new WorkflowRequests({ store, ...this.#flowsParts() })
    return { enqueuer, controls, holds, signals, flows }
  }

  #flowsParts(): Omit<WorkflowRequestsParts, 'store'> {
    return {
      requester: this.#requester,
      now: () => this.#store.now(),
      payloadLimit: this.#payloadLimit,
    }
  }

  /** The store itself, for a worker of the same process. */
  get store(): Store {
    return this.#store
  }

  /**
   * Stores a run of the task. Fulfils when it is durable.
   * @throws {CheckreinError} `INPUT_REJECTED`, `PAYLOAD_…`, `USAGE`, `RUN_ID_TAKEN`, `STORE_…`.
   */
  async enqueue<T extends AnyTask>(
    task: T,
    ...[input, options]: EnqueueArguments<T>
  ): Promise<RunHandle<OutputOf<T>, SignalsOf<T>>> {
    return theOnly(await this.enqueueMany(task, [requestOf(input as InputOf<T>, options)]))
  }

  /** Stores many runs of the task: all, or none. Each has its own input and options. @throws {CheckreinError} as `enqueue`. */
  async enqueueMany<T extends AnyTask>(
    task: T,
    runs: readonly ({ readonly input: InputOf<T> } & EnqueueOptions)[],
  ): Promise<readonly RunHandle<OutputOf<T>, SignalsOf<T>>[]> {
    const all = await this.#parts.enqueuer.enqueue(task, runs)
    return all.map((enqueued) => new RunHandle(enqueued.id, this.#parts, { enqueued, task }))
  }

  /** Stores a run of a task by its name alone; the input is checked by the worker, before the run. */
  async enqueueByName(
    task: string,
    input?: unknown,
    options: EnqueueOptions = {},
  ): Promise<RunHandle> {
    const enqueued = theOnly(
      await this.#parts.enqueuer.enqueueByName(task, [requestOf(input, options)]),
    )
    return new RunHandle(enqueued.id, this.#parts, { enqueued })
  }

  /**
   * Stores many runs of a task by its name alone: all, or none. Their inputs are checked by the worker, before each run.
   * @throws {CheckreinError} as `enqueue`, but for `INPUT_REJECTED`.
   */
  async enqueueManyByName(
    task: string,
    runs: readonly ({ readonly input?: unknown } & EnqueueOptions)[],
  ): Promise<readonly RunHandle[]> {
    const all = await this.#parts.enqueuer.enqueueByName(task, runs)
    return all.map((enqueued) => new RunHandle(enqueued.id, this.#parts, { enqueued }))
  }

  /**
   * Enqueues and verbs as part of a transaction that the caller has begun, and commits or rolls back. An error of ours
   * leaves that transaction as it was before the call, and good for more.
   * @param transaction on PostgreSQL a `pg` client, or an object whose `query(text, values)` runs in the transaction of a
   *   query builder; on SQLite a `DatabaseSync` on the same file.
   * @throws {CheckreinError} `USAGE` by the methods, where it is neither.
   */
  within(transaction: unknown): Within {
    return new Within(this.#partsOn(this.#store.within(transaction)))
  }

  /** A handle for a run by its id; asks nothing of the store. With its task, results and signals have their types. */
  run<T extends AnyTask>(task: T, id: string): RunHandle<OutputOf<T>, SignalsOf<T>>
  run<Output = unknown>(id: string): RunHandle<Output>
  run(task: AnyTask | string, id?: string): RunHandle {
    if (typeof task === 'string') return new RunHandle(checkedId(task), this.#parts)
    return new RunHandle(checkedId(id), this.#parts, { task })
  }

  /** Reads a run by its id; null where there is none. @throws {CheckreinError} `USAGE`. */
  async get(id: string): Promise<Run | null> {
    const stored = await this.#store.get(checkedId(id))
    return stored && foundRun(this.#store, stored)
  }

  /**
   * Reads a page of runs, newest first by default; no run comes twice or is missed, whatever is enqueued meanwhile. Their inputs,
   * results and checkpoints are read with `payloads: true` alone.
   * @throws {CheckreinError} `USAGE`.
   */
  async list<Payloads extends boolean = false>(
    filter: RunFilter = {},
    { payloads, ...options }: ListOptions & PayloadOptions<Payloads> = {},
  ): Promise<{ readonly runs: readonly RunOf<Payloads>[]; readonly cursor: string | null }> {
    const page = { ...pageOf(options), payloads: payloads === true }
    const { runs, cursor } = await this.#store.list(runFilter(filter), page)
    return { runs: runs.map(runViews(payloads)), cursor }
  }

  /** Counts the runs of a filter in each state. @throws {CheckreinError} `USAGE`. */
  async counts(filter: RunFilter = {}): Promise<Readonly<Record<State, number>>> {
    return this.#store.counts(runFilter(filter))
  }

  /** Follows the feed of all runs, from now on or after a position (-1: from the oldest entry), until the abort signal fires. */
  async *events(options: EventsOptions = {}): AsyncGenerator<FeedEntry, void, undefined> {
    const abortSignal = options.abortSignal ?? new AbortController().signal
    const after = options.after ?? (await this.#store.feedEnd())
    const isOver = async (): Promise<boolean> => options.follow === false
    yield* feedOf(this.#store, { runId: null, after, abortSignal, isOver })
  }

  /** Lets no attempt of these runs start any more. Fulfils when the request is on record, as do the other verbs. @throws {CheckreinError} `USAGE`, `BY_REQUIRED`. */
  async revoke(target: ControlTarget, options: AskOptions = {}): Promise<readonly Controlled[]> {
    return this.#parts.controls.many('revoke', target, options)
  }

  /** Asks these runs to stop. */
  async abort(target: ControlTarget, options: AskOptions = {}): Promise<readonly Controlled[]> {
    return this.#parts.controls.many('abort', target, options)
  }

  /** Asks these runs to stop, and kills those that have not after the grace. The handle's `cancel` waits for the stop. */
  async cancel(target: ControlTarget, options: CancelOptions = {}): Promise<readonly Controlled[]> {
    return this.#parts.controls.many('cancel', target, options)
  }

  /** Kills the attempts of these runs now. The handle's `terminate` waits for the stop. */
  async terminate(
    target: ControlTarget,
    options: TerminateOptions = {},
  ): Promise<readonly Controlled[]> {
    return this.#parts.controls.many('terminate', target, options)
  }

  /**
   * Keeps these runs from going on: those that run park at their next checkpoint; the handle's `pause` waits for that. A whole
   * task or queue is held, with all runs that come, until it is resumed: running runs may finish, unless `inFlight` says otherwise.
   */
  async pause(scope: Scope, options?: ScopeOptions): Promise<Hold>
  async pause(target: ControlTarget, options?: PauseRunsOptions): Promise<readonly Controlled[]>
  async pause(
    target: ControlTarget | Scope,
    options: ScopeOptions = {},
  ): Promise<Hold | readonly Controlled[]> {
    if (isScope(target)) return this.#parts.holds.pause(target, options)
    return this.#parts.controls.many('pause', target, options)
  }

  /** Stops the processes of these runs where they stand; of a whole task or queue, which is held besides, all that run. */
  async freeze(scope: Scope, options?: FreezeRunsOptions): Promise<Hold>
  async freeze(target: ControlTarget, options?: FreezeRunsOptions): Promise<readonly Controlled[]>
  async freeze(
    target: ControlTarget | Scope,
    options: FreezeRunsOptions = {},
  ): Promise<Hold | readonly Controlled[]> {
    if (isScope(target)) return this.#parts.holds.freeze(target, options)
    return this.#parts.controls.freeze(target, options)
  }

  /** Ends the pause of these runs, or the hold of a whole task or queue; null where there is none. */
  async resume(scope: Scope, options?: WhoOptions): Promise<Hold | null>
  async resume(target: ControlTarget, options?: WhoOptions): Promise<readonly Controlled[]>
  async resume(
    target: ControlTarget | Scope,
    options: WhoOptions = {},
  ): Promise<Hold | null | readonly Controlled[]> {
    if (isScope(target)) return this.#parts.holds.resume(target, options)
    return this.#parts.controls.many('resume', target, options)
  }

  /**
   * Tries runs again that have ended: for each a new run with the same task, queue, priority, tags and input, which begins from the
   * start and names the old one (`retryOf`). It has the key of the old run, unless another run holds it by now. Members of workflows
   * and children are refused, for their workflow or parent is retried.
   *
   * With `rollback: true`, only the roll-back of each is tried again, which has failed or was given up (of a filter: of those alone). The
   * new run does nothing else; it begins with the last checkpoint, and ends as the old run did. That is for members and children, too.
   * @returns an answer for each run, also where it was refused.
   * @throws {CheckreinError} `USAGE`, `BY_REQUIRED`, `PAYLOAD_…`.
   */
  async retry(target: RetryTarget, options: RetryOptions = {}): Promise<readonly Retried[]> {
    const { Retries } = await import('./requests/retry.ts')
    return new Retries(this.#parts.retries).many(target, options)
  }

  /** Sends a message to the handlers of these runs. Their workers check it; the handle's `signal` does so before. */
  async signal(
    target: ControlTarget,
    name: string,
    ...[payload, options = {}]: [payload?: unknown, options?: WhoOptions]
  ): Promise<readonly SignalHandle[]> {
    const { signals, waits } = this.#parts
    const sent = await signals.send(target, { name, payload, options })
    return sent.map((one) => new SignalHandle(one, { name, waits }))
  }

  /**
   * Puts a verb on all runs of a filter, and keeps it standing for runs that come later. The same verb on the same filter again
   * moves its end. @throws {CheckreinError} `USAGE`, `BY_REQUIRED`.
   */
  async hold(options: HoldOptions): Promise<Hold> {
    return this.#parts.holds.hold(options)
  }

  /** Lists the verbs that stand. */
  async holds(): Promise<readonly Hold[]> {
    return this.#store.holds()
  }

  /** Ends a hold, and resumes the runs that it has paused; null where there is none. */
  async lift(target: HoldTarget, options: WhoOptions = {}): Promise<Hold | null> {
    return this.#parts.holds.lift(target, options)
  }

  /** Reads how far a verb on a filter is, by the id of its call; null where there is none. @throws {CheckreinError} `USAGE`. */
  async bulk(callId: string): Promise<Bulk | null> {
    return (await this.#store.bulks([checkedId(callId)]))[0] ?? null
  }

  /** Lists the newest verbs on filters, with how far each is. */
  async bulks(): Promise<readonly Bulk[]> {
    return this.#store.bulks(null)
  }

  /**
   * Ends a verb on a filter before it is through: no further run is dealt with, and what was done stays. A verb that is through, or was ended before, stays as it is.
   * @param callId of the verb. @returns how far it came; null where there is none.
   * @throws {CheckreinError} `USAGE` for one that a hold, a workflow or a run has begun; `BY_REQUIRED`.
   */
  async abortBulk(callId: string, options: WhoOptions = {}): Promise<Bulk | null> {
    const { id, who } = abortRequest(callId, options, this.#requester)
    return this.#store.abortBulk(id, who)
  }

  /** Counts the runs that a verb on a filter would be for, and the answers that they would give; nothing is done. @throws {CheckreinError} `USAGE`. */
  async preview(verb: PreviewVerb, filter: RunFilter): Promise<Preview> {
    const { checkedPreviewVerb, previewOf } = await import('./views/preview.ts')
    checkedPreviewVerb(verb)
    const meant = runFilter(filter)
    const kept = verb === 'resume' ? (await this.#store.counts(meant, 'kept')).paused : 0
    return previewOf({ verb, filter, kept }, await this.#store.counts(meant))
  }

  /** Reads the audit log: the record of every request, a page at a time, newest first by default. @throws {CheckreinError} `USAGE`. */
  async audit(query: AuditQuery = {}, options: ListOptions = {}): Promise<AuditPage> {
    return auditPage(this.#store, query, options)
  }

  /**
   * Reads the requests to one run, signals and verbs, with the outcome of each, a page at a time, oldest first by default.
   * @throws {CheckreinError} `RUN_NOT_FOUND` where there is neither the run nor a record of it; `USAGE`.
   */
  async signals(id: string, options: ListOptions = {}): Promise<AuditPage> {
    const { signalsPage } = await import('./views/run-signals.ts')
    return signalsPage(this.#store, checkedId(id), options)
  }

  /**
   * Waits for the end of a run, or until a stop or a pause of it is confirmed, and answers with the run as it is then. When the
   * time (default 30 s) is over first, the outcome is `pending`: nothing is thrown.
   * @throws {CheckreinError} `RUN_NOT_FOUND`, `USAGE`.
   */
  async waitForRun(id: string, options: RunWaitOptions = {}): Promise<RunWaited> {
    const { waitForRun } = await import('./waits/long-polls.ts')
    return waitForRun(this.#parts, id, options)
  }

  /**
   * Waits until the handler of a run has replied to a signal, and answers with the signal as it stands on record then; as
   * `waitForRun` when the time is over first.
   * @throws {CheckreinError} `RUN_NOT_FOUND` where no such signal was sent to the run; `USAGE`.
   */
  async waitForSignal(id: string, options: SignalWaitOptions): Promise<SignalWaited> {
    const { waitForSignal } = await import('./waits/long-polls.ts')
    return waitForSignal(this.#parts, id, options)
  }

  // Workflows

  /**
   * Stores a workflow: all of it, or nothing. Fulfils when it is durable.
   * @throws {CheckreinError} `WORKFLOW_INVALID`, `INPUT_REJECTED`, `PAYLOAD_…`, `RUN_ID_TAKEN`, `USAGE`, `STORE_…`.
   */
  async startWorkflow<S extends StepLike>(
    workflow: S,
    ...[options]: StartArguments<S>
  ): Promise<WorkflowHandle<OutOf<S>>>
  /** Stores a workflow that is given as JSON: `workflowGraph` makes it where its tasks are at hand. Workers check all inputs. */
  async startWorkflow<Output = unknown>(
    graph: WorkflowGraph,
    options?: StartGraphOptions,
  ): Promise<WorkflowHandle<Output>>
  async startWorkflow(
    workflow: StepLike | WorkflowGraph,
    options: StartGraphOptions = {},
  ): Promise<WorkflowHandle> {
    const enqueued = await this.#workflows.flows.start(workflow, options)
    return new WorkflowHandle(enqueued.id, this.#workflows, enqueued)
  }

  /**
   * Starts a new workflow from the JSON that `export()` gave, on this store or another.
   * @throws {CheckreinError} `WORKFLOW_INVALID`, `USAGE`, `STORE_…`.
   */
  async importWorkflow<Output = unknown>(
    json: unknown,
    options: WorkflowOptions = {},
  ): Promise<WorkflowHandle<Output>> {
    const enqueued = await this.#workflows.flows.import(json, options)
    return new WorkflowHandle<Output>(enqueued.id, this.#workflows, enqueued)
  }

  /** Makes a handle for a workflow by its id, without asking the store. @throws {CheckreinError} `USAGE`. */
  workflow<Output = unknown>(id: string): WorkflowHandle<Output> {
    return new WorkflowHandle<Output>(checkedId(id), this.#workflows)
  }

  /** Reads a workflow by its id; null where there is none. @throws {CheckreinError} `USAGE`. */
  async getWorkflow(id: string): Promise<Workflow | null> {
    const [flow] = await this.#store.workflows([checkedId(id)])
    return flow ? workflowView(flow) : null
  }

  /** Reads a page of workflows, newest first by default. @throws {CheckreinError} `USAGE`. */
  async workflows(
    filter: WorkflowFilter = {},
    options: ListOptions = {},
  ): Promise<{ readonly workflows: readonly Workflow[]; readonly cursor: string | null }> {
    const { workflows, cursor } = await this.#store.listWorkflows(filter, pageOf(options))
    return { workflows: workflows.map((flow) => workflowView(flow)), cursor }
  }

  /** Reads how a workflow is built, and what became of each part. @throws {CheckreinError} `WORKFLOW_NOT_FOUND`, `USAGE`. */
  async workflowTree<Payloads extends boolean = false>(
    id: string,
    options: PayloadOptions<Payloads> = {},
  ): Promise<ChainTree<RunOf<Payloads>>> {
    if ((await this.getWorkflow(id)) === null) throw workflowMissing(id)
    return this.#workflows.tree(id, options)
  }

  /**
   * Waits for the end of a workflow, or until a stop or a pause of it is confirmed; as `waitForRun` when the time is over first.
   * @throws {CheckreinError} `WORKFLOW_NOT_FOUND`, `USAGE`.
   */
  async waitForWorkflow(id: string, options: RunWaitOptions = {}): Promise<WorkflowWaited> {
    const { waitForWorkflow } = await import('./waits/long-polls.ts')
    return waitForWorkflow(this.#workflows, id, options)
  }

  /**
   * Lets no member of a workflow start any more; running members may finish. Fulfils when the request is on record and was
   * asked of all members, as do the other verbs on workflows; the handle's verbs wait for the outcome.
   * @throws {CheckreinError} `USAGE`, `BY_REQUIRED`, as for the other verbs.
   */
  async revokeWorkflow(id: string, options: StopWorkflowOptions = {}): Promise<WorkflowControlled> {
    return this.#workflows.control('revoke', id, options)
  }

  /** Lets no member of a workflow start any more, and asks the running members to stop; nothing is forced. */
  async abortWorkflow(id: string, options: StopWorkflowOptions = {}): Promise<WorkflowControlled> {
    return this.#workflows.control('abort', id, options)
  }

  /** Lets no member of a workflow start any more, asks the running members to stop, and kills those that have not after the grace. */
  async cancelWorkflow(id: string, options: StopWorkflowOptions = {}): Promise<WorkflowControlled> {
    return this.#workflows.control('cancel', id, options)
  }

  /** Lets no member of a workflow start any more, and kills the attempts of the running members now. */
  async terminateWorkflow(
    id: string,
    options: StopWorkflowOptions = {},
  ): Promise<WorkflowControlled> {
    return this.#workflows.control('terminate', id, options)
  }

  /** Lets no member of a workflow start until it is resumed, and parks the running members at their next checkpoints or pause points. */
  async pauseWorkflow(id: string, options: PauseRunsOptions = {}): Promise<WorkflowControlled> {
    return this.#workflows.control('pause', id, options)
  }

  /** Ends the pause of a workflow. */
  async resumeWorkflow(id: string, options: WhoOptions = {}): Promise<WorkflowControlled> {
    return this.#workflows.control('resume', id, options)
  }

  /**
   * Sends a message to the handlers of all members of a workflow that have not ended.
   * @throws {CheckreinError} `PAYLOAD_…`, `USAGE`, `BY_REQUIRED`.
   */
  async signalWorkflow(
    id: string,
    name: string,
    ...[payload, options = {}]: [payload?: unknown, options?: WhoOptions]
  ): Promise<readonly SignalHandle[]> {
    return this.#workflows.signal(checkedId(id), { name, payload, options })
  }

  /**
   * Starts a new workflow that runs again every step that did not complete of one that has ended, or everything from a node on; see the
   * handle's `retry`.
   * @throws {CheckreinError} `WORKFLOW_NOT_FOUND`, `WORKFLOW_ACTIVE` where it has not ended, `USAGE` where nothing is to be run again.
   */
  async retryWorkflow(id: string, options: WorkflowRetryOptions = {}): Promise<WorkflowEnqueued> {
    return this.#workflows.retry(id, options)
  }

  /**
   * Reads the remainder of a workflow as JSON; see the handle's `export`.
   * @throws {CheckreinError} `WORKFLOW_NOT_FOUND`, `WORKFLOW_ACTIVE` where it has neither paused nor ended.
   */
  async exportWorkflow(id: string): Promise<WorkflowExport> {
    return this.#workflows.rest(id)
  }

  // The store as a whole

  /** Lists the verbs that wait for an id or key that does not exist yet. */
  async tombstones(): Promise<readonly Tombstone[]> {
    return this.#store.tombstones()
  }

  /** Takes a tombstone away; false where there was none. @throws {CheckreinError} `USAGE`, `BY_REQUIRED`. */
  async liftTombstone(
    target: string | { readonly task: string; readonly key: string },
    options: WhoOptions = {},
  ): Promise<boolean> {
    return this.#upkeep.liftTombstone(target, options)
  }

  /**
   * Deletes runs that are past their retention, in steps of `step` (default 1,000) that hold no long lock.
   * @returns how many runs were deleted.
   * @throws {CheckreinError} `USAGE`, `BY_REQUIRED`.
   */
  async prune(retention: RetentionOptions, options: PruneOptions = {}): Promise<number> {
    return this.#upkeep.prune(retention, options)
  }

  /** Lists the tasks that workers or runs know, with how workers define them and how many live runs each has. */
  async tasks(): Promise<TasksAnswer> {
    const { tasksView } = await import('./views/lanes.ts')
    return tasksView(this.#store)
  }

  /** Lists the tasks of each queue that have live runs: how many, how old, who serves them, and which verbs stand on them. */
  async lanes(): Promise<LanesAnswer> {
    const { lanesView } = await import('./views/lanes.ts')
    return lanesView(this.#store)
  }

  /** Lists the workers, with their leases and the tasks that they know. */
  async workers(): Promise<readonly WorkerRecord[]> {
    return this.#store.workers()
  }

  /** Reads the time by which the store reckons, epoch ms: on PostgreSQL the database's, whatever this host's clock says. */
  now(): number {
    return this.#store.now()
  }

  /** Lists the findings of the store about its own health. */
  async findings(): Promise<readonly Finding[]> {
    return this.#store.findings()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.waits[Symbol.dispose]()
    this.#workflows[Symbol.dispose]()
    await this.#store[Symbol.asyncDispose]()
  }
}
