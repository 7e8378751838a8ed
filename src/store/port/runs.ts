/** The runs and workers of the store's port: what a caller gives, and what the store answers. Instants are epoch ms of the store's clock. */
import type { KillWay } from '../../core/run/kill.ts'
import type { Fence, JsonText, RollbackCause, StoredRun } from '../../core/run/run.ts'
import type { MachineEvent } from '../../core/run/events.ts'
import type { Intent } from '../../core/run/intent.ts'
import type { OnConflict } from '../../core/run/on-conflict.ts'

/** A run to be stored. */
export interface NewRun {
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly priority: number
  readonly key: string | null
  readonly onConflict: OnConflict
  /** For `cancel-and-replace`: how long the handler of the old run has to end by itself, ms. */
  readonly graceMs: number
  readonly tags: readonly string[]
  readonly input: JsonText | null
  /** When it is due; null for at once. */
  readonly due: InstantOrDelay | null
  /** How long after it is stored it expires unless it has started, ms; null for never. */
  readonly ttlMs: number | null
  /** For the record, where it takes the key from another run: who asks, and from where. */
  readonly by?: string | null
  readonly origin?: string | null
  /** When it is stopped, whatever it does; null for never. */
  readonly deadline: InstantOrDelay | null
  /** The id of the run that it tries again. */
  readonly retryOf?: string | null
}

/** An instant, epoch ms, or a time in ms that begins when it is stored. */
export type InstantOrDelay = { readonly at: number } | { readonly inMs: number }

/** The answer to a run that was to be stored. */
export interface Enqueued {
  /** The id of the new run, or of the run that was there. */
  readonly id: string
  /** `prevented`: a tombstone or a hold was waiting for it. */
  readonly outcome: 'enqueued' | 'exists' | 'prevented'
  /** The run that lost its key to this one. */
  readonly replacedId: string | null
}

/** A worker, as it describes itself when it starts. */
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
        /** How its attempts are killed, where that is not the usual way. */
        readonly kill?: KillWay
      }
    >
  >
  readonly version: string
  readonly leaseMs: number
}

/** A worker, as it is stored. */
export interface WorkerRecord extends WorkerInfo {
  readonly startedAt: number
  /** Ms until its lease ends; negative when it has. */
  readonly leaseLeftMs: number
  readonly heldCount: number
}

/** Which runs a worker claims: of every pair of these queues and tasks, at most `limit` in all. */
export interface ClaimRequest {
  readonly workerId: string
  readonly queues: readonly string[]
  readonly tasks: readonly string[]
  readonly limit: number
  /**
   * Whether the handlers are not called at once: then the runs are shown as `starting` until a `begin`, or the end of the attempt, says
   * that its handler was called, and an attempt whose handler was not called counts no crash. Default false.
   */
  readonly startsLater?: boolean
}

/** A run that a worker holds and that something was asked of, or that a signal was sent to. */
export interface HeldIntent {
  readonly runId: string
  readonly attempt: number
  readonly intent: Intent | null
  /** How long ago the stop was requested, ms; 0 where none was. */
  readonly stopAgeMs: number
  /** How long ago the pause was requested, ms; 0 where none was. */
  readonly pauseAgeMs: number
  /** The position of the newest signal that was sent to it; null where the handler is through with all. */
  readonly signalled: number | null
}

/** A run that a worker holds, and the attempt for which it does. */
export type HeldRun = Pick<StoredRun, 'id' | 'attempt'>

/** A run as its worker gets it from a claim. */
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
  | 'startedAt'
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
  /** The attempt whose handler enqueues it. */
  readonly fence: Fence
  /** Tells it from the others that the handler has enqueued since its last checkpoint; the next attempt gives the same place to the same call. */
  readonly place: string
  readonly run: NewRun
}

/** A child as its parent sees it. */
export type ChildEnd = Pick<StoredRun, 'id' | 'task' | 'state' | 'result' | 'error' | 'stop'>

/** A place in a workflow. */
export interface Member {
  readonly workflow: string
  readonly node: number
}

/** An event that a worker or keeper reports of a run. */
export interface RunEventCall {
  readonly runId: string
  /** The place of the run in the store, as its claim said; it saves a look-up. */
  readonly seq?: number
  /** The workflow that the run is a member of, as its claim said. */
  readonly member?: Member
  readonly event: MachineEvent
}

/** Which part of a list is wanted. */
export interface Page {
  /** At most; default 50, highest 1,000. */
  readonly limit: number
  /** The `cursor` that came with the page before; null for the first page. */
  readonly cursor: string | null
  readonly order: 'newest' | 'oldest'
}

/** A page of runs. */
export interface RunPage extends Page {
  /** Whether the inputs, results and checkpoints of the runs are read (default true); else they are null. */
  readonly payloads?: boolean
}

/** A page of a list. */
export interface Listed {
  readonly runs: readonly StoredRun[]
  /** For the next page; null where this is the last. */
  readonly cursor: string | null
}

/** The outcome of a step of housekeeping. */
export interface Housekept {
  /** How many runs and workflows had their time come: to be queued, woken or resumed. */
  readonly dueCount: number
  /** How many runs have expired or were past their deadline. */
  readonly expiredCount: number
  /** The workers whose leases have lapsed, and how many runs each of them held. */
  readonly lapsed: readonly { readonly workerId: string; readonly runCount: number }[]
  /** Ms until the next chore is due, 0 where one is already; null where none will be. */
  readonly nextInMs: number | null
}

/** How long final runs are kept after their end, and rows of the record after they were made, ms; null for ever. */
export type Retention = Readonly<
  Record<'completed' | 'failed' | 'cancelled' | 'audit', number | null>
>

/** A kind of change: `control` is something that was asked of a run that is running, `work` a run that may be claimed, `end` a run that has ended, `news` anything else; `any` means that it is not known. */
export type Change = 'control' | 'work' | 'end' | 'news' | 'any'

/** One finding of a store about its own health. */
export interface Finding {
  readonly name: string
  readonly level: 'ok' | 'warning' | 'error'
  readonly message: string
  readonly hint?: string
}
