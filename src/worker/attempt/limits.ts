import type { AbortReason } from '../../executor/executor.ts'
import type { AnyTask } from '../../core/task/context.ts'

type TimeLimits = Pick<
  AnyTask,
  'isolation' | 'timeoutMs' | 'hardTimeoutMs' | 'heartbeatTimeoutMs' | 'maxTimeoutMs'
>

/** The limits of a task, and the actions when one is met. */
export interface AttemptLimitsParts {
  readonly limits: TimeLimits
  /** Time is up: the handler is to be told. */
  readonly onAbort: (reason: AbortReason) => void
  /** Time is up: the isolate is to be ended. */
  readonly onKill: (reason: AbortReason) => void
}

/** Whether a task limits the time of its attempts at all. */
export function hasLimits(limits: TimeLimits): boolean {
  const { timeoutMs, hardTimeoutMs, heartbeatTimeoutMs } = limits
  return timeoutMs !== null || hardTimeoutMs !== null || heartbeatTimeoutMs !== null
}

/** The timers of an attempt's time limits. Their clock stops while the attempt is frozen. */
export class AttemptLimits {
  readonly #parts: AttemptLimitsParts
  #timers: NodeJS.Timeout[] = []
  #startedAt = performance.now()
  #beatAt = performance.now()
  #extraMs = 0
  #frozenAt: number | null = null

  constructor(parts: AttemptLimitsParts) {
    this.#parts = parts
    this.#arm()
  }

  /** Notes a sign of life of the handler. */
  beat(): void {
    this.#beatAt = performance.now()
  }

  /** Moves the limits of the whole attempt, as far as the task allows. */
  extend(ms: number): void {
    const { maxTimeoutMs } = this.#parts.limits
    if (maxTimeoutMs === null || ms <= 0) return
    this.#extraMs += ms
    this.#arm()
  }

  freeze(): void {
    this.#frozenAt ??= performance.now()
    this.#clear()
  }

  thaw(): void {
    if (this.#frozenAt === null) return
    const frozenMs = performance.now() - this.#frozenAt
    this.#frozenAt = null
    this.#startedAt += frozenMs
    this.#beatAt += frozenMs
    this.#arm()
  }

  end(): void {
    this.#clear()
  }

  #clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers = []
  }

  #arm(): void {
    this.#clear()
    if (this.#frozenAt !== null) return
    const { limits, onAbort, onKill } = this.#parts
    const { timeoutMs, hardTimeoutMs, heartbeatTimeoutMs } = limits
    if (timeoutMs !== null) {
      const limitMs = this.#moved(timeoutMs)
      const message = `The attempt ran past its time limit of ${limitMs} ms`
      this.#at(this.#startedAt + limitMs, () =>
        onAbort(reason('ATTEMPT_TIMEOUT', message, limitMs)),
      )
    }
    if (hardTimeoutMs !== null) {
      const limitMs = this.#moved(hardTimeoutMs)
      const message = `The attempt was killed after ${limitMs} ms`
      this.#at(this.#startedAt + limitMs, () => onKill(reason('ATTEMPT_TIMEOUT', message, limitMs)))
    }
    if (heartbeatTimeoutMs !== null) this.#watch(heartbeatTimeoutMs)
  }

  /** A limit with the time that the handler has asked for. */
  #moved(limitMs: number): number {
    const most = Math.max(limitMs, this.#parts.limits.maxTimeoutMs ?? limitMs)
    return Math.min(limitMs + this.#extraMs, most)
  }

  /** A sign of life only moves the deadline; the timer finds that out when it fires. */
  #watch(limitMs: number): void {
    this.#at(this.#beatAt + limitMs, () => {
      if (performance.now() < this.#beatAt + limitMs) return this.#watch(limitMs)
      const { limits, onAbort, onKill } = this.#parts
      const message = `The attempt gave no sign of life for ${limitMs} ms`
      const silent = reason('HEARTBEAT_TIMEOUT', message, limitMs)
      // A handler that is stuck would not hear of an abort.
      if (limits.isolation === 'inline') onAbort(silent)
      else onKill(silent)
    })
  }

  #at(at: number, work: () => void): void {
    this.#timers.push(setTimeout(work, Math.max(0, at - performance.now())))
  }
}

function reason(
  code: 'ATTEMPT_TIMEOUT' | 'HEARTBEAT_TIMEOUT',
  message: string,
  limitMs: number,
): AbortReason {
  return { code, message, details: { limitMs } }
}
