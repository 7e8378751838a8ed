/**
 * The events of workers, for programs that log, count or trace them. The library itself prints nothing.
 * @see https://nodejs.org/api/diagnostics_channel.html
 */
import { channel } from 'node:diagnostics_channel'
import { errorRecord } from '../core/error-record.ts'
import { type ErrorRecord } from '../core/errors.ts'
import type { Answer } from '../core/run/decision.ts'
import type { EventType } from '../core/run/transitions.ts'
import type { RunInfo } from '../core/task/context.ts'
import { type ErrorOwner, ownedBy } from '../executor/os/uncaught.ts'

/** An event of a worker of this process, published on `workerChannel`. */
export type WorkerEvent = { readonly workerId: string } & (
  | {
      readonly type: 'started'
      readonly tasks: readonly string[]
      readonly queues: readonly string[]
    }
  /** The handler is called. */
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
  /** The handler could not be called. The worker leaves runs of the task to others for `pauseMs`, and then tries one. */
  | {
      readonly type: 'cannot-serve'
      readonly task: string
      readonly pauseMs: number
      readonly error: ErrorRecord
    }
  | { readonly type: 'serves-again'; readonly task: string }
  | {
      readonly type: 'unresponsive'
      readonly runId: string
      readonly task: string
      readonly attempt: number
    }
  | { readonly type: 'runs-lapsed'; readonly lapsedWorkerId: string; readonly runCount: number }
  | { readonly type: 'lease-lost' }
  | { readonly type: 'store-error'; readonly during: string; readonly error: ErrorRecord }
  /**
   * Code of users in the worker's process has thrown an error that nobody caught, and that fails no attempt: the handler of an attempt
   * that has ended (`runId`, `task`, `attempt`), or a task module (`module`). All are null where nobody knows.
   */
  | {
      readonly type: 'uncaught-error'
      readonly runId: string | null
      readonly task: string | null
      readonly attempt: number | null
      readonly module: string | null
      readonly error: ErrorRecord
    }
  | { readonly type: 'draining'; readonly heldCount: number }
  | { readonly type: 'stopped' }
)

/** The name of the diagnostics channel on which workers of this process publish `WorkerEvent`s. */
export const workerChannel = 'checkrein:worker'

const events = channel(workerChannel)

/**
 * Publishes an event. An error of a subscriber becomes a warning of the process, once.
 * @param event called only where somebody has subscribed, so that an event costs nothing where nobody has.
 */
export function publish(event: () => WorkerEvent): void {
  if (!events.hasSubscribers) return
  const published = event()
  ownedBy(subscriber, () => events.publish(published))
}

/** Publishes an error that nobody caught and that fails no attempt. @param of the run or the module whose code has thrown it, where that is known. */
export function publishUncaught(
  workerId: string,
  thrown: unknown,
  of: { readonly run?: RunInfo; readonly module?: string } = {},
): void {
  const { run, module = null } = of
  const { id: runId = null, task = null, attempt = null } = run ?? {}
  const error = errorRecord(thrown)
  publish(() => ({ type: 'uncaught-error', workerId, runId, task, attempt, module, error }))
}

const mostWarnings = 100
const warned = new Set<string>()

/** The owner of the code of subscribers. Their errors are not published, for the next would come of that. */
const subscriber: ErrorOwner = {
  onUncaught(error) {
    const { message } = errorRecord(error)
    if (warned.has(message) || warned.size >= mostWarnings) return
    warned.add(message)
    process.emitWarning(`A subscriber of ${workerChannel} threw: ${message}`, 'CheckreinWarning')
  },
}
