/**
 * The port to durable truth.
 *
 * The contract, which the conformance suite checks of every store:
 *
 * - What a method did is durable when its promise fulfils; when it rejects, nothing of it was done, unless the error's
 *   `details.isUncertain` says that this is not known.
 * - Every change of a run goes through the machine of `core/machine.ts`, and leaves an entry in the run's feed.
 * - Calls take effect in the order in which they were made on this object, but for those of workers (`claim`,
 *   leases, `housekeep`, `prune`), which may overtake others where the database lets them.
 * - Methods reject with a `CheckreinError`: `STORE_BUSY`, `STORE_FULL`, `STORE_UNAVAILABLE` may pass, the others not.
 * - No call blocks the event loop to wait for a lock.
 * - Instants are epoch ms of the store's clock, unless they say otherwise.
 */
import type { RunFilter } from '../core/filter.ts'
import type { FeedEntry, LogLine, MachineEvent } from '../core/events.ts'
import type { Intent } from '../core/intent.ts'
import type { Answer } from '../core/decision.ts'
import type { JsonText, StoredRun } from '../core/run.ts'
import type { State, StopVerb } from '../core/transitions.ts'

/** What to do where a run of the same task that is not final holds the key. */
export const onConflicts = ['skip', 'replace', 'cancel-and-replace'] as const
export type OnConflict = (typeof onConflicts)[number]

export interface NewRun {
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly priority: number
  readonly key: string | null
  readonly onConflict: OnConflict
  /** For `cancel-and-replace`: what the old run's handler gets to end. */
  readonly graceMs: number
  readonly tags: readonly string[]
  readonly input: JsonText | null
  /** When it is due: an instant, or so long after it is stored; null for at once. */
  readonly due: { readonly at: number } | { readonly inMs: number } | null
  readonly ttlMs: number | null
}

export interface Enqueued {
  /** Of the new run, or of the run that was there. */
  readonly id: string
  /** `prevented`: a tombstone was waiting for it. */
  readonly outcome: 'enqueued' | 'exists' | 'prevented'
  /** The run that lost its key to this one. */
  readonly replacedId: string | null
}

export type ControlVerb = StopVerb | 'pause' | 'resume'

export type Target =
  | { readonly ids: readonly string[] }
  | { readonly task: string; readonly key: string }
  | { readonly filter: RunFilter }

export interface ControlRequest {
  readonly verb: ControlVerb
  readonly target: Target
  readonly reason: string | null
  readonly by: string | null
  readonly graceMs: number
  /** How long a tombstone waits for an id or key that does not exist. */
  readonly tombstoneMs: number
}

export interface Controlled {
  /** The id that was asked for; null for a key that no run holds. */
  readonly id: string | null
  readonly answer: Answer | 'not-found'
  /** The state afterwards; null where there is no run. */
  readonly state: State | null
  /** Until when a tombstone waits for it. */
  readonly tombstoneUntil: number | null
}

export interface Tombstone {
  readonly kind: 'id' | 'key'
  /** The id or the key. */
  readonly value: string
  /** The task of a key; null for an id. */
  readonly task: string | null
  readonly verb: StopVerb
  readonly reason: string | null
  readonly by: string | null
  readonly createdAt: number
  readonly expiresAt: number
}

/** What a worker says of itself when it starts. */
export interface WorkerInfo {
  readonly id: string
  readonly host: string
  readonly pid: number
  readonly queues: readonly string[]
  /** By task name. */
  readonly tasks: Readonly<
    Record<string, { readonly isolation: string; readonly maxCrashes: number }>
  >
  readonly version: string
  readonly leaseMs: number
}

export interface WorkerRecord extends WorkerInfo {
  readonly startedAt: number
  /** Ms until its lease ends; negative when it has. */
  readonly leaseLeftMs: number
  readonly heldCount: number
}

export interface ClaimRequest {
  readonly workerId: string
  readonly queues: readonly string[]
  readonly tasks: readonly string[]
  readonly limit: number
}

/** A run that a worker holds and that something was asked of. */
export interface HeldIntent {
  readonly runId: string
  readonly attempt: number
  readonly intent: Intent
  /** How long ago the stop was requested, ms; 0 where none was. */
  readonly stopAgeMs: number
}

export type HeldRun = Pick<StoredRun, 'id' | 'attempt'>

/** What a worker gets of a run that it has claimed. */
export type ClaimedRun = Pick<
  StoredRun,
  'id' | 'task' | 'queue' | 'priority' | 'key' | 'tags' | 'input' | 'attempt'
> & {
  /** Its place in the store. */
  readonly seq: number
}

export interface RunEventCall {
  readonly runId: string
  /** The place that its claim gave; saves the store a look-up. */
  readonly seq?: number
  readonly event: MachineEvent
}

export interface Page {
  /** At most; default 50, highest 1,000. */
  readonly limit: number
  /** Where the page before ended. */
  readonly cursor: string | null
  readonly order: 'newest' | 'oldest'
}

export interface Listed {
  readonly runs: readonly StoredRun[]
  /** For the next page; null where this is the last. */
  readonly cursor: string | null
}

export interface Housekept {
  readonly dueCount: number
  readonly expiredCount: number
  readonly lapsed: readonly { readonly workerId: string; readonly runCount: number }[]
  /** Ms until the next run is due or expires, 0 where one is already; null where none will be. */
  readonly nextInMs: number | null
}

/** How long final runs are kept after their end, ms; null for ever. */
export type Retention = Readonly<Record<'completed' | 'failed' | 'cancelled', number | null>>

/** What may have changed: something was asked of a run that runs, a run may be claimed, one has ended, something else, or that is not known. */
export type Change = 'control' | 'work' | 'end' | 'news' | 'any'

/** One finding of a store about its own health. */
export interface Finding {
  readonly name: string
  readonly level: 'ok' | 'warning' | 'error'
  readonly message: string
  readonly hint?: string
}

/** What can be part of a transaction of the caller's. */
export type StoreWithin = Pick<Store, 'enqueue' | 'control'>

export interface Store extends AsyncDisposable {
  /** All of them, or none. */
  enqueue(runs: readonly NewRun[]): Promise<readonly Enqueued[]>
  /** For ids: one answer each, in their order. For a key: one. For a filter: one for each run that is not final. */
  control(request: ControlRequest): Promise<readonly Controlled[]>
  /**
   * The same within a transaction that the caller has begun on a connection of its own, and commits or rolls back: a `pg`
   * client or what has its `query`, or a `DatabaseSync` on the same file. @throws {CheckreinError} `USAGE` for anything else.
   */
  within(transaction: unknown): StoreWithin
  /** What workers and keepers report, answered in order. */
  apply(calls: readonly RunEventCall[]): Promise<readonly Answer[]>
  log(
    calls: readonly { readonly runId: string; readonly attempt: number; readonly line: LogLine }[],
  ): Promise<void>

  registerWorker(worker: WorkerInfo): Promise<void>
  /** Extends the worker's lease from now; false where it had lapsed already, and is lost for good. */
  renewLease(workerId: string): Promise<boolean>
  /** Hands the lease back. Runs that it still held lapse. */
  removeWorker(workerId: string): Promise<void>
  workers(): Promise<readonly WorkerRecord[]>
  /** Those of the tasks of which a claim would find a run; reads only. */
  claimableTasks(request: Pick<ClaimRequest, 'queues' | 'tasks'>): Promise<readonly string[]>
  /** The next runs, highest priority first, then oldest first. @throws {CheckreinError} `LEASE_LOST` where the worker's lease has lapsed. */
  claim(request: ClaimRequest): Promise<readonly ClaimedRun[]>
  intents(workerId: string): Promise<readonly HeldIntent[]>
  /** What a worker holds, also what it may not know of: of a claim whose answer was lost. */
  held(workerId: string): Promise<readonly HeldRun[]>

  /** Moves what is due, expired or lapsed, in bounded steps. Any worker may call it at any time. */
  housekeep(): Promise<Housekept>
  /** Deletes at most `limit` final runs that are past their retention, with their feeds, and tombstones past their expiry. */
  prune(retention: Retention, limit: number): Promise<number>

  get(id: string): Promise<StoredRun | null>
  /** Those of the runs that are final. */
  finals(ids: readonly string[]): Promise<readonly StoredRun[]>
  list(filter: RunFilter, page: Page): Promise<Listed>
  counts(filter: RunFilter): Promise<Readonly<Record<State, number>>>
  /** Entries after a position, oldest first; of one run, or of all. */
  feed(query: {
    readonly runId: string | null
    readonly after: number
    readonly limit: number
  }): Promise<readonly FeedEntry[]>
  /** The position of the newest entry of the feed; -1 where there is none. */
  feedEnd(): Promise<number>
  tombstones(): Promise<readonly Tombstone[]>
  liftTombstone(
    target: { readonly id: string } | { readonly task: string; readonly key: string },
  ): Promise<boolean>
  findings(): Promise<readonly Finding[]>

  /** The store's time, epoch ms, as it is known without asking. */
  now(): number
  /** How long to leave at least between two looks of one kind, for what a look costs. */
  readonly lookPauseMs: number
  /** Calls back some time after anything may have changed, here or in another process. A hint: it may come late, twice or never. */
  onChange(listener: (change: Change) => void): Disposable
}
