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
import type { RunInfo } from '../../core/task/context.ts'
import { type HandlerOutcome, performAttempt, threw, type Uncaught } from '../isolate/perform.ts'
import { type ErrorOwner, giveErrorsToOwners, ownedBy } from '../os/uncaught.ts'
import { InlineWatchdog } from '../watchdog/inline-watchdog.ts'
import { OurListener } from './our-listener.ts'

/** Takes an error that nobody caught, of the handler of a run whose attempt has ended. */
export type OnLateError = (run: RunInfo, error: unknown) => void

/** How long a handler may go on after an error of it that nobody caught; then it is given up. */
const uncaughtGraceMs = 1000

const failedReason: AbortReason = {
  code: 'HANDLER_THREW',
  message: 'The attempt has failed by an error of the handler that nobody caught',
  details: {},
}

/** `inline` isolation: the handler shares the worker's own thread, so it can be asked to end and nothing more. */
export class InlineExecutor implements Executor {
  readonly isolation = 'inline'
  readonly #capacity: number
  readonly #onLateError: OnLateError
  readonly #watchdog: InlineWatchdog
  readonly #running = new Set<InlineAttempt>()
  #isClosed = false

  constructor(goodUntil: number, capacity: number, onLateError: OnLateError = () => {}) {
    this.#capacity = capacity
    this.#onLateError = onLateError
    this.#watchdog = new InlineWatchdog(goodUntil)
    giveErrorsToOwners()
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
    const attempt = new InlineAttempt(order, listener, {
      onEnded: () => this.#onEnded(attempt),
      onLateError: (error) => this.#onLateError(order.run, error),
    })
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

interface InlineEvents {
  readonly onEnded: () => void
  readonly onLateError: (error: unknown) => void
}

/**
 * An attempt in the worker's own thread. It owns the errors of its handler: the first that nobody catches fails the attempt.
 * The handler is then asked to end, and is given up where it goes on.
 */
class InlineAttempt implements RunningAttempt, ErrorOwner {
  readonly ended: Promise<AttemptEnd>
  readonly #context: AttemptContext
  readonly #events: InlineEvents
  readonly #resolve: (end: AttemptEnd) => void
  #uncaught: Uncaught | null = null
  #graceTimer: NodeJS.Timeout | null = null
  #hasEnded = false

  constructor(order: AttemptOrder, listener: AttemptListener, events: InlineEvents) {
    const { promise, resolve } = Promise.withResolvers<AttemptEnd>()
    this.ended = promise
    this.#resolve = resolve
    this.#events = events
    const ours = new OurListener(listener)
    this.#context = new AttemptContext(order, ours, null)
    void this.#run(order, () => ours.onBegun())
  }

  abort(reason: AbortReason): void {
    ownedBy(this, () => this.#context.abort(reason))
  }

  pause(isAsked: boolean): void {
    ownedBy(this, () => this.#context.pause(isAsked))
  }

  signal(signal: SentSignal): void {
    ownedBy(this, () => this.#context.deliver(signal))
  }

  caughtUp(position: number): void {
    ownedBy(this, () => this.#context.caughtUp(position))
  }

  saved(number: number, error: ErrorRecord | null): void {
    ownedBy(this, () => this.#context.onSaved(number, error))
  }

  answer(number: number, answer: StoreAnswer): void {
    ownedBy(this, () => this.#context.onAnswer(number, answer))
  }

  /** An inline attempt shares the process of the worker, which must not stand still. */
  async freeze(): Promise<boolean> {
    return false
  }

  thaw(): void {}

  async kill(): Promise<KillOutcome> {
    return this.#hasEnded ? 'dead' : 'unresponsive'
  }

  onUncaught(error: unknown): void {
    if (this.#hasEnded) return this.#events.onLateError(error)
    if (this.#uncaught !== null) return
    const uncaught = { error }
    this.#uncaught = uncaught
    this.#graceTimer = setTimeout(() => this.#giveUp(uncaught), uncaughtGraceMs)
    this.abort(failedReason)
  }

  /** The handler never runs before `start` has returned. */
  async #run(order: AttemptOrder, onBegun: () => void): Promise<void> {
    await Promise.resolve()
    const uncaught = (): Uncaught | null => this.#uncaught
    this.#end(
      await ownedBy(this, () => performAttempt(order, this.#context, { onBegun, uncaught })),
    )
  }

  #giveUp({ error }: Uncaught): void {
    if (!this.#hasEnded) this.#end(threw(error, this.#context))
  }

  #end(outcome: HandlerOutcome): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    if (this.#graceTimer !== null) clearTimeout(this.#graceTimer)
    this.#events.onEnded()
    this.#resolve(this.#endOf(outcome))
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
