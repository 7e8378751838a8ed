/** The schemas of the answers about runs. The compiler sees to it that each schema has exactly the members of its type. */
import type { ErrorRecord } from '../../core/errors.ts'
import { type FeedEntry, type FeedType } from '../../core/run/events.ts'
import {
  type PauseIntent,
  pauseFallbacks,
  runningPolicies,
  type StopIntent,
} from '../../core/run/intent.ts'
import { type KillChoice, type KillWay, osSignals, type SentOsSignal } from '../../core/run/kill.ts'
import type { RollbackFacts, Status } from '../../core/run/run.ts'
import type { StopRecord } from '../../core/run/stop.ts'
import { eventTypes, type State, states, stopVerbs } from '../../core/run/transitions.ts'
import type { Enqueued } from '../../store/store.ts'
import type { RollbackRetry, Run, RunRow } from '../views/view.ts'
import { anything, count, flag, instant, integer, literal, nullable, text, words } from './kinds.ts'
import { list, object, optional, record } from './shapes.ts'
import { named, type Schema } from './schema.ts'

/** The schema of an error as it is stored; `cause` and `errors` are errors of the same schema. */
export const errorRecord: Schema<ErrorRecord> = named(
  'Error',
  'An error as it is stored. `code` is one of ours, or the code of the error that a handler threw.',
  () =>
    object<ErrorRecord>({
      name: text(),
      message: text(),
      code: text(),
      hint: optional(text()),
      stack: optional(text()),
      details: optional(record(anything())),
      cause: optional(errorRecord),
      errors: optional(list(errorRecord)),
    }),
)

/** The schema of what was chosen about the way in which attempts are killed. */
export const killChoice = object<KillChoice>({
  osSignal: nullable(words(osSignals)),
  killAfterMs: nullable(count()),
  isAtMost: optional(literal(true)),
})

/** The schema of the way in which the attempts of a task are killed. */
export const killWay = object<KillWay>({ osSignal: words(osSignals), killAfterMs: count() })

/** The schema of the record of a stop: who asked for it, how the run was stopped, and the proof that its process or thread is gone. */
export const stopRecord = named('Stop', 'How a run was stopped, and the proof.', () =>
  object<StopRecord>({
    verb: words<StopRecord['verb']>([...stopVerbs, 'expire']),
    mode: words<StopRecord['mode']>({ prevented: true, cooperative: true, forced: true }),
    confirmed: flag(),
    reason: nullable(text()),
    by: nullable(text()),
    requestedAt: instant(),
    deliveredAt: nullable(instant()),
    stoppedAt: instant(),
    proof: nullable(
      object<NonNullable<StopRecord['proof']>>({
        pid: integer(),
        threadId: optional(integer()),
        exitCode: nullable(integer()),
        osSignal: nullable(text()),
      }),
    ),
    sent: nullable(list(object<SentOsSignal>({ osSignal: text(), at: instant() }))),
  }),
)

const stopIntent = named('StopRequest', 'The request to stop that a running run is under.', () =>
  object<StopIntent>({
    verb: words(stopVerbs),
    reason: nullable(text()),
    by: nullable(text()),
    requestedAt: instant(),
    graceMs: count(),
    deliveredAt: nullable(instant()),
    overdueAt: nullable(instant()),
    rollback: flag(),
    children: optional(words(runningPolicies)),
    kill: optional(killChoice),
  }),
)

const pauseIntent = named('PauseRequest', 'The request to pause that a running run is under.', () =>
  object<PauseIntent>({
    reason: nullable(text()),
    by: nullable(text()),
    requestedAt: instant(),
    withinMs: count(),
    otherwise: words(pauseFallbacks),
    resumeAt: nullable(instant()),
    overdueAt: nullable(instant()),
    frozenAt: nullable(instant()),
    holdId: nullable(text()),
    workflowId: nullable(text()),
    parentId: optional(text()),
    children: optional(words<'pause'>({ pause: true })),
    parksIn: words<PauseIntent['parksIn']>({ paused: true, queued: true }),
  }),
)

const rollbackState = words<RollbackFacts['state']>({
  pending: true,
  completed: true,
  failed: true,
  abandoned: true,
})

const rollback = named('Rollback', 'The roll-back of a run.', () =>
  object<RollbackFacts>({
    state: rollbackState,
    stop: nullable(stopRecord),
    askedAt: instant(),
    finishedAt: nullable(instant()),
    failures: count(),
    crashes: count(),
    error: nullable(errorRecord),
    undoes: optional(
      object<NonNullable<RollbackFacts['undoes']>>({ runId: text(), result: nullable(text()) }),
    ),
    retriedAs: optional(text()),
  }),
)

const statuses: Readonly<Record<Status, true>> = {
  ...(Object.fromEntries(states.map((state) => [state, true])) as Record<State, true>),
  starting: true,
  pausing: true,
  'pausing (overdue)': true,
  frozen: true,
  cancelling: true,
  unresponsive: true,
  'rolling back': true,
}

const paused = object<NonNullable<Run['paused']>>({
  reason: nullable(text()),
  by: nullable(text()),
  at: instant(),
  holdId: nullable(text()),
  workflowId: nullable(text()),
  parentId: optional(text()),
  children: optional(words<'pause'>({ pause: true })),
  until: nullable(instant()),
})

const waitingFor = object<NonNullable<Run['waitingFor']>>({
  signal: nullable(text()),
  runId: nullable(text()),
  children: nullable(list(text())),
  until: nullable(instant()),
})

const member = object<NonNullable<Run['workflow']>>({
  id: text(),
  node: integer({ range: [1, Infinity] }),
})

const rowMembers = {
  id: text(),
  task: text(),
  queue: text(),
  state: words(states),
  status: words(statuses),
  priority: integer(),
  key: nullable(text()),
  tags: list(text()),
  attempt: count(),
  failures: count(),
  crashes: count(),
  progress: anything(),
  error: nullable(errorRecord),
  stop: nullable(stopRecord),
  stopping: nullable(stopIntent),
  pausing: nullable(pauseIntent),
  paused: nullable(paused),
  waitingFor: nullable(waitingFor),
  checkpointAt: nullable(instant()),
  rollback: nullable(rollback),
  workflow: nullable(member),
  parent: nullable(text()),
  retryOf: nullable(text()),
  workerId: nullable(text()),
  waitsFor: nullable(text()),
  createdAt: instant(),
  runAt: nullable(instant()),
  expiresAt: nullable(instant()),
  deadlineAt: nullable(instant()),
  startedAt: nullable(instant()),
  finishedAt: nullable(instant()),
}

/** The schema of a run, with its input, result and checkpoint. */
export const run = named('Run', 'One invocation of a task, as it was when it was read.', () =>
  object<Run>({
    ...rowMembers,
    input: anything(),
    result: anything(),
    checkpoint: anything(),
    retriedAs: optional(nullable(text())),
    rollbackRetry: optional(nullable(object<RollbackRetry>({ id: text(), state: rollbackState }))),
  }),
)

/** A run of a list or a tree. */
export type ListedRun = RunRow & Partial<Pick<Run, 'input' | 'result' | 'checkpoint'>>

/** The schema of a run in a list or a tree; `input`, `result` and `checkpoint` are left out unless the call asked for the payloads. */
export const listedRun = named(
  'ListedRun',
  'A run of a list or a tree: without `input`, `result` and `checkpoint`, unless the call asked for the payloads.',
  () =>
    object<ListedRun>({
      ...rowMembers,
      input: optional(anything()),
      result: optional(anything()),
      checkpoint: optional(anything()),
    }),
)

/** The schema of a page of runs; `cursor` is null on the last page. */
export const runPage = named('RunPage', 'A page of runs.', () =>
  object<{ readonly runs: readonly ListedRun[]; readonly cursor: string | null }>({
    runs: list(listedRun),
    cursor: nullable(text()),
  }),
)

/** The schema of the counts of runs, with a number for every state. */
export const runCounts = named('RunCounts', 'How many runs are in each state.', () =>
  object(
    Object.fromEntries(states.map((state) => [state, count()])) as Record<State, Schema<number>>,
  ),
)

/** The schema of one entry of the feed; instants within `data` are epoch ms, as they were recorded. */
export const feedEntry = named(
  'FeedEntry',
  'One entry of the feed. `data` is as it was recorded: instants in it are epoch ms.',
  () =>
    object<FeedEntry>({
      position: integer(),
      runId: text(),
      workflow: nullable(text()),
      at: instant(),
      type: words<FeedType>([...eventTypes, 'enqueue', 'log']),
      attempt: count(),
      state: words(states),
      data: record(anything()),
    }),
)

/** The schema of the answer to an enqueue. */
export const enqueued = named('Enqueued', 'The answer to an enqueue.', () =>
  object<Enqueued>({
    id: text(),
    outcome: words<Enqueued['outcome']>({ enqueued: true, exists: true, prevented: true }),
    replacedId: nullable(text()),
  }),
)
