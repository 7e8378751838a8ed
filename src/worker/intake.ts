/**
 * Takes runs from the store for the free slots of a worker.
 *
 * Where a look costs next to nothing, one look says of all tasks which have runs, and only those are claimed. Where it
 * is a question to a server, it costs as much as a claim: then it is claimed at once, and not again after a claim that
 * got less than it asked for, until there is word of new runs.
 */
import type { Isolation } from '../core/task.ts'
import { isCheckreinError } from '../core/errors.ts'
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
  /** How long to go without a look, should the word of new runs have been lost. */
  readonly pollMs: number
  /** How often to compare what is held with what is known. */
  readonly compareMs: number
}

/** What came of one isolation's claims. */
interface Filled {
  readonly isolation: Isolation
  readonly count: number
  /** Slots that were free. */
  readonly free: number
}

export class Intake {
  readonly #store: Store
  readonly #registry: Registry
  readonly #queues: readonly string[]
  readonly #pollMs: number
  readonly #compareMs: number
  readonly #isDear: boolean
  /** Where the last claim got all that it asked for: it is not looked before the next. */
  readonly #plenty = new Set<Isolation>()
  /** Where the last claim got less, and there was no word of more since. */
  readonly #dry = new Set<Isolation>()
  #wordCount = 0
  #heardAt = 0
  #fillAgainAt = 0
  #compareAt = 0
  /** Nothing more is taken. */
  isDraining = false

  constructor({ store, registry, queues, pollMs, compareMs }: IntakeParts) {
    this.#store = store
    this.#registry = registry
    this.#queues = queues
    this.#pollMs = pollMs
    this.#compareMs = compareMs
    this.#isDear = store.lookPauseMs > dearLookMs
  }

  /** There may be new runs. */
  hear(): void {
    this.#wordCount += 1
    this.#heardAt = performance.now()
    this.#dry.clear()
  }

  /**
   * Claims runs for free slots, and ahead where that pays.
   * @returns ms until the next look.
   */
  async fill(tenure: Tenure): Promise<number> {
    if (this.isDraining) return Infinity
    if (performance.now() >= this.#heardAt + this.#pollMs) this.hear()
    const wanting = [...tenure.isolations].filter(
      (isolation) =>
        !this.#dry.has(isolation) &&
        (tenure.freeSlots(isolation) > 0 || tenure.lookahead(isolation).limit > 0),
    )
    const waitMs = this.#fillAgainAt - performance.now()
    if (wanting.length > 0 && waitMs > 0) return waitMs
    await this.#compare(tenure)
    const filled = await this.#fillAll(tenure, wanting)
    if (!filled.some(({ count, free }) => count >= free))
      this.#fillAgainAt = performance.now() + shortestPauseMs
    // What others hold for a moment can be seen and not be claimed; nobody says when they let go of it.
    const gotNone = filled.filter(({ count, free }) => count === 0 && free > 0)
    const isHeld = gotNone.length > 0 && (!this.#isDear || (await this.#hasLeft(gotNone)))
    if (isHeld) for (const { isolation } of gotNone) this.#dry.delete(isolation)
    const isOver = !isHeld && this.#compareAt > 0
    return Math.min(isOver ? Infinity : this.#store.lookPauseMs, tenure.handBackStale())
  }

  /**
   * A claim that failed, or whose answer was lost, may have been done all the same, and even be done later, should it have
   * been held up on its way: what is held and not known goes back.
   */
  async #compare(tenure: Tenure): Promise<void> {
    if (performance.now() < this.#compareAt) return
    tenure.refuseUnknown(await this.#store.held(tenure.id))
    this.#compareAt = performance.now() + this.#compareMs
  }

  async #fillAll(tenure: Tenure, wanting: readonly Isolation[]): Promise<readonly Filled[]> {
    if (this.#isDear) return allOf(wanting.map((isolation) => this.#fillSlots(tenure, isolation)))
    const claimable = await this.#claimable(wanting)
    const filled: Filled[] = []
    for (const isolation of wanting)
      if (this.#registry.namesOf(isolation).some((task) => claimable.has(task)))
        filled.push(await this.#fillSlots(tenure, isolation))
    return filled
  }

  async #fillSlots(tenure: Tenure, isolation: Isolation): Promise<Filled> {
    const heard = this.#wordCount
    const free = tenure.freeSlots(isolation)
    const count = free > 0 ? await this.#claim(tenure, this.#registry.namesOf(isolation), free) : 0
    const ahead = tenure.lookahead(isolation)
    const isAhead = count === free && ahead.limit > 0
    const more = isAhead ? await this.#claim(tenure, ahead.tasks, ahead.limit) : 0
    const hasAll = count + more >= free + (isAhead ? ahead.limit : 0)
    if (hasAll) this.#plenty.add(isolation)
    else this.#plenty.delete(isolation)
    if (this.#isDear && !hasAll && heard === this.#wordCount) this.#dry.add(isolation)
    return { isolation, count, free }
  }

  /** Whether there is anything that could be claimed. */
  async #hasLeft(filled: readonly Filled[]): Promise<boolean> {
    const tasks = filled.flatMap(({ isolation }) => this.#registry.namesOf(isolation))
    return (await this.#store.claimableTasks({ queues: this.#queues, tasks })).length > 0
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
    try {
      const claimed = await this.#store.claim(request)
      if (this.isDraining) tenure.refuse(claimed)
      else for (const run of claimed) tenure.take(run)
      return claimed.length
    } catch (error) {
      this.#compareAt = 0
      this.hear()
      if (isCheckreinError(error) && error.details['isUncertain'] === true) return 0
      throw error
    }
  }
}

/** Waits for all, also where one fails: a claim that is under way must not meet the next comparison. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}
