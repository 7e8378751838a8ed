/**
 * The time in which a worker holds one lease: its id, its executors, and the attempts that it runs.
 *
 * A worker has one tenure after the other. When a lease is lost, everything that ran under it is ended with it, and
 * the next tenure starts with a new id and new isolates; so nothing can carry over from a lease that another worker
 * may have taken the runs of.
 */
import { randomUUIDv7 } from 'node:crypto'
import { hostname } from 'node:os'
import type { Isolation } from '../core/task.ts'
import { createExecutor } from '../executor/create.ts'
import type { AbortReason, Executor } from '../executor/executor.ts'
import { monotonicMs } from '../executor/monotonic.ts'
import type { ClaimedRun, HeldIntent, Store } from '../store/store.ts'
import { version } from './version.ts'
import { Attempt } from './attempt.ts'
import { goodUntil, Heartbeat, type HeartbeatParts } from './heartbeat.ts'
import type { WorkerSettings } from './options.ts'
import type { Registry } from './registry.ts'

export interface TenureParts {
  readonly store: Store
  readonly registry: Registry
  readonly settings: WorkerSettings
  readonly queues: readonly string[]
  /** The lease is lost; the tenure has been told to end. */
  readonly onLost: () => void
  /** A slot has become free. */
  readonly onFree: () => void
  readonly onError: HeartbeatParts['onError']
}

const leaseLost: AbortReason = {
  code: 'LEASE_LOST',
  message: 'The worker lost its lease',
  details: {},
}

export class Tenure {
  readonly id: string
  readonly #parts: TenureParts
  readonly #executors: ReadonlyMap<Isolation, Executor>
  readonly #heartbeat: Heartbeat
  readonly #running = new Map<string, Attempt>()
  readonly #settling = new Set<Promise<void>>()
  readonly #busy = new Map<Isolation, number>()

  /** Takes a lease. @throws {CheckreinError} `STORE_…`. */
  static async begin(parts: TenureParts): Promise<Tenure> {
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
    return new Tenure(id, parts, goodUntil(sentAt, settings.leaseMs))
  }

  private constructor(id: string, parts: TenureParts, until: number) {
    const { store, settings, registry } = parts
    this.id = id
    this.#parts = parts
    this.#executors = new Map(
      registry.isolations.map((isolation) => {
        const capacity = settings.capacity[isolation]
        return [
          isolation,
          createExecutor(isolation, { capacity, spares: settings.spares, goodUntil: until }),
        ]
      }),
    )
    const onLost = (): void => {
      this.#abandon()
      parts.onLost()
    }
    const onRenewed = (until: number): void => {
      for (const executor of this.#executors.values()) executor.renew(until)
    }
    const { onError } = parts
    this.#heartbeat = new Heartbeat(
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
    return this.#running.size
  }

  /** How many more attempts of an isolation may start. */
  freeSlots(isolation: Isolation): number {
    return this.#parts.settings.capacity[isolation] - (this.#busy.get(isolation) ?? 0)
  }

  /** Runs a claimed run. Its slot is free again when its code has ended, also before that is written. */
  start(run: ClaimedRun): void {
    const { store, registry, settings } = this.#parts
    const registered = registry.get(run.task)
    const executor = registered && this.#executors.get(registered.task.isolation)
    if (!registered || !executor) return
    const { payloadLimit } = settings
    const attempt = new Attempt(run, registered, {
      store,
      executor,
      workerId: this.id,
      payloadLimit,
    })
    this.#running.set(run.id, attempt)
    this.#occupy(executor.isolation, 1)
    const settling = attempt.settle()
    this.#settling.add(settling)
    void attempt.ended.then(() => this.#free(attempt, executor.isolation))
    void settling.then(() => this.#settling.delete(settling))
  }

  #free({ run }: Attempt, isolation: Isolation): void {
    this.#running.delete(run.id)
    this.#occupy(isolation, -1)
    this.#parts.onFree()
  }

  #occupy(isolation: Isolation, change: 1 | -1): void {
    this.#busy.set(isolation, (this.#busy.get(isolation) ?? 0) + change)
  }

  follow(held: HeldIntent): void {
    this.#running.get(held.runId)?.follow(held)
  }

  abortAll(reason: AbortReason): void {
    for (const { ladder } of this.#running.values()) ladder.abort('shutdown', reason)
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ladder }) => ladder.kill('shutdown')))
  }

  /** Fulfils when no attempt runs and every end is written. */
  async settled(): Promise<void> {
    while (this.#settling.size > 0) await Promise.all(this.#settling)
  }

  /**
   * Ends the isolates and the heartbeat; what still runs is killed. Hands the lease back, unless an inline handler
   * still runs: its runs may be taken by others only when this process is gone, so that lease is left to lapse.
   */
  async end(): Promise<void> {
    const isQuiet = (this.#busy.get('inline') ?? 0) === 0
    const closable = [...this.#executors.values()].filter(
      ({ isolation }) => isQuiet || isolation !== 'inline',
    )
    await Promise.all(closable.map((executor) => executor[Symbol.asyncDispose]()))
    if (isQuiet) await this.settled()
    this.#heartbeat.stop()
    if (isQuiet) await this.#parts.store.removeWorker(this.id)
  }

  /** The lease is lost: nothing of it may go on. */
  #abandon(): void {
    this.#heartbeat.stop()
    for (const { ladder } of this.#running.values()) {
      ladder.abort('lease-lost', leaseLost)
      void ladder.kill('lease-lost')
    }
    for (const executor of this.#executors.values()) void executor[Symbol.asyncDispose]()
  }
}
