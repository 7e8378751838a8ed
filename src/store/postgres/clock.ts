/**
 * The database's clock, as far as it is known here without asking.
 *
 * Each transaction brings back the time at which the database began it. What this clock says is never ahead of the
 * database (a message takes time, so a moment that is known has passed already), and behind it by no more than the
 * fastest answer of the last seconds took. So nothing is done before its time; a lease is granted a moment
 * short, never long. Between two answers the machine's monotonic clock carries it, so that whatever happens to this
 * host's time of day changes nothing.
 */
import { performance } from 'node:perf_hooks'

/** After so long the fastest answer is forgotten: clocks drift, and a database may move to another host. */
const keepMs = 10_000

export class DatabaseClock {
  #offset: number | null = null
  #takenAt = 0

  /** Notes a time that the database gave, epoch ms, at the moment at which its answer has come. */
  heard(databaseMs: number): void {
    const at = performance.now()
    const offset = databaseMs - at
    if (this.#offset !== null && offset <= this.#offset && at - this.#takenAt < keepMs) return
    this.#offset = offset
    this.#takenAt = at
  }

  /** Epoch ms, whole. */
  readonly now = (): number => Math.floor(performance.now() + (this.#offset ?? 0))
}
