/**
 * Events through the machine.
 *
 * There is one way for a run to change: load it, let `decide` say what the event does, write the facts and the feed
 * entry, and wake what waited for its end, all in one transaction. The commonest event, a run that completes while
 * nothing was asked of it, takes a shortcut of one set-based statement whose guards are the machine's conditions; what
 * the guards leave over takes the long way. The matrix test holds the two against each other.
 */
import { CheckreinError } from '../core/errors.ts'
import type { MachineEvent } from '../core/events.ts'
import type { Answer, Decision } from '../core/decision.ts'
import { decide } from '../core/machine.ts'
import type { RunFacts } from '../core/run.ts'
import { isFinal } from '../core/transitions.ts'
import type { Driver, Param, Statements, Tx } from './driver.ts'
import { trimFeed, writeFeed } from './feed.ts'
import { type FeedRow, runOf, type SeqRun, updateOf } from './rows.ts'
import type { RunEventCall } from './store.ts'

/** Runs that were loaded, as they will be, with what is to be written about them. */
export class Changes {
  readonly #was = new Map<string, RunFacts>()
  readonly #is = new Map<string, SeqRun>()
  readonly #feed: FeedRow[] = []
  readonly #now: number

  constructor(now: number, runs: readonly SeqRun[]) {
    this.#now = now
    for (const run of runs) this.add(run)
  }

  add(run: SeqRun): void {
    if (!this.#is.has(run.id)) this.#is.set(run.id, run)
  }

  get(id: string): SeqRun | undefined {
    return this.#is.get(id)
  }

  /** Lets the machine decide, and notes what came of it. The run must have been loaded. */
  decide(id: string, event: MachineEvent): Decision {
    const run = this.#is.get(id)
    if (!run) throw new CheckreinError('INTERNAL', { message: `run ${id} was not loaded` })
    const decision = decide(run, event, this.#now)
    const next = decision.run ?? run
    if (decision.run) this.#set(run, { ...run, ...decision.run })
    if (decision.run || isControl(event))
      this.#note(event, { ...run, ...next }, { ...decision.data, ...answerOf(decision, event) })
    return decision
  }

  /** Takes the key from a run, so that another may hold it. */
  dropKey(id: string): void {
    const run = this.#is.get(id)
    if (run) this.#set(run, { ...run, holdsKey: false })
  }

  #set(old: SeqRun, run: SeqRun): void {
    if (!this.#was.has(old.id)) this.#was.set(old.id, old)
    this.#is.set(old.id, isFinal(run.state) ? { ...run, holdsKey: false } : run)
  }

  #note({ type }: MachineEvent, { seq, attempt, state }: SeqRun, data: Decision['data']): void {
    const json = JSON.stringify(data)
    this.#feed.push([seq, this.#now, type, attempt, state, json === '{}' ? null : json])
  }

  /** Writes everything, and wakes the runs that waited for one that has ended. All is sent before any answer is waited for. */
  async write(tx: Tx, statements: Statements): Promise<void> {
    const changed = [...this.#was].map(([id, old]) => ({ old, run: this.#is.get(id) }))
    const updates = changed.flatMap(({ old, run }) => (run ? [updateOf(run, old)] : []))
    const written = updates.length > 0 ? tx.change(statements.updateRuns, updates) : []
    for (const { old, run } of changed) if (run) tellOf(tx, old, run)
    writeFeed(tx, statements, this.#feed)
    const reported = this.#feed.flatMap(([seq, , type]) => (type === 'progress' ? [seq] : []))
    trimFeed(tx, statements, { type: 'progress', seqs: new Set(reported) })
    const woken = this.#wake(tx, statements, changed)
    const [isWritten] = await Promise.all([written, woken])
    if (isWritten.includes(false)) {
      throw new CheckreinError('INTERNAL', { message: 'a run changed under its own transaction' })
    }
  }

  async #wake(tx: Tx, statements: Statements, changed: readonly Changed[]): Promise<void> {
    const ended = changed.flatMap(({ run }) => (run && isFinal(run.state) ? [run.id] : []))
    const begun = changed.flatMap(({ old, run }) =>
      run?.waitsFor && run.waitsFor !== old.waitsFor ? [run.waitsFor] : [],
    )
    await wakeThoseWaitingFor(tx, statements, [
      ...ended,
      ...(await overAlready(tx, statements, begun)),
    ])
  }
}

interface Changed {
  readonly old: RunFacts
  readonly run: SeqRun | undefined
}

/** Who must hear of a change at once: the worker of a run that something was asked of, or any that may claim it. */
function tellOf(tx: Tx, old: RunFacts, run: SeqRun): void {
  if (run.intent !== null && run.intent !== old.intent) tx.tell('control')
  if (isComing(run) && run.state !== old.state) tx.tell('work')
  if (isFinal(run.state)) tx.tell('end')
}

/** Waits for a worker, or will at a time that somebody has to know. */
const isComing = ({ state }: RunFacts): boolean => state === 'queued' || state === 'scheduled'

const isControl = (event: MachineEvent): boolean => 'reason' in event

function answerOf(decision: Decision, event: MachineEvent): { answer?: Answer } {
  return isControl(event) ? { answer: decision.answer } : {}
}

/** Runs by their ids, held until the transaction ends. */
export async function loadRuns(
  tx: Tx,
  statements: Statements,
  ids: readonly string[],
): Promise<readonly SeqRun[]> {
  return (await tx.all(statements.runsToChange, [ids])).map(runOf)
}

/**
 * Those of the ids whose runs are final: nothing that begins to wait for them would ever hear of their end. On PostgreSQL a
 * completion under way sees that somebody waits where the row has changed meanwhile, and not where it was only held: whoever
 * begins to wait for a run that may complete at any time, without an intent, must change its row.
 */
async function overAlready(
  tx: Tx,
  statements: Statements,
  ids: readonly string[],
): Promise<readonly string[]> {
  if (ids.length === 0) return []
  return (await loadRuns(tx, statements, ids)).flatMap(({ id, state }) =>
    isFinal(state) ? [id] : [],
  )
}

export async function wakeThoseWaitingFor(
  tx: Tx,
  statements: Statements,
  ended: readonly string[],
): Promise<void> {
  if (ended.length === 0) return
  await wake(tx, statements, (await tx.all(statements.waitingForToChange, [ended])).map(runOf))
}

async function wake(tx: Tx, statements: Statements, waiting: readonly SeqRun[]): Promise<void> {
  if (waiting.length === 0) return
  const changes = new Changes(tx.now(), waiting)
  for (const run of waiting) changes.decide(run.id, { type: 'wake' })
  await changes.write(tx, statements)
}

/** Applies events in order; one answer each. An event for a run that does not exist is `stale`. */
export async function applyEvents(
  tx: Tx,
  statements: Statements,
  calls: readonly RunEventCall[],
): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  for (const segment of segments(calls)) {
    const isShort = segment.every(isCompletion)
    answers.push(
      ...(await (isShort
        ? completeAll(tx, statements, segment)
        : applyEach(tx, statements, segment))),
    )
  }
  return answers
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

async function applyEach(
  tx: Tx,
  statements: Statements,
  calls: readonly RunEventCall[],
): Promise<readonly Answer[]> {
  const ids = [...new Set(calls.map(({ runId }) => runId))]
  const changes = new Changes(tx.now(), await loadRuns(tx, statements, ids))
  const answers = calls.map(({ runId, event }) =>
    changes.get(runId) ? changes.decide(runId, event).answer : 'stale',
  )
  await changes.write(tx, statements)
  return answers
}

/** A run that completes, with its place: `seq` comes with the claim. */
function isCompletion({ event, seq }: RunEventCall): boolean {
  return event.type === 'complete' && seq !== undefined
}

/** Completions and nothing else, without a transaction around the one statement. Null for what must go the long way. */
export async function completeAlone(
  driver: Driver,
  calls: readonly RunEventCall[],
): Promise<readonly (Answer | null)[] | null> {
  if (!calls.every(isCompletion)) return null
  const now = driver.now()
  const isDone = await driver.completeAlone(calls.flatMap((call) => completionOf(call, now)))
  return isDone ? isDone.map((done) => (done ? 'done' : null)) : null
}

/** The shortcut; what its guards leave over goes the long way. */
async function completeAll(
  tx: Tx,
  statements: Statements,
  calls: readonly RunEventCall[],
): Promise<readonly Answer[]> {
  const now = tx.now()
  const sets = calls.flatMap((call) => completionOf(call, now))
  const ids = calls.map(({ runId }) => runId)
  const [isDone, waiting] = await Promise.all([
    tx.change(statements.completeRuns, sets),
    tx.all(statements.waitingForToChange, [ids]),
  ])
  const completed = calls.filter((_, at) => isDone[at])
  const feed = completed.flatMap((call) => completeEntry(call, now))
  writeFeed(tx, statements, feed)
  if (completed.length > 0) tx.tell('end')
  const ended = new Set(completed.map(({ runId }) => runId))
  await wake(
    tx,
    statements,
    waiting.map(runOf).filter(({ waitsFor }) => ended.has(waitsFor ?? '')),
  )
  const rest = calls.filter((_, at) => !isDone[at])
  const answers = rest.length === 0 ? [] : [...(await applyEach(tx, statements, rest))]
  return calls.map((_, at) => (isDone[at] ? 'done' : (answers.shift() ?? 'stale')))
}

function completionOf({ runId, seq = 0, event }: RunEventCall, now: number): Param[][] {
  if (event.type !== 'complete') return []
  return [[seq, runId, event.fence.attempt, event.fence.workerId, event.result, now]]
}

function completeEntry({ seq = 0, event }: RunEventCall, now: number): FeedRow[] {
  return event.type === 'complete'
    ? [[seq, now, 'complete', event.fence.attempt, 'completed', null]]
    : []
}
