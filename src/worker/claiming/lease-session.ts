/**
 * The time in which a worker holds one lease: its id, its executors, and the attempts that it runs.
 *
 * A worker has one lease session after the other. When a lease is lost, everything that ran under it is ended with it, and
 * the next lease session starts with a new id and new isolates; so nothing can carry over from a lease that another worker
 * may have taken the runs of.
 */
import { randomUUIDv7 } from 'node:crypto'
import { hostname } from 'node:os'
import type { AbortReason, Executor } from '../../executor/executor.ts'
import { monotonicMs } from '../../executor/os/monotonic.ts'
import type { ClaimedRun, HeldIntent, HeldRun, Store } from '../../store/store.ts'
import { storeEnd } from '../attempt/store-end.ts'
import { version } from '../version.ts'
import { Attempt } from '../attempt/attempt.ts'
import { executorsFor } from './executors.ts'
import { Prefetched } from './prefetched.ts'
import { Unwritten } from './unwritten.ts'
import { goodUntil, LeaseHeartbeat, type LeaseHeartbeatParts } from './lease-heartbeat.ts'
import type { WorkerSettings } from '../options.ts'
import { Paces } from '../attempt/pace.ts'
import type { Registry } from '../registry.ts'
import { publishUncaught } from '../telemetry.ts'
import type { Serving } from './serving.ts'
import type { Isolation } from '../../core/task/task-limits.ts'

/** The surroundings of a lease session. */
export interface LeaseSessionParts {
  readonly store: Store
  readonly registry: Registry
  readonly serving: Serving
  readonly settings: WorkerSettings
  readonly queues: readonly string[]
  /** The lease is lost; the lease session has been told to end. */
  readonly onLost: () => void
  /** A slot has become free. */
  readonly onFree: () => void
  readonly onError: LeaseHeartbeatParts['onError']
}

const leaseLost: AbortReason = {
  code: 'LEASE_LOST',
  message: 'The worker lost its lease',
  details: {},
}

/** The time under one lease: takes claimed runs, starts their attempts, and has their ends stored. */
export class LeaseSession {
  readonly id: string
  readonly #parts: LeaseSessionParts
  readonly #executors: ReadonlyMap<Isolation, Executor>
  readonly #heartbeat: LeaseHeartbeat
  readonly #running = new Map<string, Attempt>()
  /** The attempts whose ends are not written. */
  readonly unwritten = new Unwritten()
  /** Fulfils when no attempt runs any more; made anew when one starts. */
  #quiet: PromiseWithResolvers<void> | null = null
  /** Fulfils when all that ran under a lost lease has ended. */
  #abandoned: Promise<unknown> | null = null
  readonly #busy = new Map<Isolation, number>()
  readonly #prefetched: Prefetched
  readonly #paces: Paces

  /** Takes a lease. @throws {CheckreinError} `STORE_…`. */
  static async begin(parts: LeaseSessionParts): Promise<LeaseSession> {
    const { store, registry, settings, queues } = parts
    const id = randomUUIDv7()
    const sentAt = monotonicMs()
    const tasks = registry.describe()
    await store.registerWorker({
      id,
      host: hostname(),
      pid: process.pid,
      queues,
      tasks,
      version,
      leaseMs: settings.leaseMs,
    })
    return new LeaseSession(id, parts, goodUntil(sentAt, settings.leaseMs))
  }

  private constructor(id: string, parts: LeaseSessionParts, until: number) {
    const { store, settings, registry } = parts
    this.id = id
    this.#parts = parts
    this.#prefetched = new Prefetched(store.lookPauseMs)
    this.#paces = new Paces(store.lookPauseMs)
    this.#executors = executorsFor(registry, settings, {
      goodUntil: until,
      onLateError: (run, error) => publishUncaught(id, error, { run }),
    })
    const onLost = (): void => {
      this.#abandon()
      parts.onLost()
    }
    const onRenewed = (until: number): void => {
      for (const executor of this.#executors.values()) executor.renew(until)
    }
    const { onError } = parts
    this.#heartbeat = new LeaseHeartbeat(
      { store, workerId: id, leaseMs: settings.leaseMs, onRenewed, onLost, onError },
      until,
    )
  }

  async warmUp(): Promise<void> {
    await Promise.all([...this.#executors.values()].map((executor) => executor.warmUp()))
  }

  get isolations(): Iterable<Isolation> {
    return this.#executors.keys()
  }

  get heldCount(): number {
    return this.#running.size + this.#prefetched.size
  }

  /** How many more attempts of an isolation may start. */
  freeSlots(isolation: Isolation): number {
    return this.#parts.settings.capacity[isolation] - (this.#busy.get(isolation) ?? 0)
  }

  /** The tasks of an isolation whose runs are worth claiming ahead, and how many. */
  lookahead(isolation: Isolation): { readonly tasks: readonly string[]; readonly limit: number } {
    const names = this.#parts.serving.namesOf(isolation)
    return this.#paces.lookahead(names, this.#prefetched.count(isolation))
  }

  /** Runs a claimed run, now or when a slot is free. */
  take(run: ClaimedRun): void {
    const isolation = this.#parts.registry.get(run.task)?.task.isolation
    if (isolation === undefined) this.#handBack(run, 'release')
    else if (this.freeSlots(isolation) > 0) this.#start(isolation, run)
    else this.#prefetched.add(isolation, run)
  }

  /**
   * After a standstill the lease may be over before a renewal has said so: then nothing starts, and the run lapses with it. A run
   * whose task turned out to be one that can't be served goes back.
   */
  #start(isolation: Isolation, run: ClaimedRun): void {
    if (!this.#heartbeat.isGood) return
    if (!this.#parts.serving.admits(run.task)) return this.#handBack(run, 'release')
    const attempt = this.#makeAttempt(isolation, run)
    if (!attempt) return
    try {
      this.unwritten.add(run, attempt.begin().settled)
    } catch (error) {
      // An executor that is closed takes nothing more: the run goes back.
      this.#parts.onError(error)
      this.#parts.serving.endTry(run.task)
      this.#handBack(run, 'release')
      return
    }
    this.#running.set(run.id, attempt)
    this.#occupy(isolation, 1)
  }

  #makeAttempt(isolation: Isolation, run: ClaimedRun): Attempt | null {
    const { store, registry, serving, settings } = this.#parts
    const registered = registry.get(run.task)
    const executor = this.#executors.get(isolation)
    if (!registered || !executor) return null
    return new Attempt(run, registered, {
      store,
      executor,
      workerId: this.id,
      payloadLimit: settings.payloadLimit,
      pace: this.#paces.of(run.task),
      onEnded: (attempt) => this.#free(attempt, isolation),
      onBegun: (error) => serving.note(run.task, error),
      onLostEnd: () => this.#heartbeat.giveUp(),
    })
  }

  #free({ run }: Attempt, isolation: Isolation): void {
    this.#running.delete(run.id)
    if (this.#running.size === 0) this.#quiet?.resolve()
    this.#parts.serving.endTry(run.task)
    this.#occupy(isolation, -1)
    const next = this.#prefetched.next(isolation)
    if (next) this.#start(isolation, next)
    this.#parts.onFree()
  }

  #occupy(isolation: Isolation, change: 1 | -1): void {
    this.#busy.set(isolation, (this.#busy.get(isolation) ?? 0) + change)
  }

  /**
   * Carries out all that is asked of the runs that it holds. A request that is not in the list was taken back. A run that waits
   * for its slot goes back instead of starting.
   */
  follow(all: readonly HeldIntent[]): void {
    const asked = new Map(all.map((held) => [held.runId, held]))
    for (const { runId, intent } of all) {
      const waiting = intent ? this.#prefetched.take(runId) : undefined
      if (waiting) this.#handBack(waiting, intent?.stop ? 'stop' : 'release')
    }
    for (const [runId, attempt] of this.#running) attempt.follow(asked.get(runId) ?? null)
  }

  /** Hands back runs that the store says are held here, and of which it knows nothing: a claim whose answer was lost may have been done. */
  refuseUnknown(held: readonly HeldRun[]): void {
    for (const run of held)
      if (!this.unwritten.has(run) && !this.#prefetched.has(run)) this.#handBack(run, 'release')
  }

  /** Gives up a run that was claimed and never started. */
  #handBack(run: HeldRun, type: 'stop' | 'release'): void {
    const { id: runId, attempt } = run
    const { store, onError } = this.#parts
    const fence = { runId, attempt, workerId: this.id }
    const event = { type, fence, mode: 'prevented', deliveredAt: null, proof: null } as const
    const settled = storeEnd(store, { runId, event }, onError).then((answer) =>
      answer === null ? this.#heartbeat.giveUp() : undefined,
    )
    this.unwritten.add(run, settled)
  }

  /** Hands back runs that have waited too long for their slot. @returns ms until the next look. */
  handBackStale(): number {
    this.refuse(this.#prefetched.takeStale())
    return this.#prefetched.size > 0 ? this.#prefetched.longestWaitMs : Infinity
  }

  /** Hands back runs that were claimed and will not start here. */
  refuse(runs: readonly ClaimedRun[]): void {
    for (const run of runs) this.#handBack(run, 'release')
  }

  /** Hands back all runs that have not started. */
  drain(): void {
    this.refuse(this.#prefetched.takeAll())
  }

  abortAll(reason: AbortReason): void {
    for (const attempt of this.#running.values()) attempt.abort('shutdown', reason)
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#running.values()].map((attempt) => attempt.kill('shutdown')))
  }

  /** Fulfils when no attempt runs. */
  async quiet(): Promise<void> {
    if (this.#running.size === 0) return
    this.#quiet = Promise.withResolvers()
    await this.#quiet.promise
  }

  /** How many inline attempts run that do not end: nothing can end them but the end of the process. */
  get #deafCount(): number {
    return this.#busy.get('inline') ?? 0
  }

  /** Ends the isolates, with all that still runs in them. */
  async close(): Promise<void> {
    await this.#abandoned
    const closable = [...this.#executors.values()].filter(
      ({ isolation }) => this.#deafCount === 0 || isolation !== 'inline',
    )
    await Promise.all(closable.map((executor) => executor[Symbol.asyncDispose]()))
  }

  /**
   * Ends the heartbeat when the last ends are written, and hands the lease back, unless something may still run or cannot be written:
   * then the lease is left to lapse, so that others take those runs when this process is gone.
   */
  async end(): Promise<void> {
    const deafCount = this.#deafCount
    await Promise.race([this.unwritten.settled(deafCount), this.#heartbeat.lost])
    this.#heartbeat.stop()
    if (deafCount + this.unwritten.count === 0) await this.#parts.store.removeWorker(this.id)
  }

  /** Leaves the lease to lapse. */
  leave(): void {
    this.#heartbeat.stop()
  }

  /** Ends all that runs under the lease, and lets the lease lapse. */
  giveUp(): void {
    this.#heartbeat.giveUp()
  }

  /** Ends all that runs under the lease, because it is lost. */
  #abandon(): void {
    this.#heartbeat.stop()
    this.#prefetched.takeAll()
    const kills = [...this.#running.values()].map((attempt) => {
      attempt.abort('lease-lost', leaseLost)
      return attempt.kill('lease-lost')
    })
    const ends = [...this.#executors.values()].map((executor) => executor[Symbol.asyncDispose]())
    this.#abandoned = Promise.allSettled([...kills, ...ends])
  }
}
