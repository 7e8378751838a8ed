import { isCheckreinError } from '../../core/errors.ts'
import type { ClaimRequest, Store } from '../../store/store.ts'
import type { Serving } from './serving.ts'
import type { LeaseSession } from './lease-session.ts'
import type { Isolation } from '../../core/task/task-limits.ts'

/** How long the claimer pauses after a claim that found too little: every change in the store calls for a look, also the changes that the worker makes itself. */
const shortestPauseMs = 1
/** A look is dear with a store whose pause between looks is longer than this: there it costs nearly as much as a claim. */
const dearLookMs = 10

/** The surroundings of a claimer. */
export interface ClaimerParts {
  readonly store: Pick<Store, 'claim' | 'claimableTasks' | 'held' | 'lookPauseMs'>
  readonly serving: Pick<Serving, 'namesOf' | 'dueOf' | 'postpone' | 'nextInMs'>
  readonly queues: readonly string[]
  /** How long to go without a look at most, should the news of new runs have been lost, ms. */
  readonly pollMs: number
  /** How often to compare the runs that the store says are held with those that the worker knows, ms. */
  readonly compareMs: number
  /** Called when the answer to a claim was lost. */
  readonly onError: (error: unknown) => void
}

/** The parts of a lease session that claims are made for. */
export type ClaimingSession = Pick<
  LeaseSession,
  | 'id'
  | 'isolations'
  | 'freeSlots'
  | 'lookahead'
  | 'take'
  | 'refuse'
  | 'refuseUnknown'
  | 'handBackStale'
>

/** The outcome of the claim for the free slots of one isolation. */
interface Filled {
  readonly isolation: Isolation
  readonly count: number
  readonly free: number
  /** How often there had been news of new runs before the claim. */
  readonly heard: number
}

/**
 * Claims runs for the slots that are free, and for tasks of short attempts some more (`attempt/pace.ts`).
 *
 * A look for work costs a query, so the claimer remembers the answers. Where a claim got all that it asked for (`#plenty`), the
 * next claim needs no look before it. Where nothing was left (`#dry`), nobody asks again before there is news of runs, or the
 * poll has come.
 */
export class Claimer {
  readonly #parts: ClaimerParts
  readonly #isDear: boolean
  /** The isolations whose last claim got all that it asked for: the next claim needs no look before it. */
  readonly #plenty = new Set<Isolation>()
  /** The isolations for whose free slots nothing was left, and of which there was no news since. */
  readonly #dry = new Set<Isolation>()
  /** The same for claims ahead, which ask for some of the tasks only. */
  readonly #dryAhead = new Set<Isolation>()
  #heard = 0
  #heardAt = 0
  #fillAgainAt = 0
  #compareAt = 0
  /** Set once the worker stops: nothing more is claimed. */
  isDraining = false

  constructor(parts: ClaimerParts) {
    this.#parts = parts
    this.#isDear = parts.store.lookPauseMs > dearLookMs
  }

  /** Notes that there may be new runs. */
  hear(): void {
    this.#heard += 1
    this.#heardAt = performance.now()
    this.#dry.clear()
    this.#dryAhead.clear()
  }

  /**
   * Claims runs for free slots, and ahead where that pays.
   * @returns ms until the next look.
   */
  async fill(leaseSession: ClaimingSession): Promise<number> {
    if (this.isDraining) return Infinity
    const { pollMs, store } = this.#parts
    if (performance.now() >= this.#heardAt + pollMs) this.hear()
    const wanting = [...leaseSession.isolations].filter((isolation) =>
      this.#wants(leaseSession, isolation),
    )
    const waitMs = this.#fillAgainAt - performance.now()
    if (wanting.length > 0 && waitMs > 0) return waitMs
    await this.#compare(leaseSession)
    await this.#tryAgain(leaseSession)
    const filled = await this.#fillAll(leaseSession, wanting)
    if (!filled.some(({ count, free }) => count >= free))
      this.#fillAgainAt = performance.now() + shortestPauseMs
    const againMs = (await this.#hasLeft(filled)) ? store.lookPauseMs : Infinity
    const dueAt = Math.min(this.#heardAt + pollMs, this.#compareAt)
    const dueMs = Math.min(dueAt - performance.now(), this.#parts.serving.nextInMs)
    return Math.min(againMs, leaseSession.handBackStale(), Math.max(1, dueMs))
  }

  #wants(leaseSession: ClaimingSession, isolation: Isolation): boolean {
    if (leaseSession.freeSlots(isolation) > 0) return !this.#dry.has(isolation)
    return !this.#dryAhead.has(isolation) && leaseSession.lookahead(isolation).limit > 0
  }

  /**
   * Hands back runs that the store says are held here, and that the worker does not know. A claim that failed, or whose answer
   * was lost, may have been done all the same, even later, where it was delayed on its way.
   */
  async #compare(leaseSession: ClaimingSession): Promise<void> {
    if (performance.now() < this.#compareAt) return
    leaseSession.refuseUnknown(await this.#parts.store.held(leaseSession.id))
    this.#compareAt = performance.now() + this.#parts.compareMs
  }

  /** Claims one run of each task that is to be tried again, because its handler could not be called some time ago. */
  async #tryAgain(leaseSession: ClaimingSession): Promise<void> {
    const { serving } = this.#parts
    for (const isolation of leaseSession.isolations)
      for (const task of serving.dueOf(isolation)) {
        if (leaseSession.freeSlots(isolation) <= 0) continue
        const wanted = { tasks: [task], limit: 1, startsLater: isLater(isolation) }
        if ((await this.#claim(leaseSession, wanted)) === 0) serving.postpone(task)
      }
  }

  async #fillAll(
    leaseSession: ClaimingSession,
    wanting: readonly Isolation[],
  ): Promise<readonly Filled[]> {
    if (this.#isDear)
      return allOf(wanting.map((isolation) => this.#fillSlots(leaseSession, isolation)))
    const claimable = await this.#claimable(wanting)
    const filled: Filled[] = []
    for (const isolation of wanting)
      if (this.#tasksOf(isolation).some((task) => claimable.has(task)))
        filled.push(await this.#fillSlots(leaseSession, isolation))
    return filled
  }

  async #fillSlots(leaseSession: ClaimingSession, isolation: Isolation): Promise<Filled> {
    const heard = this.#heard
    const free = leaseSession.freeSlots(isolation)
    const tasks = this.#tasksOf(isolation)
    const now = { tasks, limit: free, startsLater: isLater(isolation) }
    const count = free > 0 ? await this.#claim(leaseSession, now) : 0
    const ahead = leaseSession.lookahead(isolation)
    const isAhead = count === free && ahead.limit > 0 && !this.#dryAhead.has(isolation)
    const more = isAhead ? await this.#claim(leaseSession, { ...ahead, startsLater: true }) : 0
    const wanted = free + (isAhead ? ahead.limit : 0)
    if (wanted > 0 && count + more >= wanted) this.#plenty.add(isolation)
    else this.#plenty.delete(isolation)
    if (this.#isDear && more < ahead.limit && isAhead && heard === this.#heard)
      this.#dryAhead.add(isolation)
    return { isolation, count, free, heard }
  }

  /**
   * Whether slots stayed free although there are runs: other claims have locked them for a moment, and nobody tells when they
   * are unlocked. Where there are none, the isolation is dry until there is news.
   */
  async #hasLeft(filled: readonly Filled[]): Promise<boolean> {
    const { store, queues } = this.#parts
    if (!this.#isDear) return filled.some(({ count, free }) => count === 0 && free > 0)
    const short = filled.filter(({ count, free }) => count < free)
    if (short.length === 0) return false
    const tasks = short.flatMap(({ isolation }) => this.#tasksOf(isolation))
    if ((await store.claimableTasks({ queues, tasks })).length > 0) return true
    for (const { isolation, heard } of short) if (heard === this.#heard) this.#dry.add(isolation)
    return false
  }

  #tasksOf(isolation: Isolation): readonly string[] {
    return this.#parts.serving.namesOf(isolation)
  }

  /** The tasks that have runs to claim, as far as is known or can be read. */
  async #claimable(isolations: readonly Isolation[]): Promise<ReadonlySet<string>> {
    const known = isolations.filter((isolation) => this.#plenty.has(isolation))
    const others = isolations.filter((isolation) => !this.#plenty.has(isolation))
    const { store, queues } = this.#parts
    const tasks = others.flatMap((isolation) => this.#tasksOf(isolation))
    const found = tasks.length === 0 ? [] : await store.claimableTasks({ queues, tasks })
    return new Set([...known.flatMap((isolation) => this.#tasksOf(isolation)), ...found])
  }

  /** @returns how many it got. */
  async #claim(
    leaseSession: ClaimingSession,
    wanted: Pick<ClaimRequest, 'tasks' | 'limit' | 'startsLater'>,
  ): Promise<number> {
    if (this.isDraining) return 0
    const { store, queues, onError } = this.#parts
    try {
      const claimed = await store.claim({ queues, workerId: leaseSession.id, ...wanted })
      if (this.isDraining) leaseSession.refuse(claimed)
      else for (const run of claimed) leaseSession.take(run)
      return claimed.length
    } catch (error) {
      this.#compareAt = 0
      this.hear()
      if (!isCheckreinError(error) || error.details['isUncertain'] !== true) throw error
      onError(error)
      return 0
    }
  }
}

/**
 * Whether handlers are called some time after the claim. An inline handler is called at once, and it may keep the worker from ever
 * saying so: the claim says it.
 */
const isLater = (isolation: Isolation): boolean => isolation !== 'inline'

/** Waits for all, also where one fails: a claim that is under way must not meet the next comparison. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}
