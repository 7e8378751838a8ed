import { type Duration, durationMs } from '../core/duration.ts'
import { CheckreinError } from '../core/errors.ts'
import type { FeedEntry } from '../core/events.ts'
import type { RunFilter } from '../core/filter.ts'
import type { AnyTask, InputOf, OutputOf } from '../core/task.ts'
import type { State } from '../core/transitions.ts'
import type {
  Controlled,
  Finding,
  Retention,
  Store,
  Tombstone,
  WorkerRecord,
} from '../store/store.ts'
import {
  Controls,
  checkedId,
  type ControlTarget,
  type AskOptions,
  type StopOptions,
} from './controls.ts'
import { type EnqueueOptions, Enqueuer } from './enqueue.ts'
import { feedOf } from './feed.ts'
import { type EventsOptions, type HandleParts, RunHandle } from './handle.ts'
import { type Run, viewOf } from './view.ts'
import { Waits } from './waits.ts'
import { Within } from './within.ts'

export interface ClientOptions {
  /** Who asks, in the record of every verb, where a call names nobody. */
  readonly by?: string
  /** The largest input in bytes of JSON; default 1 MiB. */
  readonly payloadLimit?: number
}

export interface ListOptions {
  /** 1 to 1,000; default 50. */
  readonly limit?: number
  /** From the page before. */
  readonly cursor?: string | null
  /** Default `newest`. */
  readonly order?: 'newest' | 'oldest'
}

/** How long runs are kept after their end; what is left out is kept for ever. */
export type RetentionOptions = Readonly<Partial<Record<keyof Retention, Duration>>>

/** The arguments after the task: the input may be left out where the task takes none. */
export type EnqueueArguments<T extends AnyTask> =
  undefined extends InputOf<T>
    ? [input?: InputOf<T>, options?: EnqueueOptions]
    : [input: InputOf<T>, options?: EnqueueOptions]

/** What may be asked of the system, on a store that this process has open. */
export class Client implements AsyncDisposable {
  readonly #store: Store
  readonly #by: string | null
  readonly #payloadLimit: number | undefined
  readonly #waits: Waits
  readonly #controls: Controls
  readonly #enqueuer: Enqueuer
  readonly #parts: HandleParts

  constructor(store: Store, options: ClientOptions = {}) {
    this.#store = store
    this.#by = options.by ?? null
    this.#payloadLimit = options.payloadLimit
    this.#waits = new Waits(store)
    this.#controls = new Controls(store, this.#by)
    this.#enqueuer = new Enqueuer(store, this.#payloadLimit)
    this.#parts = { store, waits: this.#waits, controls: this.#controls }
  }

  /** The store itself, for a worker of the same process. */
  get store(): Store {
    return this.#store
  }

  /**
   * Stores a run of the task. Fulfils when it is durable.
   * @throws {CheckreinError} `INPUT_REJECTED`, `PAYLOAD_…`, `USAGE`, `RUN_ID_TAKEN`, `STORE_…`.
   */
  async enqueue<T extends AnyTask>(
    task: T,
    ...[input, options]: EnqueueArguments<T>
  ): Promise<RunHandle<OutputOf<T>>> {
    const [handle] = await this.enqueueMany(task, [{ input: input as InputOf<T>, ...options }])
    if (!handle) throw new CheckreinError('INTERNAL', { message: 'an enqueue was not answered' })
    return handle
  }

  /** Stores many runs of the task: all, or none. Each has its own input and options. @throws {CheckreinError} as `enqueue`. */
  async enqueueMany<T extends AnyTask>(
    task: T,
    runs: readonly ({ readonly input: InputOf<T> } & EnqueueOptions)[],
  ): Promise<readonly RunHandle<OutputOf<T>>[]> {
    const enqueued = await this.#enqueuer.enqueue(task, runs)
    return enqueued.map((one) => new RunHandle<OutputOf<T>>(one.id, this.#parts, one))
  }

  /** Stores a run of a task by its name alone; the input is checked by the worker, before the run. */
  async enqueueByName(
    task: string,
    input?: unknown,
    options: EnqueueOptions = {},
  ): Promise<RunHandle> {
    const [one] = await this.#enqueuer.enqueueByName(task, [{ input, ...options }])
    if (!one) throw new CheckreinError('INTERNAL', { message: 'an enqueue was not answered' })
    return new RunHandle(one.id, this.#parts, one)
  }

  /**
   * Enqueues and verbs as part of a transaction that the caller has begun, and commits or rolls back. An error of ours
   * leaves that transaction as it was before the call, and good for more.
   * @param transaction on PostgreSQL a `pg` client, or an object whose `query(text, values)` runs in the transaction of a
   *   query builder; on SQLite a `DatabaseSync` on the same file.
   * @throws {CheckreinError} `USAGE` by the methods, where it is neither.
   */
  within(transaction: unknown): Within {
    const store = this.#store.within(transaction)
    return new Within(new Enqueuer(store, this.#payloadLimit), new Controls(store, this.#by))
  }

  /** A handle for a run by its id; asks nothing of the store. */
  run<Output = unknown>(id: string): RunHandle<Output> {
    return new RunHandle<Output>(checkedId(id), this.#parts)
  }

  async get(id: string): Promise<Run | null> {
    const stored = await this.#store.get(checkedId(id))
    return stored && viewOf(stored)
  }

  /** A page of runs, newest first by default; no run comes twice or is missed, whatever is enqueued meanwhile. */
  async list(
    filter: RunFilter = {},
    options: ListOptions = {},
  ): Promise<{ readonly runs: readonly Run[]; readonly cursor: string | null }> {
    const { limit = 50, cursor = null, order = 'newest' } = options
    const listed = await this.#store.list(filter, { limit, cursor, order })
    return { runs: listed.runs.map((run) => viewOf(run)), cursor: listed.cursor }
  }

  async counts(filter: RunFilter = {}): Promise<Readonly<Record<State, number>>> {
    return this.#store.counts(filter)
  }

  /** What happens to all runs, from now on or after a position (-1: all that is kept), until the signal fires. */
  async *events(options: EventsOptions = {}): AsyncGenerator<FeedEntry, void, undefined> {
    const abortSignal = options.abortSignal ?? new AbortController().signal
    const after = options.after ?? (await this.#store.feedEnd())
    const isOver = async (): Promise<boolean> => options.follow === false
    yield* feedOf(this.#store, { runId: null, after, abortSignal, isOver })
  }

  /** No attempt of these runs starts any more. Fulfils when that is on record, as do the next three. */
  async revoke(target: ControlTarget, options: AskOptions = {}): Promise<readonly Controlled[]> {
    return this.#controls.many('revoke', target, options)
  }

  /** Asks these runs to stop. */
  async abort(target: ControlTarget, options: AskOptions = {}): Promise<readonly Controlled[]> {
    return this.#controls.many('abort', target, options)
  }

  /** Asks these runs to stop, and kills those that have not after the grace. The handle's `cancel` waits for the stop. */
  async cancel(
    target: ControlTarget,
    options: Omit<StopOptions, 'timeout'> = {},
  ): Promise<readonly Controlled[]> {
    return this.#controls.many('cancel', target, options)
  }

  /** Kills the attempts of these runs now. The handle's `terminate` waits for the stop. */
  async terminate(target: ControlTarget, options: AskOptions = {}): Promise<readonly Controlled[]> {
    return this.#controls.many('terminate', target, options)
  }

  /** The verbs that wait for an id or key that does not exist yet. */
  async tombstones(): Promise<readonly Tombstone[]> {
    return this.#store.tombstones()
  }

  /** Takes a tombstone away; false where there was none. */
  async liftTombstone(
    target: string | { readonly task: string; readonly key: string },
  ): Promise<boolean> {
    return this.#store.liftTombstone(
      typeof target === 'string' ? { id: checkedId(target) } : target,
    )
  }

  /** Deletes runs that are past their retention, in steps that hold no long lock; how many. */
  async prune(
    retention: RetentionOptions,
    options: { readonly step?: number } = {},
  ): Promise<number> {
    const { step = 1000 } = options
    if (!Number.isInteger(step) || step < 1) {
      throw new CheckreinError('USAGE', { message: 'step must be a whole number from 1' })
    }
    const kept = retentionMs(retention)
    let count = 0
    for (let deleted = step; deleted === step; count += deleted)
      deleted = await this.#store.prune(kept, step)
    return count
  }

  async workers(): Promise<readonly WorkerRecord[]> {
    return this.#store.workers()
  }

  /** The time by which the store reckons, epoch ms: on PostgreSQL the database's, whatever this host's clock says. */
  now(): number {
    return this.#store.now()
  }

  /** What the store says of its own health. */
  async findings(): Promise<readonly Finding[]> {
    return this.#store.findings()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#waits.close()
    await this.#store[Symbol.asyncDispose]()
  }
}

/** A retention in ms. @throws {CheckreinError} `USAGE` for what is no duration. */
export function retentionMs(retention: RetentionOptions): Retention {
  const of = (state: keyof Retention): number | null =>
    retention[state] === undefined ? null : durationMs(retention[state], state)
  return { completed: of('completed'), failed: of('failed'), cancelled: of('cancelled') }
}
