import { setTimeout as pause } from 'node:timers/promises'

/** How much time it may catch up with after it was delayed. */
const creditMs = 50
/** Waits that are shorter than this are added up, and waited later. */
const shortestWaitMs = 1

/** Keeps work from going faster than it was told. */
export class Throttle {
  #intervalMs = 0
  #nextAt = -Infinity

  /** @param perSecond null for as fast as it can. */
  constructor(perSecond: number | null) {
    this.limit(perSecond)
  }

  limit(perSecond: number | null): void {
    this.#intervalMs = perSecond === null ? 0 : 1000 / perSecond
    this.#nextAt = -Infinity
  }

  /** Fulfils when the next piece of work may begin. */
  async keep(abortSignal: AbortSignal): Promise<void> {
    const now = performance.now()
    this.#nextAt = Math.max(this.#nextAt, now - creditMs) + this.#intervalMs
    const waitMs = this.#nextAt - now
    if (waitMs >= shortestWaitMs) await pause(waitMs, undefined, { signal: abortSignal })
  }
}

/** How regularly the work goes on. */
export class Beat {
  #longestGapMs: number
  #lastAt = performance.now()

  constructor(longestGapMs: number) {
    this.#longestGapMs = longestGapMs
  }

  /** A piece of work is done. @returns the longest time that one took so far. */
  note(): number {
    const now = performance.now()
    this.#longestGapMs = Math.max(this.#longestGapMs, Math.round(now - this.#lastAt))
    this.#lastAt = now
    return this.#longestGapMs
  }

  /** Counts from now on: the time that has passed since the last work does not count. */
  rest(): void {
    this.#lastAt = performance.now()
  }
}
