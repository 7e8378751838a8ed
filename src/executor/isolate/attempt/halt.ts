/**
 * How an attempt is brought to a halt: by an abort, wherever its handler looks, or by a pause, at a checkpoint.
 *
 * Both are asked from outside, and both end in the one abort signal with its one reason, so a handler has one way to
 * wind up. They differ in when they take effect: an abort reaches the handler at once, a pause only when the handler calls a
 * checkpoint; and until then a pause may be taken back. A shield defers both to the end of its section.
 */
import { CheckreinError } from '../../../core/errors.ts'
import { watchedAbortSignal } from '../../wire/abort-flag.ts'
import type { AbortReason } from '../../executor.ts'
import { epochMs } from './clock.ts'

/** The requests that may come from another thread while this one is busy. A look at them reads memory and nothing else. */
export interface HaltSource {
  isAborted(): boolean
  isPauseAsked(): boolean
  reason(): AbortReason
}

/** The abort and the pause of one attempt. */
export class Halt {
  readonly #source: HaltSource | null
  readonly #onDelivered: (at: number) => void
  #watchers: Set<() => void> | null = null
  #controller: AbortController | null = null
  #reason: CheckreinError | null = null
  #deliveredAt: number | null = null
  /** Asked within a shield. */
  #deferred: AbortReason | null = null
  #isPauseAsked = false
  #isParked = false
  #isClosed = false
  #shields = 0

  /** @param source null where nothing can be asked but between two turns of this thread's own loop. */
  constructor(source: HaltSource | null, onDelivered: (at: number) => void) {
    this.#source = source
    this.#onDelivered = onDelivered
  }

  /** The abort signal of the attempt: `ctx.abortSignal`. */
  get signal(): AbortSignal {
    this.#controller ??= this.#makeController()
    return this.#controller.signal
  }

  /** When an abort reached the handler, epoch ms; null where none has. */
  get deliveredAt(): number | null {
    return this.#deliveredAt
  }

  /** Whether a critical section runs. */
  get isShielded(): boolean {
    return this.#shields > 0
  }

  /** Whether the handler was told to park, whatever it makes of that. */
  get isParked(): boolean {
    return this.#isParked
  }

  /** Why the attempt is to end, looked up just now; null where it may go on. */
  get reason(): CheckreinError | null {
    this.#poll()
    return this.#reason
  }

  /** Whether the handler is to park now, given that it calls a checkpoint or waits. */
  get isPauseDue(): boolean {
    if (this.#shields > 0 || this.#reason !== null) return false
    return this.#source === null ? this.#isPauseAsked : this.#source.isPauseAsked()
  }

  /** Fires the abort signal, now or at the end of the shield. Only the first call before the end of the attempt has an effect. */
  abort(reason: AbortReason): void {
    if (this.#isClosed || this.#reason !== null) return
    if (this.#shields > 0) {
      this.#deferred ??= reason
      return
    }
    const { code, message, details } = reason
    this.#deliveredAt = epochMs()
    this.#onDelivered(this.#deliveredAt)
    this.#fire(new CheckreinError(code, { message, details }))
  }

  /** Asks for a pause from this thread's own loop, or takes that back; possible until the handler has parked. */
  pause(isAsked: boolean): void {
    this.#isPauseAsked = isAsked
    this.wake()
  }

  /** Calls the watchers: something may have been asked. */
  wake(): void {
    for (const watcher of this.#watchers ?? []) watcher()
  }

  /** Tells the handler to wind up; the attempt then ends as parked. */
  park(): CheckreinError {
    this.#isParked = true
    return this.#fire(new CheckreinError('ATTEMPT_PAUSED'))
  }

  /** Calls `watcher` whenever something may have been asked. @returns a function that ends that. */
  watch(watcher: () => void): () => void {
    this.#watchers ??= new Set()
    this.#watchers.add(watcher)
    return () => void this.#watchers?.delete(watcher)
  }

  /** Runs a section in which neither an abort nor a pause reaches the handler. */
  async shield<T>(section: () => T | Promise<T>): Promise<T> {
    this.#shields++
    try {
      return await section()
    } finally {
      if (--this.#shields === 0) this.#unshield()
    }
  }

  /** @throws {CheckreinError} the reason, where the attempt is to end. */
  throwIfHalted(): void {
    const { reason } = this
    if (reason !== null) throw reason
  }

  /** Ends the attempt here: requests from now on have no effect. */
  close(): void {
    this.#isClosed = true
    this.#watchers = null
  }

  #unshield(): void {
    const deferred = this.#deferred
    this.#deferred = null
    if (deferred === null) this.#poll()
    else this.abort(deferred)
    this.wake()
  }

  #fire(reason: CheckreinError): CheckreinError {
    this.#reason = reason
    this.#controller?.abort(reason)
    this.wake()
    return reason
  }

  readonly #poll = (): void => {
    const source = this.#source
    if (source === null || this.#reason !== null) return
    if (source.isAborted()) this.abort(source.reason())
  }

  #makeController(): AbortController {
    const controller = new AbortController()
    if (this.#source !== null) watchedAbortSignal(controller.signal, this.#poll)
    if (this.#reason !== null) controller.abort(this.#reason)
    return controller
  }
}

const longestChain = 16

/** Whether a thrown value says no more than that the attempt was to end: the reason itself, an AbortError, or an error with one of them as its cause. */
export function isHalting(thrown: unknown): boolean {
  let link = thrown
  for (let depth = 0; depth < longestChain; depth++) {
    if (typeof link !== 'object' || link === null) return false
    const { code, name, cause } = link as Record<'code' | 'name' | 'cause', unknown>
    if (code === 'ATTEMPT_PAUSED' || name === 'AbortError') return true
    link = cause
  }
  return false
}
