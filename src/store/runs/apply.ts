/**
 * Applies the events that workers and keepers report.
 *
 * An event goes the one way for a run to change (`store/changes/changes.ts`): the run is loaded, the machine decides, and everything is
 * written in one transaction. The commonest event, a run that completes while nothing was asked of it, takes a shortcut: one
 * statement for many runs, whose conditions are those under which the machine would decide the same. The runs that do not meet
 * them take the long way.
 */
import type { Answer } from '../../core/run/decision.ts'
import type { WaitOutcome } from '../../core/run/run.ts'
import { Changes, loadRuns } from '../changes/changes.ts'
import type { MemberEnd } from '../changes/ends.ts'
import { afterEnds, writeChanges } from './after-ends.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import { writeFeed } from '../journal/feed.ts'
import type { FeedRow } from '../rows/feed.ts'
import { runOf } from '../rows/runs.ts'
import type { RunEventCall } from '../store.ts'
import type { Param, Row } from '../driver/sql.ts'

/** Applies events in order; one answer each. An event for a run that does not exist is `stale`. */
export async function applyEvents(
  tx: Tx,
  calls: readonly RunEventCall[],
): Promise<readonly Answer[]> {
  await holdWorkflows(tx, calls)
  const answers: Answer[] = []
  for (const segment of segments(calls)) {
    const isShort = segment.every(isCompletion)
    answers.push(...(await (isShort ? completeAll(tx, segment) : applyEach(tx, segment))))
  }
  return answers
}

/** Locks the workflows of members before their runs. All who complete members do it in this order, or two of them could wait for each other. */
async function holdWorkflows(tx: Tx, calls: readonly RunEventCall[]): Promise<void> {
  const ids = new Set(calls.flatMap(({ member }) => (member ? [member.workflow] : [])))
  if (ids.size > 0) await tx.run('workflowsToChange', [[...ids]])
}

/** The calls in order, neighbours that can take the same way together. */
function segments(calls: readonly RunEventCall[]): RunEventCall[][] {
  const all: RunEventCall[][] = []
  let wasShort: boolean | null = null
  for (const call of calls) {
    const isShort = isCompletion(call)
    if (isShort === wasShort) all.at(-1)?.push(call)
    else all.push([call])
    wasShort = isShort
  }
  return all
}

async function applyEach(tx: Tx, calls: readonly RunEventCall[]): Promise<readonly Answer[]> {
  const ids = [...new Set(calls.map(({ runId }) => runId))]
  const changes = new Changes(tx.now(), await loadRuns(tx, ids))
  const answers = calls.map(({ runId, event }) =>
    changes.get(runId) ? changes.decide(runId, event).answer : 'stale',
  )
  const accepted = calls.filter((_, at) => answers[at] === 'done')
  await wakeWhatWasSignalled(tx, { changes, accepted })
  await writeChanges(tx, changes)
  return answers
}

/** Wakes the runs that have begun to wait for a signal which came between the handler's decision to wait and now. */
async function wakeWhatWasSignalled(
  tx: Tx,
  { changes, accepted }: { readonly changes: Changes; readonly accepted: readonly RunEventCall[] },
): Promise<void> {
  const waits = accepted.filter(({ event }) => event.type === 'wait')
  const sets = waits.flatMap(({ runId }): Param[][] => {
    const { seq, signalled = null, wait } = changes.get(runId) ?? {}
    return seq === undefined || signalled === null || wait?.signal == null
      ? []
      : [[seq, wait.signal]]
  })
  if (sets.length === 0) return
  const pending = await tx.each('pendingSignals', sets)
  const through = new Set<WaitOutcome>(accepted.flatMap(dealtWith))
  for (const { runId } of waits) {
    const seq = changes.get(runId)?.seq
    const isOpen = (row: Row): boolean =>
      Number(row['run_seq']) === seq && !through.has(Number(row['position']))
    if (pending.some(isOpen)) changes.decide(runId, { type: 'wake', by: 'signal' })
  }
}

/** The positions of the signals that a handler is through with, or has taken before: the record does not have that yet. */
function dealtWith({ event }: RunEventCall): readonly WaitOutcome[] {
  const saved = event.type === 'checkpoint' ? event : 'saved' in event ? event.saved : undefined
  const taken = event.type === 'wait' ? [...event.done, ...(event.taken ?? [])] : []
  return [...taken, ...(saved?.signals ?? []).map(({ position }) => position)]
}

/** Whether the call is a completion that the shortcut can take: with the `seq` of the claim, and nothing to save. */
function isCompletion({ event, seq }: RunEventCall): boolean {
  return event.type === 'complete' && seq !== undefined && event.saved === undefined
}

/** Writes completions without a transaction around the one statement. @returns null where it cannot be done; a null for each call that must go the long way. */
export async function completeAlone(
  driver: Driver,
  calls: readonly RunEventCall[],
): Promise<readonly (Answer | null)[] | null> {
  if (!calls.every((call) => isCompletion(call) && !call.member)) return null
  if (firstOf(calls).length < calls.length) return null
  const now = driver.now()
  const isDone = await driver.completeAlone(calls.flatMap((call) => completionOf(call, now)))
  return isDone ? isDone.map((done) => (done ? 'done' : null)) : null
}

/** The shortcut; the runs that do not meet its conditions go the long way. */
async function completeAll(tx: Tx, calls: readonly RunEventCall[]): Promise<readonly Answer[]> {
  const now = tx.now()
  const firsts = firstOf(calls)
  const sets = firsts.flatMap((call) => completionOf(call, now))
  const ids = firsts.map(({ runId }) => runId)
  const [isDone, waiting] = await Promise.all([
    tx.change('completeRuns', sets),
    tx.run('waitingForToChange', [ids]),
  ])
  const completed = firsts.filter((_, at) => isDone[at])
  const feed = completed.flatMap((call) => completeEntry(call, now))
  writeFeed(tx, feed)
  const ended = new Set(completed.map(({ runId }) => runId))
  await afterEnds(tx, {
    ended: [...ended],
    waiting: waiting.map(runOf).filter(({ waitsFor }) => ended.has(waitsFor ?? '')),
    members: completed.flatMap(memberEndOf),
    stopped: [],
  })
  const done = new Set(completed)
  const rest = calls.filter((call) => !done.has(call))
  const answers = rest.length === 0 ? [] : [...(await applyEach(tx, rest))]
  return calls.map((call) => (done.has(call) ? 'done' : (answers.shift() ?? 'stale')))
}

/** The first completion of each run and attempt: of several, the statement would take any. */
function firstOf(calls: readonly RunEventCall[]): readonly RunEventCall[] {
  const places = new Set<string>()
  return calls.filter(({ runId, event }) => {
    const fence = 'fence' in event ? `${event.fence.attempt} ${event.fence.workerId}` : ''
    const place = `${runId} ${fence}`
    return !places.has(place) && places.add(place)
  })
}

function completionOf({ runId, seq = 0, event }: RunEventCall, now: number): Param[][] {
  if (event.type !== 'complete') return []
  const { fence, result, startedAt = null } = event
  return [[seq, runId, fence.attempt, fence.workerId, result, now, startedAt]]
}

function memberEndOf({ runId: id, member, event }: RunEventCall): MemberEnd[] {
  if (!member || event.type !== 'complete') return []
  const run = { id, task: '', result: event.result, error: null, stop: null, rollback: null }
  return [{ ...member, state: 'completed', wasReached: true, isUnreachable: false, run }]
}

function completeEntry({ seq = 0, event }: RunEventCall, now: number): FeedRow[] {
  if (event.type !== 'complete') return []
  const { attempt } = event.fence
  return [{ seq, at: now, type: 'complete', attempt, state: 'completed', data: null }]
}
