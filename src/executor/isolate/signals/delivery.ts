import { errorRecord } from '../../../core/error-record.ts'
import { CheckreinError } from '../../../core/errors.ts'
import type { SignalOutcome } from '../../../core/run/events.ts'
import { encodePayload } from '../../../core/payload.ts'
import type { Signal } from '../../../core/task/context.ts'
import { portableError } from '../../wire/channel.ts'
import type { SentSignal } from '../../executor.ts'

/** The kind of consumer that took a signal; it decides when the signal counts as dealt with. */
export type Consumer = 'listener' | 'iterator' | 'receive'

/** A signal in the mailbox, with its outcome. */
export class Delivery {
  readonly position: number
  readonly name: string
  readonly signal: Signal
  /** Null while it lies in the mailbox. */
  consumer: Consumer | null = null
  /**
   * Set where the store must keep the signal open until the next checkpoint, answered or not: a next attempt would begin at the last
   * checkpoint and meet the same `receive` again. `received`: this attempt took it; `replayed`: an earlier attempt did.
   */
  keptOpen: 'received' | 'replayed' | null = null
  /** Whether a checkpoint came after its answer: only then has the state its effect in it. */
  isCovered = false
  #outcome: SignalOutcome | null = null
  readonly #limit: number
  readonly #onHandled: (delivery: Delivery) => void

  /** @param payload as its schema has made it. */
  constructor(
    { position, id, name, by, sentAt }: SentSignal,
    payload: unknown,
    { limit, onHandled }: { limit: number; onHandled: (delivery: Delivery) => void },
  ) {
    this.position = position
    this.name = name
    this.#limit = limit
    this.#onHandled = onHandled
    const reply = (value?: unknown) => this.#answer(() => this.#reply(value))
    const reject = (error: unknown) => this.#answer(() => this.#rejection(error))
    this.signal = { id, name, payload, by, sentAt, reply, reject }
  }

  /** The answer; null while there is none. */
  get outcome(): SignalOutcome | null {
    return this.#outcome
  }

  /** Answers it with nothing, unless it was answered. */
  settle(): void {
    if (this.#outcome === null) this.#handle(this.#reply(undefined))
  }

  /** Answers it with the value that a listener returned, unless the listener has answered by itself. */
  settleWith(value: unknown): void {
    if (this.#outcome !== null) return
    try {
      this.#handle(this.#reply(value))
    } catch (error) {
      this.fail(error)
    }
  }

  /** Answers it with an error, unless it was answered. */
  fail(error: unknown): void {
    if (this.#outcome === null) this.#handle(this.#rejection(error))
  }

  #answer(make: () => SignalOutcome): void {
    if (this.#outcome !== null)
      throw new CheckreinError('USAGE', {
        message: `The signal ${JSON.stringify(this.name)} has been answered already`,
        hint: 'Answer it once, before the next checkpoint.',
      })
    this.#handle(make())
  }

  #handle(outcome: SignalOutcome): void {
    this.#outcome = outcome
    this.#onHandled(this)
  }

  #reply(value: unknown): SignalOutcome {
    const reply = encodePayload(value, 'reply', this.#limit)
    return { position: this.position, reply, error: null }
  }

  #rejection(error: unknown): SignalOutcome {
    return { position: this.position, reply: null, error: portableError(errorRecord(error)) }
  }
}
