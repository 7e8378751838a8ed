/**
 * A worker: claims runs and has them executed, and carries out what is asked of them.
 *
 * Its one loop, the round, does three things in this order: it follows what was asked of the runs that it holds, claims
 * runs for the slots that are free, and lets the keeper go about its chores, which may call for another round. A round is called for by a change in the store, by
 * a slot that became free, by the time at which something is due, and once a second in any case, should a hint have
 * been lost. Calls that come during a round make one more.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Duration, durationMs } from '../core/duration.ts'
import { CheckreinError, errorRecord, isCheckreinError } from '../core/errors.ts'
import type { AbortReason } from '../executor/executor.ts'
import { Claimer } from './claiming/claimer.ts'
import { Keeper } from '../keeper/keeper.ts'
import type { Change, Store } from '../store/store.ts'
import { type WorkerOptions, type WorkerSettings, workerSettings } from './options.ts'
import { Registry } from './registry.ts'
import { publish } from './telemetry.ts'
import { LeaseSession } from './claiming/lease-session.ts'

export interface StopWorkerOptions {
  /** How long running attempts may go on; default 10 s. */
  readonly finish?: Duration
  /** How long they have after their abort signal has fired, until they are killed; default 5 s. */
  readonly grace?: Duration
}

const shutdownReason: AbortReason = {
  code: 'ATTEMPT_SHUTDOWN',
  message: 'The worker is shutting down',
  details: {},
}
const beginAgainMs = 250
/** Each change calls for a round, also those that the worker makes itself; between two looks of a kind it pauses this long. */
const shortestPauseMs = 1

export class Worker implements AsyncDisposable {
  readonly #store: Store
  readonly #registry: Registry
  readonly #settings: WorkerSettings
  readonly #queues: readonly string[]
  readonly #claimer: Claimer
  readonly #keeper: Keeper
  readonly #hints: Disposable
  readonly #hurry = new AbortController()
  #intentsAgainAt = 0
  #renewal: Promise<void> | null = null
  #leaseSession: LeaseSession | null = null
  #timer: NodeJS.Timeout | null = null
  #round: Promise<void> | null = null
  #isAskedAgain = false
  #keeping: Promise<void> | null = null
  #keeperTimer: NodeJS.Timeout | null = null
  #mayBeAsked = true
  #isDraining = false
  #isStopped = false
  #stopped: Promise<void> | null = null
  #onStopped: (() => Promise<void>) | null = null

  /**
   * Starts a worker on an open store.
   * @param onStopped is called after it has stopped, before `stop` fulfils: closes what was opened for it.
   * @throws {CheckreinError} `TASK_…` for modules, `USAGE` for options, `STORE_…`.
   */
  static async start(
    store: Store,
    options: WorkerOptions,
    onStopped?: () => Promise<void>,
  ): Promise<Worker> {
    const settings = workerSettings(options)
    const worker = new Worker(store, await Registry.load(options.modules), settings)
    worker.#onStopped = onStopped ?? null
    try {
      await (await worker.#begin()).warmUp()
    } catch (error) {
      await worker.stop({ finish: 0, grace: 0 })
      throw error
    }
    const tasks = Object.keys(worker.#registry.describe())
    publish(() => ({ type: 'started', workerId: worker.id, tasks, queues: worker.#queues }))
    worker.#ask()
    return worker
  }

  private constructor(store: Store, registry: Registry, settings: WorkerSettings) {
    this.#store = store
    this.#registry = registry
    this.#settings = settings
    this.#queues = settings.queues ?? registry.queues
    const { retention, pollMs, leaseMs } = settings
    this.#claimer = new Claimer({
      store,
      registry,
      queues: this.#queues,
      pollMs,
      compareMs: leaseMs / 3,
      onError: (error) => this.#complain('claim', error),
    })
    this.#keeper = new Keeper(store, {
      retention,
      pollMs,
      onLapsed: ({ workerId, runCount }) =>
        publish(() => ({
          type: 'runs-lapsed',
          workerId: this.id,
          lapsedWorkerId: workerId,
          runCount,
        })),
    })
    this.#hints = store.onChange((change) => this.#hear(change))
  }

  /** The id under which it holds runs; a new one after a lease was lost. */
  get id(): string {
    return this.#leaseSession?.id ?? ''
  }

  /** How many attempts it runs. */
  get heldCount(): number {
    return this.#leaseSession?.heldCount ?? 0
  }

  /**
   * Takes nothing new, lets attempts finish, then aborts them, then kills them; their runs go back to the queue and
   * the interruption does not count. Called again, it goes on to the kill at once.
   */
  async stop(options: StopWorkerOptions = {}): Promise<void> {
    const finishMs = durationMs(options.finish ?? '10s', 'finish')
    const graceMs = durationMs(options.grace ?? '5s', 'grace')
    if (this.#stopped) this.#hurry.abort()
    this.#stopped ??= this.#stop(finishMs, graceMs)
    await this.#stopped
  }

  async #stop(finishMs: number, graceMs: number): Promise<void> {
    this.#isDraining = true
    this.#claimer.isDraining = true
    publish(() => ({ type: 'draining', workerId: this.id, heldCount: this.heldCount }))
    this.#leaseSession?.drain()
    await this.#settledWithin(finishMs)
    this.#leaseSession?.abortAll(shutdownReason)
    await this.#settledWithin(graceMs)
    await this.#leaseSession?.killAll()
    this.#hints[Symbol.dispose]()
    await this.#renewal
    await this.#round
    this.#isStopped = true
    await this.#keeping
    if (this.#keeperTimer) clearTimeout(this.#keeperTimer)
    if (this.#timer) clearTimeout(this.#timer)
    try {
      await this.#leaseSession?.end()
    } finally {
      await this.#onStopped?.()
      publish(() => ({ type: 'stopped', workerId: this.id }))
    }
  }

  async #settledWithin(ms: number): Promise<void> {
    const { signal } = this.#hurry
    const cancelPause = new AbortController()
    const time = pause(ms, undefined, {
      signal: AbortSignal.any([signal, cancelPause.signal]),
    }).catch(() => undefined)
    await Promise.race([this.#leaseSession?.settled(), time])
    cancelPause.abort()
  }

  async #begin(): Promise<LeaseSession> {
    this.#leaseSession = await LeaseSession.begin({
      store: this.#store,
      registry: this.#registry,
      settings: this.#settings,
      queues: this.#queues,
      onLost: () => {
        this.#renewal = this.#beginAgain()
      },
      onFree: () => this.#ask({ isControl: false }),
      onError: (error) => this.#complain('heartbeat', error),
    })
    return this.#leaseSession
  }

  /** After a lost lease: a new lease session, as soon as the store gives one. */
  async #beginAgain(): Promise<void> {
    publish(() => ({ type: 'lease-lost', workerId: this.id }))
    this.#leaseSession = null
    while (!this.#isDraining) {
      try {
        const leaseSession = await this.#begin()
        this.#claimer.hear()
        this.#ask()
        await leaseSession.warmUp().catch((error: unknown) => this.#complain('warm-up', error))
        return
      } catch (error) {
        this.#complain('register', error)
        if (isCheckreinError(error) && error.code === 'STORE_CLOSED') return
      }
      await pause(beginAgainMs)
    }
  }

  /** What others have done calls for a round where it may concern this worker. */
  #hear(change: Change): void {
    if (change === 'news' || change === 'end') return
    if (change !== 'control') this.#claimer.hear()
    this.#ask({ isControl: change !== 'work' })
  }

  /** Asks for a round. @param isControl whether something may have been asked of a run that it holds; default true. */
  #ask({ isControl = true } = {}): void {
    if (this.#isStopped) return
    if (isControl) this.#mayBeAsked = true
    this.#isAskedAgain = true
    this.#round ??= this.#rounds()
  }

  async #rounds(): Promise<void> {
    let nextInMs = this.#settings.pollMs
    await Promise.resolve()
    while (this.#isAskedAgain) {
      this.#isAskedAgain = false
      nextInMs = await this.#once()
    }
    this.#round = null
    if (this.#timer) clearTimeout(this.#timer)
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#ask(), nextInMs)
  }

  /** @returns ms until the next round, if nothing calls for one sooner. */
  async #once(): Promise<number> {
    const leaseSession = this.#leaseSession
    if (!leaseSession) return this.#settings.pollMs
    try {
      const waits = [this.#settings.pollMs, await this.#followIntents(leaseSession)]
      waits.push(await this.#claimer.fill(leaseSession))
      void this.#keep()
      return Math.min(...waits)
    } catch (error) {
      if (!isLeaseLost(error)) this.#complain('round', error)
      return this.#settings.pollMs
    }
  }

  /** @returns ms until the next look. */
  async #followIntents(leaseSession: LeaseSession): Promise<number> {
    if (leaseSession.heldCount === 0) return Infinity
    if (!this.#mayBeAsked) return Infinity
    const waitMs = this.#intentsAgainAt - performance.now()
    if (waitMs > 0) return waitMs
    this.#intentsAgainAt = performance.now() + shortestPauseMs
    this.#mayBeAsked = false
    try {
      leaseSession.follow(await this.#store.intents(leaseSession.id))
    } catch (error) {
      this.#mayBeAsked = true
      throw error
    }
    return Infinity
  }

  /** The keeper's chores go on beside the rounds: what they wait for must not keep a stop from being carried out. */
  async #keep(): Promise<void> {
    if (this.#keeping || this.#isStopped || !this.#leaseSession) return
    if (this.#keeperTimer) clearTimeout(this.#keeperTimer)
    const step = this.#keeper.step().catch((error: unknown) => {
      this.#complain('housekeeping', error)
      return this.#settings.pollMs
    })
    this.#keeping = step.then(() => undefined)
    const nextInMs = await step
    this.#keeping = null
    if (!this.#isStopped) this.#keeperTimer = setTimeout(() => void this.#keep(), nextInMs)
  }

  #complain(during: string, error: unknown): void {
    publish(() => ({ type: 'store-error', workerId: this.id, during, error: errorRecord(error) }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop({ finish: 0, grace: 0 })
  }
}

/** The heartbeat deals with it. */
function isLeaseLost(error: unknown): boolean {
  return error instanceof CheckreinError && error.code === 'LEASE_LOST'
}
