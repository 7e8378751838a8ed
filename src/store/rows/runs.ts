/** The rows of runs: their columns, and the records that are made of them. Payloads stay text: only the code that uses a payload parses it. */
import type { Pauser } from '../../core/run/intent.ts'
import type { RollbackCause, RunFacts, StoredRun } from '../../core/run/run.ts'
import type { ChildEnd, ClaimedRun, HeldIntent } from '../port/runs.ts'
import type { Param, Row } from '../driver/sql.ts'
import {
  bigint,
  type Column,
  type Columns,
  countOrNull,
  type DerivedColumn,
  flag,
  int,
  mark,
  maybeBigint,
  maybeInt,
  maybeJson,
  maybeText,
  pick,
  shapeOf,
  text,
  texts,
} from './columns.ts'

/** A stored run with its place in the store. */
export type SeqRun = StoredRun & { readonly seq: number; readonly holdsKey: boolean }

/** Causes, with a comma between them; null for none. */
const causes = (name: string): Column<readonly RollbackCause[]> => ({
  name,
  type: 'text',
  ofNull: [],
  write: (value) => value.join(',') || null,
  read: (cell) => String(cell).split(',') as RollbackCause[],
})

/** The columns that events change. */
const factColumns: Columns<RunFacts & Pick<SeqRun, 'holdsKey'>> = {
  state: text('state'),
  attempt: int('attempt'),
  returned: int('returned'),
  failures: int('failures'),
  crashes: int('crashes'),
  workerId: maybeText('worker_id'),
  holdsKey: flag('key_held'),
  runAt: maybeBigint('run_at'),
  deadlineAt: maybeBigint('deadline_at'),
  startedAt: maybeBigint('started_at'),
  finishedAt: maybeBigint('finished_at'),
  pausedFrom: maybeText('paused_from'),
  resumeAt: maybeBigint('resume_at'),
  wakeAt: maybeBigint('wake_at'),
  waitsFor: maybeText('waits_for'),
  signalled: maybeBigint('signalled'),
  checkpointAt: maybeBigint('checkpoint_at'),
  checkpoints: countOrNull('checkpoints'),
  rollbackOn: causes('rollback_on'),
  intent: maybeJson('intent'),
  paused: maybeJson('paused'),
  wait: maybeJson('wait'),
  stop: maybeJson('stop'),
  rollback: maybeJson('rollback'),
  error: maybeJson('error'),
  progress: maybeText('progress'),
  result: maybeText('result'),
}

/** All columns that are read of a run. The checkpoint that a handler has saved is in a table of its own. */
const runColumns: Columns<Omit<SeqRun, 'checkpoint'>> = {
  seq: bigint('seq'),
  id: text('id'),
  task: text('task'),
  queue: text('queue'),
  priority: int('priority'),
  key: maybeText('key'),
  tags: texts('tags'),
  input: maybeText('input'),
  expiresAt: maybeBigint('expires_at'),
  createdAt: bigint('created_at'),
  workflow: maybeText('workflow'),
  node: maybeInt('node'),
  isMapped: mark('is_mapped'),
  parent: maybeText('parent'),
  retryOf: maybeText('retry_of'),
  dated: maybeInt('dated'),
  ...factColumns,
}

/** The facts that say what pauses a run; `intent` is only there in a run that is running. */
interface Pausing {
  readonly paused: RunFacts['paused']
  readonly intent?: RunFacts['intent']
}

const pauserOf = ({ paused, intent }: Pausing): Pauser | null => paused ?? intent?.pause ?? null

/** The request, hold or workflow by which a run is paused, or asked to pause: runs are found by these columns. */
const pauserColumns: readonly DerivedColumn<Pausing>[] = [
  { name: 'paused_by_kind', type: 'text', write: (run) => kindOf(pauserOf(run)) },
  {
    name: 'paused_by_id',
    type: 'text',
    write(run) {
      const { holdId = null, workflowId = null, parentId = null } = pauserOf(run) ?? {}
      return holdId ?? workflowId ?? parentId
    },
  },
]

function kindOf(pauser: Pauser | null): 'request' | 'hold' | 'workflow' | 'parent' | null {
  if (pauser === null) return null
  if (pauser.holdId !== null) return 'hold'
  if (pauser.parentId !== undefined) return 'parent'
  return pauser.workflowId === null ? 'request' : 'workflow'
}

const run = shapeOf(runColumns)

const { input: _input, result: _result, ...slimColumns } = runColumns
/** A run as lists and trees have it: the large columns of its row are not read. */
export const slimRun = shapeOf(slimColumns)

/** The columns that `updateRuns` writes. */
export const runFacts = shapeOf(factColumns, pauserColumns)

const plain = [
  'id',
  'task',
  'queue',
  'priority',
  'tags',
  'input',
  'expiresAt',
  'createdAt',
  'state',
  'runAt',
  'deadlineAt',
] as const satisfies readonly (keyof SeqRun)[]

/** The columns that are written for a new run that has no key and that nothing stops, pauses or keeps waiting; the id comes first. */
export const plainRun = shapeOf(pick(runColumns, ...plain))
/** The columns that are written for such a run where it may have a key. */
export const keyedRun = shapeOf(pick(runColumns, ...plain, 'key', 'holdsKey'))
/** The columns that are written for any other new run. */
export const admittedRun = shapeOf(
  pick(
    runColumns,
    ...plain,
    ...(['key', 'holdsKey', 'retryOf', 'dated', 'waitsFor', 'stop', 'finishedAt'] as const),
    ...(['pausedFrom', 'paused', 'resumeAt'] as const),
    ...(['rollback', 'checkpointAt', 'error', 'isMapped'] as const),
  ),
  pauserColumns,
)
/** The columns that are written for a new member of a workflow. */
export const newMember = shapeOf(
  pick(
    runColumns,
    ...plain,
    ...(['workflow', 'node', 'isMapped', 'rollback', 'checkpointAt', 'dated'] as const),
  ),
)
/** The columns that are written for a member whose turn has come, beside its input. */
export const startedMember = shapeOf(
  pick(runColumns, 'state', 'runAt', 'expiresAt', 'pausedFrom', 'paused'),
  pauserColumns,
)

const hasCheckpoint: Column<boolean> = {
  name: 'checkpoint_at',
  type: 'bigint',
  ofNull: false,
  write: () => null,
  read: () => true,
}
/** The columns that a claim reads of a run. */
export const claimedRun = shapeOf<Omit<ClaimedRun, 'checkpoint'>>({
  ...pick(runColumns, 'seq', 'id', 'task', 'queue', 'priority', 'key', 'tags', 'input', 'attempt'),
  ...pick(runColumns, 'wait', 'signalled', 'rollback', 'error', 'workflow', 'node', 'parent'),
  ...pick(runColumns, 'isMapped', 'startedAt'),
  hasCheckpoint,
})
/** The columns that are read of each run that a filter finds. */
export const matchedRun = shapeOf(pick(runColumns, 'seq', 'id', 'attempt', 'workflow', 'node'))
/** The columns that are read of the runs that a worker holds. */
export const heldRun = shapeOf(pick(runColumns, 'seq', 'id', 'attempt'))
/** The columns that are read of those runs of a worker that were asked to stop or pause, or have a signal waiting. */
export const heldIntent = shapeOf(pick(runColumns, 'id', 'attempt', 'intent', 'signalled'))
/** The columns that are read of children whose parent asks for them. */
export const childEnd = shapeOf<ChildEnd>(
  pick(runColumns, 'id', 'task', 'state', 'result', 'error', 'stop'),
)

/** A run, of a row that has at least the columns of `slimRun`: payloads that were not read are null. */
export function runOf(row: Row): SeqRun {
  return Object.assign(run.read(row), { checkpoint: null })
}

/**
 * Makes the record of a claimed run of its row; its checkpoint is null here, and is read apart where `hasCheckpoint` says that
 * there is one.
 */
export function claimedOf(row: Row): ClaimedRun {
  return Object.assign(claimedRun.read(row), { checkpoint: null })
}

/** A run as a filter has found it. */
export type MatchedRun = Pick<SeqRun, 'seq' | 'id' | 'attempt' | 'workflow' | 'node'>

/** The parameters of `updateRuns` for one run: what it was, and what it is to be. */
export function updateOf(run: SeqRun, old: RunFacts): Param[] {
  return [run.seq, old.state, old.attempt, ...runFacts.write(run)]
}

/**
 * Makes of a row the request that a held run is under.
 * @param now epoch ms of the store's clock, from which the ages of the requests (ms) are reckoned.
 */
export function heldIntentOf(row: Row, now: number): HeldIntent {
  const { id: runId, intent, ...rest } = heldIntent.read(row)
  const ageOf = (asked: { readonly requestedAt: number } | null | undefined): number =>
    asked ? Math.max(0, now - asked.requestedAt) : 0
  return {
    ...rest,
    runId,
    intent,
    stopAgeMs: ageOf(intent?.stop),
    pauseAgeMs: ageOf(intent?.pause),
  }
}
