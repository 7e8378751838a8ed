import type { HeldRun } from '../../store/store.ts'

const nameOf = ({ id, attempt }: Pick<HeldRun, 'id' | 'attempt'>): string => `${id}#${attempt}`

/** The claims of a lease session whose ends are not written yet: of a run that comes back soon there may be two. */
export class Unwritten {
  readonly #names = new Set<string>()
  readonly #writing = new Set<Promise<void>>()

  /** Notes that the end of a claim is being written, until it is. */
  add(run: HeldRun, settled: Promise<void>): void {
    this.#names.add(nameOf(run))
    const writing = settled.finally(() => {
      this.#names.delete(nameOf(run))
      this.#writing.delete(writing)
    })
    this.#writing.add(writing)
  }

  has(run: HeldRun): boolean {
    return this.#names.has(nameOf(run))
  }

  /** The claims: `0198…#1` is the first attempt of a run. */
  get names(): readonly string[] {
    return [...this.#names]
  }

  get count(): number {
    return this.#writing.size
  }

  /** Fulfils when every end is written. @param but how many need not be. */
  async settled(but = 0): Promise<void> {
    while (this.#writing.size > but) await Promise.race(this.#writing)
  }
}
