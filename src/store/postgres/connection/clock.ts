/**
 * The database's clock, as far as it is known here without asking.
 *
 * Transactions and renewals bring back the server's time. The time that is known here is never ahead of the server's (an answer
 * takes time to come, so the moment that it tells has passed already), and is behind it by no more than the fastest answer took;
 * answers that took long are ignored. Between two answers the machine's monotonic clock carries the known time on, so that a
 * change of this host's time of day changes nothing.
 *
 * The server's own clock may leap, above all when another server takes over, and processes hear of it at different
 * moments. So leases are granted by the highest time that was known in the last minute, and judged by the lowest: a leap forward
 * lengthens leases at once and ends none until each has been renewed on the new time; after a leap backward leases are granted on
 * the old time for as long as another process may still judge by it.
 */
import { performance } from 'node:perf_hooks'

/** An answer that was under way for longer is ignored: nobody knows at which moment of that time it was given. */
const longestAnswerMs = 500
/** The answers are taken together in spans of this length; of each span the fastest answer counts. */
const spanMs = 5000
const memoryMs = 60_000

interface Span {
  readonly since: number
  /** The server's time less ours, ms: the highest difference that was heard. */
  offset: number
  /** When the next one began. */
  until: number
}

/** The database's clock as this process knows it from the answers that it has heard. */
export class DatabaseClock {
  readonly #monotonic: () => number
  #spans: readonly Span[] = []

  /** @param monotonic ms on a clock that nobody can set. */
  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic
  }

  /** Ms on the clock that nobody can set. */
  get sentAt(): number {
    return this.#monotonic()
  }

  /** Notes a time that the server gave, epoch ms, when its answer has come. @param sentAt when it was asked for. */
  heard(databaseMs: number, sentAt: number): void {
    const at = this.#monotonic()
    const current = this.#spans.at(-1)
    if (current && at - sentAt > longestAnswerMs) return
    const offset = databaseMs - at
    if (current && at - current.since < spanMs) {
      current.offset = Math.max(current.offset, offset)
      return
    }
    if (current) current.until = at
    const kept = this.#spans.filter(({ until }) => at - until < memoryMs)
    this.#spans = [...kept, { since: at, offset, until: Infinity }]
  }

  /** The server's time as far as it is known, epoch ms, whole. */
  readonly now = (): number => this.#at(this.#spans.at(-1)?.offset)

  /** The time by which a lease is judged to have lapsed, epoch ms: never ahead. */
  readonly leaseNow = (): number => this.#at(Math.min(...this.#offsets()))

  /** The time from which a lease is granted, epoch ms: never behind. */
  readonly grantNow = (): number => this.#at(Math.max(...this.#offsets()))

  #offsets(): number[] {
    return this.#spans.map(({ offset }) => offset)
  }

  #at(offset = 0): number {
    return Math.floor(this.#monotonic() + (Number.isFinite(offset) ? offset : 0))
  }
}
