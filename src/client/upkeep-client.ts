/** What may be asked of the store as a whole. */
import type { Finding, Store, Tombstone, WorkerRecord } from '../store/store.ts'
import { pruneAll, type RetentionOptions } from './options/retention.ts'
import { checkedId } from './options/targets.ts'

/** The part of the client that is about no run in hand. */
export abstract class UpkeepClient {
  /** The store itself, for a worker of the same process. */
  abstract get store(): Store

  /** The verbs that wait for an id or key that does not exist yet. */
  async tombstones(): Promise<readonly Tombstone[]> {
    return this.store.tombstones()
  }

  /** Takes a tombstone away; false where there was none. */
  async liftTombstone(
    target: string | { readonly task: string; readonly key: string },
  ): Promise<boolean> {
    return this.store.liftTombstone(typeof target === 'string' ? { id: checkedId(target) } : target)
  }

  /** Deletes runs that are past their retention, in steps that hold no long lock; how many. */
  async prune(
    retention: RetentionOptions,
    options: { readonly step?: number } = {},
  ): Promise<number> {
    return pruneAll(this.store, retention, options)
  }

  async workers(): Promise<readonly WorkerRecord[]> {
    return this.store.workers()
  }

  /** The time by which the store reckons, epoch ms: on PostgreSQL the database's, whatever this host's clock says. */
  now(): number {
    return this.store.now()
  }

  /** What the store says of its own health. */
  async findings(): Promise<readonly Finding[]> {
    return this.store.findings()
  }
}
