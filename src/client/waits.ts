/**
 * Waiting for runs to end, without a query for each.
 *
 * All waits of a client share one question to the store, asked after a change and twice a second besides, because a
 * hint of a change may be lost. The timer keeps the process alive while somebody waits, and no longer.
 */
import { CheckreinError, type ErrorCode } from '../core/errors.ts'
import type { StoredRun } from '../core/run.ts'
import type { Store } from '../store/store.ts'

export interface WaitOptions {
  /** Ms; null waits for as long as it takes. */
  readonly timeoutMs: number | null
  readonly abortSignal?: AbortSignal | undefined
  /** What the wait rejects with when the time is up. */
  readonly code: Extract<ErrorCode, 'RESULT_TIMEOUT' | 'STOP_PENDING'>
}

interface Wait {
  readonly resolve: (run: StoredRun) => void
  readonly reject: (error: unknown) => void
}

const askEveryMs = 500
/** With many waits a question is dear, so it is asked less often: a ms for each hundred. */
const waitsPerMs = 100
const longestPauseMs = 50

export class Waits {
  readonly #store: Store
  readonly #waiting = new Map<string, Set<Wait>>()
  readonly #hints: Disposable
  #timer: NodeJS.Timeout | null = null
  #isAsking = false
  #isStale = false

  constructor(store: Store) {
    this.#store = store
    this.#hints = store.onChange(() => this.#askSoon())
  }

  /** Fulfils with the run when it is final. */
  async untilFinal(id: string, { timeoutMs, abortSignal, code }: WaitOptions): Promise<StoredRun> {
    abortSignal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<StoredRun>()
    const wait = { resolve, reject }
    const onAbort = (): void => reject(abortSignal?.reason)
    abortSignal?.addEventListener('abort', onAbort, { once: true })
    const timer =
      timeoutMs === null ? null : setTimeout(() => reject(late(id, code, timeoutMs)), timeoutMs)
    this.#add(id, wait)
    try {
      return await promise
    } finally {
      if (timer) clearTimeout(timer)
      abortSignal?.removeEventListener('abort', onAbort)
      this.#remove(id, wait)
    }
  }

  /** Rejects everything that still waits. */
  close(): void {
    this.#hints[Symbol.dispose]()
    const closed = new CheckreinError('STORE_CLOSED')
    for (const waits of this.#waiting.values()) for (const wait of waits) wait.reject(closed)
  }

  #add(id: string, wait: Wait): void {
    const waits = this.#waiting.get(id) ?? new Set()
    this.#waiting.set(id, waits.add(wait))
    this.#timer ??= setInterval(() => this.#askSoon(), askEveryMs)
    this.#askSoon()
  }

  #remove(id: string, wait: Wait): void {
    const waits = this.#waiting.get(id)
    waits?.delete(wait)
    if (waits?.size === 0) this.#waiting.delete(id)
    if (this.#waiting.size > 0 || !this.#timer) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  #askSoon(): void {
    this.#isStale = true
    if (this.#isAsking || this.#waiting.size === 0) return
    this.#isAsking = true
    const pause = Math.min(this.#waiting.size / waitsPerMs, longestPauseMs)
    if (pause < 1) setImmediate(() => void this.#ask())
    else setTimeout(() => void this.#ask(), pause)
  }

  /** Errors of the store are left to the next question: a wait outlasts a locked file. */
  async #ask(): Promise<void> {
    this.#isStale = false
    try {
      const finals = await this.#store.finals([...this.#waiting.keys()])
      for (const run of finals)
        for (const wait of this.#waiting.get(run.id) ?? []) wait.resolve(run)
    } catch (error) {
      this.#rejectIfHopeless(error)
    }
    this.#isAsking = false
    if (this.#isStale) this.#askSoon()
  }

  #rejectIfHopeless(error: unknown): void {
    if (error instanceof CheckreinError && error.isRetryable) return
    for (const waits of this.#waiting.values()) for (const wait of waits) wait.reject(error)
  }
}

function late(id: string, code: WaitOptions['code'], timeoutMs: number): CheckreinError {
  const hint =
    code === 'STOP_PENDING'
      ? 'The request is on record and will be carried out; look again with `get`, or use `terminate` to force it.'
      : 'Wait longer with `timeout`, or look again with `get`.'
  return new CheckreinError(code, { hint, details: { id, timeoutMs } })
}
