import type { StepLike } from '../core/workflow/parts.ts'
import type { Controlled, ControlVerb, Enqueued, Hold, WorkflowEnqueued } from '../store/store.ts'
import type { WhoOptions } from './options/requester.ts'
import type { Controls } from './requests/controls.ts'
import type { EnqueueArguments, Enqueuer } from './requests/enqueue.ts'
import { requestOf } from './requests/enqueue.ts'
import { theOnly } from './views/errors.ts'
import type { WorkflowGraph } from '../core/workflow/read-graph.ts'
import type { WorkflowRequests, StartArguments, StartGraphOptions } from './requests/workflows.ts'
import type { Sent, Signals } from './requests/signals.ts'
import type { Holds } from './requests/holds.ts'
import { type ControlTarget, isScope, type Scope } from './options/targets.ts'
import type { AnyTask, InputOf } from '../core/task/context.ts'
import type {
  AskOptions,
  CancelOptions,
  TerminateOptions,
  EnqueueOptions,
  FreezeRunsOptions,
  HoldOptions,
  HoldTarget,
  PauseRunsOptions,
  ScopeOptions,
} from './options/options.ts'

/** A verb, asked within a transaction: it takes effect when that is committed. */
type Ask<Options> = (target: ControlTarget, options?: Options) => Promise<readonly Controlled[]>

/** The rooms that carry out requests, on a store or within a transaction. */
export interface WithinParts {
  readonly enqueuer: Enqueuer
  readonly controls: Controls
  readonly holds: Holds
  readonly signals: Signals
  readonly flows: WorkflowRequests
}

/**
 * Requests as a part of a transaction of the caller's: they are done if it commits, and have never been if it does not. No
 * method waits for a run, which cannot hear of anything before the commit.
 *
 * - A call that fails has done nothing, and the transaction goes on as if it had not been made. Statements that the caller sends on
 *   the same connection while a call is under way may be undone with it: await each call.
 * - A running run that is asked to stop is held until the end of the transaction, and its worker's report of its end
 *   waits: keep such a transaction short.
 * - On PostgreSQL a verb on a run that does not exist yet cannot see one that somebody enqueues at the same time; if that
 *   has started when the transaction is committed, it goes on. Outside of a transaction no run gets away so.
 * - A part that concerns many runs (what a hold does with the runs that there are, children, members) is carried out by a worker's
 *   housekeeping some seconds after the commit. A hold itself stands from the commit on; a claim that is under way at that
 *   moment may still start its runs, and `inFlight` then reaches those, too.
 */
export class Within {
  readonly #enqueuer: Enqueuer
  readonly #controls: Controls
  readonly #holds: Holds
  readonly #signals: Signals
  readonly #flows: WorkflowRequests
  readonly revoke: Ask<AskOptions>
  readonly abort: Ask<AskOptions>
  readonly cancel: Ask<CancelOptions>
  readonly terminate: Ask<TerminateOptions>

  constructor({ enqueuer, controls, holds, signals, flows }: WithinParts) {
    this.#flows = flows
    this.#controls = controls
    this.#holds = holds
    this.#enqueuer = enqueuer
    this.#signals = signals
    const verb =
      (name: ControlVerb): Ask<CancelOptions> =>
      (target, options = {}) =>
        controls.many(name, target, options)
    this.revoke = verb('revoke')
    this.abort = verb('abort')
    this.cancel = verb('cancel')
    this.terminate = verb('terminate')
  }

  /** Keeps these runs from going on, or a whole task or queue with all runs that come, as `Client.pause` does. */
  async pause(scope: Scope, options?: ScopeOptions): Promise<Hold>
  async pause(target: ControlTarget, options?: PauseRunsOptions): Promise<readonly Controlled[]>
  async pause(
    target: ControlTarget | Scope,
    options: ScopeOptions = {},
  ): Promise<Hold | readonly Controlled[]> {
    if (isScope(target)) return this.#holds.pause(target, options)
    return this.#controls.many('pause', target, options)
  }

  /** Stops the processes of these runs where they stand, as `Client.freeze` does. */
  async freeze(scope: Scope, options?: FreezeRunsOptions): Promise<Hold>
  async freeze(target: ControlTarget, options?: FreezeRunsOptions): Promise<readonly Controlled[]>
  async freeze(
    target: ControlTarget | Scope,
    options: FreezeRunsOptions = {},
  ): Promise<Hold | readonly Controlled[]> {
    if (isScope(target)) return this.#holds.freeze(target, options)
    return this.#controls.freeze(target, options)
  }

  /** Ends the pause of these runs, or the hold of a whole task or queue; null where there is none. */
  async resume(scope: Scope, options?: WhoOptions): Promise<Hold | null>
  async resume(target: ControlTarget, options?: WhoOptions): Promise<readonly Controlled[]>
  async resume(
    target: ControlTarget | Scope,
    options: WhoOptions = {},
  ): Promise<Hold | null | readonly Controlled[]> {
    if (isScope(target)) return this.#holds.resume(target, options)
    return this.#controls.many('resume', target, options)
  }

  /** Puts a verb on all runs of a filter, and on those that come, as `Client.hold` does. */
  async hold(options: HoldOptions): Promise<Hold> {
    return this.#holds.hold(options)
  }

  /** Ends a hold; null where there is none. */
  async lift(target: HoldTarget, options: WhoOptions = {}): Promise<Hold | null> {
    return this.#holds.lift(target, options)
  }

  /** Sends a message to the handlers of these runs; `client.audit({ callId })` has their replies after the commit. */
  async signal(
    target: ControlTarget,
    name: string,
    ...[payload, options = {}]: [payload?: unknown, options?: WhoOptions]
  ): Promise<readonly Sent[]> {
    return this.#signals.send(target, { name, payload, options })
  }

  /** Stores a run of the task; its id serves for `client.run(id)` after the commit. @throws {CheckreinError} as `Client.enqueue`. */
  async enqueue<T extends AnyTask>(
    task: T,
    ...[input, options]: EnqueueArguments<T>
  ): Promise<Enqueued> {
    return theOnly(await this.enqueueMany(task, [requestOf(input as InputOf<T>, options)]))
  }

  /** Stores a workflow; its id serves for `client.workflow(id)` after the commit. @throws {CheckreinError} as `Client.startWorkflow`. */
  async startWorkflow<S extends StepLike>(
    workflow: S,
    ...[options]: StartArguments<S>
  ): Promise<WorkflowEnqueued>
  /** Stores a workflow that is given as JSON, as `Client.startWorkflow` does. */
  async startWorkflow(graph: WorkflowGraph, options?: StartGraphOptions): Promise<WorkflowEnqueued>
  async startWorkflow(
    workflow: StepLike | WorkflowGraph,
    options: StartGraphOptions = {},
  ): Promise<WorkflowEnqueued> {
    return this.#flows.start(workflow, options)
  }

  async enqueueMany<T extends AnyTask>(
    task: T,
    runs: readonly ({ readonly input: InputOf<T> } & EnqueueOptions)[],
  ): Promise<readonly Enqueued[]> {
    return this.#enqueuer.enqueue(task, runs)
  }

  /** Stores a run of a task by its name alone, as `Client.enqueueByName` does. */
  async enqueueByName(
    task: string,
    input?: unknown,
    options: EnqueueOptions = {},
  ): Promise<Enqueued> {
    return theOnly(await this.#enqueuer.enqueueByName(task, [requestOf(input, options)]))
  }
}
