/**
 * The database's clock, as far as it is known here without asking.
 *
 * Each transaction brings back the time at which the database began it. What this clock says is never ahead of the
 * database (a message takes time, so a moment that is known has passed already), and behind it by no more than the
 * fastest answer of the last seconds took. So nothing is done before its time; a lease is granted a moment
 * short, never long. Between two answers the machine's monotonic clock carries it, so that whatever happens to this
 * host's time of day changes nothing.
 *
 * The database's own clock may leap, above all when another server takes over. A leap forward would end leases whose
 * workers are alive and well; so the clock for leases believes it only after a minute, in which each of them has been
 * renewed many times.
 */
import { performance } from 'node:perf_hooks'

/** After so long the fastest answer is forgotten: clocks drift, and a database may move to another host. */
const keepMs = 10_000
/** Clocks that are kept in step do not differ by so much. */
const leapMs = 1000
const believeLeapMs = 60_000

export class DatabaseClock {
  readonly #monotonic: () => number
  #offset: number | null = null
  #heardAt = 0
  #leaseOffset = 0
  #leaptAt: number | null = null

  /** @param monotonic ms on a clock that nobody can set. */
  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic
  }

  /** Notes a time that the database gave, epoch ms, at the moment at which its answer has come. */
  heard(databaseMs: number): void {
    const at = this.#monotonic()
    const offset = databaseMs - at
    const isFirst = this.#offset === null
    if (this.#offset !== null && offset <= this.#offset && at - this.#heardAt < keepMs) return
    this.#offset = offset
    this.#heardAt = at
    if (isFirst || !this.#isLeap(at, offset)) this.#leaseOffset = offset
  }

  #isLeap(at: number, offset: number): boolean {
    if (offset - this.#leaseOffset <= leapMs) {
      this.#leaptAt = null
      return false
    }
    this.#leaptAt ??= at
    return at - this.#leaptAt < believeLeapMs
  }

  /** Epoch ms, whole. */
  readonly now = (): number => Math.floor(this.#monotonic() + (this.#offset ?? 0))

  /** The same for leases. */
  readonly leaseNow = (): number => Math.floor(this.#monotonic() + this.#leaseOffset)
}
