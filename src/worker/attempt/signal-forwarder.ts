/** Brings the signals of a run to the attempt that runs it, in their order, each once. */
import type { RunningAttempt } from '../../executor/executor.ts'
import type { SignalRecord, Store } from '../../store/store.ts'

/** The run whose signals are forwarded, and the attempt that gets them. */
export interface SignalForwarderParts {
  readonly store: Store
  readonly runId: string
  readonly attempt: RunningAttempt
  readonly onError: (error: unknown) => void
}

/** Reads the signals of a run from the store and hands them to its attempt, in their order, each once. */
export class SignalForwarder {
  readonly #parts: SignalForwarderParts
  #broughtUpTo = 0
  #wanted = 0
  #isBringing = false

  constructor(parts: SignalForwarderParts) {
    this.#parts = parts
  }

  /** Brings all signals up to that position. @param newest the position of the newest signal that was sent. */
  follow(newest: number): void {
    this.#wanted = Math.max(this.#wanted, newest)
    if (this.#wanted > this.#broughtUpTo && !this.#isBringing) void this.#bring()
  }

  /** A read that fails is made again by the next `follow`. */
  async #bring(): Promise<void> {
    const { store, runId, onError } = this.#parts
    this.#isBringing = true
    try {
      while (this.#wanted > this.#broughtUpTo) {
        const signals = await store.mailbox(runId, this.#broughtUpTo)
        for (const signal of signals) this.#handOver(signal)
        // The signals in between were dealt with already.
        if (signals.length === 0) this.#broughtUpTo = this.#wanted
      }
      this.#parts.attempt.caughtUp(this.#broughtUpTo)
    } catch (error) {
      onError(error)
    }
    this.#isBringing = false
  }

  #handOver({ position, callId: id, name, payload, by, createdAt: sentAt }: SignalRecord): void {
    this.#broughtUpTo = position
    this.#parts.attempt.signal({ position, id, name, payload, by, sentAt })
  }
}
