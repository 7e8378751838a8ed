/**
 * The database's clock, as far as it is known here without asking.
 *
 * Transactions and renewals bring back the server's time. What is known of it is never ahead of the server (a message
 * takes time, so a moment that is known has passed already), and behind it by no more than the fastest answer took;
 * answers that took long say nothing. Between two answers the machine's monotonic clock carries it, so that whatever
 * happens to this host's time of day changes nothing.
 *
 * The server's own clock may leap, above all when another server takes over, and processes hear of it at different
 * moments. So leases are granted by the highest, and judged by the lowest that was known of the clock in the last minute: a
 * leap forward lengthens leases at once and ends none until each has been renewed on the new time; after a leap
 * backward leases are granted on the old time for as long as somebody may still judge by it.
 */
import { performance } from 'node:perf_hooks'

/** Of an answer that was under way for longer it is not known when it was given. */
const longestAnswerMs = 500
/** Of the answers of so long the fastest counts. */
const spanMs = 5000
const memoryMs = 60_000

interface Span {
  readonly since: number
  /** The server's time less ours: the highest that was heard. */
  offset: number
  /** When the next one began. */
  until: number
}

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

  /** Epoch ms, whole. */
  readonly now = (): number => this.#at(this.#spans.at(-1)?.offset)

  /** For judging whether a lease has lapsed. */
  readonly leaseNow = (): number => this.#at(Math.min(...this.#offsets()))

  /** For granting a lease from now. */
  readonly grantNow = (): number => this.#at(Math.max(...this.#offsets()))

  #offsets(): number[] {
    return this.#spans.map(({ offset }) => offset)
  }

  #at(offset = 0): number {
    return Math.floor(this.#monotonic() + (Number.isFinite(offset) ? offset : 0))
  }
}
