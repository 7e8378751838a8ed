import type { FeedEntry } from '../../core/run/events.ts'
import type { Store } from '../../store/store.ts'

const pageLength = 500
const lookEveryMs = 500

/** Which part of the feed is followed, and until when. */
export interface FeedQuery {
  readonly runId: string | null
  readonly after: number
  readonly abortSignal: AbortSignal
  readonly isOver: () => Promise<boolean>
}

/**
 * The feed of one run or of all, from a position on, for as long as it is read. A change wakes it; it also looks
 * twice a second, because a hint of a change may be lost.
 * @param query `after: -1` starts at the beginning; `isOver` is asked when nothing is left to read, and may end it.
 */
export async function* feedOf(
  store: Pick<Store, 'feed' | 'onChange'>,
  query: FeedQuery,
): AsyncGenerator<FeedEntry, void, undefined> {
  const { runId, abortSignal } = query
  let after = query.after
  const change = new ChangeFlag(store)
  try {
    for (let isOver = false; ;) {
      abortSignal.throwIfAborted()
      change.lower()
      const entries = await store.feed({ runId, after, limit: pageLength })
      for (const entry of entries) {
        after = entry.position
        yield entry
      }
      if (entries.length > 0) continue
      // Entries that were written between an empty read and the end are read once more.
      if (isOver) return
      isOver = await query.isOver()
      if (!isOver) await change.raised(lookEveryMs, abortSignal)
    }
  } finally {
    change[Symbol.dispose]()
  }
}

/** Remembers a hint that comes while nobody waits for it. */
class ChangeFlag implements Disposable {
  #isRaised = false
  #wake: (() => void) | null = null
  readonly #hints: Disposable

  constructor(store: Pick<Store, 'onChange'>) {
    this.#hints = store.onChange(() => {
      this.#isRaised = true
      this.#wake?.()
    })
  }

  lower(): void {
    this.#isRaised = false
  }

  /** Fulfils at the next hint, after a time, or when the signal fires. */
  async raised(withinMs: number, abortSignal: AbortSignal): Promise<void> {
    if (this.#isRaised || abortSignal.aborted) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        abortSignal.removeEventListener('abort', done)
        this.#wake = null
        resolve()
      }
      const timer = setTimeout(done, withinMs)
      abortSignal.addEventListener('abort', done)
      this.#wake = done
    })
  }

  [Symbol.dispose](): void {
    this.#hints[Symbol.dispose]()
  }
}
