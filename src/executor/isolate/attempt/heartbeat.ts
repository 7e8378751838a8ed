/**
 * Signs of life for a `heartbeatTimeout`, where nothing else is told: for checkpoints without a state, and for a handler that waits
 * in its slot. At most one sign is told in a quarter of that time; a sign that comes sooner is told at the end of the quarter.
 */
import { setTimeout, clearTimeout } from 'node:timers'
import { clockMs } from './clock.ts'

/** The signs of life of one attempt. */
export class IsolateHeartbeat {
  readonly #tell: () => void
  #everyMs = Infinity
  #toldAt = -Infinity
  /** How many waits keep the heart beating. */
  #waiterCount = 0
  #timer: NodeJS.Timeout | null = null

  constructor(tell: () => void) {
    this.#tell = tell
  }

  /** @param timeoutMs how long the attempt may be silent; null where nobody listens. */
  open(timeoutMs: number | null): void {
    this.#everyMs = (timeoutMs ?? Infinity) / 4
  }

  /** Gives a sign of life. */
  beat(): void {
    if (this.#everyMs === Infinity || this.#timer !== null) return
    const waitMs = this.#toldAt + this.#everyMs - clockMs()
    if (waitMs <= 0) this.#say()
    else this.#arm(waitMs)
  }

  /** Gives signs of life until the function that it returns is called. */
  keepBeating(): () => void {
    let isWaiting = true
    if (++this.#waiterCount === 1) this.beat()
    return () => {
      if (isWaiting) this.#waiterCount--
      isWaiting = false
    }
  }

  close(): void {
    this.#everyMs = Infinity
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #say(): void {
    this.#toldAt = clockMs()
    this.#tell()
    if (this.#waiterCount > 0) this.#arm(this.#everyMs)
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#say()
    }, ms).unref()
  }
}
