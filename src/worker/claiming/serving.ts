/**
 * Which tasks a worker can serve.
 *
 * A worker may know a task and still be unable to run it: its module does not load in an isolate, or was replaced by one without the
 * task, or there are no processes or file descriptors left for isolates. Then each run that it claims fails or goes back, and it would
 * run through the whole queue that another worker could serve. So a task whose handler could not be called is left alone for a while,
 * which doubles each time; then one run of it is tried.
 */
import type { ErrorRecord } from '../../core/errors.ts'
import type { Isolation } from '../../core/task/task-limits.ts'
import type { Registry } from '../registry.ts'

/** The surroundings of a `Serving`. */
export interface ServingParts {
  readonly registry: Pick<Registry, 'namesOf'>
  /** @param pauseMs how long the task is left to others. */
  readonly onTrouble: (task: string, error: ErrorRecord, pauseMs: number) => void
  readonly onRecovered: (task: string) => void
  /** Ms; for tests. */
  readonly now?: () => number
}

interface Trouble {
  /** How often in a row the handler could not be called. */
  readonly failures: number
  /** When one run is tried again. */
  againAt: number
  isTrying: boolean
}

const firstPauseMs = 250
const longestPauseMs = 60_000
/** How long to go without a look for a run to try, where there was none. */
const emptyPauseMs = 1000

/** Knows which tasks the worker leaves to others for now. */
export class Serving {
  readonly #parts: ServingParts
  readonly #now: () => number
  readonly #troubles = new Map<string, Trouble>()

  constructor(parts: ServingParts) {
    this.#parts = parts
    this.#now = parts.now ?? (() => performance.now())
  }

  /** The tasks of an isolation that are served without reserve. */
  namesOf(isolation: Isolation): readonly string[] {
    const names = this.#parts.registry.namesOf(isolation)
    return this.#troubles.size === 0 ? names : names.filter((name) => !this.#troubles.has(name))
  }

  /** The tasks of an isolation of which one run is to be tried now. */
  dueOf(isolation: Isolation): readonly string[] {
    if (this.#troubles.size === 0) return []
    return this.#parts.registry.namesOf(isolation).filter((name) => this.#isDue(name))
  }

  /** Ms until a task is to be tried; `Infinity` where none is. */
  get nextInMs(): number {
    const waiting = [...this.#troubles.values()].filter(({ isTrying }) => !isTrying)
    return Math.max(0, Math.min(...waiting.map(({ againAt }) => againAt)) - this.#now())
  }

  /** Whether an attempt of the task may start; of a task that is tried again, one may. */
  admits(task: string): boolean {
    const trouble = this.#troubles.get(task)
    if (trouble === undefined) return true
    if (!this.#isDue(task)) return false
    trouble.isTrying = true
    return true
  }

  /** Notes that there was no run to try. */
  postpone(task: string): void {
    const trouble = this.#troubles.get(task)
    if (trouble) trouble.againAt = this.#now() + emptyPauseMs
  }

  /** Notes that the handler of an attempt was called, or why it could not be. Attempts that fail together count as one. */
  note(task: string, error: ErrorRecord | null): void {
    const trouble = this.#troubles.get(task)
    if (error === null) {
      if (this.#troubles.delete(task)) this.#parts.onRecovered(task)
      return
    }
    if (trouble && !trouble.isTrying) return
    const failures = (trouble?.failures ?? 0) + 1
    const pauseMs = Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs)
    this.#troubles.set(task, { failures, againAt: this.#now() + pauseMs, isTrying: false })
    this.#parts.onTrouble(task, error, pauseMs)
  }

  /** An attempt of the task has ended, whatever it has shown. */
  endTry(task: string): void {
    const trouble = this.#troubles.get(task)
    if (trouble) trouble.isTrying = false
  }

  #isDue(task: string): boolean {
    const trouble = this.#troubles.get(task)
    return trouble !== undefined && !trouble.isTrying && trouble.againAt <= this.#now()
  }
}
