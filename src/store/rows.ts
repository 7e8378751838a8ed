/** Between rows and records. JSON columns that every reader needs are parsed here; payloads stay text. */
import type { FeedEntry, FeedType } from '../core/events.ts'
import type { RunFacts, StoredRun } from '../core/run.ts'
import type { State, StopVerb } from '../core/transitions.ts'
import type { Param, Row } from './driver.ts'
import type { ClaimedRun, HeldIntent, Tombstone, WorkerRecord } from './store.ts'

type Cell = string | number | null

const text = (cell: Cell | undefined): string => String(cell)
const maybeText = (cell: Cell | undefined): string | null => (cell == null ? null : String(cell))
const maybeNumber = (cell: Cell | undefined): number | null => (cell == null ? null : Number(cell))
const maybeJson = (cell: Cell | undefined): unknown =>
  cell == null ? null : JSON.parse(String(cell))
const jsonOrNull = (value: unknown): string | null =>
  value === null ? null : JSON.stringify(value)

/** A stored run with its place in the store. */
export type SeqRun = StoredRun & { readonly seq: number; readonly holdsKey: boolean }

export function runOf(row: Row): SeqRun {
  return {
    ...claimedOf(row),
    holdsKey: Number(row['key_held']) === 1,
    expiresAt: maybeNumber(row['expires_at']),
    createdAt: Number(row['created_at']),
    state: text(row['state']) as State,
    failures: Number(row['failures']),
    crashes: Number(row['crashes']),
    workerId: maybeText(row['worker_id']),
    runAt: maybeNumber(row['run_at']),
    intent: maybeJson(row['intent']) as RunFacts['intent'],
    pausedFrom: maybeText(row['paused_from']) as RunFacts['pausedFrom'],
    waitsFor: maybeText(row['waits_for']),
    progress: maybeText(row['progress']),
    result: maybeText(row['result']),
    error: maybeJson(row['error']) as RunFacts['error'],
    stop: maybeJson(row['stop']) as RunFacts['stop'],
    startedAt: maybeNumber(row['started_at']),
    finishedAt: maybeNumber(row['finished_at']),
  }
}

export function matchedOf(row: Row): Pick<SeqRun, 'seq' | 'id' | 'attempt'> {
  return { seq: Number(row['seq']), id: text(row['id']), attempt: Number(row['attempt']) }
}

export function claimedOf(row: Row): ClaimedRun {
  return {
    seq: Number(row['seq']),
    id: text(row['id']),
    task: text(row['task']),
    queue: text(row['queue']),
    priority: Number(row['priority']),
    key: maybeText(row['key']),
    tags: (maybeJson(row['tags']) ?? []) as string[],
    input: maybeText(row['input']),
    attempt: Number(row['attempt']),
  }
}

/** The parameters of `updateRuns` for one run: what it was, and what it is to be. */
export function updateOf(run: SeqRun, old: RunFacts): Param[] {
  return [
    run.seq,
    old.state,
    old.attempt,
    run.state,
    run.attempt,
    run.failures,
    run.crashes,
    run.workerId,
    run.runAt,
    jsonOrNull(run.intent),
    run.pausedFrom,
    run.waitsFor,
    run.progress,
    run.result,
    jsonOrNull(run.error),
    jsonOrNull(run.stop),
    run.startedAt,
    run.finishedAt,
    run.holdsKey ? 1 : 0,
  ]
}

/** The parameters of `insertFeed` for one entry. */
export type FeedRow = readonly [
  seq: number,
  at: number,
  type: FeedType,
  attempt: number,
  state: State,
  data: string | null,
]

export function feedEntryOf(row: Row): FeedEntry {
  return {
    position: Number(row['position']),
    runId: text(row['run_id']),
    at: Number(row['at']),
    type: text(row['type']) as FeedType,
    attempt: Number(row['attempt']),
    state: text(row['state']) as State,
    data: (maybeJson(row['data']) ?? {}) as FeedEntry['data'],
  }
}

export function heldIntentOf(row: Row, now: number): HeldIntent {
  const intent = JSON.parse(text(row['intent'])) as HeldIntent['intent']
  const stopAgeMs = intent.stop === null ? 0 : Math.max(0, now - intent.stop.requestedAt)
  return { runId: text(row['id']), attempt: Number(row['attempt']), intent, stopAgeMs }
}

export function tombstoneOf(row: Row): Tombstone {
  return {
    kind: text(row['kind']) as Tombstone['kind'],
    value: text(row['value']),
    task: row['kind'] === 'key' ? text(row['task']) : null,
    verb: text(row['verb']) as StopVerb,
    reason: maybeText(row['reason']),
    by: maybeText(row['by']),
    createdAt: Number(row['created_at']),
    expiresAt: Number(row['expires_at']),
  }
}

export function workerOf(row: Row, leaseNow: number): WorkerRecord {
  return {
    id: text(row['id']),
    host: text(row['host']),
    pid: Number(row['pid']),
    queues: (maybeJson(row['queues']) ?? []) as string[],
    tasks: (maybeJson(row['tasks']) ?? {}) as WorkerRecord['tasks'],
    version: text(row['version']),
    startedAt: Number(row['started_at']),
    leaseMs: Number(row['lease_ms']),
    leaseLeftMs: Number(row['lease_until']) - leaseNow,
    heldCount: Number(row['held_count']),
  }
}
