import { CheckreinError } from '../../core/errors.ts'
import type { AttemptListener, AttemptOrder, Executor, RunningAttempt } from '../executor.ts'
import { Isolate, type IsolateSettings, type Seat } from './isolate.ts'
import type { Isolation } from '../../core/task/task-limits.ts'
import { notReady } from './unmade.ts'

/** A maker of seats of one isolation, which also ends them all. */
export interface SeatMaker {
  readonly isolation: Isolation
  /** The error of the last process that could not be made; null where there is none. */
  readonly whyUnmade: unknown
  /** @param onShut called when an idle seat may not be used any more, though it did not end. */
  open(onShut: () => void): Seat
  renew(goodUntil: number): void
  /** Ends every seat and what holds them; resolves when their exits were observed. */
  close(): Promise<void>
}

/** The settings of a pool. */
export interface PoolSettings extends IsolateSettings {
  readonly capacity: number
  readonly spares: number
  readonly idleMs: number
}

/** How often isolates may end before they are ready, until `warmUp` gives up. */
const mostTries = 3

/** How long the making of spares pauses after one that ended before it was ready; doubles each time. */
const firstPauseMs = 100
const longestPauseMs = 10_000

/**
 * A pool of isolates that are kept warm and used again. The isolate that was used last goes first, for its caches are warm; the
 * isolates at the bottom of the stack are closed when there are more than needed.
 */
export class Pool implements Executor {
  readonly isolation: Isolation
  readonly #maker: SeatMaker
  readonly #settings: PoolSettings
  readonly #live = new Set<Isolate>()
  #idle: Isolate[] = []
  /** The isolates that are not ready yet, and were not given an attempt. */
  #warming: Isolate[] = []
  #running = 0
  #failures = 0
  #pause: NodeJS.Timeout | null = null
  #trim: NodeJS.Timeout | null = null
  /** The fewest idle isolates since the last look: so many were not needed. */
  #leastIdle = 0
  #closing: Promise<void> | null = null

  constructor(maker: SeatMaker, settings: PoolSettings) {
    this.isolation = maker.isolation
    this.#maker = maker
    this.#settings = settings
  }

  async warmUp(): Promise<void> {
    // An isolate that starts slowly may die of a short lease, so it is tried more than once.
    for (let tries = 0; tries < mostTries; tries++) {
      this.#refill()
      const ready = await Promise.all(this.#warming.map((isolate) => isolate.ready))
      if (ready.every(Boolean) || this.#closing !== null) return
      await delay(firstPauseMs)
      this.#endPause()
    }
    throw notReady(this.isolation, this.#maker.whyUnmade)
  }

  start(order: AttemptOrder, listener: AttemptListener): RunningAttempt {
    this.#checkRoom()
    const { module, reuseIsolate = true } = order
    const isolate = reuseIsolate ? this.#take(module) : this.#takeFresh(module)
    this.#running++
    const attempt = isolate.start(order, listener)
    if (this.#idle.length + this.#warming.length < this.#settings.spares) this.#refill()
    return attempt
  }

  renew(goodUntil: number): void {
    this.#maker.renew(goodUntil)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #checkRoom(): void {
    if (this.#closing !== null)
      throw new CheckreinError('STORE_CLOSED', { message: 'The executor is closed' })
    if (this.#running < this.#settings.capacity) return
    const message = `The ${this.isolation} executor runs ${this.#running} attempts already, which is its capacity`
    throw new CheckreinError('INTERNAL', { message })
  }

  /** An isolate for a task of that module. An isolate that failed to load the module is no use for it, and the next may find it mended. */
  #take(module: string): Isolate {
    for (let isolate = this.#idle.pop(); isolate !== undefined; isolate = this.#idle.pop()) {
      if (this.#idle.length < this.#leastIdle) this.#leastIdle = this.#idle.length
      if (isolate.isUsable && !isolate.lacks(module)) return isolate
      void isolate.retire()
    }
    return this.#warming.shift() ?? this.#open()
  }

  /** An isolate that has run no attempt yet. It takes the room of an idle one that has, where there is no more. */
  #takeFresh(module: string): Isolate {
    const at = this.#idle.findLastIndex(
      (isolate) => isolate.isFresh && isolate.isUsable && !isolate.lacks(module),
    )
    const [fresh] = at < 0 ? [] : this.#idle.splice(at, 1)
    const found = fresh ?? this.#warming.shift()
    if (found !== undefined) return found
    const { capacity, spares } = this.#settings
    if (this.#live.size >= capacity + spares) void this.#idle.shift()?.retire()
    return this.#open()
  }

  #open(): Isolate {
    const isolate: Isolate = new Isolate(
      this.#maker.open(() => this.#onShut(isolate)),
      this.#settings,
      () => this.#onEnded(isolate),
    )
    this.#live.add(isolate)
    void isolate.ready.then((isReady) => (this.#failures = isReady ? 0 : this.#failures + 1))
    void isolate.gone.then(() => this.#onGone(isolate))
    return isolate
  }

  /** The attempt of an isolate has ended. */
  #onEnded(isolate: Isolate): void {
    this.#running--
    if (!isolate.isUsable || this.#closing !== null) return
    this.#idle.push(isolate)
    if (this.#idle.length > this.#settings.spares) this.#trimLater()
  }

  #refill(): void {
    const { capacity, spares } = this.#settings
    if (this.#closing !== null || this.#pause !== null) return
    while (
      this.#idle.length + this.#warming.length < spares &&
      this.#live.size < capacity + spares
    ) {
      const isolate = this.#open()
      this.#warming.push(isolate)
      void isolate.ready.then((isReady) => this.#onWarm(isolate, isReady))
    }
  }

  #onWarm(isolate: Isolate, isReady: boolean): void {
    if (!this.#warming.includes(isolate)) return
    this.#warming = this.#warming.filter((other) => other !== isolate)
    if (isReady && isolate.isUsable) this.#idle.push(isolate)
  }

  #onShut(isolate: Isolate): void {
    this.#forget(isolate)
    this.#refill()
  }

  #forget(isolate: Isolate): void {
    this.#idle = this.#idle.filter((other) => other !== isolate)
    this.#warming = this.#warming.filter((other) => other !== isolate)
  }

  #onGone(isolate: Isolate): void {
    this.#live.delete(isolate)
    this.#forget(isolate)
    if (this.#failures > 0) this.#pauseSpares()
    this.#refill()
  }

  /** Isolates that die at birth must not be born in a tight loop. Attempts still get theirs at once. */
  #pauseSpares(): void {
    const pauseMs = Math.min(firstPauseMs * 2 ** (this.#failures - 1), longestPauseMs)
    this.#pause ??= setTimeout(() => {
      this.#pause = null
      this.#refill()
    }, pauseMs).unref()
  }

  #endPause(): void {
    if (this.#pause !== null) clearTimeout(this.#pause)
    this.#pause = null
  }

  #trimLater(): void {
    if (this.#trim !== null) return
    this.#leastIdle = this.#idle.length
    this.#trim = setTimeout(() => this.#trimNow(), this.#settings.idleMs).unref()
  }

  #trimNow(): void {
    this.#trim = null
    const { spares } = this.#settings
    const surplus = this.#idle.splice(
      0,
      Math.max(0, Math.min(this.#leastIdle, this.#idle.length) - spares),
    )
    for (const isolate of surplus) void isolate.retire()
    if (this.#idle.length > spares) this.#trimLater()
  }

  async #close(): Promise<void> {
    this.#endPause()
    if (this.#trim !== null) clearTimeout(this.#trim)
    const live = [...this.#live]
    for (const isolate of live) isolate.condemn()
    await this.#maker.close()
    await Promise.all(live.map((isolate) => isolate.gone))
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}
