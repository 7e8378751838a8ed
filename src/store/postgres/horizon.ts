/**
 * How far the feed can be read.
 *
 * Positions are given when an entry is written, not when its transaction commits, so an entry may come into sight
 * below one that a reader has seen already. A reader who goes on from a position would miss it. So no entry is shown
 * while one below it may still come: each look notes the newest position and which transactions were under way; when
 * all of those are over, everything up to that position has come, or never will.
 *
 * A transaction has its id before it takes a position, for it has changed or held a row by then.
 * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
 */
import type { Row } from '../driver.ts'

interface Look {
  readonly position: number
  /** Every transaction that was under way has a lower id. */
  readonly xmax: bigint
}

const mostLooks = 64

export class FeedHorizon {
  #settled = -1
  readonly #looks: Look[] = []

  /** Up to which position everything has come. */
  get settled(): number {
    return this.#settled
  }

  /** @param row what `feedHorizon` gave: the newest position, the oldest transaction under way, and the next one's id. */
  note(row: Row | undefined): void {
    const position = Number(row?.['position'] ?? -1)
    const oldest = BigInt(String(row?.['xmin'] ?? 0))
    const xmax = BigInt(String(row?.['xmax'] ?? 0))
    if (this.#looks.length < mostLooks) this.#looks.push({ position, xmax })
    while (this.#looks[0] && this.#looks[0].xmax <= oldest)
      this.#settled = Math.max(this.#settled, this.#looks.shift()?.position ?? -1)
  }

  /** Those of the entries after a position that nothing can come before any more. */
  shown(entries: readonly Row[], after: number): readonly Row[] {
    let last = after
    for (const [at, { position }] of entries.entries()) {
      const isNext = Number(position) === Math.max(last, this.#settled) + 1
      if (Number(position) > this.#settled && !isNext) return entries.slice(0, at)
      last = Number(position)
    }
    return entries
  }
}
