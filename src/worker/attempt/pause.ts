/**
 * A pause, from the request to the attempt that parks.
 *
 *     asked        the attempt parks at its next checkpoint
 *       │ within   counted from the request
 *     overdue      said so; or the isolate is killed, and the run resumes from its last checkpoint; or its process is
 *                  stopped where it stands, until the pause is taken back
 *
 * A pause may be taken back at any time until the attempt has parked.
 */
import type { PauseIntent } from '../../core/run/intent.ts'
import type { RunningAttempt } from '../../executor/executor.ts'
import { LongTimeout } from '../../executor/os/long-timeout.ts'

/** The attempt that is to pause, and the actions on the way. */
export interface PauseLadderParts {
  readonly attempt: Pick<RunningAttempt, 'pause' | 'freeze' | 'thaw'>
  readonly kill: () => void
  readonly onOverdue: () => void
  readonly onFrozen: () => void
  readonly onThawed: () => void
}

/** Carries a pause out on one attempt. The drawing at the head of this file shows its steps. */
export class PauseLadder {
  readonly #parts: PauseLadderParts
  #intent: PauseIntent | null = null
  #timer: LongTimeout | null = null
  #isAsked = false
  #isFrozen = false
  /** The number of the freeze that is under way; 0 where none is. */
  #freezing = 0
  #lastFreeze = 0
  #isOver = false

  constructor(parts: PauseLadderParts) {
    this.#parts = parts
  }

  /**
   * Follows the pause that is asked now; the same one again changes nothing.
   * @param intent null where no pause is asked, or it was taken back.
   * @param ageMs how long ago it was asked.
   */
  follow(intent: PauseIntent | null, ageMs: number): void {
    if (this.#isOver) return
    // A pause that was asked anew, or whose report was lost, does not say yet that the attempt is frozen.
    if (this.#isFrozen && isFreeze(intent) && intent?.frozenAt === null) this.#parts.onFrozen()
    if (isSame(intent, this.#intent)) return
    this.#intent = intent
    this.#timer?.clear()
    this.#timer = null
    this.#ask(intent !== null && (!isFreeze(intent) || intent.withinMs > 0))
    if (!isFreeze(intent)) this.thaw()
    if (intent === null || this.#isFrozen) return
    this.#timer = new LongTimeout(() => this.#fallBack(intent), intent.withinMs - ageMs)
  }

  /** Lets an attempt go on that is frozen, or is just being: it is to hear of a stop. */
  thaw(): void {
    if (this.#freezing === 0 && !this.#isFrozen) return
    this.#freezing = 0
    this.#parts.attempt.thaw()
    if (this.#isFrozen) this.#parts.onThawed()
    this.#isFrozen = false
  }

  /** The attempt has ended. */
  end(): void {
    this.#isOver = true
    this.#timer?.clear()
  }

  /** Asks the isolate to park, or takes that back. An attempt that is to be frozen at once is not asked: it must not park instead, nor when it thaws. */
  #ask(isAsked: boolean): void {
    if (isAsked === this.#isAsked) return
    this.#isAsked = isAsked
    this.#parts.attempt.pause(isAsked)
  }

  #fallBack(intent: PauseIntent): void {
    if (isFreeze(intent)) void this.#freeze()
    else if (intent.otherwise === 'kill') this.#parts.kill()
    else this.#parts.onOverdue()
  }

  async #freeze(): Promise<void> {
    this.#ask(false)
    const number = ++this.#lastFreeze
    this.#freezing = number
    const isFrozen = await this.#parts.attempt.freeze()
    // The attempt was thawed meanwhile: the outcome of this freeze says nothing any more.
    if (this.#isOver || this.#freezing !== number) return
    this.#freezing = 0
    if (!isFrozen) {
      this.#ask(true)
      return this.#parts.onOverdue()
    }
    this.#isFrozen = true
    this.#parts.onFrozen()
  }
}

const isFreeze = (intent: PauseIntent | null): boolean => intent?.otherwise === 'freeze'

function isSame(a: PauseIntent | null, b: PauseIntent | null): boolean {
  if (a === null || b === null) return a === b
  return a.requestedAt === b.requestedAt && a.withinMs === b.withinMs && a.otherwise === b.otherwise
}
