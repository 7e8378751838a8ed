/**
 * The one way for a run to change: the machine decides, and what it says is written, with all that comes of it.
 *
 * An event is given to `Changes.decide`, which asks the machine (`core/run/machine.ts`); `writeChanges` (`store/runs/after-ends.ts`)
 * writes the rows that changed, the entries of the feed, and what follows in other tables, and calls `afterEnds` for what comes of
 * the runs that have ended. Where thousands of runs take the same simple way, a statement changes them without reading them first. Such a
 * statement has conditions under which the machine would decide the same; the runs that do not meet them go through the machine. This is
 * the list of everything that writes the state of a run (`test/architecture.test.ts` compares it with the statements):
 *
 * | statement | where | why it is as good as the machine |
 * |---|---|---|
 * | `updateRuns` | `changes/changes.ts` | it writes what the machine decided, and fails where state or attempt are no longer those that were read |
 * | `completeRuns` | `runs/apply.ts` | `complete` of a run under its fence of which nothing was asked, that holds no key, that nobody awaits, and that has no signal, roll-back or wait: `completed`, and nothing else; then `afterEnds` |
 * | `completeAlone` | PostgreSQL, for `runs/apply.ts` | the same where no run waits for it and it is no member: then `afterEnds` has nothing to do |
 * | `preventRuns` | `control/control.ts` | a stop of a run that is in one of the states before `running`, in the attempt that was read, and has no signal and nothing to roll back: `cancelled`; then `afterEnds` |
 * | `claimRuns`, `claimAlone` | the driver's claim | `claim` of a run that is `queued` and has not expired: `running`, the next attempt, its worker; `store/claims/` asks the guards and writes the entries |
 * | `unstartRuns` | `claims/guards.ts` | takes back a claim of its own transaction, which nobody has seen: the run is as it was, and no entry was written |
 * | `startMembers` | `progress/starts.ts` | `wake` of a member that waits for its turn and of which nothing was asked, then `pause` where its workflow is paused |
 * | `startPlainHeads` | `progress/starts.ts` | the same `wake` for all heads of a group that take nothing from before and are due at once |
 * | `insertRuns`, `insertAdmittedRuns`, `insertPlainRuns`, `insertNewRuns`, `insertMembers` | `runs/enqueue.ts`, `progress/` | a new run; `runs/admission.ts` has said in which state it begins |
 *
 * `test/store/matrix.ts` gives every event to runs in every state, one by one and by a filter, and compares what each store then has
 * with what the machine says.
 */
import type { Answer, Decision } from '../../core/run/decision.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { MachineEvent } from '../../core/run/events.ts'
import { isByRequest } from '../../core/run/intent.ts'
import { decide } from '../../core/run/machine.ts'
import { hasBegun, type RunFacts } from '../../core/run/run.ts'
import { isFinal, transitions } from '../../core/run/transitions.ts'
import type { Tx } from '../driver/driver.ts'
import { trimFeed, writeFeed } from '../journal/feed.ts'
import type { FeedRow } from '../rows/feed.ts'
import { runOf, type SeqRun, updateOf } from '../rows/runs.ts'
import { Effects } from './effects.ts'
import {
  type Ends,
  type MemberEnd,
  stoppedBy,
  type StoppedParent,
  pausedBy,
  type PausedParent,
} from './ends.ts'

/** Changes that were sent to the database, and everything that must still be done because of them. */
export interface Sent {
  /** Settles when all of it is written. @throws {CheckreinError} `INTERNAL` where a run was no longer as it was read. */
  readonly written: Promise<void>
  /** The ids of the runs that others have begun to wait for. */
  readonly awaited: readonly string[]
  readonly ends: Ends
}

/** Runs that were loaded, as they will be after some events, and everything that is to be written about them. */
export class Changes {
  readonly #was = new Map<string, RunFacts>()
  readonly #is = new Map<string, SeqRun>()
  readonly #feed: FeedRow[] = []
  readonly #ends: MemberEnd[] = []
  readonly #detached: number[] = []
  readonly #stopped: StoppedParent[] = []
  readonly #paused: PausedParent[] = []
  /** The time of all these changes, epoch ms. */
  readonly now: number
  readonly #effects: Effects
  /** The id of the call on many runs that asks for all of it; null where no such call does. */
  callId: string | null = null
  /** Whether the runs are members that cannot be reached any more; see `MemberEnd`. */
  isUnreachable = false

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

  /** Lets the machine decide, and notes what came of it. The run must have been loaded. */
  decide(id: string, event: MachineEvent): Decision {
    const run = this.#is.get(id)
    if (!run) throw new CheckreinError('INTERNAL', { message: `run ${id} was not loaded` })
    const decision = decide(run, event, this.now)
    const next = decision.run ? { ...run, ...decision.run } : run
    if (decision.run) {
      this.#set(run, next)
      this.#effects.note(event, run, next)
      if (hasBegun(run)) this.#stopped.push(...stoppedBy(event, next))
      if (hasBegun(run)) this.#paused.push(...pausedBy(event, run, next))
    }
    if (decision.run || isControl(event))
      this.#note(event, next, { ...decision.data, ...answerOf(decision, event) })
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

  /** Notes which run tries the roll-back of this one again. */
  noteRetried(id: string, retriedAs: string): void {
    const run = this.#is.get(id)
    if (run?.rollback) this.#set(run, { ...run, rollback: { ...run.rollback, retriedAs } })
  }

  #set(old: SeqRun, run: SeqRun): void {
    if (!this.#was.has(old.id)) this.#was.set(old.id, old)
    this.#is.set(old.id, isFinal(run.state) ? { ...run, holdsKey: false } : run)
  }

  #note({ type }: MachineEvent, { seq, attempt, state }: SeqRun, data: Decision['data']): void {
    const json = JSON.stringify(data)
    const { now: at, callId } = this
    this.#feed.push({ seq, at, type, attempt, state, data: json === '{}' ? null : json, callId })
  }

  /**
   * Sends everything to the database without waiting for an answer. Only `writeChanges` calls this, which goes on with what has
   * ended, and `progress/starts.ts`, whose events end no run.
   */
  send(tx: Tx): Sent {
    const changed = [...this.#was].flatMap(([id, old]): Changed[] => {
      const run = this.#is.get(id)
      return run ? [{ old, run }] : []
    })
    const updates = changed.map(({ old, run }) => updateOf(run, old))
    const updated = updates.length > 0 ? tx.change('updateRuns', updates) : []
    for (const { old, run } of changed) tellOf(tx, old, run)
    this.#effects.write(tx)
    writeFeed(tx, this.#feed)
    for (const type of ['progress', 'checkpoint'] as const) {
      const seqs = this.#feed.flatMap((entry) => (entry.type === type ? [entry.seq] : []))
      trimFeed(tx, { type, seqs: new Set(seqs) })
    }
    const detached = this.#detached.length > 0 ? tx.run('detachRuns', [this.#detached]) : []
    const written = settled(updated, detached)
    written.catch(() => undefined)
    const ended = changed.flatMap(({ run }) => (isFinal(run.state) ? [run.id] : []))
    const ends = changed.flatMap(({ old, run }) => memberEndOf(old, run))
    const { isUnreachable } = this
    const members = [...this.#ends, ...ends.map((end) => ({ ...end, isUnreachable }))]
    const awaited = changed.flatMap(awaitedBy)
    return {
      written,
      awaited,
      ends: { ended, members, stopped: this.#stopped, paused: this.#paused },
    }
  }
}

async function settled(
  updated: readonly boolean[] | Promise<readonly boolean[]>,
  detached: unknown,
): Promise<void> {
  const [isWritten] = await Promise.all([updated, detached])
  if (isWritten.includes(false))
    throw new CheckreinError('INTERNAL', { message: 'a run changed under its own transaction' })
}

interface Changed {
  readonly old: RunFacts
  readonly run: SeqRun
}

/** The id of the run that this one has begun to wait for. */
function awaitedBy({ old, run }: Changed): readonly string[] {
  return run.waitsFor && run.waitsFor !== old.waitsFor ? [run.waitsFor] : []
}

/** The end of a member, where the run is one and has ended by this change. */
function memberEndOf(old: RunFacts, run: SeqRun): readonly MemberEnd[] {
  if (run.workflow === null || run.node === null) return []
  const { workflow, node } = run
  return isFinal(run.state) && !isFinal(old.state) ? [{ ...endOf(old, run), workflow, node }] : []
}

function endOf(old: RunFacts, run: SeqRun): Omit<MemberEnd, 'workflow' | 'node'> {
  const isWaiting = old.state === 'waiting' || old.pausedFrom === 'waiting'
  const wasReached = old.attempt > 0 || !isWaiting
  return { state: run.state as MemberEnd['state'], wasReached, isUnreachable: false, run }
}

/** Tells those who must hear of a change at once: the worker of a run that something was asked of, and any worker that may claim the run. */
function tellOf(tx: Tx, old: RunFacts, run: SeqRun): void {
  const isAsked = run.intent !== old.intent || run.signalled !== old.signalled
  if (run.state === 'running' && isAsked) tx.tell('control')
  if ((isComing(run) && run.state !== old.state) || isTimed(old, run)) tx.tell('work')
}

/** Whether the run waits for a worker, or will at a time that a keeper must know. */
const isComing = ({ state }: RunFacts): boolean => state === 'queued' || state === 'scheduled'

/** Whether the run has a new time at which it goes on by itself. */
const isTimed = (old: RunFacts, run: RunFacts): boolean =>
  (run.wakeAt !== null && run.wakeAt !== old.wakeAt) ||
  (run.resumeAt !== null && run.resumeAt !== old.resumeAt)

/** Whether the event has an entry in the feed even where it changed nothing: every verb of a client has, but not the resume of a lifted hold, which is also asked of runs that others have paused. */
const isControl = (event: MachineEvent): boolean =>
  transitions[event.type].by === 'client' && !(event.type === 'resume' && !isByRequest(event))

function answerOf(decision: Decision, event: MachineEvent): { answer?: Answer } {
  return isControl(event) ? { answer: decision.answer } : {}
}

/** Runs by their ids, locked until the transaction ends; ids that do not exist are left out. */
export async function loadRuns(tx: Tx, ids: readonly string[]): Promise<readonly SeqRun[]> {
  return (await tx.run('runsToChange', [ids])).map(runOf)
}
