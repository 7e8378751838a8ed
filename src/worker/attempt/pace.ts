/**
 * How fast the attempts of one task end, and what a worker may do in advance because of it.
 *
 * A transaction costs some 30 us, whether it claims or completes one run or fifty. Where attempts take far longer than that, the
 * cost does not matter, and a run that was claimed before its slot is free would only be kept from other workers. Where attempts
 * are over in no time, transactions are most of the cost. So of a task whose attempts take less than a few milliseconds, as a rule,
 * a worker claims ahead as many runs as it ends in such a time, and lets the ends of a millisecond share a transaction. Where an
 * attempt takes longer all the same, the runs that wait for its slot are handed back (`claiming/prefetched.ts`).
 */
export class Pace {
  readonly #aheadMs: number
  readonly #now: () => number
  #countedFrom: number
  #count = 0
  #perMs = 0
  #totalMs = 0
  #beat: Promise<void> | null = null

  /**
   * @param lookPauseMs see `Store`.
   * @param now ms; for tests.
   */
  constructor(lookPauseMs: number, now = (): number => performance.now()) {
    this.#aheadMs = Math.max(leastAheadMs, lookPauseMs)
    this.#now = now
    this.#countedFrom = now()
  }

  /** An attempt has ended. */
  tick(durationMs: number): void {
    const now = this.#now()
    this.#count += 1
    this.#totalMs += durationMs
    if (now - this.#countedFrom < windowMs) return
    const isQuick = this.#totalMs / this.#count < quickMs
    this.#perMs = isQuick ? this.#count / (now - this.#countedFrom) : 0
    this.#countedFrom = now
    this.#count = 0
    this.#totalMs = 0
  }

  /** How many runs of the task to claim besides those that there are slots for. */
  get lookahead(): number {
    return Math.min(mostAhead, Math.floor(this.#current * this.#aheadMs))
  }

  /** Fulfils when it is time to write an end: at once, or with the others of this millisecond. */
  async beat(): Promise<void> {
    if (this.#current < sharedFromPerMs) return
    this.#beat ??= new Promise((resolve) =>
      setTimeout(() => {
        this.#beat = null
        resolve()
      }, 1),
    )
    await this.#beat
  }

  /** Attempts that end in a ms; zero where they are not quick, or none has ended for a while. */
  get #current(): number {
    return this.#now() - this.#countedFrom > staleMs ? 0 : this.#perMs
  }
}

/** The paces of all tasks of a worker. */
export class Paces {
  readonly #lookPauseMs: number
  readonly #byTask = new Map<string, Pace>()

  /** @param lookPauseMs see `Store`. */
  constructor(lookPauseMs: number) {
    this.#lookPauseMs = lookPauseMs
  }

  of(task: string): Pace {
    const known = this.#byTask.get(task)
    if (known) return known
    const pace = new Pace(this.#lookPauseMs)
    this.#byTask.set(task, pace)
    return pace
  }

  /** The tasks among these whose runs are worth claiming ahead, and how many. @param waiting how many wait for a slot already. */
  lookahead(
    names: readonly string[],
    waiting: number,
  ): { readonly tasks: readonly string[]; readonly limit: number } {
    const tasks = names.filter((name) => this.of(name).lookahead > 0)
    const most = tasks.reduce((most, name) => Math.max(most, this.of(name).lookahead), 0)
    return { tasks, limit: waiting > most / 2 ? 0 : most - waiting }
  }
}

const quickMs = 5
const windowMs = 10
const staleMs = 50
/** How much work is claimed ahead at least, in ms; with a store whose looks take longer, as much as one of those takes. */
const leastAheadMs = 8
const mostAhead = 400
const sharedFromPerMs = 1
