/** What the store is told of runs and workers, and what it says of them. Instants are epoch ms of its clock. */
import type { Fence, JsonText, RollbackCause, StoredRun } from '../../core/run/run.ts'
import type { MachineEvent } from '../../core/run/events.ts'
import type { Intent } from '../../core/run/intent.ts'

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
  /** When it is due; null for at once. */
  readonly due: InstantOrDelay | null
  readonly ttlMs: number | null
  /** Who asks, and from where, where it takes the key from another run: for the record. */
  readonly by?: string | null
  readonly origin?: string | null
  /** When it is stopped, whatever it does. */
  readonly deadline: InstantOrDelay | null
  /** The id of the run that it tries again. */
  readonly retryOf?: string | null
}

/** An instant, or so long after it is stored. */
export type InstantOrDelay = { readonly at: number } | { readonly inMs: number }

export interface Enqueued {
  /** Of the new run, or of the run that was there. */
  readonly id: string
  /** `prevented`: a tombstone or a hold was waiting for it. */
  readonly outcome: 'enqueued' | 'exists' | 'prevented'
  /** The run that lost its key to this one. */
  readonly replacedId: string | null
}

/** What a worker says of itself when it starts. */
export interface WorkerInfo {
  readonly id: string
  readonly host: string
  readonly pid: number
  readonly queues: readonly string[]
  /** By task name. */
  readonly tasks: Readonly<
    Record<
      string,
      {
        readonly isolation: string
        readonly maxCrashes: number
        readonly rollbackOn?: readonly RollbackCause[]
      }
    >
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

/** A run that a worker holds and that something was asked of, or that a signal was sent to. */
export interface HeldIntent {
  readonly runId: string
  readonly attempt: number
  readonly intent: Intent | null
  /** How long ago the stop was requested, ms; 0 where none was. */
  readonly stopAgeMs: number
  /** The same of the pause. */
  readonly pauseAgeMs: number
  /** The newest signal. */
  readonly signalled: number | null
}

export type HeldRun = Pick<StoredRun, 'id' | 'attempt'>

/** What a worker gets of a run that it has claimed. */
export type ClaimedRun = Pick<
  StoredRun,
  | 'id'
  | 'task'
  | 'queue'
  | 'priority'
  | 'key'
  | 'tags'
  | 'input'
  | 'attempt'
  | 'checkpoint'
  | 'wait'
  | 'signalled'
  | 'rollback'
  | 'error'
  | 'workflow'
  | 'node'
  | 'parent'
  | 'isMapped'
> & {
  /** Its place in the store. */
  readonly seq: number
  readonly hasCheckpoint: boolean
}

/** A run that the handler of another has enqueued. */
export interface NewChild {
  /** The attempt whose handler it was. */
  readonly fence: Fence
  /** What it is told from the others by that this handler has enqueued since its last checkpoint: the next attempt gives the same again. */
  readonly place: string
  readonly run: NewRun
}

/** What a run has come to whose parent asks for it. */
export type ChildEnd = Pick<StoredRun, 'id' | 'task' | 'state' | 'result' | 'error' | 'stop'>

/** A place in a workflow. */
export interface Member {
  readonly workflow: string
  readonly node: number
}

export interface RunEventCall {
  readonly runId: string
  /** The place that its claim gave; saves the store a look-up. */
  readonly seq?: number
  /** The workflow that it is a member of, as its claim said. */
  readonly member?: Member
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
  /** How many had their time come: to be queued, woken or resumed. */
  readonly dueCount: number
  readonly expiredCount: number
  readonly lapsed: readonly { readonly workerId: string; readonly runCount: number }[]
  /** Ms until the next run is due or expires, 0 where one is already; null where none will be. */
  readonly nextInMs: number | null
}

/** How long final runs are kept after their end, and the record of what was asked, ms; null for ever. */
export type Retention = Readonly<
  Record<'completed' | 'failed' | 'cancelled' | 'audit', number | null>
>

/** What may have changed: something was asked of a run that runs, a run may be claimed, one has ended, something else, or that is not known. */
export type Change = 'control' | 'work' | 'end' | 'news' | 'any'

/** One finding of a store about its own health. */
export interface Finding {
  readonly name: string
  readonly level: 'ok' | 'warning' | 'error'
  readonly message: string
  readonly hint?: string
}
