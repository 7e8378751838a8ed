/** Takes runs from the store for the free slots of a worker. */
import type { Isolation } from '../core/task.ts'
import type { Store } from '../store/store.ts'
import type { Registry } from './registry.ts'
import type { Tenure } from './tenure.ts'

/** Each change calls for a look, also those that the worker makes itself; after one that found nothing it pauses this long. */
const shortestPauseMs = 1
/** With a store of a longer pause, a look costs nearly as much as a claim. */
const dearLookMs = 10

export interface IntakeParts {
  readonly store: Store
  readonly registry: Registry
  readonly queues: readonly string[]
}

export class Intake {
  readonly #store: Store
  readonly #registry: Registry
  readonly #queues: readonly string[]
  /** Where the last claim got all that it asked for, or some where a look is dear: it is not looked before the next. */
  readonly #plenty = new Set<Isolation>()
  #fillAgainAt = 0
  /** A claim has failed, and may have been done all the same. */
  #isUnsure = false
  /** Nothing more is taken. */
  isDraining = false

  constructor({ store, registry, queues }: IntakeParts) {
    this.#store = store
    this.#registry = registry
    this.#queues = queues
  }

  /**
   * Claims runs for free slots, and ahead where that pays. One question says of all tasks which have runs to claim.
   * @returns ms until the next look.
   */
  async fill(tenure: Tenure): Promise<number> {
    if (this.isDraining) return Infinity
    const waitMs = this.#fillAgainAt - performance.now()
    if (waitMs > 0) return waitMs
    const wanting = [...tenure.isolations].filter(
      (isolation) => tenure.freeSlots(isolation) > 0 || tenure.lookahead(isolation).limit > 0,
    )
    if (this.#isUnsure) {
      tenure.refuseUnknown(await this.#store.held(tenure.id))
      this.#isUnsure = false
    }
    const claimable = await this.#claimable(wanting)
    let hasLeft = false
    let gotNone = false
    for (const isolation of wanting) {
      const tasks = this.#registry.namesOf(isolation)
      if (!tasks.some((task) => claimable.has(task))) continue
      const { count, wanted } = await this.#fillSlots(tenure, isolation)
      if (count >= wanted) hasLeft = true
      if (count === 0 && wanted > 0) gotNone = true
    }
    if (!hasLeft) this.#fillAgainAt = performance.now() + shortestPauseMs
    // What others hold for a moment can be seen and not be claimed; nobody says when they let go of it.
    const againMs = gotNone ? this.#store.lookPauseMs : Infinity
    return Math.min(againMs, tenure.handBackStale())
  }

  async #fillSlots(
    tenure: Tenure,
    isolation: Isolation,
  ): Promise<{ readonly count: number; readonly wanted: number }> {
    const free = tenure.freeSlots(isolation)
    const count = free > 0 ? await this.#claim(tenure, this.#registry.namesOf(isolation), free) : 0
    const ahead = tenure.lookahead(isolation)
    const isAhead = count === free && ahead.limit > 0
    const more = isAhead ? await this.#claim(tenure, ahead.tasks, ahead.limit) : 0
    this.#sees(isolation, { count: count + more, wanted: free + (isAhead ? ahead.limit : 0) })
    return { count, wanted: free }
  }

  /** What a claim found says whether to look before the next one. */
  #sees(isolation: Isolation, { count, wanted }: { count: number; wanted: number }): void {
    const enough = this.#store.lookPauseMs > dearLookMs ? 1 : wanted
    if (count > 0 && count >= enough) this.#plenty.add(isolation)
    else this.#plenty.delete(isolation)
  }

  /** The tasks that have runs to claim, as far as is known or can be read. */
  async #claimable(isolations: readonly Isolation[]): Promise<ReadonlySet<string>> {
    const known = isolations.filter((isolation) => this.#plenty.has(isolation))
    const others = isolations.filter((isolation) => !this.#plenty.has(isolation))
    const tasks = others.flatMap((isolation) => this.#registry.namesOf(isolation))
    const found =
      tasks.length === 0 ? [] : await this.#store.claimableTasks({ queues: this.#queues, tasks })
    return new Set([...known.flatMap((isolation) => this.#registry.namesOf(isolation)), ...found])
  }

  /** @returns how many it got. */
  async #claim(tenure: Tenure, tasks: readonly string[], limit: number): Promise<number> {
    if (this.isDraining) return 0
    const request = { queues: this.#queues, tasks, workerId: tenure.id, limit }
    this.#isUnsure = true
    const claimed = await this.#store.claim(request)
    this.#isUnsure = false
    if (this.isDraining) tenure.refuse(claimed)
    else for (const run of claimed) tenure.take(run)
    return claimed.length
  }
}
