import { setTimeout as pause } from 'node:timers/promises'
import { isCheckreinError } from '../../core/errors.ts'
import type { Answer } from '../../core/run/decision.ts'
import type { RunEventCall, Store } from '../../store/store.ts'

/** A failed write is tried again after this long, growing to a second. */
const firstRetryMs = 20
const longestRetryMs = 1000

/**
 * Has the store write the end of an attempt, however long it takes the store to be able to: a result must not be
 * lost to a full disk, and a run whose end nobody wrote would stay with its worker for as long as that lives.
 * @returns null where the store will never take it.
 */
export async function storeEnd(
  store: Store,
  call: RunEventCall,
  onError: (error: unknown) => void,
): Promise<Answer | null> {
  for (let waitMs = firstRetryMs; ; waitMs = Math.min(waitMs * 2, longestRetryMs)) {
    try {
      const [answer] = await store.apply([call])
      return answer ?? 'stale'
    } catch (error) {
      onError(error)
      if (!isCheckreinError(error) || !error.isRetryable) return null
    }
    await pause(waitMs)
  }
}
