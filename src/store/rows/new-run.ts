/** The row and the first entries of a run that is stored, with what stands in its way. */
import { prevented } from '../../core/run/decision.ts'
import type { FeedEntry } from '../../core/run/events.ts'
import type { StoredRun } from '../../core/run/run.ts'
import type { StopRecord } from '../../core/run/stop.ts'
import type { State } from '../../core/run/transitions.ts'
import { instantOf } from '../port/instants.ts'
import type { FeedRow } from './runs.ts'
import type { Hold, NewRun, Tombstone } from '../store.ts'
import type { Param } from '../driver/sql.ts'

/** What stood in the way of a run, and stops it before it has begun. */
export type Stopper = Pick<Tombstone, 'verb' | 'reason' | 'by' | 'createdAt'>

export interface Admission {
  readonly stopper?: Stopper
  /** Whose end it waits for. */
  readonly waitsFor?: string
  /** What pauses it. */
  readonly hold?: Hold
}

export type AdmittedRun = { readonly run: NewRun; readonly admission: Admission }

/** The entry of a run that has none for that it was enqueued; it comes before all others. */
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

/** A run that was simply queued needs no entry for that: its row says when (`enqueueEntry`), and a write is saved. */
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

/** What it would be if nothing stopped or paused it. */
function stateBefore(
  { run, admission }: AdmittedRun,
  now: number,
): 'waiting' | 'queued' | 'scheduled' {
  if (admission.waitsFor !== undefined) return 'waiting'
  return dueAt(run, now) === null ? 'queued' : 'scheduled'
}

export function insertOf({ run, admission }: AdmittedRun, now: number): Param[] {
  const { stopper, waitsFor = null } = admission
  return [
    run.id,
    run.task,
    run.queue,
    run.priority,
    run.key,
    run.key !== null && !stopper ? 1 : 0,
    run.tags.length > 0 ? JSON.stringify(run.tags) : null,
    run.input,
    run.ttlMs === null ? null : now + run.ttlMs,
    now,
    firstState({ run, admission }, now),
    stopper ? null : dueAt(run, now),
    waitsFor,
    stopper ? JSON.stringify(stopOf(stopper, now)) : null,
    stopper ? now : null,
    instantOf(run.deadline, now),
    ...pausedParams({ run, admission }, now),
    run.retryOf ?? null,
  ]
}

function pausedParams({ run, admission }: AdmittedRun, now: number): Param[] {
  const { hold } = admission
  if (!hold) return [null, null, null, null, null]
  const { reason, by, id: holdId, until } = hold
  const paused = JSON.stringify({ reason, by, at: now, holdId, workflowId: null })
  return [stateBefore({ run, admission }, now), paused, until, 'hold', holdId]
}

function stopOf({ verb, reason, by, createdAt }: Stopper, now: number): StopRecord {
  return { ...prevented(verb, { reason, by }, now), requestedAt: createdAt }
}
