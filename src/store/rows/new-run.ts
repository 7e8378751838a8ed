/** The row and the first entries of a new run, also of one that something stops, pauses or keeps waiting from the beginning. */
import { prevented } from '../../core/run/decision.ts'
import type { FeedEntry } from '../../core/run/events.ts'
import type { PausedBy, RollbackFacts, StoredRun } from '../../core/run/run.ts'
import type { StopRecord } from '../../core/run/stop.ts'
import type { State } from '../../core/run/transitions.ts'
import { instantOf } from '../port/instants.ts'
import type { FeedRow } from './feed.ts'
import { admittedRun, keyedRun, plainRun, type SeqRun } from './runs.ts'
import type { Hold, NewRun, Tombstone } from '../store.ts'
import type { Param } from '../driver/sql.ts'

/** A request that stops a new run before it has begun: a tombstone, or a hold with a verb that ends runs. */
export type Stopper = Pick<Tombstone, 'verb' | 'reason' | 'by' | 'createdAt'>

/** The conditions under which a new run is admitted; without any of them it is queued, or scheduled where it is due later. */
export interface Admission {
  readonly stopper?: Stopper
  /** The id of the run whose end this run waits for. */
  readonly waitsFor?: string
  /** The hold that pauses the run. */
  readonly hold?: Hold
  /** The run whose roll-back it tries again, and nothing but that. It shows the key of that run, and holds none. */
  readonly undo?: SeqRun
}

/** A new run with the conditions under which it is admitted. */
export type AdmittedRun = { readonly run: NewRun; readonly admission: Admission }

/** The entry that says that a run was enqueued, made of its row, for a run whose feed has no such entry. It comes before all others. */
export function enqueueEntry(run: StoredRun, state: 'queued' | 'waiting'): FeedEntry {
  return {
    position: 0,
    runId: run.id,
    workflow: run.workflow,
    at: run.createdAt,
    type: 'enqueue',
    attempt: 0,
    state,
    data: {},
  }
}

/** The first entries of a run's feed. A run that was simply queued gets none: its row says when it was enqueued (`enqueueEntry`), and a write is saved. */
export function firstEntries(
  { run, admission }: AdmittedRun,
  { seq, now }: { readonly seq: number | null; readonly now: number },
): FeedRow[] {
  const state = firstState({ run, admission }, now)
  if (seq === null || state === 'queued') return []
  const { stopper, hold } = admission
  const entry = { seq, at: now, attempt: 0 }
  if (!stopper && !hold) return [{ ...entry, type: 'enqueue', state, data: null }]
  const before = stateBefore({ run, admission }, now)
  const enqueued: FeedRow = { ...entry, type: 'enqueue', state: before, data: null }
  if (stopper) {
    const { verb, reason, by } = stopper
    const data = { reason, by, answer: 'prevented', stop: stopOf(stopper, now) }
    return [enqueued, { ...entry, type: verb, state, data: JSON.stringify(data) }]
  }
  const data = { reason: hold?.reason, by: hold?.by, answer: 'paused' }
  return [enqueued, { ...entry, type: 'pause', state, data: JSON.stringify(data) }]
}

function dueAt(run: NewRun, now: number): number | null {
  const at = instantOf(run.due, now)
  return at !== null && at > now ? at : null
}

function firstState({ run, admission }: AdmittedRun, now: number): State {
  if (admission.stopper) return 'cancelled'
  return admission.hold ? 'paused' : stateBefore({ run, admission }, now)
}

/** The state that the run would be in if nothing stopped or paused it. */
function stateBefore(
  { run, admission }: AdmittedRun,
  now: number,
): 'waiting' | 'queued' | 'scheduled' {
  if (admission.waitsFor !== undefined) return 'waiting'
  return dueAt(run, now) === null ? 'queued' : 'scheduled'
}

/** The parameters of `insertPlainRuns` and `insertNewRuns`, for a run that has no key and is no retry of another run. */
export function plainInsertOf(run: NewRun, now: number): Param[] {
  return plainRun.write(rowOf(run, now))
}

/** An insert of new runs. */
interface Insertion {
  readonly name: 'insertRuns' | 'insertAdmittedRuns'
  readonly sets: readonly Param[][]
}

/** The statement for new runs, with its parameters: one with fewer columns where nothing stands in the way of any of them. */
export function insertionOf(placed: readonly AdmittedRun[], now: number): Insertion {
  const sets = (paramsOf: (one: AdmittedRun, now: number) => Param[]): Param[][] =>
    placed.map((one) => paramsOf(one, now))
  return placed.every(isUnhindered)
    ? { name: 'insertRuns', sets: sets(keyedInsertOf) }
    : { name: 'insertAdmittedRuns', sets: sets(insertOf) }
}

const isUnhindered = ({ run, admission }: AdmittedRun): boolean =>
  (run.retryOf ?? null) === null && datedOf(run) === null && Object.keys(admission).length === 0

/** See `StoredRun.dated`. */
export function datedOf({
  due,
  deadline,
}: Partial<Pick<NewRun, 'due' | 'deadline'>>): number | null {
  const sum = (due && 'at' in due ? 1 : 0) + (deadline && 'at' in deadline ? 2 : 0)
  return sum === 0 ? null : sum
}

const keyedInsertOf = ({ run }: AdmittedRun, now: number): Param[] =>
  keyedRun.write(rowOf(run, now))

function insertOf({ run, admission }: AdmittedRun, now: number): Param[] {
  const { stopper, hold, waitsFor = null, undo } = admission
  const row = rowOf(run, now)
  return admittedRun.write({
    ...row,
    holdsKey: row.holdsKey && !stopper && !undo,
    ...undoingOf(undo, now),
    retryOf: run.retryOf ?? null,
    dated: datedOf(run),
    state: firstState({ run, admission }, now),
    runAt: stopper ? null : row.runAt,
    waitsFor,
    stop: stopper ? stopOf(stopper, now) : null,
    finishedAt: stopper ? now : null,
    pausedFrom: hold ? stateBefore({ run, admission }, now) : null,
    paused: hold ? pausedOf(hold, now) : null,
    resumeAt: hold?.until ?? null,
  })
}

type Undoing = Pick<SeqRun, 'rollback' | 'checkpointAt' | 'error' | 'isMapped'>

/** The roll-back of a new run that tries that of another again, as if it had not been tried yet; none for any other run. */
function undoingOf(old: SeqRun | undefined, now: number): Undoing {
  if (!old) return { rollback: null, checkpointAt: null, error: null, isMapped: false }
  const { stop, error, checkpointAt, isMapped } = old
  const { undoes } = old.rollback ?? {}
  const none = { finishedAt: null, failures: 0, crashes: 0, error: null }
  const rollback: RollbackFacts = {
    state: 'pending',
    stop,
    askedAt: now,
    ...none,
    ...(undoes ? { undoes } : {}),
  }
  return { rollback, checkpointAt, error: stop === null ? error : null, isMapped }
}

/** The row of a run that nothing stands in the way of. */
function rowOf(run: NewRun, now: number): Parameters<typeof keyedRun.write>[0] {
  const { id, task, queue, priority, key, tags, input, ttlMs } = run
  const runAt = dueAt(run, now)
  return {
    id,
    task,
    queue,
    priority,
    key,
    holdsKey: key !== null,
    tags,
    input,
    runAt,
    expiresAt: ttlMs === null ? null : now + ttlMs,
    createdAt: now,
    state: runAt === null ? 'queued' : 'scheduled',
    deadlineAt: instantOf(run.deadline, now),
  }
}

function pausedOf({ reason, by, id: holdId }: Hold, now: number): PausedBy {
  return { reason, by, at: now, holdId, workflowId: null }
}

function stopOf({ verb, reason, by, createdAt }: Stopper, now: number): StopRecord {
  return { ...prevented(verb, { reason, by }, now), requestedAt: createdAt }
}
