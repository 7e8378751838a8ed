/**
 * Housekeeping: what is due, has expired or has lapsed moves on, and what is past its retention is deleted.
 *
 * There is no leader. Every worker has a keeper, which asks the store for one step after another; the store knows the chores and
 * their order (`store/chores/chores.ts`). A step finds work or none, and two keepers that meet do no harm.
 */
import type { Housekept, Retention, Store } from '../store/store.ts'

/** The settings of a keeper. */
export interface KeeperOptions {
  readonly retention: Retention
  /** How often it looks for lapsed leases, ms: the longest time between two steps. */
  readonly pollMs: number
  /** Is called for each worker whose lease has lapsed, with the number of runs that it held. */
  readonly onLapsed: (lapsed: Housekept['lapsed'][number]) => void
}

/** How often it looks for what is past its retention, where it found little the last time. */
const pruneEveryMs = 60_000
/** How many runs it deletes at once; between two such steps the others have their turn. */
const pruneStep = 500

/** The housekeeping of one worker, step by step. */
export class Keeper {
  readonly #store: Store
  readonly #options: KeeperOptions
  #lastStepAt = -Infinity
  #nextPruneAt = performance.now() + pruneEveryMs

  constructor(store: Store, options: KeeperOptions) {
    this.#store = store
    this.#options = options
  }

  /**
   * Does what there is to do now; nothing where the step before was only just now.
   * @returns ms until there may be more.
   */
  async step(): Promise<number> {
    const tooEarlyMs = this.#lastStepAt + this.#store.lookPauseMs - performance.now()
    if (tooEarlyMs > 0) return tooEarlyMs
    this.#lastStepAt = performance.now()
    const nextInMs = await this.#housekeep()
    if (performance.now() >= this.#nextPruneAt) await this.#prune()
    return Math.min(nextInMs ?? Infinity, this.#options.pollMs)
  }

  /** @returns ms until the next chore is due; null where none will be. */
  async #housekeep(): Promise<number | null> {
    const { lapsed, nextInMs } = await this.#store.housekeep()
    for (const one of lapsed) this.#options.onLapsed(one)
    return nextInMs
  }

  /** Deletes some of what is past its retention. Where there was plenty, it comes again soon. */
  async #prune(): Promise<void> {
    const count = await this.#store.prune(this.#options.retention, pruneStep)
    const pauseMs = count === pruneStep ? this.#store.lookPauseMs : pruneEveryMs
    this.#nextPruneAt = performance.now() + pauseMs
  }
}
