/** The one way for a run to change: the machine decides, and what it says is written, with all that comes of it. */
import type { Answer, Decision } from '../../core/run/decision.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { MachineEvent } from '../../core/run/events.ts'
import { decide } from '../../core/run/machine.ts'
import { hasBegun, type RunFacts } from '../../core/run/run.ts'
import { isFinal, transitions } from '../../core/run/transitions.ts'
import { nextAwaited, stopChildren, stoppedBy, type StoppedParent } from './children.ts'
import type { Tx } from '../driver/driver.ts'
import { Effects } from './effects.ts'
import { trimFeed, writeFeed } from '../journal/feed.ts'
import { type FeedRow, runOf, type SeqRun, updateOf } from '../rows/runs.ts'
import { advance, type MemberEnd } from '../progress/advance.ts'

/** Runs that were loaded, as they will be, with what is to be written about them. */
export class Changes {
  readonly #was = new Map<string, RunFacts>()
  readonly #is = new Map<string, SeqRun>()
  readonly #feed: FeedRow[] = []
  readonly #ends: MemberEnd[] = []
  readonly #detached: number[] = []
  readonly #stopped: StoppedParent[] = []
  /** Epoch ms. */
  readonly now: number
  readonly #effects: Effects

  constructor(now: number, runs: readonly SeqRun[]) {
    this.now = now
    this.#effects = new Effects(now)
    for (const run of runs) this.add(run)
  }

  add(run: SeqRun): void {
    if (!this.#is.has(run.id)) this.#is.set(run.id, run)
  }

  get(id: string): SeqRun | undefined {
    return this.#is.get(id)
  }

  /** Lets the machine decide, and notes what came of it. The run must have been loaded. @param more what the feed says besides. */
  decide(id: string, event: MachineEvent, more: Decision['data'] = {}): Decision {
    const run = this.#is.get(id)
    if (!run) throw new CheckreinError('INTERNAL', { message: `run ${id} was not loaded` })
    const decision = decide(run, event, this.now)
    const next = decision.run ? { ...run, ...decision.run } : run
    if (decision.run) {
      this.#set(run, next)
      this.#effects.note(event, run, next)
      if (hasBegun(run)) this.#stopped.push(...stoppedBy(event, next))
    }
    if (decision.run || isControl(event))
      this.#note(event, next, { ...decision.data, ...answerOf(decision, event), ...more })
    return decision
  }

  /** Takes a run out of its workflow: it goes on by itself. */
  detach(id: string): void {
    const run = this.#is.get(id)
    if (run === undefined || run.workflow === null || run.node === null) return
    this.#detached.push(run.seq)
    this.#ends.push({
      ...endOf(run, run),
      workflow: run.workflow,
      node: run.node,
      state: 'detached',
    })
    this.#is.set(id, { ...run, workflow: null, node: null })
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
    this.#feed.push([seq, this.now, type, attempt, state, json === '{}' ? null : json])
  }

  /** Writes everything, and wakes the runs that waited for one that has ended. All is sent before any answer is waited for. */
  async write(tx: Tx): Promise<void> {
    const changed = [...this.#was].map(([id, old]) => ({ old, run: this.#is.get(id) }))
    const updates = changed.flatMap(({ old, run }) => (run ? [updateOf(run, old)] : []))
    const written = updates.length > 0 ? tx.change('updateRuns', updates) : []
    for (const { old, run } of changed) if (run) tellOf(tx, old, run)
    this.#effects.write(tx)
    writeFeed(tx, this.#feed)
    for (const type of ['progress', 'checkpoint'] as const) {
      const seqs = this.#feed.flatMap(([seq, , entry]) => (entry === type ? [seq] : []))
      trimFeed(tx, { type, seqs: new Set(seqs) })
    }
    if (this.#detached.length > 0) await tx.run('detachRuns', [this.#detached])
    const woken = this.#wake(tx, changed)
    const [isWritten] = await Promise.all([written, woken])
    if (isWritten.includes(false)) {
      throw new CheckreinError('INTERNAL', { message: 'a run changed under its own transaction' })
    }
    const ends = changed.flatMap(({ old, run }) => endsOf(old, run))
    await advance(tx, [...this.#ends, ...ends])
    await stopChildren(tx, this.#stopped)
  }

  async #wake(tx: Tx, changed: readonly Changed[]): Promise<void> {
    const ended = changed.flatMap(({ run }) => (run && isFinal(run.state) ? [run.id] : []))
    const begun = changed.flatMap(({ old, run }) =>
      run?.waitsFor && run.waitsFor !== old.waitsFor ? [run.waitsFor] : [],
    )
    await wakeThoseWaitingFor(tx, [...ended, ...(await overAlready(tx, begun))])
  }
}

/** A member that has ended by this. */
function endsOf(old: RunFacts, run: SeqRun | undefined): MemberEnd[] {
  if (run === undefined || run.workflow === null || run.node === null) return []
  const { workflow, node } = run
  return isFinal(run.state) && !isFinal(old.state) ? [{ ...endOf(old, run), workflow, node }] : []
}

function endOf(old: RunFacts, run: SeqRun): Omit<MemberEnd, 'workflow' | 'node'> {
  const isWaiting = old.state === 'waiting' || old.pausedFrom === 'waiting'
  return { state: run.state as MemberEnd['state'], wasReached: old.attempt > 0 || !isWaiting, run }
}

interface Changed {
  readonly old: RunFacts
  readonly run: SeqRun | undefined
}

/** Who must hear of a change at once: the worker of a run that something was asked of, or any that may claim it. */
function tellOf(tx: Tx, old: RunFacts, run: SeqRun): void {
  const isAsked = run.intent !== old.intent || run.signalled !== old.signalled
  if (run.state === 'running' && isAsked) tx.tell('control')
  if ((isComing(run) && run.state !== old.state) || isTimed(old, run)) tx.tell('work')
  if (isFinal(run.state)) tx.tell('end')
}

/** Waits for a worker, or will at a time that somebody has to know. */
const isComing = ({ state }: RunFacts): boolean => state === 'queued' || state === 'scheduled'

/** Has a new time at which it goes on by itself. */
const isTimed = (old: RunFacts, run: RunFacts): boolean =>
  (run.wakeAt !== null && run.wakeAt !== old.wakeAt) ||
  (run.resumeAt !== null && run.resumeAt !== old.resumeAt)

/** What a client asks is in the feed also where it changed nothing; not so what lifts a hold, of all that others have paused. */
const isControl = (event: MachineEvent): boolean =>
  transitions[event.type].by === 'client' && !(event.type === 'resume' && event.holdId !== null)

function answerOf(decision: Decision, event: MachineEvent): { answer?: Answer } {
  return isControl(event) ? { answer: decision.answer } : {}
}

/** Runs by their ids, held until the transaction ends. */
export async function loadRuns(tx: Tx, ids: readonly string[]): Promise<readonly SeqRun[]> {
  return (await tx.run('runsToChange', [ids])).map(runOf)
}

/**
 * Those of the ids whose runs are final: nothing that begins to wait for them would ever hear of their end. On PostgreSQL a
 * completion under way does not see who has just begun to wait, but it sees that the row has changed meanwhile: so the others
 * are marked, and their completion goes the long way, which looks again.
 */
async function overAlready(tx: Tx, ids: readonly string[]): Promise<readonly string[]> {
  if (ids.length === 0) return []
  const runs = await loadRuns(tx, ids)
  await tx.run('markAwaited', [ids])
  return runs.flatMap(({ id, state }) => (isFinal(state) ? [id] : []))
}

export async function wakeThoseWaitingFor(tx: Tx, ended: readonly string[]): Promise<void> {
  if (ended.length === 0) return
  await wake(tx, (await tx.run('waitingForToChange', [ended])).map(runOf))
}

/** Wakes runs whose wait for another is over. */
export async function wake(tx: Tx, waiting: readonly SeqRun[]): Promise<void> {
  if (waiting.length === 0) return
  const changes = new Changes(tx.now(), waiting)
  for (const run of waiting) {
    const next = await nextAwaited(tx, run)
    changes.decide(run.id, { type: 'wake', by: 'run', ...(next === null ? {} : { next }) })
  }
  await changes.write(tx)
}
