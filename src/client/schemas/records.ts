/** The schemas of requests and of the answers to them: verbs, signals, holds, bulk operations, the audit log. */
import type { Answer } from '../../core/run/decision.ts'
import type { HoldFilter } from '../../core/hold.ts'
import type { RunFilter } from '../../core/filter.ts'
import { states, stopVerbs } from '../../core/run/transitions.ts'
import {
  type Bulk,
  type BulkAbort,
  type Controlled,
  type Finding,
  type Hold,
  signalKinds,
  type Tombstone,
  type WorkerRecord,
} from '../../store/store.ts'
import { filterParameters, holdFilterParameters } from '../options/parameters.ts'
import type { Retried } from '../requests/retry.ts'
import type { Sent } from '../requests/signals.ts'
import type { AuditPage, SignalEntry } from '../views/audit.ts'
import { type Preview, previewVerbs } from '../views/preview.ts'
import { rollbackCauses } from '../../core/run/run.ts'
import { anything, count, flag, instant, integer, nullable, number, text, words } from './kinds.ts'
import { list, object, optional, record } from './shapes.ts'
import { membersOf } from './parameters.ts'
import { errorRecord, killWay } from './run.ts'
import { named } from './schema.ts'

const answerWords: Readonly<Record<Answer, true>> = {
  prevented: true,
  requested: true,
  'already-cancelled': true,
  'too-late': true,
  paused: true,
  'already-paused': true,
  moved: true,
  resumed: true,
  'not-paused': true,
  held: true,
  sent: true,
  done: true,
  stale: true,
  refused: true,
}
/** The schema of an answer to a verb: one of the answers of a run, or `not-found` where no run has the id or the key. */
export const answer = words<Answer | 'not-found'>({ ...answerWords, 'not-found': true })

/** The schema of counts by answer or by state; a word of which there are none is left out. */
const countsOf = <Word extends string>(known: readonly Word[]) =>
  object<Readonly<Partial<Record<Word, number>>>>(
    Object.fromEntries(known.map((word) => [word, optional(count())])) as never,
  )

const answerCounts = countsOf(Object.keys(answerWords) as Answer[])

/** The schema of a filter on runs. It is closed: a part that no filter has does not fit. */
export const runFilter = named('RunFilter', 'All runs that fit every part that is given.', () =>
  object<RunFilter>(membersOf(filterParameters), { isClosed: true }),
)

/** The schema of the filter of a hold, which has fewer parts than a filter on runs. It is closed, too. */
export const holdFilter = named('HoldFilter', 'All runs that fit, also those that come.', () =>
  object<HoldFilter>(membersOf(holdFilterParameters), { isClosed: true }),
)

/** The schema of the answer of one run to a verb. */
export const controlled = named('Controlled', 'The answer of one run to a verb.', () =>
  object<Controlled>({
    id: nullable(text()),
    answer,
    state: nullable(words(states)),
    tombstoneUntil: nullable(instant()),
    heldBy: optional(
      object<NonNullable<Controlled['heldBy']>>({
        holdId: nullable(text()),
        workflowId: nullable(text()),
        parentId: optional(text()),
      }),
    ),
  }),
)

/** The schema of the answer of one run that was to be tried again. */
export const retried = named(
  'Retried',
  'The answer of one run that was to be tried again; `newId` is that of the new run.',
  () =>
    object<Retried>({
      id: text(),
      answer: words<Retried['answer']>({
        retried: true,
        'not-final': true,
        'not-found': true,
        'is-member': true,
        'is-child': true,
        'no-rollback': true,
        'rolling-back': true,
        'rolled-back': true,
      }),
      newId: nullable(text()),
      hint: nullable(text()),
    }),
)

/** The schema of the answer of one run to a signal. */
export const sent = named('Sent', 'The answer of one run to a signal.', () =>
  object<Sent>({
    runId: nullable(text()),
    callId: text(),
    answer,
    position: nullable(integer()),
  }),
)

/** The schema of a hold: a verb that stands for all runs of a filter. */
export const hold = named('Hold', 'A verb that stands for all runs of a filter.', () =>
  object<Hold>({
    id: text(),
    verb: words<Hold['verb']>(['pause', ...stopVerbs]),
    filter: holdFilter,
    reason: nullable(text()),
    by: nullable(text()),
    createdAt: instant(),
    until: nullable(instant()),
    rollback: flag(),
  }),
)

const requestedBy = {
  callId: text(),
  reason: nullable(text()),
  by: nullable(text()),
  origin: nullable(text()),
}

/** The schema of a bulk operation: a verb on all runs of a filter, with how far it is. */
export const bulk = named('Bulk', 'A verb on all runs of a filter, and how far it is.', () =>
  object<Bulk>({
    ...requestedBy,
    verb: words<Bulk['verb']>([...stopVerbs, 'pause', 'resume', 'signal']),
    filter: runFilter,
    createdAt: instant(),
    finishedAt: nullable(instant()),
    totalCount: count(),
    doneCount: count(),
    counts: answerCounts,
    aborted: nullable(
      object<BulkAbort>({ reason: nullable(text()), by: nullable(text()), at: instant() }),
    ),
  }),
)

/** The schema of a preview: how many runs a verb on a filter would be for, and which answers it would get. */
export const preview = named('Preview', 'The answers that a verb on a filter would get.', () =>
  object<Preview>({
    verb: words(previewVerbs),
    filter: runFilter,
    totalCount: count(),
    counts: countsOf(states),
    answers: answerCounts,
  }),
)

/** The schema of one row of the record: a signal, a verb, a hold or the lifting of one, with its outcome. */
export const signalEntry = named('SignalEntry', 'One request as it stands on record.', () =>
  object<SignalEntry>({
    ...requestedBy,
    position: integer(),
    kind: words(signalKinds),
    name: text(),
    runId: nullable(text()),
    target: nullable(record(anything())),
    payload: anything(),
    createdAt: instant(),
    answer: nullable(answer),
    deliveredAt: nullable(instant()),
    attempt: nullable(count()),
    completedAt: nullable(instant()),
    reply: anything(),
    error: nullable(errorRecord),
  }),
)

/** The schema of a page of the audit log; `cursor` is null on the last page. */
export const auditPage = named('AuditPage', 'A page of the audit log.', () =>
  object<AuditPage>({ entries: list(signalEntry), cursor: nullable(text()) }),
)

/** The schema of a tombstone: a verb that waits for an id or a key that does not exist yet. */
export const tombstone = named('Tombstone', 'A verb that waits for an id or a key.', () =>
  object<Tombstone>({
    kind: words<Tombstone['kind']>({ id: true, key: true }),
    value: text(),
    task: nullable(text()),
    verb: words(stopVerbs),
    reason: nullable(text()),
    by: nullable(text()),
    createdAt: instant(),
    expiresAt: instant(),
  }),
)

/** The schema of a worker, with its lease (`leaseMs` and `leaseLeftMs`, ms) and the tasks that it knows. */
export const worker = named('Worker', 'A worker, its lease, and the tasks that it knows.', () =>
  object<WorkerRecord>({
    id: text(),
    host: text(),
    pid: integer(),
    queues: list(text()),
    tasks: record(
      object<WorkerRecord['tasks'][string]>({
        isolation: text(),
        maxCrashes: count(),
        rollbackOn: optional(list(words(rollbackCauses))),
        kill: optional(killWay),
      }),
    ),
    version: text(),
    leaseMs: count(),
    startedAt: instant(),
    leaseLeftMs: number(),
    heldCount: count(),
  }),
)

/** The schema of one finding of a store about its own health. */
export const finding = named('Finding', 'One finding of a store about its own health.', () =>
  object<Finding>({
    name: text(),
    level: words<Finding['level']>({ ok: true, warning: true, error: true }),
    message: text(),
    hint: optional(text()),
  }),
)
