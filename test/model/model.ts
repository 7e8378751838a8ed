/**
 * What must be true of runs and workers, in the simplest words: the store is held against it, step by step. It was
 * written from the design, not from the machine, so that a mistake in the one is not repeated in the other.
 */
import type { OnConflict } from '../../src/core/run/on-conflict.ts'
import type { RollbackCause } from '../../src/core/run/run.ts'
import { type StopVerb, stopVerbs } from '../../src/core/run/transitions.ts'
import type { InFlight } from '../../src/store/store.ts'

export const leaseMs = 1000
export const retryMs = 300
export const mostFailures = 3
export const mostCrashes = 3

type Idle = 'scheduled' | 'queued' | 'waiting'
/** How a wait ended: a number is the place of a signal in the model. */
export type Outcome = 'slept' | 'timeout' | number

export interface ModelSignal {
  readonly name: string
  state: 'open' | 'finished' | 'unheard'
}

export interface ModelRun {
  readonly id: string
  readonly key: string | null
  readonly priority: number
  readonly expiresAt: number | null
  deadlineAt: number | null
  state: Idle | 'running' | 'paused' | 'completed' | 'failed' | 'cancelled'
  attempt: number
  worker: string | null
  failures: number
  crashes: number
  /** How strongly it was asked to stop: 0 for not at all, then by the order of the verbs. */
  asked: number
  hasHeard: boolean
  isStopOverdue: boolean
  /** Whether whoever asked it to stop wants it rolled back. */
  wantsRollback: boolean
  /** What was asked of it while it runs: by somebody, or by the hold on its task. */
  pausing: 'own' | 'hold' | null
  isFrozen: boolean
  isPauseOverdue: boolean
  pausedFrom: Idle | null
  /** When what pauses it, or asks it to, is over. */
  resumeAt: number | null
  runAt: number | null
  waitsFor: string | null
  /** The name of the signal that it waits for. */
  awaits: string | null
  /** How the waits since its last checkpoint ended; null where there were none. */
  waits: readonly Outcome[] | null
  wakeAt: number | null
  checkpoint: number | null
  readonly signals: ModelSignal[]
  rollback: {
    state: string
    readonly cause: RollbackCause
    failures: number
    crashes: number
  } | null
  holdsKey: boolean
  isConfirmed: boolean | null
}

export interface Claimed {
  readonly runId: string
  readonly attempt: number
  readonly workerId: string
}

export interface ReportDetails {
  readonly heard: boolean
  readonly isRetryable: boolean
  /** Null where nothing was kept. */
  readonly checkpoint: number | null
  /** The signals that the handler is through with. */
  readonly through: readonly number[]
  readonly wait: {
    readonly signal: string | null
    readonly wakeInMs: number | null
    readonly done: readonly Outcome[]
  }
}

export const reports = [
  'complete',
  'fail',
  'crash',
  'release',
  'park',
  'wait',
  'stop',
  'deliver',
  'overdue',
  'pause-overdue',
  'freeze',
  'checkpoint',
  'progress',
] as const
export type Report = (typeof reports)[number]

type New = Pick<ModelRun, 'id' | 'key' | 'priority' | 'expiresAt' | 'runAt' | 'deadlineAt'>

/** Nothing is asked of it, and it waits for nothing. */
const atRest = {
  worker: null,
  asked: 0,
  hasHeard: false,
  isStopOverdue: false,
  wantsRollback: false,
  pausing: null,
  isFrozen: false,
  isPauseOverdue: false,
  pausedFrom: null,
  resumeAt: null,
  waitsFor: null,
  awaits: null,
  waits: null,
  wakeAt: null,
} as const

export const isOver = ({ state }: Pick<ModelRun, 'state'>): boolean =>
  state === 'completed' || state === 'failed' || state === 'cancelled'

/** It is being rolled back: all that is left to ask of it is to give that up. */
const isRollingBack = ({ rollback }: ModelRun): boolean => rollback?.state === 'pending'

const isWaiting = ({ state, pausedFrom }: ModelRun): boolean =>
  state === 'waiting' || pausedFrom === 'waiting'

const revoked = 1
const strength = (verb: StopVerb): number => stopVerbs.indexOf(verb) + 1

export class Model {
  now: number
  readonly runs: ModelRun[] = []
  /** Every claim there ever was. */
  readonly claims: Claimed[] = []
  readonly #leases = new Map<string, number>()
  readonly #rollsBackAfter: readonly RollbackCause[]
  #hold: { until: number | null } | null = null

  constructor(now: number, rollsBackAfter: readonly RollbackCause[] = []) {
    this.now = now
    this.#rollsBackAfter = rollsBackAfter
  }

  isLive(worker: string): boolean {
    return (this.#leases.get(worker) ?? 0) > this.now
  }

  register(worker: string): void {
    this.#leases.set(worker, this.now + leaseMs)
  }

  renew(worker: string): boolean {
    if (!this.isLive(worker)) return false
    this.register(worker)
    return true
  }

  enqueue(run: New, onConflict: OnConflict): string {
    const holder = this.runs.find(({ key, holdsKey }) => holdsKey && key === run.key)
    if (holder && onConflict === 'skip') return 'exists'
    const waitsFor = holder ? this.#replace(holder, onConflict) : null
    const state = waitsFor === null ? this.#ready(run.runAt) : 'waiting'
    const counts = { attempt: 0, failures: 0, crashes: 0 }
    const none = { isConfirmed: null, checkpoint: null, rollback: null, signals: [] }
    const holdsKey = run.key !== null
    this.runs.push({ ...run, ...atRest, ...counts, ...none, waitsFor, state, holdsKey })
    return 'enqueued'
  }

  #replace(holder: ModelRun, onConflict: OnConflict): string | null {
    const { state, attempt, waitsFor } = holder
    if (state !== 'running' || onConflict === 'cancel-and-replace') this.stop(holder, 'cancel')
    holder.holdsKey = false
    if (onConflict === 'replace') return null
    if (!isOver(holder)) return holder.id
    return attempt === 0 ? waitsFor : null
  }

  #ready(runAt: number | null): Idle {
    return runAt !== null && runAt > this.now ? 'scheduled' : 'queued'
  }

  /** Nothing of the task starts; `until` null for as long as it is not lifted. */
  hold(inFlight: InFlight, until: number | null): void {
    this.#hold = { until }
    for (const run of this.runs.filter(({ state }) => state === 'running')) {
      if (inFlight === 'cancel') this.stop(run, 'cancel')
      if (inFlight !== 'park' || isRollingBack(run) || run.pausing === 'own') continue
      this.#askToPause(run, 'hold', until)
    }
  }

  lift(): void {
    if (this.#hold === null) return
    this.#hold = null
    for (const run of this.runs.filter(({ pausing }) => pausing === 'hold')) this.#goOn(run)
  }

  get #isHeld(): boolean {
    return this.#hold !== null && (this.#hold.until === null || this.#hold.until > this.now)
  }

  /** Null where the worker may not claim; else the ids, with what was kept last. */
  claim(
    worker: string,
    limit: number,
  ): (readonly [id: string, checkpoint: number | null])[] | null {
    if (!this.isLive(worker)) return null
    const open = this.runs.filter(({ state, expiresAt, attempt }) => {
      return state === 'queued' && (attempt > 0 || expiresAt === null || expiresAt > this.now)
    })
    const first = open.filter((run) => !this.#isHeld || isRollingBack(run))
    const taken = first.toSorted((a, b) => b.priority - a.priority).slice(0, limit)
    for (const run of taken) {
      Object.assign(run, { state: 'running', worker, attempt: run.attempt + 1 })
      this.claims.push({ runId: run.id, attempt: run.attempt, workerId: worker })
    }
    return taken.map(({ id, checkpoint }) => [id, checkpoint])
  }

  // --- what people ask --------------------------------------------------------------------------------------------

  /** The answer to whatever comes too late. */
  #late(run: ModelRun): string | null {
    if (isOver(run)) return run.state === 'cancelled' ? 'already-cancelled' : 'too-late'
    if (!isRollingBack(run)) return null
    return run.rollback?.cause === 'stop' ? 'already-cancelled' : 'too-late'
  }

  stop(run: ModelRun, verb: StopVerb, wantsRollback = false): string {
    const givesUp = isRollingBack(run) && verb === 'terminate'
    const late = this.#late(run)
    if (late !== null && !givesUp) return late
    if (run.state === 'running') {
      run.asked = Math.max(run.asked, strength(verb))
      run.wantsRollback ||= wantsRollback
      return 'requested'
    }
    if (givesUp) this.#endRollback(run, 'abandoned')
    else this.#stopped(run, true, wantsRollback)
    return 'prevented'
  }

  pause(run: ModelRun, until: number | null): string {
    const late = this.#late(run)
    if (late !== null) return late
    if (run.state === 'running') {
      this.#askToPause(run, 'own', until)
      return 'requested'
    }
    const isMoved = run.resumeAt !== until
    run.resumeAt = until
    if (run.state === 'paused') return isMoved ? 'moved' : 'already-paused'
    Object.assign(run, { state: 'paused', pausedFrom: run.state })
    return 'paused'
  }

  /** Another pause than before does not freeze, so what was frozen is thawed. */
  #askToPause(run: ModelRun, pausing: 'own' | 'hold', until: number | null): void {
    const isSame = run.pausing === pausing && run.resumeAt === until
    Object.assign(run, { pausing, resumeAt: until, isFrozen: run.isFrozen && isSame })
  }

  resume(run: ModelRun): string {
    if (isOver(run)) return run.state === 'cancelled' ? 'already-cancelled' : 'too-late'
    if (run.state !== 'paused' && run.pausing === null) return 'not-paused'
    this.#goOn(run)
    return 'resumed'
  }

  #goOn(run: ModelRun): void {
    if (run.state === 'paused') run.state = run.pausedFrom ?? 'queued'
    Object.assign(run, { pausing: null, isFrozen: false, isPauseOverdue: false })
    Object.assign(run, { pausedFrom: null, resumeAt: null })
  }

  signal(run: ModelRun, name: string): string {
    if (isOver(run) || isRollingBack(run)) return 'too-late'
    run.signals.push({ name, state: 'open' })
    if (isWaiting(run) && run.awaits === name) this.#wake(run)
    return 'sent'
  }

  /** What it waited for is there. A paused run notes that for later. */
  #wake(run: ModelRun, outcome?: Outcome): void {
    const next = this.#ready(run.runAt)
    if (run.state === 'paused') run.pausedFrom = next
    else run.state = next
    if (outcome !== undefined) run.waits = [...(run.waits ?? []), outcome]
    Object.assign(run, { waitsFor: null, awaits: null, wakeAt: null })
  }

  // --- what workers say -------------------------------------------------------------------------------------------

  /** What a worker says of an attempt; `heard`: the request reached the handler before its end. */
  report({ runId, attempt, workerId }: Claimed, what: Report, details: ReportDetails): string {
    const run = this.runs.find(({ id }) => id === runId)
    if (!run || run.state !== 'running' || run.attempt !== attempt || run.worker !== workerId)
      return 'stale'
    const canHear = run.asked > revoked
    if (what === 'deliver' && !canHear) return 'refused'
    if ((what === 'stop' || what === 'overdue') && run.asked === 0) return 'refused'
    if ((what === 'freeze' || what === 'pause-overdue') && run.pausing === null) return 'refused'
    if (what === 'deliver') run.hasHeard = true
    else if (what === 'overdue') run.isStopOverdue = true
    else if (what === 'freeze') run.isFrozen = true
    else if (what === 'pause-overdue') run.isPauseOverdue = true
    else if (what !== 'progress') {
      this.#keep(run, details)
      if (what !== 'checkpoint') this.#leave(run, what, details)
    }
    return 'done'
  }

  #keep(run: ModelRun, { checkpoint, through }: ReportDetails): void {
    if (checkpoint !== null) Object.assign(run, { checkpoint, waits: null })
    for (const at of through) {
      const signal = run.signals[at]
      if (signal?.state === 'open') signal.state = 'finished'
    }
  }

  #leave(run: ModelRun, what: Report, details: ReportDetails): void {
    if (isRollingBack(run)) return this.#leaveRollback(run, what, details)
    const hasHeard = run.asked > revoked && (details.heard || run.hasHeard)
    if (what === 'stop') this.#stopped(run, true)
    else if (what === 'complete' && hasHeard) this.#stopped(run, true)
    else if (what === 'complete') this.#end(run, 'completed')
    else if (what === 'release' || what === 'park') this.#again(run, 'queued')
    else if (what === 'wait') this.#wait(run, details)
    else if (what === 'fail' || what === 'crash')
      this.#failed(run, what, { hasHeard, isRetryable: details.isRetryable })
  }

  #failed(
    run: ModelRun,
    what: 'fail' | 'crash',
    how: { hasHeard: boolean; isRetryable: boolean },
  ): void {
    run[what === 'fail' ? 'failures' : 'crashes']++
    if (how.hasHeard) return this.#stopped(run, true)
    const isLast = run.failures >= mostFailures || run.crashes >= mostCrashes || !how.isRetryable
    if (isLast) return this.#failedForGood(run)
    run.runAt = this.now + retryMs
    this.#again(run, 'scheduled')
  }

  #wait(run: ModelRun, { wait, through }: ReportDetails): void {
    const { signal, wakeInMs, done } = wait
    const wakeAt = wakeInMs === null ? null : this.now + wakeInMs
    Object.assign(run, { awaits: signal, waits: done, wakeAt })
    this.#again(run, 'waiting')
    const isThere = run.signals.some(
      ({ name, state }, at) =>
        state === 'open' && name === signal && !done.includes(at) && !through.includes(at),
    )
    if (isWaiting(run) && isThere) this.#wake(run)
  }

  /** The attempt is over, and the run is not. */
  #again(run: ModelRun, next: Idle): void {
    if (isRollingBack(run) && run.asked > 0) return this.#endRollback(run, 'abandoned')
    if (run.asked > 0) return this.#stopped(run, true)
    const isPaused = run.pausing === 'own'
    Object.assign(run, { worker: null, state: isPaused ? 'paused' : next })
    Object.assign(run, { pausedFrom: isPaused ? next : null })
    if (!isPaused) run.resumeAt = null
    Object.assign(run, { pausing: null, isFrozen: false, isPauseOverdue: false })
  }

  // --- how it ends ------------------------------------------------------------------------------------------------

  #stopped(run: ModelRun, isConfirmed: boolean, wantsRollback = run.wantsRollback): void {
    run.isConfirmed = isConfirmed
    const isWanted = wantsRollback || this.#rollsBackAfter.includes('stop')
    if (run.attempt > 0 && isWanted) this.#rollBack(run, 'stop')
    else this.#end(run, 'cancelled')
  }

  #failedForGood(run: ModelRun): void {
    if (this.#rollsBackAfter.includes('failure')) this.#rollBack(run, 'failure')
    else this.#end(run, 'failed')
  }

  #rollBack(run: ModelRun, cause: RollbackCause): void {
    this.#refuseSignals(run)
    Object.assign(run, atRest, { state: 'queued', runAt: null, deadlineAt: null })
    run.rollback = { state: 'pending', cause, failures: 0, crashes: 0 }
  }

  #leaveRollback(run: ModelRun, what: Report, details: ReportDetails): void {
    const { rollback } = run
    if (!rollback) return
    if (what === 'complete') this.#endRollback(run, 'completed')
    else if (what === 'stop') this.#endRollback(run, 'abandoned')
    else if (what === 'wait') this.#wait(run, details)
    else if (what === 'release' || what === 'park') this.#again(run, 'queued')
    else {
      rollback[what === 'fail' ? 'failures' : 'crashes']++
      const isLast = rollback.failures >= mostFailures || rollback.crashes >= mostCrashes
      if (isLast || !details.isRetryable) return this.#endRollback(run, 'failed')
      run.runAt = this.now + retryMs
      this.#again(run, 'scheduled')
    }
  }

  #endRollback(run: ModelRun, state: string): void {
    if (run.rollback) run.rollback.state = state
    this.#end(run, run.rollback?.cause === 'failure' ? 'failed' : 'cancelled')
  }

  #refuseSignals(run: ModelRun): void {
    for (const signal of run.signals) if (signal.state === 'open') signal.state = 'unheard'
  }

  #end(run: ModelRun, state: 'completed' | 'failed' | 'cancelled'): void {
    this.#refuseSignals(run)
    Object.assign(run, atRest, { state, holdsKey: false })
    if (state !== 'cancelled') run.isConfirmed = null
    for (const other of this.runs) if (other.waitsFor === run.id) this.#wake(other)
  }

  // --- what time brings -------------------------------------------------------------------------------------------

  /** When somebody looks. */
  sweep(): void {
    const isPast = (at: number | null): boolean => at !== null && at <= this.now
    const idle = (): ModelRun[] =>
      this.runs.filter((run) => !isOver(run) && run.state !== 'running')
    for (const run of idle())
      if (run.attempt === 0 && isPast(run.expiresAt)) this.#stopped(run, true)
    for (const run of this.runs.filter((one) => !isOver(one) && isPast(one.deadlineAt))) {
      if (run.state === 'running') this.stop(run, 'cancel')
      else this.#stopped(run, true)
      run.deadlineAt = null
    }
    for (const run of idle())
      if (isPast(run.wakeAt)) this.#wake(run, run.awaits === null ? 'slept' : 'timeout')
    for (const run of this.runs) if (!isOver(run) && isPast(run.resumeAt)) this.#goOn(run)
    for (const run of this.runs)
      if (run.state === 'scheduled' && isPast(run.runAt)) run.state = 'queued'
    if (this.#hold !== null && isPast(this.#hold.until)) this.lift()
    for (const [worker, until] of this.#leases) if (until <= this.now) this.#lapse(worker)
  }

  #lapse(worker: string): void {
    this.#leases.delete(worker)
    for (const run of this.runs.filter((one) => one.state === 'running' && one.worker === worker)) {
      const counts = isRollingBack(run) && run.rollback ? run.rollback : run
      counts.crashes++
      const isLast = counts.crashes >= mostCrashes
      if (isRollingBack(run) && isLast) this.#endRollback(run, 'failed')
      else if (isRollingBack(run)) this.#again(run, 'queued')
      else if (run.asked > 0) this.#stopped(run, false)
      else if (isLast) this.#failedForGood(run)
      else this.#again(run, 'queued')
    }
  }
}
