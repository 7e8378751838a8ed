import type { ErrorRecord } from '../../core/errors.ts'
import { decodePayload } from '../../core/payload.ts'
import {
  type PausedBy,
  type RollbackFacts,
  type Status,
  statusOf,
  type StoredRun,
} from '../../core/run/run.ts'
import type { PauseIntent, StopIntent } from '../../core/run/intent.ts'
import type { StopRecord } from '../../core/run/stop.ts'
import { isFinal, type State } from '../../core/run/transitions.ts'
import type { Store } from '../../store/store.ts'

/** The requester and the reason of a pause, and its end. Instants are epoch ms. */
export interface Paused extends PausedBy {
  /** When it resumes by itself; null where it does not. */
  readonly until: number | null
}

/** The event that a run waits for, without a slot. */
export interface WaitingFor {
  /** The name of a signal. */
  readonly signal: string | null
  /** The id of a run whose end it waits for. */
  readonly runId: string | null
  /** The ids of the children whose ends its handler waits for; null where it waits for something else. */
  readonly children: readonly string[] | null
  /** When it goes on in any case, epoch ms. */
  readonly until: number | null
}

/** A run without its payloads, as lists and trees have it. Instants are epoch ms. */
export interface RunRow {
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly state: State
  /** The state, or the request that a running run is under, such as `cancelling`. */
  readonly status: Status
  readonly priority: number
  readonly key: string | null
  readonly tags: readonly string[]
  /** How often it was claimed. */
  readonly attempt: number
  readonly failures: number
  readonly crashes: number
  readonly progress: unknown
  /** Why it failed, or why its last attempt did. */
  readonly error: ErrorRecord | null
  /** How it was stopped. */
  readonly stop: StopRecord | null
  /** The request to stop that it is under. */
  readonly stopping: StopIntent | null
  /** The request to pause that it is under, until it has parked; says whether it is overdue, or frozen. */
  readonly pausing: PauseIntent | null
  /** Set while it is paused. */
  readonly paused: Paused | null
  /** Set while it waits. */
  readonly waitingFor: WaitingFor | null
  readonly checkpointAt: number | null
  /** Its roll-back, once there is one. */
  readonly rollback: RollbackFacts | null
  /** The workflow that it is a member of, and its node there. */
  readonly workflow: { readonly id: string; readonly node: number } | null
  /** The id of the run whose handler has enqueued it; null where none has. */
  readonly parent: string | null
  /** The id of the run that this one tries again; null where it tries none. */
  readonly retryOf: string | null
  readonly workerId: string | null
  readonly waitsFor: string | null
  readonly createdAt: number
  readonly runAt: number | null
  readonly expiresAt: number | null
  /** When it is stopped, whatever it does. */
  readonly deadlineAt: number | null
  /** When the handler of the newest attempt was called; null where that has not happened (status `starting`). */
  readonly startedAt: number | null
  readonly finishedAt: number | null
}

/** One invocation of a task, as it was when it was read. Instants are epoch ms. */
export interface Run<Output = unknown> extends RunRow {
  readonly input: unknown
  /** The value that the handler returned; of a cancelled run, the partial result. */
  readonly result: Output | undefined
  /** The state that its handler saved last; the next attempt starts from it. */
  readonly checkpoint: unknown
  /** The id of the newest run that tries this one again; null where none does. Only `get` reads it. */
  readonly retriedAs?: string | null
  /** The run that has tried its roll-back again last, and how that went; null where none has, or it was deleted. Only `get` reads it. */
  readonly rollbackRetry?: RollbackRetry | null
}

/** A roll-back that was tried again: the run that does it, and how far that is. */
export interface RollbackRetry {
  readonly id: string
  readonly state: RollbackFacts['state']
}

/** The runs of a list or a tree: with their payloads where the call asks for them (`payloads: true`). */
export type RunOf<Payloads extends boolean> = Payloads extends true ? Run : RunRow

/** A run as people see it, with its payloads read. */
export function viewOf<Output>(stored: StoredRun): Run<Output> {
  return {
    ...rowViewOf(stored),
    input: decodePayload(stored.input),
    result: decodePayload(stored.result) as Output | undefined,
    checkpoint: decodePayload(stored.checkpoint),
  }
}

/** The same, with the run that tries it again; only a run that has ended has one. */
export async function foundRun<Output>(
  store: Pick<Store, 'retriedAs' | 'get'>,
  stored: StoredRun,
): Promise<Run<Output>> {
  const retriedAs = isFinal(stored.state) ? await store.retriedAs(stored.id) : null
  return { ...viewOf<Output>(stored), retriedAs, rollbackRetry: await retryOf(store, stored) }
}

/** The newest run that tries the roll-back of a run again, which may have been tried again in its turn. */
async function retryOf(
  store: Pick<Store, 'get'>,
  { rollback }: StoredRun,
): Promise<RollbackRetry | null> {
  const next = rollback?.retriedAs === undefined ? null : await store.get(rollback.retriedAs)
  if (!next?.rollback) return null
  return (await retryOf(store, next)) ?? { id: next.id, state: next.rollback.state }
}

/** The runs of a list or a tree. @param payloads whether they are to have theirs. */
export function runViews<Payloads extends boolean>(
  payloads: Payloads | undefined,
): (stored: StoredRun) => RunOf<Payloads> {
  return (payloads === true ? viewOf : rowViewOf) as (stored: StoredRun) => RunOf<Payloads>
}

/** A run as it stands in a list, without its payloads. */
export function rowViewOf(stored: StoredRun): RunRow {
  const { id, task, queue, state, priority, key, tags, attempt, failures, crashes } = stored
  const { error, stop, rollback, workerId, waitsFor, checkpointAt, createdAt, runAt } = stored
  const { expiresAt, deadlineAt, startedAt, finishedAt } = stored
  return {
    id,
    task,
    queue,
    state,
    status: statusOf(stored),
    priority,
    key,
    tags,
    attempt,
    failures,
    crashes,
    progress: decodePayload(stored.progress),
    error,
    stop,
    stopping: stored.intent?.stop ?? null,
    pausing: stored.intent?.pause ?? null,
    paused: stored.paused && { ...stored.paused, until: stored.resumeAt },
    waitingFor: waitingForOf(stored),
    checkpointAt,
    rollback,
    workflow: memberOf(stored),
    parent: stored.parent,
    retryOf: stored.retryOf,
    workerId,
    waitsFor,
    createdAt,
    runAt,
    expiresAt,
    deadlineAt,
    startedAt,
    finishedAt,
  }
}

function memberOf({ workflow, node }: StoredRun): Run['workflow'] {
  return workflow === null || node === null ? null : { id: workflow, node }
}

function waitingForOf({ state, wait, waitsFor, wakeAt }: StoredRun): WaitingFor | null {
  return state === 'waiting'
    ? {
        signal: wait?.signal ?? null,
        runId: waitsFor,
        children: wait?.children ?? null,
        until: wakeAt,
      }
    : null
}
