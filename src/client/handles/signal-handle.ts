import { type Duration, durationMs } from '../../core/duration.ts'
import { CheckreinError, type ErrorCode } from '../../core/errors.ts'
import type { SignalRecord } from '../../store/store.ts'
import { type SignalEntry, signalEntry } from '../views/audit.ts'
import { notFound, SignalFailedError } from '../views/errors.ts'
import { nameOf, type RunWaits } from '../waits/run-waits.ts'
import type { Sent } from '../requests/signals.ts'

/** How a signal's delivery, or its reply, is waited for. */
export interface ReplyOptions {
  /** Rejects with `SIGNAL_TIMEOUT` after this long; default: waits for as long as it takes. */
  readonly timeout?: Duration
  readonly abortSignal?: AbortSignal
}

interface SignalParts {
  readonly name: string
  readonly waits: RunWaits
  /** Ends all waits. */
  readonly closing?: AbortSignal
}

/** A signal that was sent to one run: what was answered at once, and what will come of it. */
export class SignalHandle {
  /** Null for a key that no run holds. */
  readonly runId: string | null
  readonly callId: string
  /** `sent`: it is kept for the handler; `too-late` where the run had ended; `not-found`. */
  readonly answer: Sent['answer']
  /** Its place among all signals; null where there is no run. */
  readonly position: number | null
  readonly #name: string
  readonly #waits: RunWaits
  readonly #closing: AbortSignal | undefined

  constructor(sent: Sent, { name, waits, closing }: SignalParts) {
    this.runId = sent.runId
    this.callId = sent.callId
    this.answer = sent.answer
    this.position = sent.position
    this.#name = name
    this.#waits = waits
    this.#closing = closing
  }

  /**
   * Fulfils when the signal has reached the handler.
   * @throws {CheckreinError} `SIGNAL_UNHEARD` where the run ended before; `SIGNAL_TIMEOUT`, `RUN_NOT_FOUND`.
   */
  async delivered(options: ReplyOptions = {}): Promise<SignalEntry> {
    const entry = await this.#found(options, isDelivered)
    if (entry.deliveredAt === null) throw this.#failed(entry)
    return entry
  }

  /**
   * Waits until the handler's reply is kept, and gives it; undefined where the handler has dealt with the signal without a reply.
   * @throws {SignalFailedError} where the handler rejected it. @throws {CheckreinError} `SIGNAL_UNHEARD` where the run
   *   ended without dealing with it; `SIGNAL_REJECTED` where it is not what the task takes; `SIGNAL_TIMEOUT`, `RUN_NOT_FOUND`.
   */
  async reply<Reply = unknown>(options: ReplyOptions = {}): Promise<Reply> {
    const entry = await this.#found(options, isDealtWith)
    if (entry.error !== null) throw this.#failed(entry)
    return entry.reply as Reply
  }

  async #found(
    { timeout, abortSignal }: ReplyOptions,
    isWanted: (record: SignalRecord) => boolean,
  ): Promise<SignalEntry> {
    if (this.runId === null || this.answer === 'not-found') throw notFound(this.runId)
    if (this.answer === 'too-late') throw this.#unheard()
    const timeoutMs = timeout === undefined ? null : durationMs(timeout, 'timeout')
    const details = { id: this.runId, signal: this.#name, timeoutMs }
    const hint = 'It is kept for the handler; look again with `signals`.'
    const late = (): CheckreinError => new CheckreinError('SIGNAL_TIMEOUT', { hint, details })
    const name = nameOf(this.callId, this.runId)
    const ends = [abortSignal, this.#closing].filter((one) => one !== undefined)
    return signalEntry(
      await this.#waits.requests.until(name, {
        timeoutMs,
        abortSignal: AbortSignal.any(ends),
        isWanted,
        late,
      }),
    )
  }

  #failed(entry: SignalEntry): CheckreinError {
    const code: unknown = entry.error?.code
    if (code === ('SIGNAL_UNHEARD' satisfies ErrorCode)) return this.#unheard()
    return new SignalFailedError(entry)
  }

  #unheard(): CheckreinError {
    const details = { id: this.runId, signal: this.#name }
    return new CheckreinError('SIGNAL_UNHEARD', { details })
  }
}

const isDealtWith = ({ completedAt }: SignalRecord): boolean => completedAt !== null
const isDelivered = (record: SignalRecord): boolean =>
  record.deliveredAt !== null || isDealtWith(record)
