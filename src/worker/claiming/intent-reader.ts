import type { Store } from '../../store/store.ts'
import type { LeaseSession } from './lease-session.ts'

/** How long the reader pauses between two looks: every change in the store calls for one, also the changes that the worker makes itself. */
const shortestPauseMs = 1

/** Reads what was asked of the runs that a lease session holds, and has the session carry it out. */
export class IntentReader {
  readonly #store: Store
  #nextAt = 0
  #mayBeAsked = true

  constructor(store: Store) {
    this.#store = store
  }

  /** Notes that something may have been asked: the next round reads it. */
  hear(): void {
    this.#mayBeAsked = true
  }

  /**
   * Reads all that is asked of the session's runs, where something may have been asked since the last time.
   * @returns ms until the next look; `Infinity` where there is nothing to look for.
   */
  async follow(session: LeaseSession): Promise<number> {
    if (session.heldCount === 0 || !this.#mayBeAsked) return Infinity
    const waitMs = this.#nextAt - performance.now()
    if (waitMs > 0) return waitMs
    this.#nextAt = performance.now() + shortestPauseMs
    this.#mayBeAsked = false
    try {
      session.follow(await this.#store.intents(session.id))
    } catch (error) {
      this.#mayBeAsked = true
      throw error
    }
    return Infinity
  }
}
