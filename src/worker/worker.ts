/**
 * A worker: claims runs, has them executed, and carries out what is asked of them meanwhile.
 *
 *     the store tells of a change ─┐
 *     a slot became free ──────────┼─▶ a round is called for                                     worker.ts
 *     the time to look has come ───┘     │
 *                                        │ 1 follow   what was asked of the runs that it holds   claiming/intent-reader.ts
 *                                        │ 2 claim    runs for the slots that are free           claiming/claimer.ts
 *                                        │ 3 keep     chores, beside the rounds                  keeper/chore-loop.ts
 *                                        ▼
 *                          the lease session takes each claimed run                              claiming/lease-session.ts
 *                                        │  no slot is free: it waits some ms                    claiming/prefetched.ts
 *                                        ▼
 *                          an attempt runs it: isolate, limits, end, verdict, stored             attempt/attempt.ts
 *                                        │
 *                                        └─▶ the slot is free: a round is called for
 *
 * The loop (`#fetchAndExecute`) makes one round after the other while somebody calls for one. Requests come before claims, so
 * that no stop waits behind new work. A call that comes during a round makes one more, and where every hint was lost a timer
 * calls once in each `poll`.
 *
 * All of it happens under a lease (`claiming/lease-heartbeat.ts` keeps it alive). When the lease is lost, everything that runs
 * under it is killed, and the worker goes on in a new lease session under a new id.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { durationMs } from '../core/duration.ts'
import { errorRecord } from '../core/error-record.ts'
import { type CheckreinError, isCheckreinError } from '../core/errors.ts'
import { giveErrorsToOwners } from '../executor/os/uncaught.ts'
import { Claimer } from './claiming/claimer.ts'
import { IntentReader } from './claiming/intent-reader.ts'
import { ChoreLoop } from '../keeper/chore-loop.ts'
import { Keeper } from '../keeper/keeper.ts'
import type { Change, Housekept, Store } from '../store/store.ts'
import {
  type WorkerOptions,
  type WorkerSettings,
  workerSettings,
  type WorkerSurroundings,
} from './options.ts'
import { Registry } from './registry.ts'
import { endAttempts, type StopWorkerOptions, storeGone, writtenInTime } from './shutdown.ts'
import { publish } from './telemetry.ts'
import { LeaseSession } from './claiming/lease-session.ts'
import { Serving } from './claiming/serving.ts'

const beginAgainMs = 250

/** A worker of this process. It is made by `startWorker`, and runs until `stop`. */
export class Worker implements AsyncDisposable {
  readonly #store: Store
  readonly #registry: Registry
  readonly #settings: WorkerSettings
  readonly #queues: readonly string[]
  readonly #serving: Serving
  readonly #claimer: Claimer
  readonly #intents: IntentReader
  readonly #chores: ChoreLoop
  readonly #hints: Disposable
  readonly #hurry = new AbortController()
  #renewal: Promise<void> | null = null
  #leaseSession: LeaseSession | null = null
  /** The last lease session whose lease was lost. */
  #lost: LeaseSession | null = null
  readonly #failed = Promise.withResolvers<CheckreinError>()
  #timer: NodeJS.Timeout | null = null
  #loop: Promise<void> | null = null
  #isCalledFor = false
  #isDraining = false
  #isStopped = false
  #stopped: Promise<void> | null = null
  #onStopped: (() => Promise<void>) | null = null

  /**
   * Starts a worker on an open store: loads its tasks, takes a lease, and warms its isolates.
   * Where it is to stop before that is done, it does not wait for it.
   * @throws {CheckreinError} `TASK_…` for modules, `USAGE` for options, `STORE_…`, `ISOLATE_EXITED` where isolates die at birth.
   */
  static async start(
    store: Store,
    options: WorkerOptions,
    { onStopped, stopping }: WorkerSurroundings = {},
  ): Promise<Worker> {
    const settings = workerSettings(options)
    giveErrorsToOwners()
    const worker = new Worker(store, await Registry.load(options.modules), settings)
    worker.#onStopped = onStopped ?? null
    try {
      const begun = worker.#begin().then((session) => session.warmUp())
      await Promise.race([begun, ...(stopping ? [stopping] : [])])
      worker.#renewal = begun.catch((error: unknown) => worker.#complain('register', error))
    } catch (error) {
      await worker.stop({ finish: 0, grace: 0 })
      throw error
    }
    const tasks = Object.keys(worker.#registry.describe())
    publish(() => ({ type: 'started', workerId: worker.id, tasks, queues: worker.#queues }))
    worker.#callForRound()
    return worker
  }

  private constructor(store: Store, registry: Registry, settings: WorkerSettings) {
    this.#store = store
    this.#registry = registry
    this.#settings = settings
    this.#queues = settings.queues ?? registry.queues
    const { retention, pollMs, leaseMs } = settings
    this.#serving = new Serving({
      registry,
      onTrouble: (task, error, pauseMs) =>
        publish(() => ({ type: 'cannot-serve', workerId: this.id, task, pauseMs, error })),
      onRecovered: (task) => publish(() => ({ type: 'serves-again', workerId: this.id, task })),
    })
    this.#claimer = new Claimer({
      store,
      serving: this.#serving,
      queues: this.#queues,
      pollMs,
      compareMs: leaseMs / 3,
      onError: (error) => this.#complain('claim', error),
    })
    this.#intents = new IntentReader(store)
    this.#chores = new ChoreLoop({
      keeper: new Keeper(store, {
        retention,
        pollMs,
        onLapsed: (lapsed) => this.#tellLapsed(lapsed),
      }),
      isIdle: () => this.#leaseSession === null,
      retryMs: pollMs,
      onError: (error) => this.#complain('housekeeping', error),
    })
    this.#hints = store.onChange((change) => this.#hear(change))
  }

  /** The id under which the worker holds runs; a new one after a lease was lost, and empty while it has none. */
  get id(): string {
    return this.#leaseSession?.id ?? ''
  }

  /**
   * Fulfils with the error after which the worker can do nothing any more: its store was replaced (`STORE_REPLACED`). Its attempts
   * are killed then, and it takes nothing new. It is still to be stopped.
   */
  get failed(): Promise<CheckreinError> {
    return this.#failed.promise
  }

  /** How many runs the worker holds: those that execute, and those that wait for a slot. */
  get heldCount(): number {
    return this.#leaseSession?.heldCount ?? 0
  }

  /**
   * Stops the worker: it takes no new runs, lets attempts finish, then aborts them, then kills them. Runs that were interrupted
   * go back to the queue, and the interruption does not count as a failure. A second call goes on to the kill at once.
   * @throws {CheckreinError} `USAGE` for a value that is not a duration, `STORE_…` where the lease could not be handed back, or the
   *   store did not take the last writes in five seconds: then they lapse with the lease.
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
    await endAttempts(this.#leaseSession, { finishMs, graceMs, signal: this.#hurry.signal })
    this.#hints[Symbol.dispose]()
    try {
      await this.#end()
    } finally {
      await this.#onStopped?.()
      publish(() => ({ type: 'stopped', workerId: this.id }))
    }
  }

  async #end(): Promise<void> {
    await Promise.all([this.#leaseSession?.close(), this.#lost?.close()])
    const besides = Promise.all([this.#renewal, this.#loop, this.#chores.stop()])
    try {
      const writing = besides.then(() => this.#leaseSession?.end())
      await writtenInTime(this.#leaseSession, writing)
    } finally {
      this.#isStopped = true
      if (this.#timer) clearTimeout(this.#timer)
    }
  }

  async #begin(): Promise<LeaseSession> {
    this.#leaseSession = await LeaseSession.begin({
      store: this.#store,
      registry: this.#registry,
      serving: this.#serving,
      settings: this.#settings,
      queues: this.#queues,
      onLost: () => {
        this.#renewal = this.#beginAgain()
      },
      onFree: () => this.#callForRound({ isControl: false }),
      onError: (error) => this.#complain('heartbeat', error),
    })
    return this.#leaseSession
  }

  /** Begins a new lease session after a lost lease, as soon as the store gives one. */
  async #beginAgain(): Promise<void> {
    publish(() => ({ type: 'lease-lost', workerId: this.id }))
    this.#lost = this.#leaseSession
    this.#leaseSession = null
    while (!this.#isDraining) {
      try {
        const leaseSession = await this.#begin()
        this.#claimer.hear()
        this.#callForRound()
        await leaseSession.warmUp().catch((error: unknown) => this.#complain('warm-up', error))
        return
      } catch (error) {
        this.#complain('register', error)
        if (isCheckreinError(error) && error.code === 'STORE_CLOSED') return
      }
      await pause(beginAgainMs)
    }
  }

  // --- the loop ---------------------------------------------------------------------------------------------------

  /** Calls for a round where a change in the store may concern this worker. */
  #hear(change: Change): void {
    if (change === 'news' || change === 'end') return
    if (change !== 'control') this.#claimer.hear()
    this.#callForRound({ isControl: change !== 'work' })
  }

  /** Has one more round made. @param isControl whether something may have been asked of a run that it holds; default true. */
  #callForRound({ isControl = true } = {}): void {
    if (this.#isStopped) return
    if (isControl) this.#intents.hear()
    this.#isCalledFor = true
    this.#loop ??= this.#fetchAndExecute()
  }

  /** Makes rounds while somebody calls for one; then a timer will. */
  async #fetchAndExecute(): Promise<void> {
    let nextInMs = this.#settings.pollMs
    // The first round begins in a later turn, when the caller has noted that the loop goes on.
    await Promise.resolve()
    while (this.#isCalledFor) {
      this.#isCalledFor = false
      nextInMs = await this.#round()
    }
    this.#loop = null
    if (this.#timer) clearTimeout(this.#timer)
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#callForRound(), nextInMs)
  }

  /** @returns ms until the next round, if nothing calls for one sooner. */
  async #round(): Promise<number> {
    const leaseSession = this.#leaseSession
    const { pollMs } = this.#settings
    if (!leaseSession) return pollMs
    try {
      const followInMs = await this.#intents.follow(leaseSession)
      const claimInMs = await this.#claimer.fill(leaseSession)
      void this.#chores.run()
      return Math.min(pollMs, followInMs, claimInMs)
    } catch (error) {
      // Where the lease was lost, its heartbeat deals with that.
      if (!isCheckreinError(error) || error.code !== 'LEASE_LOST') this.#complain('round', error)
      return pollMs
    }
  }

  // --- what is published ------------------------------------------------------------------------------------------

  #tellLapsed({ workerId: lapsedWorkerId, runCount }: Housekept['lapsed'][number]): void {
    publish(() => ({ type: 'runs-lapsed', workerId: this.id, lapsedWorkerId, runCount }))
  }

  #complain(during: string, error: unknown): void {
    publish(() => ({ type: 'store-error', workerId: this.id, during, error: errorRecord(error) }))
    if (isCheckreinError(error) && error.code === 'STORE_REPLACED') this.#fail(error)
  }

  #fail(error: CheckreinError): void {
    this.#failed.resolve(storeGone(error, this.#leaseSession?.unwritten.names ?? []))
    this.#isDraining = true
    this.#claimer.isDraining = true
    this.#leaseSession?.giveUp()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop({ finish: 0, grace: 0 })
  }
}
