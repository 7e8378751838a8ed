import { AttemptContext } from '../isolate/context.ts'
import { CheckreinError, type ErrorRecord } from '../../core/errors.ts'
import type {
  AbortReason,
  StoreAnswer,
  AttemptEnd,
  AttemptListener,
  AttemptOrder,
  Executor,
  KillOutcome,
  RunningAttempt,
  SentSignal,
} from '../executor.ts'
import { type HandlerOutcome, performAttempt } from '../isolate/perform.ts'
import { InlineWatchdog } from '../watchdog/inline-watchdog.ts'

/** `inline` isolation: the handler shares the worker's own thread, so it can be asked to end and nothing more. */
export class InlineExecutor implements Executor {
  readonly isolation = 'inline'
  readonly #capacity: number
  readonly #watchdog: InlineWatchdog
  readonly #running = new Set<InlineAttempt>()
  #isClosed = false

  constructor(goodUntil: number, capacity: number) {
    this.#capacity = capacity
    this.#watchdog = new InlineWatchdog(goodUntil)
  }

  async warmUp(): Promise<void> {}

  start(order: AttemptOrder, listener: AttemptListener): RunningAttempt {
    if (this.#isClosed)
      throw new CheckreinError('STORE_CLOSED', { message: 'The executor is closed' })
    if (this.#running.size >= this.#capacity) {
      throw new CheckreinError('INTERNAL', {
        message: `The inline executor runs ${this.#capacity} attempts already`,
      })
    }
    const attempt = new InlineAttempt(order, listener, () => this.#onEnded(attempt))
    this.#running.add(attempt)
    this.#watchdog.guard(this.#running.size)
    return attempt
  }

  renew(goodUntil: number): void {
    this.#watchdog.renew(goodUntil)
  }

  /** Asks what runs to end, and waits for it: nothing here can be forced. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    const reason: AbortReason = {
      code: 'ATTEMPT_SHUTDOWN',
      message: 'The worker is shutting down',
      details: {},
    }
    for (const attempt of this.#running) attempt.abort(reason)
    await Promise.all([...this.#running].map((attempt) => attempt.ended))
    await this.#watchdog.close()
  }

  #onEnded(attempt: InlineAttempt): void {
    this.#running.delete(attempt)
    this.#watchdog.guard(this.#running.size)
  }
}

class InlineAttempt implements RunningAttempt {
  readonly ended: Promise<AttemptEnd>
  readonly #context: AttemptContext
  readonly #onEnded: () => void
  #hasEnded = false

  constructor(order: AttemptOrder, listener: AttemptListener, onEnded: () => void) {
    this.#onEnded = onEnded
    this.#context = new AttemptContext(order, listener, null)
    this.ended = this.#run(order)
  }

  abort(reason: AbortReason): void {
    this.#context.abort(reason)
  }

  pause(isAsked: boolean): void {
    this.#context.pause(isAsked)
  }

  signal(signal: SentSignal): void {
    this.#context.deliver(signal)
  }

  caughtUp(position: number): void {
    this.#context.caughtUp(position)
  }

  saved(number: number, error: ErrorRecord | null): void {
    this.#context.onSaved(number, error)
  }

  answer(number: number, answer: StoreAnswer): void {
    this.#context.onAnswer(number, answer)
  }

  /** An inline attempt shares the process of the worker, which must not stand still. */
  async freeze(): Promise<boolean> {
    return false
  }

  thaw(): void {}

  async kill(): Promise<KillOutcome> {
    return this.#hasEnded ? 'dead' : 'unresponsive'
  }

  /** The handler never runs before `start` has returned. */
  async #run(order: AttemptOrder): Promise<AttemptEnd> {
    const outcome = await performAttempt(await Promise.resolve(order), this.#context)
    this.#hasEnded = true
    this.#onEnded()
    return this.#endOf(outcome)
  }

  #endOf(outcome: HandlerOutcome): AttemptEnd {
    const { saved } = outcome
    const seen = { deliveredAt: this.#context.deliveredAt, proof: null, saved }
    if (outcome.kind === 'returned') return { kind: 'returned', result: outcome.result, ...seen }
    if (outcome.kind === 'parked') return { kind: 'parked', wait: outcome.wait, ...seen }
    const { error, isRetryable } = outcome
    return { kind: 'threw', error, isRetryable, ...seen }
  }
}
