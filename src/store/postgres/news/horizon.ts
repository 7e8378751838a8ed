import type { Row } from '../../driver/sql.ts'

interface Look {
  readonly position: number
  /** The number of the look's end, in the order of the beginnings and ends of all looks. */
  readonly notedAt: number
  /** The transactions that were writing at this look, and have not been seen to end. */
  writers: readonly string[]
}

const mostLooks = 64

/** The position up to which the feed is complete: no transaction that is still open can add an entry below it. */
export class FeedHorizon {
  /** Positions begin at 1. */
  #settled = 0
  #looks: readonly Look[] = []
  #ticks = 0
  /** The names of the transactions that were prepared for a commit in two phases: a transaction goes on under a new name once it is prepared. */
  #prepared: readonly string[] = []

  /** The position up to which every entry has come. */
  get settled(): number {
    return this.#settled
  }

  /** Notes that a look begins. @returns the number of its beginning, for `note`. */
  begin(): number {
    return ++this.#ticks
  }

  /**
   * Notes the answer of a look that has ended. It counts only for looks that ended before this one began, for answers may come in any
   * order.
   * @param row the answer to `feedHorizon`: the newest position, and the transactions that are writing, separated by spaces.
   * @param begunAt the number that `begin` gave.
   */
  note(row: Row | undefined, begunAt: number): void {
    const position = Number(row?.['position'] ?? 0)
    const now = writersIn(row)
    const fresh = now.filter((writer) => isPrepared(writer) && !this.#prepared.includes(writer))
    this.#prepared = now.filter(isPrepared)
    for (const look of this.#looks)
      if (look.notedAt < begunAt) look.writers = left(look, now, fresh)
    const latest = { position, notedAt: ++this.#ticks, writers: now }
    const looks = [...this.#looks.slice(0, mostLooks - 1), latest]
    for (const look of looks)
      if (look.writers.length === 0) this.#settled = Math.max(this.#settled, look.position)
    this.#looks = looks.filter(({ writers }) => writers.length > 0)
  }

  /** The entries after a position that no other entry can come before any more. */
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

/** The transactions in the column `writers` of a row, by their names in `pg_locks`. */
export function writersIn(row: Row | undefined): readonly string[] {
  const names = String(row?.['writers'] ?? '').split(' ')
  return names.filter((writer) => writer !== '')
}

const isPrepared = (writer: string): boolean => writer.startsWith('-1/')

/** The transactions of a look that are still writing. A transaction that is gone may have just been prepared: so new prepared ones are added. */
function left({ writers }: Look, now: readonly string[], fresh: readonly string[]): string[] {
  const staying = writers.filter((writer) => now.includes(writer))
  return staying.length < writers.length ? [...staying, ...fresh] : staying
}
