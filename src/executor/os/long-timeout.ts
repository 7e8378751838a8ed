import { longestTimerMs } from '../../core/duration.ts'

/** A timer of any length, also beyond the 24 days that `setTimeout` can count. */
export class LongTimeout {
  #timer: NodeJS.Timeout | null = null

  constructor(work: () => void, ms: number) {
    this.#arm(work, ms)
  }

  clear(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }

  #arm(work: () => void, ms: number): void {
    const now = Math.max(0, Math.min(ms, longestTimerMs))
    this.#timer = setTimeout(() => (now < ms ? this.#arm(work, ms - now) : work()), now)
  }
}

/** Fulfils after a time of any length, or when the signal fires. */
export async function longPause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const timer = new LongTimeout(() => resolve(null), ms)
  signal.addEventListener('abort', resolve, { once: true })
  await promise
  timer.clear()
}
