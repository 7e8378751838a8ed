import type { RetryPolicy } from '../backoff.ts'
import type { ErrorRecord } from '../errors.ts'
import type { PauseFallback, Pauser, RunningPolicy } from './intent.ts'
import type { KillChoice, SentOsSignal } from './kill.ts'
import type { Fence, JsonText, PausedBy, RollbackCause, WaitOutcome } from './run.ts'
import type { ExitProof, StopMode } from './stop.ts'
import type { EventType, State, StopVerb } from './transitions.ts'

/** The author and the reason of a request, as the audit log and the feed keep them. */
export interface Attribution {
  readonly reason: string | null
  readonly by: string | null
}

interface Fenced {
  readonly fence: Fence
}

/** The newest checkpoint of a handler, and the signals that the handler has dealt with. Both are stored in one write. */
export interface Saved {
  /** Null where the handler has kept nothing since the last write. */
  readonly checkpoint: JsonText | null
  readonly signals: readonly SignalOutcome[]
}

/** The outcome of a signal: a reply, an error, or neither. */
export interface SignalOutcome {
  readonly position: number
  readonly reply: JsonText | null
  readonly error: ErrorRecord | null
}

/** The part that all events share which end an attempt. */
interface LeavesRunning extends Fenced {
  /** The last that the attempt kept, where it is not stored yet. */
  readonly saved?: Saved
  /** The ends after which the task wants a roll-back. */
  readonly rollbackOn?: readonly RollbackCause[]
  /** When the handler was called, where the store may not have that yet. */
  readonly startedAt?: number
}

/** An event that may happen to a run; each type is a row of the table in `transitions.ts`. Instants are epoch ms. */
export type MachineEvent =
  | (Attribution & {
      readonly type: StopVerb
      readonly graceMs: number
      /** Whether the run is to be rolled back, whatever its task says. */
      readonly rollback?: boolean
      /** The policy for the children of the run; default `cancel`. */
      readonly children?: RunningPolicy
      /** The choice of the way in which the attempt is killed. */
      readonly kill?: KillChoice
    })
  | (Attribution & { readonly type: 'pause' } & PauseRequest)
  /**
   * `holdId`, `workflowId`: only what that hold or workflow has paused; both null for whatever paused it. `keptBy`: the pause of a hold or
   * workflow that stands, and keeps the run where it is.
   */
  | (Attribution & { readonly type: 'resume'; readonly keptBy?: StandingPause | null } & Pauser)
  /** `position`: the number of the signal, counted over all signals of the store. */
  | { readonly type: 'signal'; readonly name: string; readonly position: number }
  | { readonly type: 'due' | 'expire' | 'deadline' }
  /** `by`: the thing that has happened. `next`: another run whose end the run waits for now. */
  | { readonly type: 'wake'; readonly by: 'run' | 'signal' | 'time'; readonly next?: string }
  /** `maxCrashes`: how often this task may lose its worker. */
  | {
      readonly type: 'lapse'
      readonly maxCrashes: number
      readonly rollbackOn?: readonly RollbackCause[]
    }
  /** `startsLater`: the handler is not called at once, and a `begin` says when it is. */
  | { readonly type: 'claim'; readonly workerId: string; readonly startsLater?: boolean }
  | (Fenced & { readonly type: 'begin'; readonly startedAt: number })
  | (Fenced & { readonly type: 'deliver'; readonly deliveredAt: number })
  /** `of`: what is overdue. */
  | (Fenced & { readonly type: 'overdue'; readonly of: 'stop' | 'pause' })
  | (Fenced & { readonly type: 'freeze'; readonly frozenAt: number })
  | (Fenced & { readonly type: 'checkpoint' } & Saved)
  | (Fenced & { readonly type: 'take'; readonly position: number; readonly takenAt: number })
  | (Fenced & { readonly type: 'progress'; readonly progress: JsonText })
  /** `deliveredAt`: when the request to stop reached the handler, null where it did not before the handler ended. */
  | (LeavesRunning & { readonly type: 'complete'; readonly result: JsonText | null } & Ended)
  | (LeavesRunning & { readonly type: 'fail' } & Failure & Ended)
  | (LeavesRunning & { readonly type: 'crash' } & Failure & Ended)
  | (LeavesRunning & { readonly type: 'stop'; readonly mode: StopMode } & Ended)
  | (LeavesRunning & { readonly type: 'release'; readonly mode: StopMode } & Ended)
  | (LeavesRunning & { readonly type: 'park' })
  /** `wakeInMs`: when it is woken whatever happens. */
  | (LeavesRunning & {
      readonly type: 'wait'
      readonly waitsFor: string | null
      readonly signal: string | null
      readonly wakeInMs: number | null
      readonly done: readonly WaitOutcome[]
      /** The children that it waits for. */
      readonly children?: readonly string[]
      /** Signals that the handler has beside those, and is not through with: none of them ends the wait. */
      readonly taken?: readonly number[]
    })

/** The pause of a hold or a workflow, with its end. */
export interface StandingPause extends PausedBy {
  readonly until: number | null
}

/** How a pause is to be carried out. */
export interface PauseRequest extends Pauser {
  readonly withinMs: number
  readonly otherwise: PauseFallback
  readonly resumeAt: number | null
  readonly parksIn: 'paused' | 'queued'
  /** Set where the children of the run are paused with it. */
  readonly children?: 'pause'
}

/** How an attempt's code was seen to end. */
export interface Ended {
  readonly deliveredAt: number | null
  readonly proof: ExitProof | null
  /** The OS signals that killed it; default none. */
  readonly sent?: readonly SentOsSignal[]
}

/** The facts that decide whether a failed attempt is tried again, and when. */
export interface Failure {
  readonly error: ErrorRecord
  readonly isRetryable: boolean
  readonly retry: RetryPolicy
  /** A random number from 0 up to 1, for the jitter of the wait. */
  readonly random: number
}

/** A line that a handler wrote with `ctx.log`. `at` is epoch ms. */
export interface LogLine {
  readonly at: number
  readonly message: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** A type of entry in a run's feed: what the machine accepted, and two that move nothing. */
export type FeedType = EventType | 'enqueue' | 'log'

/** One entry of a run's feed as it is stored. */
export interface FeedEntry {
  /** Grows with each entry of the store: give it to `events({ after })` to go on from there. */
  readonly position: number
  readonly runId: string
  /** The workflow that the run is a member of; null where it is none. */
  readonly workflow: string | null
  readonly at: number
  readonly type: FeedType
  /** The run's attempt and state after the event. */
  readonly attempt: number
  readonly state: State
  readonly data: Readonly<Record<string, unknown>>
}
