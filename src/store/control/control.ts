/** Verbs on runs, by ids, by a key or by a filter. */
import { checkedFilter, statesOf } from '../../core/filter.ts'
import { prevented } from '../../core/run/decision.ts'
import { type State, idleStates, isStopVerb } from '../../core/run/transitions.ts'
import { Changes, loadRuns } from '../changes/changes.ts'
import type { MemberEnd } from '../changes/ends.ts'
import { afterEnds, writeChanges } from '../runs/after-ends.ts'
import type { Tx } from '../driver/driver.ts'
import { writeFeed } from '../journal/feed.ts'
import { eventOf, verbFor } from './verb-events.ts'
import { type KeeperOf, keeperOf } from './keepers-of-pauses.ts'
import { leaveTombstones } from '../runs/tombstones.ts'
import { type Entry, isRecorded, nameOf, note, noteAtOnce, placeOf } from '../journal/audit-log.ts'
import type { FeedRow } from '../rows/feed.ts'
import { type MatchedRun, matchedRun, runOf, type SeqRun } from '../rows/runs.ts'
import type { Controlled, Target } from '../store.ts'
import { type Row, matchParams } from '../driver/sql.ts'
import type { Asked } from '../port/requests.ts'

function useUp(tx: Tx, places: readonly string[][]): void {
  for (const place of places) tx.send('deleteTombstone', [place])
}

/** A verb that is asked of one run by its id. */
export interface AskedOfId {
  readonly id: string
  readonly asked: Asked
}

/** Applies verbs to runs by id, and leaves tombstones for ids that do not exist. One answer each, in order. */
export async function controlIds(
  tx: Tx,
  calls: readonly AskedOfId[],
): Promise<readonly Controlled[]> {
  const ids = [...new Set(calls.map(({ id }) => id))]
  // The record is read after the runs are locked: a transaction with the same call has then been committed, and is seen.
  const [runs, before] = await Promise.all([loadRuns(tx, ids), askedBefore(tx, calls)])
  const changes = new Changes(tx.now(), runs)
  const isNew = ({ id, asked }: AskedOfId): boolean => !before.has(placeOf(asked.callId, id))
  const fresh = calls.filter(isNew)
  useUp(
    tx,
    calls.flatMap(({ id, asked }) => (asked.isAgain && changes.get(id) ? [['id', '', id]] : [])),
  )
  const missing = fresh.filter(({ id }) => !changes.get(id))
  const places = missing.map(({ id, asked }) => ({
    place: { kind: 'id', task: '', value: id } as const,
    asked,
  }))
  const [until, keeper] = await Promise.all([
    leaveTombstones(tx, places),
    keeperOf(tx, runs, calls.some(isResume)),
  ])
  const answers = calls.map(({ id, asked }): Controlled => {
    const old = before.get(placeOf(asked.callId, id))
    const state = changes.get(id)?.state ?? null
    if (old !== undefined) return { id, answer: old, state, tombstoneUntil: null }
    if (changes.get(id)) return controlOne(changes, { id, asked }, keeper)
    return { id, answer: 'not-found', state: null, tombstoneUntil: until.get(id) ?? null }
  })
  await writeChanges(tx, changes)
  note(
    tx,
    calls.flatMap((call, at) => {
      const { id, asked } = call
      const answered = answers[at]
      return answered && isNew(call)
        ? [controlEntry(asked, answered, changes.get(id) ?? { id })]
        : []
    }),
  )
  return answers
}

/** The answers that the same calls have had before, by call and run (`placeOf`). */
async function askedBefore(
  tx: Tx,
  calls: readonly AskedOfId[],
): Promise<ReadonlyMap<string, Controlled['answer']>> {
  const wanted = calls.map(({ id, asked }) => [asked.callId, id])
  const rows = await tx.each('signalsOfCalls', wanted)
  const found = rows.filter(({ kind, answer }) => kind === 'control' && answer !== 'not-found')
  return new Map(
    found.map((row) => [
      placeOf(row['call_id'], row['run_id']),
      row['answer'] as Controlled['answer'],
    ]),
  )
}

function controlEntry(
  asked: Asked,
  { answer, tombstoneUntil }: Controlled,
  run: (Pick<SeqRun, 'id'> & Partial<SeqRun>) | null,
): Entry {
  // A verb that another one in the same turn has taken back leaves no intent: it is over.
  const isRollingBack = run?.rollback?.state === 'pending' && answer === 'prevented'
  const isOver = !isRollingBack && (answer !== 'requested' || run?.intent == null)
  const payload = tombstoneUntil === null ? null : JSON.stringify({ tombstoneUntil })
  const at = run && { id: run.id, seq: run.seq ?? null }
  return { asked, kind: 'control', name: nameOf(asked), run: at, answer, isOver, payload }
}

/** Applies a verb to the run that holds a key, or leaves a tombstone for the next run that would hold it. */
export async function controlKey(
  tx: Tx,
  { task, key, asked }: { readonly task: string; readonly key: string; readonly asked: Asked },
): Promise<Controlled> {
  const [[row], [before]] = await Promise.all([
    tx.each('keyHolderToChange', [[task, key]]),
    tx.run('answerOfCall', [asked.callId, 'control']),
  ])
  if (before) return answeredBefore(tx, before)
  if (!row) {
    const places = [{ place: { kind: 'key', task, value: key } as const, asked }]
    const until = await leaveTombstones(tx, places)
    const tombstoneUntil = until.get(key) ?? null
    const answer = { id: null, answer: 'not-found', state: null, tombstoneUntil } as const
    if (!asked.isAgain) note(tx, [{ ...controlEntry(asked, answer, null), target: { task, key } }])
    return answer
  }
  const run = runOf(row)
  if (asked.isAgain) useUp(tx, [['key', task, key]])
  const changes = new Changes(tx.now(), [run])
  const keeper = await keeperOf(tx, [run], isResume({ asked }))
  const answer = controlOne(changes, { id: run.id, asked }, keeper)
  await writeChanges(tx, changes)
  const after = changes.get(run.id) ?? run
  note(tx, [{ ...controlEntry(asked, answer, after), target: { task, key } }])
  return answer
}

/** The answer to a call that was made before: about the run of that time, also where another run holds the key by now. */
async function answeredBefore(tx: Tx, before: Row): Promise<Controlled> {
  const id = String(before['run_id'])
  const [run] = await loadRuns(tx, [id])
  const answer = before['answer'] as Controlled['answer']
  return { id, answer, state: run?.state ?? null, tombstoneUntil: null }
}

interface OfFilter {
  readonly matched: readonly MatchedRun[]
  /** The states that the filter wants; empty for any. */
  readonly wanted: readonly State[]
  readonly asked: Asked
}

/**
 * Applies a verb to some of the runs that a filter has found. Runs that have left the wanted states meanwhile are left alone. Most
 * runs that are stopped this way have not started. For them there is a shortcut (`preventAll`); the runs that do not meet its conditions
 * go through the machine.
 */
export async function controlMatched(
  tx: Tx,
  { matched, wanted, asked }: OfFilter,
): Promise<readonly Controlled[]> {
  const isDone = isStopVerb(asked.verb) ? await preventAll(tx, { matched, wanted, asked }) : []
  const done = matched
    .filter((_, at) => isDone[at])
    .map(({ id }): Controlled => {
      return { id, answer: 'prevented', state: 'cancelled', tombstoneUntil: null }
    })
  const left = matched.filter((_, at) => !isDone[at])
  if (left.length === 0) return done
  const found = (await tx.run('runsBySeqToChange', [left.map(({ seq }) => seq)])).map(runOf)
  const ids = new Set(left.map(({ id }) => id))
  const runs = found.filter(
    ({ id, state }) => ids.has(id) && (wanted.length === 0 || wanted.includes(state)),
  )
  const changes = new Changes(tx.now(), runs)
  // The record has one row for all of these runs: the entry in the feed of each names the call.
  changes.callId = asked.callId
  changes.isUnreachable = asked.isUnreachable === true
  const keeper = await keeperOf(tx, runs, isResume({ asked }))
  const answers = runs.map(({ id }) => controlOne(changes, { id, asked }, keeper))
  await writeChanges(tx, changes)
  return [...done, ...answers]
}

/** Applies any verb to any target as part of a transaction, however many runs a filter finds. */
export async function controlWithin(
  tx: Tx,
  { target, asked }: { readonly target: Target; readonly asked: Asked },
): Promise<readonly Controlled[]> {
  if ('ids' in target) {
    const calls = target.ids.map((id) => ({ id, asked }))
    return controlIds(tx, calls)
  }
  if ('key' in target) return [await controlKey(tx, { ...target, asked })]
  const filter = checkedFilter(target.filter)
  if (await isRecorded(tx, asked.callId)) return []
  const sql = tx.statements.filterSql(filter)
  const matched = (await tx.all(tx.statements.matchRuns(sql), matchParams(sql))).map(
    matchedRun.read,
  )
  const answers = await controlMatched(tx, { matched, wanted: statesOf(filter), asked })
  noteAtOnce(tx, { asked, name: nameOf(asked), filter, answers })
  return answers
}

/** Cancels the runs that have not started, without reading them. @returns of each whether it did. */
async function preventAll(
  tx: Tx,
  { matched, wanted, asked }: OfFilter,
): Promise<readonly boolean[]> {
  const { verb, reason, by, rollback } = asked
  const now = tx.now()
  const states = idleStates.filter((state) => wanted.length === 0 || wanted.includes(state))
  if (!isStopVerb(verb) || states.length === 0) return []
  const stop = prevented(verb, { reason, by }, now)
  const record = JSON.stringify(stop)
  // A run that has started and is to be rolled back goes the long way: -1 is an attempt that no run has.
  const sets = matched.map(({ seq, id, attempt }) => {
    return [seq, id, rollback && attempt > 0 ? -1 : attempt, record, now]
  })
  // Where a workflow stops its own members, nothing comes of their end. Elsewhere a member takes the long way, for its workflow may go on.
  const whose = asked.running === undefined ? 'no members' : 'members too'
  const isDone = await tx.changeBySql(tx.statements.preventRuns(states, whose), sets)
  const done = matched.filter((_, at) => isDone[at])
  const data = JSON.stringify({ reason, by, stop, answer: 'prevented' })
  writeFeed(
    tx,
    done.map(({ seq, attempt }): FeedRow => {
      return { seq, at: now, type: verb, attempt, state: 'cancelled', data, callId: asked.callId }
    }),
  )
  const without = { task: '', result: null, error: null, stop, rollback: null }
  const end = { state: 'cancelled', wasReached: false } as const
  const isUnreachable = asked.isUnreachable === true
  const members = done.flatMap(({ id, workflow, node }): MemberEnd[] =>
    workflow === null || node === null
      ? []
      : [{ workflow, node, ...end, isUnreachable, run: { id, ...without } }],
  )
  const stopped = done.flatMap(({ id, attempt }) => (attempt > 0 ? [{ ...asked, verb, id }] : []))
  await afterEnds(tx, { ended: done.map(({ id }) => id), members, stopped })
  return isDone
}

const isResume = ({ asked }: Pick<AskedOfId, 'asked'>): boolean => asked.verb === 'resume'

function controlOne(
  changes: Changes,
  { id, asked: given }: AskedOfId,
  keeper: KeeperOf,
): Controlled {
  const run = changes.get(id)
  // A run that is being rolled back stays a member, for its workflow waits for the end of that.
  if (given.running === 'detach' && run?.state === 'running' && run.rollback === null) {
    changes.detach(id)
    return { id, answer: 'done', state: run.state, tombstoneUntil: null }
  }
  const verb = verbFor(run, given)
  // A run that may finish keeps its children.
  const policy = verb === given.verb ? {} : { children: given.children ?? 'detach' }
  const asked = { ...given, verb, ...policy }
  const keptBy = run === undefined ? null : keeper(run)
  const { answer } = changes.decide(id, eventOf(asked, changes.now, keptBy))
  const controlled = { id, answer, state: changes.get(id)?.state ?? null, tombstoneUntil: null }
  if (answer !== 'held' || keptBy === null) return controlled
  return { ...controlled, heldBy: { holdId: keptBy.holdId, workflowId: keptBy.workflowId } }
}
