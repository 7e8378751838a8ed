import { type Duration, durationMs } from '../core/duration.ts'
import { CheckreinError } from '../core/errors.ts'
import type { FeedEntry } from '../core/events.ts'
import { defaultGraceMs } from '../core/intent.ts'
import type { Answer } from '../core/decision.ts'
import type { StopMode, StopRecord } from '../core/stop.ts'
import { isFinal, type State } from '../core/transitions.ts'
import type { Controlled, Enqueued, Store } from '../store/store.ts'
import type { AskOptions, Controls, StopOptions } from './controls.ts'
import { RunCancelledError, RunFailedError } from './errors.ts'
import { feedOf } from './feed.ts'
import { type Run, viewOf } from './view.ts'
import type { Waits } from './waits.ts'

/** What came of `cancel` or `terminate`, after the stop was confirmed. */
export interface StopOutcome {
  readonly id: string
  /** `too-late` where the run ended by itself before the request reached it. */
  readonly answer: Answer | 'not-found'
  readonly state: State | null
  /** Null where nothing was stopped. */
  readonly mode: StopMode | null
  /** Whether the end of its code was observed. */
  readonly confirmed: boolean
  readonly stop: StopRecord | null
}

export interface ResultOptions {
  /** Rejects with `RESULT_TIMEOUT` after this long; default: waits for as long as it takes. */
  readonly timeout?: Duration
  readonly abortSignal?: AbortSignal
}

export interface EventsOptions {
  /** Goes on after this position; default: from the beginning for one run, from now on for all. */
  readonly after?: number
  /** Whether it waits for more when all is read; default true. */
  readonly follow?: boolean
  readonly abortSignal?: AbortSignal
}

/** How long `cancel` waits past the grace for the confirmation, where the caller says nothing. */
const confirmWaitMs = 30_000

/** What a handle needs of its client. */
export interface HandleParts {
  readonly store: Store
  readonly waits: Waits
  readonly controls: Controls
}

/** One run, in hand. Closing it ends its waits and iterators; the run itself goes on. */
export class RunHandle<Output = unknown> implements AsyncDisposable {
  readonly id: string
  /** What `enqueue` did; null for a handle that was made from an id. */
  readonly enqueued: Enqueued | null
  readonly #parts: HandleParts
  readonly #closing = new AbortController()

  constructor(id: string, parts: HandleParts, enqueued: Enqueued | null = null) {
    this.id = id
    this.enqueued = enqueued
    this.#parts = parts
  }

  /** @throws {CheckreinError} `RUN_NOT_FOUND`. */
  async get(): Promise<Run<Output>> {
    const stored = await this.#parts.store.get(this.id)
    if (!stored) throw notFound(this.id)
    return viewOf<Output>(stored)
  }

  /**
   * What the handler returned, when it has.
   * @throws {RunFailedError} where it failed. @throws {RunCancelledError} where it was cancelled.
   * @throws {CheckreinError} `RESULT_TIMEOUT`, `RUN_NOT_FOUND`.
   */
  async result(options: ResultOptions = {}): Promise<Output> {
    const timeoutMs = options.timeout === undefined ? null : durationMs(options.timeout, 'timeout')
    await this.get()
    const abortSignal = this.#until(options.abortSignal)
    const stored = await this.#parts.waits.untilFinal(this.id, {
      timeoutMs,
      abortSignal,
      code: 'RESULT_TIMEOUT',
    })
    const run = viewOf<Output>(stored)
    if (run.state === 'failed') throw new RunFailedError(run)
    if (run.state === 'cancelled') throw new RunCancelledError(run)
    return run.result as Output
  }

  /** What happens to the run, from the beginning or after a position, until it has ended. */
  async *events(options: EventsOptions = {}): AsyncGenerator<FeedEntry, void, undefined> {
    await this.get()
    const abortSignal = this.#until(options.abortSignal)
    const isOver = async (): Promise<boolean> =>
      options.follow === false || isFinal((await this.get()).state)
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
   * Asks, waits for the grace (default 5 s), then kills; fulfils when the stop is confirmed.
   * @throws {CheckreinError} `STOP_PENDING` where it is not confirmed within `timeout` (default: grace and 30 s).
   */
  async cancel(options: StopOptions = {}): Promise<StopOutcome> {
    return this.#stop('cancel', options)
  }

  /** Kills the attempt now; fulfils when that is confirmed. @throws {CheckreinError} `STOP_PENDING` as for `cancel`. */
  async terminate(options: Omit<StopOptions, 'grace'> = {}): Promise<StopOutcome> {
    return this.#stop('terminate', options)
  }

  async #stop(verb: 'cancel' | 'terminate', options: StopOptions): Promise<StopOutcome> {
    const graceMs =
      options.grace === undefined ? defaultGraceMs : durationMs(options.grace, 'grace')
    const timeoutMs =
      options.timeout === undefined
        ? graceMs + confirmWaitMs
        : durationMs(options.timeout, 'timeout')
    const { answer } = await this.#parts.controls.one(verb, this.id, options)
    if (answer === 'not-found') return outcome(this.id, answer, null)
    if (answer !== 'requested') return outcome(this.id, answer, await this.get())
    const abortSignal = this.#until(options.abortSignal)
    const stored = await this.#parts.waits.untilFinal(this.id, {
      timeoutMs,
      abortSignal,
      code: 'STOP_PENDING',
    })
    return outcome(this.id, stored.state === 'cancelled' ? answer : 'too-late', viewOf(stored))
  }

  #until(abortSignal: AbortSignal | undefined): AbortSignal {
    return abortSignal ? AbortSignal.any([abortSignal, this.#closing.signal]) : this.#closing.signal
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new CheckreinError('STORE_CLOSED', { message: 'The handle was closed' }))
  }
}

function outcome(id: string, answer: StopOutcome['answer'], run: Run | null): StopOutcome {
  const stop = run?.stop ?? null
  return {
    id,
    answer,
    state: run?.state ?? null,
    mode: stop?.mode ?? null,
    confirmed: stop?.confirmed ?? false,
    stop,
  }
}

export function notFound(id: string): CheckreinError {
  return new CheckreinError('RUN_NOT_FOUND', {
    message: `There is no run ${JSON.stringify(id)}`,
    hint: 'Check the id and the store; a run that ended long ago may have been pruned.',
    details: { id },
  })
}
