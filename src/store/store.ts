/**
 * The store's port: where the truth about runs is kept.
 *
 * The contract, which the conformance suite checks for every store:
 *
 * - The work of a method is durable when its promise fulfils. When the promise rejects, nothing of it was done, unless the error's
 *   `details.isUncertain` says that this is not known.
 * - Every change of a run goes through the machine of `core/run/machine.ts`, and leaves an entry in the run's feed.
 * - Calls take effect in the order in which they were made on this object, but for those of workers (`claim`,
 *   leases, `housekeep`, `prune`), which may overtake others where the database lets them.
 * - Methods reject with a `CheckreinError`. `STORE_BUSY`, `STORE_FULL` and `STORE_UNAVAILABLE` may pass; the others do not.
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
  Retried,
  RetryOfRun,
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
  RunPage,
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

/** The methods that can be part of a transaction of the caller's. */
export type StoreWithin = Pick<
  Store,
  'enqueue' | 'control' | 'signal' | 'hold' | 'lift' | 'startWorkflow'
>

/** A store; the head of this file has the contract. To dispose of it writes what was submitted, and closes the connections. */
export interface Store extends AsyncDisposable {
  /**
   * Stores runs, all of them or none; one answer each, in their order. A run whose id exists already is not stored again.
   * @throws {CheckreinError} `RUN_ID_TAKEN` where a run of another task has the id.
   */
  enqueue(runs: readonly NewRun[]): Promise<readonly Enqueued[]>
  /**
   * Asks a verb of runs. For ids there is one answer each, in their order; for a key one; for a filter one for each run that is
   * not final. The verb on a filter is a bulk operation under the id of the call, and any keeper goes on with it should this process end
   * before it is done.
   *
   * A call that is made again gives the answers that it gave the first time. For a filter it goes on with the runs that the first call has
   * left, if any: the answers are those of this call, the counts in `bulks` are of both. Where it rejects after it was put on record, the
   * error has `isUncertain` and the `callId`.
   */
  control(request: ControlRequest): Promise<readonly Controlled[]>
  /** Sends a message to the handlers of runs; otherwise as `control`. */
  signal(request: SignalRequest): Promise<readonly Signalled[]>
  /**
   * Tries runs that are final again: for each a new run, which begins from the start. One answer each, in their order; the same call
   * again gives the same new runs.
   */
  retry(calls: readonly RetryOfRun[]): Promise<readonly Retried[]>
  /** Asks a verb of all runs of a filter, and keeps it standing for those that come. The same verb on the same filter again moves the end of the hold. */
  hold(request: HoldRequest): Promise<Hold>
  /** Ends a hold and resumes the runs that it has paused. @returns the hold; null where there is none. */
  lift(
    target: { readonly id: string } | Pick<Hold, 'verb' | 'filter'>,
    who: RequestedBy,
  ): Promise<Hold | null>
  /** The holds that stand. */
  holds(): Promise<readonly Hold[]>
  /**
   * Ends a bulk operation before it is through, whoever carries it out: no further chunk of its runs is dealt with, and what was done stays.
   * @param id of its call. @returns the operation as it is then, also where it was over; null where there is none.
   */
  abortBulk(id: string, who: RequestedBy): Promise<Bulk | null>
  /** Bulk operations by the ids of their calls, or the newest 100. */
  bulks(ids: readonly string[] | null): Promise<readonly Bulk[]>
  /** Rows of the record of everything that was asked, oldest first after a position, or newest first before it. */
  signals(
    query: SignalQuery,
    page: { readonly after?: number; readonly before?: number; readonly limit: number },
  ): Promise<readonly SignalRecord[]>
  /** The signals that a run's handler is not through with, after a position, oldest first; at most 1,000. */
  mailbox(runId: string, after: number): Promise<readonly SignalRecord[]>
  /** Stores a workflow with all of its graph, or nothing of it. Where its id or its key is taken, the answer is the workflow that is there. */
  startWorkflow(flow: NewWorkflow): Promise<WorkflowEnqueued>
  /** Asks a verb of a workflow; fulfils when it was asked of all members that it is for. */
  controlWorkflow(request: WorkflowControl): Promise<WorkflowControlled>
  /**
   * Starts a new workflow that does what did not complete of one that has ended, and everything from a node on where one is named; where
   * that was done before, the answer is the workflow of that time.
   * @throws {CheckreinError} `WORKFLOW_NOT_FOUND`; `WORKFLOW_ACTIVE` where it has not ended, or a retry from another node has not; `USAGE`
   * where it has completed and no node is named, and for a node that does not exist or whose turn never came.
   */
  retryWorkflow(request: WorkflowRetry): Promise<WorkflowEnqueued>
  /**
   * The rest of a workflow that has paused or ended, as data.
   * @throws {CheckreinError} `WORKFLOW_NOT_FOUND`; `WORKFLOW_ACTIVE` where some of it goes on.
   */
  workflowRemainder(id: string): Promise<WorkflowExport>
  /** Workflows by their ids, with the counts of their members; ids that do not exist are left out. */
  workflows(ids: readonly string[]): Promise<readonly StoredWorkflow[]>
  /** The workflows among these that have ended, with their counts; for the others nothing is counted. */
  endedWorkflows(ids: readonly string[]): Promise<readonly StoredWorkflow[]>
  /** A page of workflows, with the counts of their members. */
  listWorkflows(
    filter: WorkflowFilter,
    page: Page,
  ): Promise<{ readonly workflows: readonly StoredWorkflow[]; readonly cursor: string | null }>
  /** The position in the feed before the first entry about a run of the workflow. */
  feedStartOf(workflow: string): Promise<number>
  /** The nodes of a workflow after a number, in their order, with their runs; at most 5,000. Without payloads, the results of groups are null, too. */
  workflowNodes(
    id: string,
    page: { readonly after: number; readonly limit: number } & Pick<RunPage, 'payloads'>,
  ): Promise<readonly WorkflowNode[]>
  /**
   * Methods that do their work within a transaction which the caller has begun on a connection of its own, and which the caller commits or rolls
   * back. The connection is a `pg` client, or anything that has its `query`, or a `DatabaseSync` on the same file.
   * @throws {CheckreinError} `USAGE` for anything else.
   */
  within(transaction: unknown): StoreWithin
  /** Applies events that workers and keepers report, in order, one answer each. An event for a run that does not exist, or of an attempt that is not the current one, is `stale`. */
  apply(calls: readonly RunEventCall[]): Promise<readonly Answer[]>
  /** Adds lines to the logs of runs whose attempt is the current one; the last 1,000 lines of a run are kept. */
  log(
    calls: readonly { readonly runId: string; readonly attempt: number; readonly line: LogLine }[],
  ): Promise<void>

  /** Stores a worker, and grants it a lease from now. */
  registerWorker(worker: WorkerInfo): Promise<void>
  /**
   * Stores the runs that the handler of a run enqueues: all of them, or none. Where a child with the same place is there already, the answer is that child, unless
   * it did not complete and its parent has failed since. Where the parent is being stopped, and its children with it, the child is stored as `cancelled`.
   * @returns the ids of the children, in order; null where the attempt is not the current one.
   */
  enqueueChildren(children: readonly NewChild[]): Promise<readonly (string | null)[]>
  /** The runs among these ids that the parent has enqueued. */
  children(parent: string, ids: readonly string[]): Promise<readonly ChildEnd[]>

  /** Extends the worker's lease from now; false where it had lapsed already, and is lost for good. */
  renewLease(workerId: string): Promise<boolean>
  /** Hands the lease back. The runs that the worker still held lapse. */
  removeWorker(workerId: string): Promise<void>
  /** All workers that have not handed their lease back, and whose lease no keeper has ended. */
  workers(): Promise<readonly WorkerRecord[]>
  /** The tasks among these of which a claim would find a run; reads only. */
  claimableTasks(request: Pick<ClaimRequest, 'queues' | 'tasks'>): Promise<readonly string[]>
  /** Starts the next runs for a worker, highest priority first, then oldest first; `store/claims/` says how. @throws {CheckreinError} `LEASE_LOST` where the worker's lease has lapsed. */
  claim(request: ClaimRequest): Promise<readonly ClaimedRun[]>
  /** The runs that a worker holds and of which something was asked, or that signals were sent to. */
  intents(workerId: string): Promise<readonly HeldIntent[]>
  /** The runs that a worker holds, also those that it may not know of: the answer to a claim may have been lost. */
  held(workerId: string): Promise<readonly HeldRun[]>

  /** Does a bounded step of housekeeping (`store/chores/`). Any worker may call it at any time. */
  housekeep(): Promise<Housekept>
  /**
   * Deletes at most `limit` final runs that are past their retention, with their feeds, and tombstones past their expiry.
   * @param who goes on record, once for all calls with its `callId`; left out by keepers, of whom nobody asks it.
   */
  prune(retention: Retention, limit: number, who?: RequestedBy): Promise<number>

  /** A run with its checkpoint; null where there is none. */
  get(id: string): Promise<StoredRun | null>
  /** The id of the newest run that tries this one again; null where none does. */
  retriedAs(id: string): Promise<string | null>
  /** The runs among these ids that are final. */
  finals(ids: readonly string[]): Promise<readonly StoredRun[]>
  /** A page of the runs of a filter. @throws {CheckreinError} `USAGE` for a filter, a limit or a cursor that is none. */
  list(filter: RunFilter, page: RunPage): Promise<Listed>
  /**
   * How many runs of a filter are in each state.
   * @param which `kept`: of those only that are paused by a hold or by their workflow, so that a resume does not reach them; default `all`.
   */
  counts(filter: RunFilter, which?: 'all' | 'kept'): Promise<Readonly<Record<State, number>>>
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
  /** The tombstones that wait. */
  tombstones(): Promise<readonly Tombstone[]>
  /** Takes a tombstone away, and puts that on record; the same call again does nothing. @returns whether there was one. */
  liftTombstone(
    target: { readonly id: string } | { readonly task: string; readonly key: string },
    who: RequestedBy,
  ): Promise<boolean>
  /** The faults that the store finds in itself. */
  findings(): Promise<readonly Finding[]>

  /** The store's time, epoch ms, as it is known without asking. */
  now(): number
  /** How long to wait at least between two looks of one kind, ms: it depends on what a look costs. */
  readonly lookPauseMs: number
  /** From now on no call is tried again: where others lock the database, or it cannot be reached, it fails. */
  hasten(): void
  /** Calls back some time after anything may have changed, here or in another process. A hint: it may come late, twice or never. */
  onChange(listener: (change: Change) => void): Disposable
}
