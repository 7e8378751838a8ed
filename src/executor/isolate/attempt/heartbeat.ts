/**
 * Signs of life for a `heartbeatTimeout`, where nothing else is told: of checkpoints without a state, and of a handler that
 * waits in its slot. At most one a quarter of that time, and one that came too soon after another is told at the end of it.
 */
import { setTimeout, clearTimeout } from 'node:timers'
import { clockMs } from './clock.ts'

export class IsolateHeartbeat {
  readonly #tell: () => void
  #everyMs = Infinity
  #toldAt = -Infinity
  /** Who waits. */
  #holders = 0
  #timer: NodeJS.Timeout | null = null

  constructor(tell: () => void) {
    this.#tell = tell
  }

  /** @param timeoutMs how long the attempt may be silent; null where nobody listens. */
  open(timeoutMs: number | null): void {
    this.#everyMs = (timeoutMs ?? Infinity) / 4
  }

  /** The handler is alive. */
  beat(): void {
    if (this.#everyMs === Infinity || this.#timer !== null) return
    const waitMs = this.#toldAt + this.#everyMs - clockMs()
    if (waitMs <= 0) this.#say()
    else this.#arm(waitMs)
  }

  /** It is for as long as it waits; the function that it returns says that this is over. */
  keepBeating(): () => void {
    let isHeld = true
    if (++this.#holders === 1) this.beat()
    return () => {
      if (isHeld) this.#holders--
      isHeld = false
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
    if (this.#holders > 0) this.#arm(this.#everyMs)
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#say()
    }, ms).unref()
  }
}
