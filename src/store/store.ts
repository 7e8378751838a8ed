/**
 * The port to durable truth.
 *
 * The contract, which the conformance suite checks of every store:
 *
 * - What a method did is durable when its promise fulfils; when it rejects, nothing of it was done, unless the error's
 *   `details.isUncertain` says that this is not known.
 * - Every change of a run goes through the machine of `core/run/machine.ts`, and leaves an entry in the run's feed.
 * - Calls take effect in the order in which they were made on this object, but for those of workers (`claim`,
 *   leases, `housekeep`, `prune`), which may overtake others where the database lets them.
 * - Methods reject with a `CheckreinError`: `STORE_BUSY`, `STORE_FULL`, `STORE_UNAVAILABLE` may pass, the others not.
 * - No call blocks the event loop to wait for a lock.
 * - Instants are epoch ms of the store's clock, unless they say otherwise.
 */
import type { Answer } from '../core/run/decision.ts'
import type { FeedEntry, LogLine } from '../core/run/events.ts'
import type { WorkflowExport } from '../core/workflow/export.ts'
import type { RunFilter } from '../core/filter.ts'
import type { StoredRun } from '../core/run/run.ts'
import type { State } from '../core/run/transitions.ts'
import type {
  RequestedBy,
  Bulk,
  Controlled,
  ControlRequest,
  Hold,
  HoldRequest,
  Signalled,
  SignalQuery,
  SignalRecord,
  SignalRequest,
  Tombstone,
} from './port/requests.ts'
import type {
  Change,
  ChildEnd,
  ClaimedRun,
  ClaimRequest,
  Enqueued,
  Finding,
  HeldIntent,
  HeldRun,
  Housekept,
  Listed,
  NewChild,
  NewRun,
  Page,
  Retention,
  RunEventCall,
  WorkerInfo,
  WorkerRecord,
} from './port/runs.ts'

import type { Lanes } from './port/lanes.ts'
import type {
  NewWorkflow,
  StoredWorkflow,
  WorkflowControl,
  WorkflowControlled,
  WorkflowEnqueued,
  WorkflowFilter,
  WorkflowNode,
  WorkflowRetry,
} from './port/workflows.ts'

export * from './port/lanes.ts'
export * from './port/requests.ts'
export * from './port/runs.ts'
export type * from './port/workflows.ts'

/** What can be part of a transaction of the caller's. */
export type StoreWithin = Pick<Store, 'enqueue' | 'control' | 'signal' | 'startWorkflow'>

export interface Store extends AsyncDisposable {
  /** All of them, or none. */
  enqueue(runs: readonly NewRun[]): Promise<readonly Enqueued[]>
  /**
   * For ids: one answer each, in their order. For a key: one. For a filter: one for each run that is not final; that is a
   * bulk operation under the id of the call, which goes on, by any keeper, should this process end before it is done.
   *
   * The same call again answers what it did the first time. For a filter it goes on with the runs that the first one has
   * left, if any: the answers are those of this call on this object, the counts in `bulks` are of all. Where it rejects after it is on
   * record, the error has `isUncertain` and the `callId`.
   */
  control(request: ControlRequest): Promise<readonly Controlled[]>
  /** The same with a message to their handlers. */
  signal(request: SignalRequest): Promise<readonly Signalled[]>
  /** Puts a verb on all runs of a filter that there are, and keeps it standing for those that come. The same one again moves its end. */
  hold(request: HoldRequest): Promise<Hold>
  /** Ends a hold, and resumes what it has paused; null where there is none. */
  lift(
    target: { readonly id: string } | Pick<Hold, 'verb' | 'filter'>,
    who: RequestedBy,
  ): Promise<Hold | null>
  holds(): Promise<readonly Hold[]>
  /** By the ids of their calls, or the newest. */
  bulks(ids: readonly string[] | null): Promise<readonly Bulk[]>
  /** The record of what was asked, oldest first after a position, or newest first before it. */
  signals(
    query: SignalQuery,
    page: { readonly after?: number; readonly before?: number; readonly limit: number },
  ): Promise<readonly SignalRecord[]>
  /** The signals that a run's handler has not dealt with, after a position, oldest first. */
  mailbox(runId: string, after: number): Promise<readonly SignalRecord[]>
  /** All of the graph, or nothing of it; the one that is there where its id or its key is taken. */
  startWorkflow(flow: NewWorkflow): Promise<WorkflowEnqueued>
  /** A verb on a workflow; fulfils when it was asked of all members that it is for. */
  controlWorkflow(request: WorkflowControl): Promise<WorkflowControlled>
  /** Starts a new workflow with what did not complete of one that has ended; the same one where that was done before. */
  retryWorkflow(request: WorkflowRetry): Promise<WorkflowEnqueued>
  /** What is left of a workflow that has paused or ended. */
  workflowRemainder(id: string): Promise<WorkflowExport>
  workflows(ids: readonly string[]): Promise<readonly StoredWorkflow[]>
  /** Those of the workflows that have ended: of the others nothing is counted. */
  endedWorkflows(ids: readonly string[]): Promise<readonly StoredWorkflow[]>
  listWorkflows(
    filter: WorkflowFilter,
    page: Page,
  ): Promise<{ readonly workflows: readonly StoredWorkflow[]; readonly cursor: string | null }>
  /** The position before the first entry in the feed that is about a run of the workflow. */
  feedStartOf(workflow: string): Promise<number>
  /** Nodes after a number, in their order, at most 5,000. */
  workflowNodes(
    id: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly WorkflowNode[]>
  /**
   * The same within a transaction that the caller has begun on a connection of its own, and commits or rolls back: a `pg`
   * client or what has its `query`, or a `DatabaseSync` on the same file. @throws {CheckreinError} `USAGE` for anything else.
   */
  within(transaction: unknown): StoreWithin
  /** What workers and keepers report, answered in order. */
  apply(calls: readonly RunEventCall[]): Promise<readonly Answer[]>
  log(
    calls: readonly { readonly runId: string; readonly attempt: number; readonly line: LogLine }[],
  ): Promise<void>

  registerWorker(worker: WorkerInfo): Promise<void>
  /**
   * Stores what the handler of a run enqueues: all of it, or nothing. Whoever has a place already is answered, and not stored
   * again, unless it did not complete and its parent has failed since. Where the parent is being stopped, and its children with it, it is cancelled there and then.
   * @returns the ids, in order; null where the attempt is not the current one.
   */
  enqueueChildren(children: readonly NewChild[]): Promise<readonly (string | null)[]>
  /** Those of the runs that the run has enqueued. */
  children(parent: string, ids: readonly string[]): Promise<readonly ChildEnd[]>

  /** Extends the worker's lease from now; false where it had lapsed already, and is lost for good. */
  renewLease(workerId: string): Promise<boolean>
  /** Hands the lease back. Runs that it still held lapse. */
  removeWorker(workerId: string): Promise<void>
  workers(): Promise<readonly WorkerRecord[]>
  /** Those of the tasks of which a claim would find a run; reads only. */
  claimableTasks(request: Pick<ClaimRequest, 'queues' | 'tasks'>): Promise<readonly string[]>
  /** The next runs, highest priority first, then oldest first. @throws {CheckreinError} `LEASE_LOST` where the worker's lease has lapsed. */
  claim(request: ClaimRequest): Promise<readonly ClaimedRun[]>
  intents(workerId: string): Promise<readonly HeldIntent[]>
  /** What a worker holds, also what it may not know of: of a claim whose answer was lost. */
  held(workerId: string): Promise<readonly HeldRun[]>

  /** Moves what is due, expired or lapsed, in bounded steps. Any worker may call it at any time. */
  housekeep(): Promise<Housekept>
  /** Deletes at most `limit` final runs that are past their retention, with their feeds, and tombstones past their expiry. */
  prune(retention: Retention, limit: number): Promise<number>

  get(id: string): Promise<StoredRun | null>
  /** Those of the runs that are final. */
  finals(ids: readonly string[]): Promise<readonly StoredRun[]>
  list(filter: RunFilter, page: Page): Promise<Listed>
  counts(filter: RunFilter): Promise<Readonly<Record<State, number>>>
  /** How the runs that have not ended are spread over queues and tasks, from a bounded look. */
  lanes(): Promise<Lanes>
  /** The names of the tasks of the newest 1,000 runs. */
  newestTasks(): Promise<readonly string[]>
  /** Entries after a position, oldest first; of one run, or of all. */
  feed(query: {
    readonly runId: string | null
    readonly after: number
    readonly limit: number
  }): Promise<readonly FeedEntry[]>
  /** The position of the newest entry of the feed; -1 where there is none. */
  feedEnd(): Promise<number>
  tombstones(): Promise<readonly Tombstone[]>
  liftTombstone(
    target: { readonly id: string } | { readonly task: string; readonly key: string },
  ): Promise<boolean>
  findings(): Promise<readonly Finding[]>

  /** The store's time, epoch ms, as it is known without asking. */
  now(): number
  /** How long to leave at least between two looks of one kind, for what a look costs. */
  readonly lookPauseMs: number
  /** Calls back some time after anything may have changed, here or in another process. A hint: it may come late, twice or never. */
  onChange(listener: (change: Change) => void): Disposable
}
