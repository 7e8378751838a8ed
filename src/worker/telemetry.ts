/**
 * The events of workers, for programs that log, count or trace them. The library itself prints nothing.
 * @see https://nodejs.org/api/diagnostics_channel.html
 */
import { channel } from 'node:diagnostics_channel'
import type { ErrorRecord } from '../core/errors.ts'
import type { Answer } from '../core/run/decision.ts'
import type { EventType } from '../core/run/transitions.ts'

/** An event of a worker of this process, published on `workerChannel`. */
export type WorkerEvent = { readonly workerId: string } & (
  | {
      readonly type: 'started'
      readonly tasks: readonly string[]
      readonly queues: readonly string[]
    }
  | {
      readonly type: 'attempt-started'
      readonly runId: string
      readonly task: string
      readonly attempt: number
    }
  /** `event`: how it was reported to the store; `answer`: what the store made of it. */
  | {
      readonly type: 'attempt-ended'
      readonly runId: string
      readonly task: string
      readonly attempt: number
      readonly event: EventType
      readonly answer: Answer | null
      readonly durationMs: number
      readonly error: ErrorRecord | null
    }
  | {
      readonly type: 'unresponsive'
      readonly runId: string
      readonly task: string
      readonly attempt: number
    }
  | { readonly type: 'runs-lapsed'; readonly lapsedWorkerId: string; readonly runCount: number }
  | { readonly type: 'lease-lost' }
  | { readonly type: 'store-error'; readonly during: string; readonly error: ErrorRecord }
  | { readonly type: 'draining'; readonly heldCount: number }
  | { readonly type: 'stopped' }
)

/** The name of the diagnostics channel on which workers of this process publish `WorkerEvent`s. */
export const workerChannel = 'checkrein:worker'

const events = channel(workerChannel)

/** Publishes an event. @param event called only where somebody has subscribed, so that an event costs nothing where nobody has. */
export function publish(event: () => WorkerEvent): void {
  if (events.hasSubscribers) events.publish(event())
}
