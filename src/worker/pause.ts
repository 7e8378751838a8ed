/**
 * A pause, from what was asked to the attempt that parks.
 *
 *     asked        the attempt parks at its next checkpoint
 *       │ within   counted from the request
 *     overdue      said so; or the isolate is killed, and the run resumes from its last checkpoint; or its process is
 *                  stopped where it stands, until the pause is taken back
 *
 * A pause may be taken back at any time until the attempt has parked.
 */
import type { PauseIntent } from '../core/intent.ts'
import type { RunningAttempt } from '../executor/executor.ts'

export interface PauseParts {
  readonly attempt: RunningAttempt
  readonly kill: () => void
  readonly onOverdue: () => void
  readonly onFrozen: () => void
  readonly onThawed: () => void
}

export class PauseRein {
  readonly #parts: PauseParts
  #intent: PauseIntent | null = null
  #timer: NodeJS.Timeout | null = null
  #isAsked = false
  #isFrozen = false
  #isOver = false

  constructor(parts: PauseParts) {
    this.#parts = parts
  }

  /**
   * Follows what is asked now; the same again changes nothing.
   * @param intent null where no pause is asked, or it was taken back.
   * @param ageMs how long ago it was asked.
   */
  follow(intent: PauseIntent | null, ageMs: number): void {
    if (this.#isOver || isSame(intent, this.#intent)) return
    this.#intent = intent
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#ask(intent !== null && (intent.otherwise !== 'freeze' || intent.withinMs > 0))
    if (intent === null || intent.otherwise !== 'freeze') this.thaw()
    if (intent === null || this.#isFrozen) return
    this.#timer = setTimeout(() => this.#fallBack(intent), Math.max(0, intent.withinMs - ageMs))
  }

  /** Lets a frozen attempt go on: it is to hear of a stop. */
  thaw(): void {
    if (!this.#isFrozen) return
    this.#isFrozen = false
    this.#parts.attempt.thaw()
    this.#parts.onThawed()
  }

  /** The attempt has ended. */
  end(): void {
    this.#isOver = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  /** What is to be frozen at once must not park instead, nor when it thaws. */
  #ask(isAsked: boolean): void {
    if (isAsked === this.#isAsked) return
    this.#isAsked = isAsked
    this.#parts.attempt.pause(isAsked)
  }

  #fallBack(intent: PauseIntent): void {
    if (intent.otherwise === 'freeze') void this.#freeze(intent)
    else if (intent.otherwise === 'kill') this.#parts.kill()
    else this.#parts.onOverdue()
  }

  async #freeze(intent: PauseIntent): Promise<void> {
    this.#ask(false)
    const isFrozen = await this.#parts.attempt.freeze()
    if (this.#isOver) return
    if (!isFrozen) {
      this.#ask(true)
      return this.#parts.onOverdue()
    }
    this.#isFrozen = true
    if (this.#intent === intent) this.#parts.onFrozen()
    else this.thaw()
  }
}

function isSame(a: PauseIntent | null, b: PauseIntent | null): boolean {
  if (a === null || b === null) return a === b
  return a.requestedAt === b.requestedAt && a.withinMs === b.withinMs && a.otherwise === b.otherwise
}
