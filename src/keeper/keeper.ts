/**
 * Housekeeping: what is due, expired or lapsed moves on, and what is past its retention goes.
 *
 * There is no leader. Every worker has a keeper, each step is one transaction that finds work or none, and two that
 * meet do no harm.
 */
import type { Housekept, Retention, Store } from '../store/store.ts'

export interface KeeperOptions {
  readonly retention: Retention
  /** How often it looks for lapsed leases, ms. */
  readonly pollMs: number
  readonly onLapsed: (lapsed: Housekept['lapsed'][number]) => void
}

const pruneEveryMs = 60_000
const pruneStep = 500

export class Keeper {
  readonly #store: Store
  readonly #options: KeeperOptions
  #lastLookAt = -Infinity
  #nextPruneAt = performance.now() + pruneEveryMs

  constructor(store: Store, options: KeeperOptions) {
    this.#store = store
    this.#options = options
  }

  /**
   * Does what there is to do now.
   * @returns ms until there may be more.
   */
  async step(): Promise<number> {
    const sinceLook = performance.now() - this.#lastLookAt
    const { lookPauseMs } = this.#store
    if (sinceLook < lookPauseMs) return lookPauseMs - sinceLook
    this.#lastLookAt = performance.now()
    const { lapsed, nextInMs } = await this.#store.housekeep()
    for (const one of lapsed) this.#options.onLapsed(one)
    await this.#pruneNowAndThen()
    return Math.min(nextInMs ?? Infinity, this.#options.pollMs)
  }

  /** A step that finds plenty to delete comes again soon; between steps the others have their turn. */
  async #pruneNowAndThen(): Promise<void> {
    if (performance.now() < this.#nextPruneAt) return
    const count = await this.#store.prune(this.#options.retention, pruneStep)
    this.#nextPruneAt =
      performance.now() + (count === pruneStep ? this.#store.lookPauseMs : pruneEveryMs)
  }
}
