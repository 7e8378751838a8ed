/** The requests about the store as a whole: to forget a stop that waits, and to delete whatever is past its retention. */
import { CheckreinError } from '../../core/errors.ts'
import type { Store } from '../../store/store.ts'
import { whoOptions } from '../options/parameters.ts'
import type { Requester, WhoOptions } from '../options/requester.ts'
import { retentionMs, type RetentionOptions } from '../options/retention.ts'
import { checkedId } from '../options/targets.ts'
import { refuseUnknownOptions } from '../options/unknown-options.ts'

/** The options of `prune`. */
export interface PruneOptions extends WhoOptions {
  /** How many runs are deleted in one transaction; default 1,000. */
  readonly step?: number
}

/** Requests about the store as a whole; each is on record. */
export class Upkeep {
  readonly #store: Pick<Store, 'liftTombstone' | 'prune'>
  readonly #requester: Requester

  constructor(store: Pick<Store, 'liftTombstone' | 'prune'>, requester: Requester) {
    this.#store = store
    this.#requester = requester
  }

  /** Takes a tombstone away. @returns whether there was one. */
  async liftTombstone(
    target: string | { readonly task: string; readonly key: string },
    options: WhoOptions,
  ): Promise<boolean> {
    refuseUnknownOptions('liftTombstone', options, whoOptions)
    const place = typeof target === 'string' ? { id: checkedId(target) } : target
    return this.#store.liftTombstone(place, this.#requester.who(options))
  }

  /** Deletes the runs and rows that are past their retention, step by step. @returns how many runs were deleted. */
  async prune(retention: RetentionOptions, options: PruneOptions): Promise<number> {
    const { step = 1000, ...asked } = options
    refuseUnknownOptions('prune', asked, whoOptions)
    if (!Number.isInteger(step) || step < 1)
      throw new CheckreinError('USAGE', { message: 'step must be a whole number from 1' })
    const [kept, who] = [retentionMs(retention), this.#requester.who(asked)]
    let count = 0
    for (let deleted = step; deleted === step; count += deleted)
      deleted = await this.#store.prune(kept, step, who)
    return count
  }
}
