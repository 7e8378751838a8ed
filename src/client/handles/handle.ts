import { durationMs } from '../../core/duration.ts'
import type { SignalSchemas, AnyTask, PayloadOf } from '../../core/task/context.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { FeedEntry } from '../../core/run/events.ts'
import type { StoredRun } from '../../core/run/run.ts'
import { isFinal } from '../../core/run/transitions.ts'
import type { Controlled, Enqueued, Store } from '../../store/store.ts'
import type { WhoOptions } from '../options/requester.ts'
import { entriesOf, type SignalEntry } from '../views/audit.ts'
import {
  atOnce,
  type Controls,
  parkWaitMs,
  refuseUnknownFreeze,
  stopWaitMs,
} from '../requests/controls.ts'
import { type LateCode, lateError } from '../views/timeout-errors.ts'
import { notFound, RunCancelledError, RunFailedError, theOnly } from '../views/errors.ts'
import { feedOf } from '../waits/feed.ts'
import {
  isSettled,
  type PauseOutcome,
  pauseOutcome,
  settledPause,
  type StopOutcome,
  stopOutcome,
} from '../views/outcomes.ts'
import type { RunWaits } from '../waits/run-waits.ts'
import { SignalHandle } from './signal-handle.ts'
import type { RetriesParts } from '../requests/retry.ts'
import type { Signals } from '../requests/signals.ts'
import { foundRun, type Run, viewOf } from '../views/view.ts'
import {
  type AskOptions,
  type FreezeOptions,
  type PauseOptions,
  type RetryOptions,
  type StopOptions,
  type ResultOptions,
  type EventsOptions,
  waitingOptions,
} from '../options/options.ts'
/** The arguments after the name: the payload may be left out where the signal takes none. */
export type SignalArguments<Signals extends SignalSchemas, Name extends keyof Signals> =
  undefined extends PayloadOf<Signals, Name>
    ? [payload?: PayloadOf<Signals, Name>, options?: WhoOptions]
    : [payload: PayloadOf<Signals, Name>, options?: WhoOptions]

/** The parts of its client that a handle needs. */
export interface HandleParts {
  readonly store: Store
  readonly waits: RunWaits
  readonly controls: Controls
  readonly signals: Signals
  readonly retries: RetriesParts
}

/** The facts that the client knows of a run besides its id. */
export interface Known {
  readonly enqueued?: Enqueued
  readonly task?: AnyTask
}

/** One run, in hand. Closing it ends its waits and iterators; the run itself goes on. */
export class RunHandle<
  Output = unknown,
  Signals extends SignalSchemas = SignalSchemas,
> implements AsyncDisposable {
  readonly id: string
  /** The answer of `enqueue`; null for a handle that was made from an id. */
  readonly enqueued: Enqueued | null
  readonly #task: AnyTask | null
  readonly #parts: HandleParts
  readonly #closing = new AbortController()

  constructor(id: string, parts: HandleParts, known: Known = {}) {
    this.id = id
    this.enqueued = known.enqueued ?? null
    this.#task = known.task ?? null
    this.#parts = parts
  }

  /** Reads the run as it is now. @throws {CheckreinError} `RUN_NOT_FOUND`. */
  async get(): Promise<Run<Output>> {
    return foundRun<Output>(this.#parts.store, await this.#stored())
  }

  /**
   * Waits until the run has completed, and gives the value that its handler returned.
   * @throws {RunFailedError} where it failed. @throws {RunCancelledError} where it was cancelled.
   * @throws {CheckreinError} `RESULT_TIMEOUT`, `RUN_NOT_FOUND`.
   */
  async result(options: ResultOptions = {}): Promise<Output> {
    const timeoutMs = options.timeout === undefined ? null : durationMs(options.timeout, 'timeout')
    await this.#stored()
    const run = viewOf<Output>(
      await this.#ended({ timeoutMs, abortSignal: options.abortSignal, code: 'RESULT_TIMEOUT' }),
    )
    if (run.state === 'failed') throw new RunFailedError(run)
    if (run.state === 'cancelled') throw new RunCancelledError(run)
    return run.result as Output
  }

  /** Follows the feed of the run, from the beginning or after a position, until the run has ended. @throws {CheckreinError} `RUN_NOT_FOUND`. */
  async *events(options: EventsOptions = {}): AsyncGenerator<FeedEntry, void, undefined> {
    await this.#stored()
    const abortSignal = this.#until(options.abortSignal)
    const isOver = async (): Promise<boolean> =>
      options.follow === false || isFinal((await this.#stored()).state)
    yield* feedOf(this.#parts.store, {
      runId: this.id,
      after: options.after ?? -1,
      abortSignal,
      isOver,
    })
  }

  /** No further attempt starts; a running one may finish. */
  async revoke(options: AskOptions = {}): Promise<Controlled> {
    return this.#parts.controls.one('revoke', this.id, options)
  }

  /** Fires the run's abort signal; nothing is forced. */
  async abort(options: AskOptions = {}): Promise<Controlled> {
    return this.#parts.controls.one('abort', this.id, options)
  }

  /**
   * Asks, waits for the grace (default 5 s), then kills; fulfils when the stop is confirmed, and the run rolled back
   * where that is asked for.
   * @throws {CheckreinError} `STOP_PENDING` where it is not over within `timeout` (default: grace, `killAfter` and 30 s).
   */
  async cancel(options: StopOptions = {}): Promise<StopOutcome> {
    return this.#stop('cancel', options)
  }

  /** Kills the attempt now; fulfils when that is confirmed. @throws {CheckreinError} `STOP_PENDING` as for `cancel`. */
  async terminate(options: Omit<StopOptions, 'grace'> = {}): Promise<StopOutcome> {
    return this.#stop('terminate', options)
  }

  async #stop(verb: 'cancel' | 'terminate', options: StopOptions): Promise<StopOutcome> {
    const timeoutMs = stopWaitMs(options)
    const { answer } = await this.#parts.controls.one(verb, this.id, options)
    if (answer === 'not-found') return stopOutcome(this.id, answer, null)
    const run = await this.#stored()
    if (isFinal(run.state) || answer === 'too-late') return stopOutcome(this.id, answer, run)
    const { abortSignal } = options
    const ended = await this.#ended({ timeoutMs, abortSignal, code: 'STOP_PENDING' })
    return stopOutcome(this.id, ended.state === 'cancelled' ? answer : 'too-late', ended)
  }

  /**
   * Keeps the run from going on: one that runs parks at its next checkpoint. Fulfils when it has parked, is frozen, or has ended.
   * @throws {CheckreinError} `PAUSE_PENDING` where it has not within `timeout` (default: `within` and 30 s); the request stays on record.
   */
  async pause(options: PauseOptions = {}): Promise<PauseOutcome> {
    const timeoutMs = parkWaitMs(options)
    const { answer } = await this.#parts.controls.one('pause', this.id, options)
    if (answer === 'requested') return this.#parked(timeoutMs, options.abortSignal)
    return pauseOutcome(this.id, answer, answer === 'not-found' ? null : await this.#stored())
  }

  /**
   * Stops the process of a running attempt where it stands, until `resume`; with `process` isolation only. Fulfils when it
   * is frozen; a run that is at a checkpoint just then parks, as one that does not run does. @throws {CheckreinError} as `pause`.
   */
  async freeze(options: FreezeOptions = {}): Promise<PauseOutcome> {
    refuseUnknownFreeze(options, waitingOptions)
    return this.pause({ ...options, ...atOnce })
  }

  /** Ends a pause: the run goes on from its last checkpoint, or where it was frozen. Fulfils when that is on record. */
  async resume(options: WhoOptions = {}): Promise<Controlled> {
    return this.#parts.controls.one('resume', this.id, options)
  }

  /** Waits until a pause that was asked for is settled: it has parked, is frozen, goes on, or has ended. @throws {CheckreinError} `PAUSE_PENDING`. */
  async parked(options: ResultOptions = {}): Promise<PauseOutcome> {
    const { timeout, abortSignal } = options
    return this.#parked(timeout === undefined ? null : durationMs(timeout, 'timeout'), abortSignal)
  }

  async #parked(
    timeoutMs: number | null,
    abortSignal: AbortSignal | undefined,
  ): Promise<PauseOutcome> {
    const run = await this.#parts.waits.runs.until(this.id, {
      timeoutMs,
      abortSignal: this.#until(abortSignal),
      isWanted: isSettled,
      late: () => this.#late('PAUSE_PENDING', timeoutMs),
    })
    return settledPause(run)
  }

  /**
   * Sends a message to the handler. Fulfils when it is on record: it is kept until the handler takes it, and its reply
   * can be waited for.
   * @throws {CheckreinError} `SIGNAL_REJECTED` where the handle knows its task and the payload does not fit; `PAYLOAD_…`, `USAGE`.
   */
  async signal<Name extends keyof Signals & string>(
    name: Name,
    ...[payload, options = {}]: SignalArguments<Signals, Name>
  ): Promise<SignalHandle> {
    const message = { name, payload, options, task: this.#task }
    const { signals, waits } = this.#parts
    const sent = theOnly(await signals.send(this.id, message))
    return new SignalHandle(sent, { name, waits, closing: this.#closing.signal })
  }

  /**
   * Tries the run again, which has ended, as a new run from the start: see the client's `retry`. Asked twice with one `callId`, it is the same one.
   * With `rollback: true`, only its roll-back is tried again.
   * @throws {CheckreinError} `USAGE` where it has not ended, is a member of a workflow, or a child; `RUN_NOT_FOUND`;
   *   `ROLLBACK_MISSING` where the handle knows its task, which has no `rollback`, and that is to be tried again;
   *   `INPUT_REJECTED` where the handle knows its task and the new input does not fit; `PAYLOAD_…`.
   */
  async retry(options: RetryOptions = {}): Promise<RunHandle<Output, Signals>> {
    const { Retries } = await import('../requests/retry.ts')
    const id = await new Retries(this.#parts.retries).one(this.id, options, this.#task)
    return new RunHandle<Output, Signals>(id, this.#parts, this.#task ? { task: this.#task } : {})
  }

  /** Everything that was asked of the run, signals and verbs, oldest first. */
  async signals(): Promise<readonly SignalEntry[]> {
    return entriesOf(this.#parts.store, this.id)
  }

  /** @throws {CheckreinError} `RUN_NOT_FOUND`. */
  async #stored(): Promise<StoredRun> {
    const stored = await this.#parts.store.get(this.id)
    if (!stored) throw notFound(this.id)
    return stored
  }

  async #ended({ timeoutMs, abortSignal, code }: EndWait): Promise<StoredRun> {
    return this.#parts.waits.ends.until(this.id, {
      timeoutMs,
      abortSignal: this.#until(abortSignal),
      late: () => this.#late(code, timeoutMs),
    })
  }

  async #late(code: LateCode, timeoutMs: number | null): Promise<CheckreinError> {
    return lateError(this.#parts.store, { id: this.id, code, timeoutMs })
  }

  #until(abortSignal: AbortSignal | undefined): AbortSignal {
    return abortSignal ? AbortSignal.any([abortSignal, this.#closing.signal]) : this.#closing.signal
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new CheckreinError('STORE_CLOSED', { message: 'The handle was closed' }))
  }
}

interface EndWait {
  readonly timeoutMs: number | null
  readonly abortSignal: AbortSignal | undefined
  readonly code: LateCode
}
