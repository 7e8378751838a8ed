import { durationMs } from '../../core/duration.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { FeedEntry } from '../../core/run/events.ts'
import type { WorkflowExport } from '../../core/workflow/export.ts'
import type { Answer } from '../../core/run/decision.ts'
import type { StopVerb } from '../../core/run/transitions.ts'
import type { StoredWorkflow, WorkflowControlled, WorkflowEnqueued } from '../../store/store.ts'
import type { WhoOptions } from '../options/requester.ts'
import { parkWaitMs, stopWaitMs } from '../requests/controls.ts'
import { WorkflowCancelledError, WorkflowFailedError, workflowMissing } from '../views/errors.ts'
import type { SignalHandle } from './signal-handle.ts'
import type { PayloadOptions } from '../options/pages.ts'
import type { RunOf } from '../views/view.ts'
import {
  type ChainTree,
  isAtRest,
  type Workflow,
  type WorkflowStatus,
  workflowStatusOf,
  workflowView,
} from '../views/workflow-view.ts'
import type {
  PauseOptions,
  StopWorkflowOptions,
  EventsOptions,
  ResultOptions,
  WorkflowRetryOptions,
} from '../options/options.ts'
import type { WorkflowParts } from './workflow-parts.ts'

/** The outcome of a verb on a workflow. */
export interface WorkflowOutcome {
  readonly id: string
  readonly answer: Answer | 'not-found'
  readonly status: WorkflowStatus | null
  /** The workflow as it is now; null where there is none. */
  readonly workflow: Workflow | null
}

type Waiting = Pick<ResultOptions, 'timeout' | 'abortSignal'>

/** One workflow, in hand. Closing it ends its waits and iterators; the workflow goes on. */
export class WorkflowHandle<Output = unknown> implements AsyncDisposable {
  readonly id: string
  /** The answer of the start; null for a handle that was made from an id. */
  readonly enqueued: WorkflowEnqueued | null
  readonly #parts: WorkflowParts
  readonly #closing = new AbortController()

  constructor(id: string, parts: WorkflowParts, enqueued: WorkflowEnqueued | null = null) {
    this.id = id
    this.#parts = parts
    this.enqueued = enqueued
  }

  /** Reads the workflow as it is now. @throws {CheckreinError} `WORKFLOW_NOT_FOUND`. */
  async get(): Promise<Workflow<Output>> {
    return workflowView<Output>(await this.#stored())
  }

  /**
   * Waits until the workflow has completed, and gives the result of its last step.
   * @throws {WorkflowFailedError} where it failed. @throws {WorkflowCancelledError} where it was cancelled.
   * @throws {CheckreinError} `RESULT_TIMEOUT`, `WORKFLOW_NOT_FOUND`.
   */
  async result(options: ResultOptions = {}): Promise<Output> {
    await this.#stored()
    const timeoutMs = options.timeout === undefined ? null : durationMs(options.timeout, 'timeout')
    const ended = await this.#until(isOver, { code: 'RESULT_TIMEOUT', timeoutMs, ...options })
    const workflow = workflowView<Output>(ended)
    if (workflow.state === 'failed') throw new WorkflowFailedError(workflow)
    if (workflow.state === 'cancelled') throw new WorkflowCancelledError(workflow)
    return workflow.result as Output
  }

  /** Follows the feed of its runs, from the beginning or after a position, until the workflow has ended. */
  async *events(options: EventsOptions = {}): AsyncGenerator<FeedEntry, void, undefined> {
    await this.#stored()
    const abortSignal = this.#signal(options.abortSignal)
    const isOverNow = async (): Promise<boolean> =>
      options.follow === false || isOver(await this.#stored())
    yield* this.#parts.feed(this.id, {
      after: options.after ?? null,
      abortSignal,
      isOver: isOverNow,
    })
  }

  /** Reads how the workflow is built, and the state of each part. @throws {CheckreinError} `WORKFLOW_NOT_FOUND`. */
  async tree<Payloads extends boolean = false>(
    options: PayloadOptions<Payloads> = {},
  ): Promise<ChainTree<RunOf<Payloads>>> {
    await this.#stored()
    return this.#parts.tree(this.id, options)
  }

  /** No attempt of a member starts any more; those that run may finish. */
  async revoke(options: StopWorkflowOptions = {}): Promise<WorkflowControlled> {
    return this.#ask('revoke', options)
  }

  /** Asks the members that run to stop; no other one starts. */
  async abort(options: StopWorkflowOptions = {}): Promise<WorkflowControlled> {
    return this.#ask('abort', options)
  }

  /**
   * No member starts any more; those that run are stopped, with a grace (default 5 s). Fulfils when all of that is confirmed, and
   * rolled back where that is asked for.
   * @throws {CheckreinError} `STOP_PENDING` where it is not over within `timeout` (default: grace, `killAfter` and 30 s).
   */
  async cancel(options: StopWorkflowOptions & Waiting = {}): Promise<WorkflowOutcome> {
    return this.#stop('cancel', options)
  }

  /** The same, and the attempts are killed now. @throws {CheckreinError} `STOP_PENDING` as for `cancel`. */
  async terminate(
    options: Omit<StopWorkflowOptions, 'grace'> & Waiting = {},
  ): Promise<WorkflowOutcome> {
    return this.#stop('terminate', options)
  }

  async #ask(verb: StopVerb, options: StopWorkflowOptions): Promise<WorkflowControlled> {
    return this.#parts.control(verb, this.id, options)
  }

  async #stop(
    verb: StopVerb,
    { timeout, abortSignal, ...options }: StopWorkflowOptions & Waiting,
  ): Promise<WorkflowOutcome> {
    const timeoutMs = stopWaitMs({ ...options, ...(timeout === undefined ? {} : { timeout }) })
    const { answer } = await this.#ask(verb, options)
    if (answer !== 'requested') return this.#outcome(answer)
    const ended = await this.#until(isOver, {
      code: 'STOP_PENDING',
      timeoutMs,
      ...(abortSignal ? { abortSignal } : {}),
    })
    return workflowOutcome(ended.state === 'completed' ? 'too-late' : answer, ended)
  }

  /**
   * Pauses the workflow: no further member starts, and running members park at their next checkpoints; a chain that has pause points
   * goes on to the next of those instead. Fulfils when the workflow has paused, or ended.
   * @throws {CheckreinError} `PAUSE_PENDING` where it has not within `timeout` (default: `within` and 30 s).
   */
  async pause({ timeout, abortSignal, ...options }: PauseOptions = {}): Promise<WorkflowOutcome> {
    const timeoutMs = parkWaitMs({ ...options, ...(timeout === undefined ? {} : { timeout }) })
    const { answer } = await this.#parts.control('pause', this.id, options)
    if (!isPaused(answer)) return this.#outcome(answer)
    const wait = {
      code: 'PAUSE_PENDING',
      timeoutMs,
      ...(abortSignal ? { abortSignal } : {}),
    } as const
    const settled = await this.#until(
      (flow) => isOver(flow) || flow.paused === null || isAtRest(flow),
      wait,
    )
    return workflowOutcome(pauseAnswer(settled, answer), settled)
  }

  /** Ends the pause. Fulfils when that is on record. */
  async resume(options: WhoOptions = {}): Promise<WorkflowControlled> {
    return this.#parts.control('resume', this.id, options)
  }

  /** Sends a message to the handlers of all members that have not ended. */
  async signal(
    name: string,
    payload?: unknown,
    options: WhoOptions = {},
  ): Promise<readonly SignalHandle[]> {
    return this.#parts.signal(this.id, { name, payload, options })
  }

  /**
   * Starts a new workflow that runs again every step that did not complete; steps that have completed keep their results. A second call
   * gives the same new workflow.
   *
   * With `from`, a node and everything after it are run again, too, although they may have completed: the rest of its chain, and the group
   * that its chain is a member of, with everything after that group. The other members of the group keep their results.
   * @throws {CheckreinError} `WORKFLOW_ACTIVE` where it has not ended, or a retry from another node has not; `USAGE` where it has completed
   * and no node is named, and for a node that does not exist or whose turn never came.
   */
  async retry(options: WorkflowRetryOptions = {}): Promise<WorkflowHandle<Output>> {
    const enqueued = await this.#parts.retry(this.id, options)
    return new WorkflowHandle<Output>(enqueued.id, this.#parts, enqueued)
  }

  /**
   * Reads the remainder of the workflow, and the last result, as JSON that `importWorkflow` goes on with, on this store or another.
   * @throws {CheckreinError} `WORKFLOW_ACTIVE` where it has neither paused nor ended.
   */
  async export(): Promise<WorkflowExport> {
    return this.#parts.rest(this.id)
  }

  async #outcome(answer: WorkflowOutcome['answer']): Promise<WorkflowOutcome> {
    const [flow] = await this.#parts.store.workflows([this.id])
    return flow
      ? workflowOutcome(answer, flow)
      : { id: this.id, answer, status: null, workflow: null }
  }

  /** @throws {CheckreinError} `WORKFLOW_NOT_FOUND`. */
  async #stored(): Promise<StoredWorkflow> {
    const [flow] = await this.#parts.store.workflows([this.id])
    if (!flow) throw workflowMissing(this.id)
    return flow
  }

  async #until(
    isWanted: (flow: StoredWorkflow) => boolean,
    {
      code,
      timeoutMs,
      abortSignal,
    }: {
      readonly code: LateCode
      readonly timeoutMs: number | null
      readonly abortSignal?: AbortSignal
    },
  ): Promise<StoredWorkflow> {
    const { ends, waits } = this.#parts
    return (isWanted === isOver ? ends : waits).until(this.id, {
      timeoutMs,
      abortSignal: this.#signal(abortSignal),
      isWanted,
      late: () => late(code, this.id, timeoutMs),
    })
  }

  #signal(abortSignal: AbortSignal | undefined): AbortSignal {
    return abortSignal ? AbortSignal.any([abortSignal, this.#closing.signal]) : this.#closing.signal
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new CheckreinError('STORE_CLOSED', { message: 'The handle was closed' }))
  }
}

type LateCode = 'RESULT_TIMEOUT' | 'STOP_PENDING' | 'PAUSE_PENDING'

const isOver = ({ finishedAt }: StoredWorkflow): boolean => finishedAt !== null

function pauseAnswer(flow: StoredWorkflow, answer: Answer): Answer {
  if (isOver(flow)) return 'too-late'
  return flow.paused === null ? 'resumed' : answer
}

const isPaused = (answer: Answer | 'not-found'): answer is Answer =>
  ['paused', 'already-paused', 'moved'].includes(answer)

const workflowOutcome = (
  answer: WorkflowOutcome['answer'],
  flow: StoredWorkflow,
): WorkflowOutcome => ({
  id: flow.id,
  answer,
  status: workflowStatusOf(flow),
  workflow: workflowView(flow),
})

const hints: Readonly<Record<LateCode, string>> = {
  RESULT_TIMEOUT: 'Wait longer with `timeout`, or look again with `get`.',
  STOP_PENDING:
    'The request is on record and will be carried out; look again with `get`, or use `terminate` to force it.',
  PAUSE_PENDING:
    'The request is on record: it pauses when what runs has met a checkpoint or ended. Look again with `get`.',
}

const late = (code: LateCode, id: string, timeoutMs: number | null): CheckreinError =>
  new CheckreinError(code, {
    message: code === 'RESULT_TIMEOUT' ? 'The workflow has not ended in the time given' : undefined,
    hint: hints[code],
    details: { id, timeoutMs },
  } as ConstructorParameters<typeof CheckreinError>[1])
