/**
 * Turns of the event loop for loops that would not let it turn by themselves. A promise that is settled goes on in the same turn,
 * so a loop of such promises keeps timers, messages and signals out for as long as it lasts.
 */
import { setImmediate } from 'node:timers'
import { clockMs } from './clock.ts'

/** How long a loop may occupy the event loop. */
const turnMs = 10

const settled = Promise.resolve()

/** Lets the event loop turn every 10 ms, however fast a loop goes. */
export class EventLoopTurns {
  /** When the event loop turned last, as far as is known: not before the first call. */
  #turnedAt = Infinity

  /** A promise that is settled, but for every 10 ms: then it lets the event loop turn. */
  pass(now = clockMs()): Promise<void> {
    if (this.#turnedAt === Infinity) this.#turnedAt = now
    return now - this.#turnedAt < turnMs ? settled : this.#next()
  }

  async #next(): Promise<void> {
    this.#turnedAt = Infinity
    await nextTurn()
    this.#turnedAt = clockMs()
  }
}

/** Fulfils in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
