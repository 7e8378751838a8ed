/**
 * Waiting for something in the store to come about, without a query for each.
 *
 * All waits of one kind share one question to the store, asked after a change and twice a second besides, because a
 * hint of a change may be lost. The timer keeps the process alive while somebody waits, and no longer.
 */
import { CheckreinError } from '../../core/errors.ts'
import { LongTimeout } from '../../executor/os/long-timeout.ts'
import type { Store } from '../../store/store.ts'

/** How one thing is waited for. */
export interface WaitOptions<Found> {
  /** Ms; null waits for as long as it takes. */
  readonly timeoutMs: number | null
  readonly abortSignal?: AbortSignal | undefined
  /** Whether the thing that was found is in the state that is waited for; by default any state will do. */
  readonly isWanted?: (found: Found) => boolean
  /** Makes the error that the wait rejects with when the time is up. */
  readonly late: () => CheckreinError | Promise<CheckreinError>
}

/** A question to the store: it answers the things that were found, by the names under which they are waited for. */
export type Ask<Found> = (
  names: readonly string[],
) => Promise<Iterable<readonly [name: string, found: Found]>>

/** Looks whether the thing of a name is there no more, and gives the error that its waits are to end with. */
export type Gone = (name: string) => Promise<CheckreinError | null>

interface Wait<Found> {
  readonly isWanted: (found: Found) => boolean
  readonly resolve: (found: Found) => void
  readonly reject: (error: unknown) => void
}

const askEveryMs = 500
/** A thing may end and be pruned between two questions: every fourth time, some of those that were not found are looked for. */
const looksEvery = 4
const mostLooks = 20
/** With many waits a question is dear, so it is asked less often: the pause grows by a ms for each hundred waits. */
const waitsPerMs = 100
const longestPauseMs = 50

/** All waits of one kind, which share one question to the store. */
export class Waits<Found> {
  readonly #askStore: Ask<Found>
  readonly #gone: Gone | null
  readonly #waiting = new Map<string, Set<Wait<Found>>>()
  readonly #hints: Disposable
  #timer: NodeJS.Timeout | null = null
  #ticks = 0
  #isAsking = false
  #isStale = false
  /** How long the last question took. */
  #askedForMs = 0

  constructor(store: Pick<Store, 'onChange'>, ask: Ask<Found>, gone: Gone | null = null) {
    this.#askStore = ask
    this.#gone = gone
    this.#hints = store.onChange(() => this.#askSoon())
  }

  /** Fulfils with the thing that is found under the name, once it is as wanted. */
  async until(name: string, options: WaitOptions<Found>): Promise<Found> {
    const { timeoutMs, abortSignal, isWanted = () => true, late } = options
    abortSignal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<Found>()
    const wait = { isWanted, resolve, reject }
    const onAbort = (): void => reject(abortSignal?.reason)
    abortSignal?.addEventListener('abort', onAbort, { once: true })
    const onLate = (): void => resolve(this.#lastLook(name, { isWanted, late }))
    const timer = timeoutMs === null ? null : new LongTimeout(onLate, timeoutMs)
    this.#add(name, wait)
    try {
      return await promise
    } finally {
      timer?.clear()
      abortSignal?.removeEventListener('abort', onAbort)
      this.#remove(name, wait)
    }
  }

  /** Rejects everything that still waits. */
  close(): void {
    this.#hints[Symbol.dispose]()
    this.#rejectAll(new CheckreinError('STORE_CLOSED'))
  }

  /** Asks once more when the time is up: the last question may be older than the end that the caller knows of. */
  async #lastLook(
    name: string,
    { isWanted, late }: Required<Pick<WaitOptions<Found>, 'isWanted' | 'late'>>,
  ): Promise<Found> {
    // A store that does not answer now is as good as one that says no: the error says more.
    for (const [of, found] of await this.#askStore([name]).catch(() => []))
      if (of === name && isWanted(found)) return found
    throw await late()
  }

  #add(name: string, wait: Wait<Found>): void {
    const waits = this.#waiting.get(name) ?? new Set()
    this.#waiting.set(name, waits.add(wait))
    this.#timer ??= setInterval(() => this.#tick(), askEveryMs)
    this.#askSoon()
  }

  #remove(name: string, wait: Wait<Found>): void {
    const waits = this.#waiting.get(name)
    waits?.delete(wait)
    if (waits?.size === 0) this.#waiting.delete(name)
    if (this.#waiting.size > 0 || !this.#timer) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  #tick(): void {
    this.#askSoon()
    if (this.#gone !== null && ++this.#ticks % looksEvery === 0) void this.#look(this.#gone)
  }

  /** Looks for the names that have waited the longest since they were looked for, and puts them at the end. */
  async #look(gone: Gone): Promise<void> {
    for (const [name, waits] of this.#waiting.entries().take(mostLooks).toArray()) {
      const error = await gone(name).catch(() => null)
      if (this.#waiting.get(name) !== waits) continue
      if (error !== null) for (const wait of waits) wait.reject(error)
      this.#waiting.delete(name)
      this.#waiting.set(name, waits)
    }
  }

  #askSoon(): void {
    this.#isStale = true
    if (this.#isAsking || this.#waiting.size === 0) return
    this.#isAsking = true
    const pause = Math.max(
      Math.min(this.#waiting.size / waitsPerMs, longestPauseMs),
      // No more than a third of the time is spent asking, however many wait.
      this.#askedForMs * 2,
    )
    if (pause < 1) setImmediate(() => void this.#ask())
    else setTimeout(() => void this.#ask(), pause)
  }

  /** Errors of the store are left to the next question: a wait outlasts a locked file. */
  async #ask(): Promise<void> {
    this.#isStale = false
    const start = performance.now()
    try {
      for (const [name, found] of await this.#askStore([...this.#waiting.keys()]))
        for (const wait of this.#waiting.get(name) ?? [])
          if (wait.isWanted(found)) wait.resolve(found)
    } catch (error) {
      this.#rejectIfHopeless(error)
    }
    this.#askedForMs = Math.min(performance.now() - start, askEveryMs)
    this.#isAsking = false
    if (this.#isStale) this.#askSoon()
  }

  #rejectIfHopeless(error: unknown): void {
    if (error instanceof CheckreinError && error.isRetryable) return
    this.#rejectAll(error)
  }

  #rejectAll(error: unknown): void {
    for (const waits of this.#waiting.values()) for (const wait of waits) wait.reject(error)
  }
}
