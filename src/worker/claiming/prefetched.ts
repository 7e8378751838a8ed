import type { ClaimedRun } from '../../store/store.ts'
import type { Isolation } from '../../core/task/task-limits.ts'

/** How long a run may wait for a slot at least; with a store whose looks take longer, three of those. */
const leastWaitMs = 25

interface Waiting {
  readonly run: ClaimedRun
  readonly since: number
}

/** Runs that are claimed and wait for a slot; few, and for milliseconds (see `pace.ts`). */
export class Prefetched {
  readonly #now: () => number
  readonly #lines = new Map<Isolation, Waiting[]>()
  /** How long a run may wait here for a slot; then others may have it. */
  readonly longestWaitMs: number

  /**
   * @param lookPauseMs see `Store`.
   * @param now ms; for tests.
   */
  constructor(lookPauseMs: number, now = (): number => performance.now()) {
    this.#now = now
    this.longestWaitMs = Math.max(leastWaitMs, 3 * lookPauseMs)
  }

  add(isolation: Isolation, run: ClaimedRun): void {
    const waiting = { run, since: this.#now() }
    const line = this.#lines.get(isolation)
    if (line) line.push(waiting)
    else this.#lines.set(isolation, [waiting])
  }

  next(isolation: Isolation): ClaimedRun | undefined {
    return this.#lines.get(isolation)?.shift()?.run
  }

  count(isolation: Isolation): number {
    return this.#lines.get(isolation)?.length ?? 0
  }

  get size(): number {
    return [...this.#lines.values()].reduce((sum, { length }) => sum + length, 0)
  }

  has({ id, attempt }: Pick<ClaimedRun, 'id' | 'attempt'>): boolean {
    const isIt = ({ run }: Waiting): boolean => run.id === id && run.attempt === attempt
    return [...this.#lines.values()].some((line) => line.some(isIt))
  }

  /** Takes one out, so that it never starts. */
  take(runId: string): ClaimedRun | undefined {
    for (const line of this.#lines.values()) {
      const at = line.findIndex(({ run }) => run.id === runId)
      if (at !== -1) return line.splice(at, 1)[0]?.run
    }
    return undefined
  }

  /** Takes out the lines whose first has waited too long. */
  takeStale(): readonly ClaimedRun[] {
    const since = this.#now() - this.longestWaitMs
    const stale = [...this.#lines.values()].filter(
      ([first]) => first !== undefined && first.since < since,
    )
    return stale.flatMap((line) => line.splice(0)).map(({ run }) => run)
  }

  takeAll(): readonly ClaimedRun[] {
    const all = [...this.#lines.values()].flat().map(({ run }) => run)
    this.#lines.clear()
    return all
  }
}
