import type { Row } from '../../driver/sql.ts'

interface Look {
  readonly position: number
  /** In the order of all looks' beginnings and ends. */
  readonly notedAt: number
  /** Those that were writing, and have not been seen to end. */
  writers: readonly string[]
}

const mostLooks = 64

export class FeedHorizon {
  /** Positions begin at 1. */
  #settled = 0
  #looks: readonly Look[] = []
  #ticks = 0
  /** Transactions that were prepared for a second phase, under which name they go on. */
  #prepared: readonly string[] = []

  /** Up to which position everything has come. */
  get settled(): number {
    return this.#settled
  }

  /** A look begins. @returns what `note` needs to know of it. */
  begin(): number {
    return ++this.#ticks
  }

  /**
   * A look has ended. It says who is over of those that were there when it began, no more: answers may come in any order.
   * @param row what `feedHorizon` gave: the newest position, and who is writing, separated by spaces.
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

/** The transactions that are writing to the feed. */
export function writersIn(row: Row | undefined): readonly string[] {
  const names = String(row?.['writers'] ?? '').split(' ')
  return names.filter((writer) => writer !== '')
}

const isPrepared = (writer: string): boolean => writer.startsWith('-1/')

/** Those that are still writing; one that has gone may be one that has just been prepared. */
function left({ writers }: Look, now: readonly string[], fresh: readonly string[]): string[] {
  const staying = writers.filter((writer) => now.includes(writer))
  return staying.length < writers.length ? [...staying, ...fresh] : staying
}
