/**
 * What must be true of runs and workers, in the simplest words: the store is held against it, step by step. It was
 * written from the design, not from the machine, so that a mistake in the one is not repeated in the other.
 */
import { type StopVerb, stopVerbs } from '../../src/core/transitions.ts'
import type { OnConflict } from '../../src/store/store.ts'

export const leaseMs = 1000
export const retryMs = 300
export const mostFailures = 3
export const mostCrashes = 3

type Idle = 'scheduled' | 'queued' | 'waiting'

export interface ModelRun {
  readonly id: string
  readonly key: string | null
  readonly priority: number
  readonly expiresAt: number | null
  state: Idle | 'running' | 'paused' | 'completed' | 'failed' | 'cancelled'
  attempt: number
  worker: string | null
  failures: number
  crashes: number
  /** How strongly it was asked to stop: 0 for not at all, then by the order of the verbs. */
  asked: number
  hasHeard: boolean
  isPausing: boolean
  pausedFrom: Idle | null
  runAt: number | null
  waitsFor: string | null
  holdsKey: boolean
  isConfirmed: boolean | null
}

export interface Claimed {
  readonly runId: string
  readonly attempt: number
  readonly workerId: string
}

export const isOver = ({ state }: Pick<ModelRun, 'state'>): boolean =>
  state === 'completed' || state === 'failed' || state === 'cancelled'

const revoked = 1

export class Model {
  now: number
  readonly runs: ModelRun[] = []
  /** Every claim there ever was. */
  readonly claims: Claimed[] = []
  readonly #leases = new Map<string, number>()

  constructor(now: number) {
    this.now = now
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

  enqueue(
    run: Pick<ModelRun, 'id' | 'key' | 'priority' | 'expiresAt' | 'runAt'>,
    onConflict: OnConflict,
  ): string {
    const holder = this.runs.find(({ key, holdsKey }) => holdsKey && key === run.key)
    if (holder && onConflict === 'skip') return 'exists'
    const waitsFor = holder ? this.#replace(holder, onConflict) : null
    const none = {
      worker: null,
      pausedFrom: null,
      isConfirmed: null,
      hasHeard: false,
      isPausing: false,
    }
    const state = waitsFor === null ? this.#ready(run.runAt) : 'waiting'
    const counts = { attempt: 0, failures: 0, crashes: 0, asked: 0 }
    this.runs.push({ ...run, ...none, ...counts, waitsFor, state, holdsKey: run.key !== null })
    return 'enqueued'
  }

  #replace(holder: ModelRun, onConflict: OnConflict): string | null {
    const { state, attempt, waitsFor } = holder
    if (state !== 'running' || onConflict === 'cancel-and-replace') this.stop(holder, 'cancel')
    holder.holdsKey = false
    if (onConflict === 'replace') return null
    return state === 'running' ? holder.id : attempt === 0 ? waitsFor : null
  }

  #ready(runAt: number | null): Idle {
    return runAt !== null && runAt > this.now ? 'scheduled' : 'queued'
  }

  /** Null where the worker may not claim. */
  claim(worker: string, limit: number): string[] | null {
    if (!this.isLive(worker)) return null
    const open = this.runs.filter(({ state, expiresAt, attempt }) => {
      return state === 'queued' && (attempt > 0 || expiresAt === null || expiresAt > this.now)
    })
    const taken = open.toSorted((a, b) => b.priority - a.priority).slice(0, limit)
    for (const run of taken) {
      Object.assign(run, { state: 'running', worker, attempt: run.attempt + 1, asked: 0 })
      Object.assign(run, { hasHeard: false, isPausing: false })
      this.claims.push({ runId: run.id, attempt: run.attempt, workerId: worker })
    }
    return taken.map(({ id }) => id)
  }

  stop(run: ModelRun, verb: StopVerb): string {
    if (isOver(run)) return run.state === 'cancelled' ? 'already-cancelled' : 'too-late'
    if (run.state !== 'running') {
      this.#end(run, 'cancelled', true)
      return 'prevented'
    }
    run.asked = Math.max(run.asked, stopVerbs.indexOf(verb) + 1)
    return 'requested'
  }

  pause(run: ModelRun): string {
    if (isOver(run)) return run.state === 'cancelled' ? 'already-cancelled' : 'too-late'
    if (run.state === 'paused') return 'already-paused'
    if (run.state === 'running') {
      run.isPausing = true
      return 'requested'
    }
    Object.assign(run, { state: 'paused', pausedFrom: run.state })
    return 'paused'
  }

  resume(run: ModelRun): string {
    if (isOver(run)) return run.state === 'cancelled' ? 'already-cancelled' : 'too-late'
    if (run.state === 'paused') Object.assign(run, { state: run.pausedFrom, pausedFrom: null })
    else if (!run.isPausing) return 'not-paused'
    run.isPausing = false
    return 'resumed'
  }

  /** What a worker says of an attempt; `heard`: the request reached the handler before its end. */
  report(
    { runId, attempt, workerId }: Claimed,
    what: Report,
    { heard, isRetryable }: ReportDetails,
  ): string {
    const run = this.runs.find(({ id }) => id === runId)
    if (!run || run.state !== 'running' || run.attempt !== attempt || run.worker !== workerId)
      return 'stale'
    const canHear = run.asked > revoked
    const hasHeard = canHear && (heard || run.hasHeard)
    if (what === 'deliver' && !canHear) return 'refused'
    if ((what === 'stop' || what === 'overdue') && run.asked === 0) return 'refused'
    if (what === 'deliver') run.hasHeard = true
    else if (what === 'stop') this.#end(run, 'cancelled', true)
    else if (what === 'complete') this.#end(run, hasHeard ? 'cancelled' : 'completed', true)
    else if (what === 'release' || what === 'park') this.#again(run, 'queued')
    else if (what === 'fail' || what === 'crash') this.#failed(run, what, { hasHeard, isRetryable })
    return 'done'
  }

  #failed(
    run: ModelRun,
    what: 'fail' | 'crash',
    how: { hasHeard: boolean; isRetryable: boolean },
  ): void {
    run[what === 'fail' ? 'failures' : 'crashes']++
    if (how.hasHeard) return this.#end(run, 'cancelled', true)
    const isLast = run.failures >= mostFailures || run.crashes >= mostCrashes || !how.isRetryable
    if (isLast) return this.#end(run, 'failed', null)
    run.runAt = this.now + retryMs
    this.#again(run, 'scheduled')
  }

  #again(run: ModelRun, next: Idle): void {
    if (run.asked > 0) return this.#end(run, 'cancelled', true)
    const isPaused = run.isPausing
    Object.assign(run, { worker: null, isPausing: false, state: isPaused ? 'paused' : next })
    run.pausedFrom = isPaused ? next : null
  }

  #end(
    run: ModelRun,
    state: 'completed' | 'failed' | 'cancelled',
    isConfirmed: boolean | null,
  ): void {
    Object.assign(run, { state, worker: null, pausedFrom: null, waitsFor: null, holdsKey: false })
    Object.assign(run, {
      isConfirmed: state === 'cancelled' ? isConfirmed : null,
      asked: 0,
      isPausing: false,
    })
    for (const waiting of this.runs.filter(({ waitsFor }) => waitsFor === run.id)) {
      const next = this.#ready(waiting.runAt)
      if (waiting.state === 'paused') waiting.pausedFrom = next
      else waiting.state = next
      waiting.waitsFor = null
    }
  }

  /** What time brings about, when somebody looks. */
  sweep(): void {
    for (const [worker, until] of this.#leases) if (until <= this.now) this.#lapse(worker)
    for (const run of this.runs) {
      const isExpired = run.attempt === 0 && run.expiresAt !== null && run.expiresAt <= this.now
      if (isExpired && !isOver(run)) this.#end(run, 'cancelled', true)
    }
    for (const run of this.runs) {
      if (run.state === 'scheduled' && (run.runAt ?? 0) <= this.now) run.state = 'queued'
    }
  }

  #lapse(worker: string): void {
    this.#leases.delete(worker)
    for (const run of this.runs.filter((one) => one.state === 'running' && one.worker === worker)) {
      run.crashes++
      if (run.asked > 0) this.#end(run, 'cancelled', false)
      else if (run.crashes >= mostCrashes) this.#end(run, 'failed', null)
      else this.#again(run, 'queued')
    }
  }
}

export const reports = [
  'complete',
  'fail',
  'crash',
  'release',
  'park',
  'stop',
  'deliver',
  'overdue',
  'progress',
] as const
export type Report = (typeof reports)[number]

interface ReportDetails {
  readonly heard: boolean
  readonly isRetryable: boolean
}
