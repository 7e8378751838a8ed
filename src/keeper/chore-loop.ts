import type { Keeper } from './keeper.ts'

/** The surroundings of a chore loop. */
export interface ChoreLoopParts {
  readonly keeper: Pick<Keeper, 'step'>
  /** Whether a step would be in vain just now, because the worker has no lease. */
  readonly isIdle: () => boolean
  /** How long to wait after a step that failed, ms. */
  readonly retryMs: number
  readonly onError: (error: unknown) => void
}

/** Does the chores beside the rounds of a worker, one step at a time: a stop must never wait for a chore. */
export class ChoreLoop {
  readonly #parts: ChoreLoopParts
  #step: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  #isStopped = false

  constructor(parts: ChoreLoopParts) {
    this.#parts = parts
  }

  /** Does a step now, unless one is under way; the next one follows when there may be something to do. */
  async run(): Promise<void> {
    const { keeper, isIdle, onError, retryMs } = this.#parts
    if (this.#step || this.#isStopped || isIdle()) return
    if (this.#timer) clearTimeout(this.#timer)
    const step = keeper.step().catch((error: unknown) => {
      onError(error)
      return retryMs
    })
    this.#step = step.then(() => undefined)
    const nextInMs = await step
    this.#step = null
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.run(), nextInMs)
  }

  /** Begins no further step, and waits for the one under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#step
    if (this.#timer) clearTimeout(this.#timer)
  }
}
