/**
 * Events through the machine.
 *
 * There is one way for a run to change: load it, let `decide` say what the event does, write the facts and the feed
 * entry, and wake what waited for its end, all in one transaction. The commonest event, a run that completes while
 * nothing was asked of it, takes a shortcut of one set-based statement whose guards are the machine's conditions; what
 * the guards leave over takes the long way. The matrix test holds the two against each other.
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

/** The workflows of members are held before their runs, by all who complete them: else two could wait for each other. */
async function holdWorkflows(tx: Tx, calls: readonly RunEventCall[]): Promise<void> {
  const ids = new Set(calls.flatMap(({ member }) => (member ? [member.workflow] : [])))
  if (ids.size > 0) await tx.run('workflowsToChange', [[...ids]])
}

/** Neighbours that can take the same way, in order. */
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

/** A signal may have come between the handler's decision to wait for it and now. */
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

/** The signals that a handler is through with, or has taken before; what is written with this is not stored yet. */
function dealtWith({ event }: RunEventCall): readonly WaitOutcome[] {
  const saved = event.type === 'checkpoint' ? event : 'saved' in event ? event.saved : undefined
  const taken = event.type === 'wait' ? [...event.done, ...(event.taken ?? [])] : []
  return [...taken, ...(saved?.signals ?? []).map(({ position }) => position)]
}

/** A run that completes, with its place: `seq` comes with the claim. */
function isCompletion({ event, seq }: RunEventCall): boolean {
  return event.type === 'complete' && seq !== undefined && event.saved === undefined
}

/** Completions and nothing else, without a transaction around the one statement. Null for what must go the long way. */
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

/** The shortcut; what its guards leave over goes the long way. */
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

/** Of several completions of one run the first counts; a statement would take any of them. */
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
  return [[seq, runId, event.fence.attempt, event.fence.workerId, event.result, now]]
}

function memberEndOf({ runId: id, member, event }: RunEventCall): MemberEnd[] {
  if (!member || event.type !== 'complete') return []
  const run = { id, task: '', result: event.result, error: null, stop: null, rollback: null }
  return [{ ...member, state: 'completed', wasReached: true, run }]
}

function completeEntry({ seq = 0, event }: RunEventCall, now: number): FeedRow[] {
  if (event.type !== 'complete') return []
  const { attempt } = event.fence
  return [{ seq, at: now, type: 'complete', attempt, state: 'completed', data: null }]
}
