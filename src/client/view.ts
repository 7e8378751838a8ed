import type { ErrorRecord } from '../core/errors.ts'
import { decodePayload } from '../core/payload.ts'
import { type Status, statusOf, type StoredRun } from '../core/run.ts'
import type { StopIntent } from '../core/intent.ts'
import type { StopRecord } from '../core/stop.ts'
import type { State } from '../core/transitions.ts'

/** One invocation of a task, as it was when it was read. Instants are epoch ms. */
export interface Run<Output = unknown> {
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly state: State
  /** The state, with what was asked of a running run. */
  readonly status: Status
  readonly priority: number
  readonly key: string | null
  readonly tags: readonly string[]
  readonly input: unknown
  /** How often it was claimed. */
  readonly attempt: number
  readonly failures: number
  readonly crashes: number
  readonly progress: unknown
  /** What the handler returned; of a cancelled run, the partial result. */
  readonly result: Output | undefined
  /** Why it failed, or why its last attempt did. */
  readonly error: ErrorRecord | null
  /** How it was stopped. */
  readonly stop: StopRecord | null
  /** The request to stop that it is under. */
  readonly stopping: StopIntent | null
  readonly workerId: string | null
  readonly waitsFor: string | null
  readonly createdAt: number
  readonly runAt: number | null
  readonly expiresAt: number | null
  readonly startedAt: number | null
  readonly finishedAt: number | null
}

export function viewOf<Output>(stored: StoredRun): Run<Output> {
  const { id, task, queue, state, priority, key, tags, attempt, failures, crashes } = stored
  const { error, stop, workerId, waitsFor, createdAt, runAt, expiresAt, startedAt, finishedAt } =
    stored
  return {
    id,
    task,
    queue,
    state,
    status: statusOf(stored),
    priority,
    key,
    tags,
    input: decodePayload(stored.input),
    attempt,
    failures,
    crashes,
    progress: decodePayload(stored.progress),
    result: decodePayload(stored.result) as Output | undefined,
    error,
    stop,
    stopping: stored.intent?.stop ?? null,
    workerId,
    waitsFor,
    createdAt,
    runAt,
    expiresAt,
    startedAt,
    finishedAt,
  }
}
