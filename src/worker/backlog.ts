import type { Isolation } from '../core/task.ts'
import type { ClaimedRun } from '../store/store.ts'

/** Runs that are claimed and wait for a slot; few, and for milliseconds (see `pace.ts`). */
export class Backlog {
  readonly #waiting = new Map<Isolation, ClaimedRun[]>()

  add(isolation: Isolation, run: ClaimedRun): void {
    const waiting = this.#waiting.get(isolation)
    if (waiting) waiting.push(run)
    else this.#waiting.set(isolation, [run])
  }

  next(isolation: Isolation): ClaimedRun | undefined {
    return this.#waiting.get(isolation)?.shift()
  }

  count(isolation: Isolation): number {
    return this.#waiting.get(isolation)?.length ?? 0
  }

  get size(): number {
    return [...this.#waiting.values()].reduce((sum, { length }) => sum + length, 0)
  }

  /** Takes one out, so that it never starts. */
  take(runId: string): ClaimedRun | undefined {
    for (const waiting of this.#waiting.values()) {
      const at = waiting.findIndex(({ id }) => id === runId)
      if (at !== -1) return waiting.splice(at, 1)[0]
    }
    return undefined
  }

  takeAll(): readonly ClaimedRun[] {
    const all = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    return all
  }
}
