/** Between rows and records. JSON columns that every reader needs are parsed here; payloads stay text. */
import type { Pauser } from '../../core/run/intent.ts'
import type { FeedEntry, FeedType } from '../../core/run/events.ts'
import type { RunFacts, StoredRun } from '../../core/run/run.ts'
import type { State, StopVerb } from '../../core/run/transitions.ts'
import type {
  ChildEnd,
  ClaimedRun,
  HeldIntent,
  Hold,
  SignalRecord,
  Tombstone,
  WorkerRecord,
} from '../store.ts'
import type { Param, Row } from '../driver/sql.ts'

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
    returned: Number(row['returned']),
    failures: Number(row['failures']),
    crashes: Number(row['crashes']),
    workerId: maybeText(row['worker_id']),
    runAt: maybeNumber(row['run_at']),
    intent: maybeJson(row['intent']) as RunFacts['intent'],
    pausedFrom: maybeText(row['paused_from']) as RunFacts['pausedFrom'],
    paused: maybeJson(row['paused']) as RunFacts['paused'],
    resumeAt: maybeNumber(row['resume_at']),
    waitsFor: maybeText(row['waits_for']),
    wakeAt: maybeNumber(row['wake_at']),
    deadlineAt: maybeNumber(row['deadline_at']),
    checkpointAt: maybeNumber(row['checkpoint_at']),
    checkpoints: Number(row['checkpoints'] ?? 0),
    rollbackOn: (maybeText(row['rollback_on'])?.split(',') ?? []) as RunFacts['rollbackOn'],
    progress: maybeText(row['progress']),
    result: maybeText(row['result']),
    stop: maybeJson(row['stop']) as RunFacts['stop'],
    startedAt: maybeNumber(row['started_at']),
    finishedAt: maybeNumber(row['finished_at']),
    retryOf: maybeText(row['retry_of']),
  }
}

export function matchedOf(row: Row): Pick<SeqRun, 'seq' | 'id' | 'attempt' | 'workflow' | 'node'> {
  return {
    seq: Number(row['seq']),
    id: text(row['id']),
    attempt: Number(row['attempt']),
    workflow: maybeText(row['workflow']),
    node: maybeNumber(row['node']),
  }
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
    hasCheckpoint: row['checkpoint_at'] != null,
    checkpoint: null,
    wait: maybeJson(row['wait']) as RunFacts['wait'],
    signalled: maybeNumber(row['signalled']),
    rollback: maybeJson(row['rollback']) as RunFacts['rollback'],
    error: maybeJson(row['error']) as RunFacts['error'],
    workflow: maybeText(row['workflow']),
    node: maybeNumber(row['node']),
    parent: maybeText(row['parent']),
    isMapped: row['is_mapped'] != null,
  }
}

export function childEndOf(row: Row): ChildEnd {
  return {
    id: text(row['id']),
    task: text(row['task']),
    state: text(row['state']) as State,
    result: maybeText(row['result']),
    error: maybeJson(row['error']) as RunFacts['error'],
    stop: maybeJson(row['stop']) as RunFacts['stop'],
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
    run.resumeAt,
    run.wakeAt,
    run.deadlineAt,
    run.checkpointAt,
    run.signalled,
    run.rollbackOn.join(',') || null,
    jsonOrNull(run.rollback),
    jsonOrNull(run.paused),
    jsonOrNull(run.wait),
    run.returned,
    run.checkpoints,
    ...pauserParams(run.paused ?? run.intent?.pause ?? null),
  ]
}

/** By what a run is paused, or asked to pause: `paused_by_kind` and `paused_by_id`. */
export function pauserParams(pauser: Pauser | null): Param[] {
  if (pauser === null) return [null, null]
  const { holdId, workflowId } = pauser
  if (holdId !== null) return ['hold', holdId]
  return workflowId === null ? ['request', null] : ['workflow', workflowId]
}

/** An entry of a run's feed that is to be written. */
export interface FeedRow {
  /** Of the run. */
  readonly seq: number
  /** Epoch ms. */
  readonly at: number
  readonly type: FeedType
  /** The attempt and the state after the event. */
  readonly attempt: number
  readonly state: State
  /** JSON; null for nothing. */
  readonly data: string | null
  /** The id of the call on many runs that asked for it; null or left out where it was none. */
  readonly callId?: string | null
}

export function feedEntryOf(row: Row): FeedEntry {
  return {
    position: Number(row['position']),
    runId: text(row['run_id']),
    workflow: maybeText(row['workflow']),
    at: Number(row['at']),
    type: text(row['type']) as FeedType,
    attempt: Number(row['attempt']),
    state: text(row['state']) as State,
    data: {
      ...(maybeJson(row['data']) as FeedEntry['data'] | null),
      ...(row['call_id'] == null ? {} : { call: text(row['call_id']) }),
    },
  }
}

export function heldIntentOf(row: Row, now: number): HeldIntent {
  const intent = maybeJson(row['intent']) as HeldIntent['intent']
  const ageOf = (asked: { readonly requestedAt: number } | null | undefined): number =>
    asked ? Math.max(0, now - asked.requestedAt) : 0
  return {
    runId: text(row['id']),
    attempt: Number(row['attempt']),
    intent,
    stopAgeMs: ageOf(intent?.stop),
    pauseAgeMs: ageOf(intent?.pause),
    signalled: maybeNumber(row['signalled']),
  }
}

export function signalOf(row: Row): SignalRecord {
  return {
    position: Number(row['position']),
    callId: text(row['call_id']),
    kind: text(row['kind']) as SignalRecord['kind'],
    name: text(row['name']),
    runId: maybeText(row['run_id']),
    target: maybeJson(row['target']) as SignalRecord['target'],
    payload: maybeText(row['payload']),
    reason: maybeText(row['reason']),
    by: maybeText(row['by']),
    origin: maybeText(row['origin']),
    createdAt: Number(row['created_at']),
    answer: maybeText(row['answer']) as SignalRecord['answer'],
    deliveredAt: maybeNumber(row['delivered_at']),
    attempt: maybeNumber(row['attempt']),
    completedAt: maybeNumber(row['completed_at']),
    reply: maybeText(row['reply']),
    error: maybeJson(row['error']) as SignalRecord['error'],
  }
}

export function holdOf(row: Row): Hold {
  return {
    id: text(row['id']),
    verb: text(row['verb']) as Hold['verb'],
    filter: JSON.parse(text(row['filter'])) as Hold['filter'],
    reason: maybeText(row['reason']),
    by: maybeText(row['by']),
    createdAt: Number(row['created_at']),
    until: maybeNumber(row['until']),
    rollback: Number(row['rollback']) === 1,
  }
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
