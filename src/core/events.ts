import type { RetryPolicy } from './backoff.ts'
import type { ErrorRecord } from './errors.ts'
import type { Fence, JsonText } from './run.ts'
import type { ExitProof, StopMode } from './stop.ts'
import type { EventType, State, StopVerb } from './transitions.ts'

/** Who asks, and why; goes into the record. */
export interface Asked {
  readonly reason: string | null
  readonly by: string | null
}

interface Fenced {
  readonly fence: Fence
}

/** Instants are epoch ms. Each type is a row of the table in `transitions.ts`. */
export type MachineEvent =
  | (Asked & { readonly type: StopVerb; readonly graceMs: number })
  | (Asked & { readonly type: 'pause' | 'resume' })
  | { readonly type: 'due' | 'wake' | 'expire' }
  /** `maxCrashes`: how often this task may lose its worker. */
  | { readonly type: 'lapse'; readonly maxCrashes: number }
  | { readonly type: 'claim'; readonly workerId: string }
  | (Fenced & { readonly type: 'deliver'; readonly deliveredAt: number })
  | (Fenced & { readonly type: 'overdue' })
  | (Fenced & { readonly type: 'progress'; readonly progress: JsonText })
  /** `deliveredAt`: when the request to stop reached the handler, null where it did not before the handler ended. */
  | (Fenced & { readonly type: 'complete'; readonly result: JsonText | null } & Ended)
  | (Fenced & { readonly type: 'fail' } & Failure & Ended)
  | (Fenced & { readonly type: 'crash' } & Failure & Ended)
  | (Fenced & { readonly type: 'stop'; readonly mode: StopMode } & Ended)
  | (Fenced & { readonly type: 'release'; readonly mode: StopMode } & Ended)
  | (Fenced & { readonly type: 'park' })
  | (Fenced & { readonly type: 'wait'; readonly waitsFor: string | null })

/** How an attempt's code was seen to end. */
export interface Ended {
  readonly deliveredAt: number | null
  readonly proof: ExitProof | null
}

export interface Failure {
  readonly error: ErrorRecord
  readonly isRetryable: boolean
  readonly retry: RetryPolicy
  /** From 0 up to 1, for the jitter of the wait. */
  readonly random: number
}

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
  readonly at: number
  readonly type: FeedType
  /** The run's attempt and state after the event. */
  readonly attempt: number
  readonly state: State
  readonly data: Readonly<Record<string, unknown>>
}
