/**
 * The stop ladder: from the request to stop a run to the end of its attempt.
 *
 *     abort        the handler's abort signal fires                          (abort, cancel)
 *       │ grace    counted from the request, not from when it was heard of   (cancel)
 *     kill         the isolate is ended; `process`: an OS signal to every process, by default TERM, and KILL a while later
 *       │
 *     confirmed    the executor has seen the exit; only then is the stop record written
 *       └ or not   what cannot be killed is asked to end, where it was not asked before; if it does not, it is noted as
 *                  overdue: the run is shown as unresponsive, and its end is written whenever it comes
 *
 * A request can be made again, and a stronger one takes over: the ladder only ever goes down. Each ladder belongs to
 * one attempt and holds that attempt's isolate alone, so no request can reach another run, however late it comes.
 */
import { defaultKill, isSameKill, type KillWay, wayOf } from '../../core/run/kill.ts'
import { endOfGrace, type StopIntent } from '../../core/run/intent.ts'
import { stopVerbs } from '../../core/run/transitions.ts'
import type { AbortReason, RunningAttempt } from '../../executor/executor.ts'
import { LongTimeout } from '../../executor/os/long-timeout.ts'

/** Why an attempt was killed; decides what its end is reported as. */
export type KillCause = 'stop' | 'pause' | 'limit' | 'shutdown' | 'lease-lost'

/** Why an attempt's abort signal was fired. */
export type AbortCause = 'stop' | 'timeout' | 'shutdown' | 'lease-lost'

/** How long what cannot be killed has from a `terminate`, which asks it instead, until it is shown as unresponsive. */
const heedMs = 250

/** Carries the stop of one attempt out. The drawing at the head of this file shows its steps. */
export class StopLadder {
  readonly #attempt: RunningAttempt
  readonly #onOverdue: () => void
  readonly #own: KillWay
  #intent: StopIntent | null = null
  #graceTimer: LongTimeout | null = null
  #abortCause: AbortCause | null = null
  #killCause: KillCause | null = null
  #isOver = false

  /** @param own the way in which the task wants its attempts killed. */
  constructor(attempt: RunningAttempt, onOverdue: () => void, own: KillWay = defaultKill) {
    this.#attempt = attempt
    this.#own = own
    this.#onOverdue = onOverdue
  }

  /** The request that the ladder follows; null where none was made. */
  get intent(): StopIntent | null {
    return this.#intent
  }

  /** Why the handler was told to end; null where it was not. The first reason stays. */
  get abortCause(): AbortCause | null {
    return this.#abortCause
  }

  /** Why the isolate was killed; null where it was not. */
  get killCause(): KillCause | null {
    return this.#killCause
  }

  /**
   * Follows a request; the same one again changes nothing.
   * @param ageMs how long ago it was made.
   */
  follow(intent: StopIntent, ageMs: number): void {
    if (this.#isOver || !this.#isNew(intent)) return
    this.#intent = intent
    if (intent.verb === 'revoke') return
    if (intent.verb === 'terminate') {
      void this.kill('stop')
      return
    }
    this.abort('stop', cancelReason(intent))
    if (intent.verb === 'cancel') this.#killAfter(intent.graceMs - ageMs)
  }

  #isNew(intent: StopIntent): boolean {
    const old = this.#intent
    if (old === null) return true
    const isStronger = stopVerbs.indexOf(intent.verb) > stopVerbs.indexOf(old.verb)
    if (isStronger || !isSameKill(intent.kill, old.kill)) return true
    return intent.verb === old.verb && endOfGrace(intent) !== endOfGrace(old)
  }

  /** Fires the abort signal of the handler; the first cause stays. */
  abort(cause: AbortCause, reason: AbortReason): void {
    if (this.#isOver) return
    this.#abortCause ??= cause
    this.#attempt.abort(reason, cause === 'stop' ? this.#way : undefined)
  }

  /** How the request that it follows has the attempt killed; undefined where that kills nothing. */
  get #way(): KillWay | undefined {
    const intent = this.#intent
    return intent === null || endOfGrace(intent) === null
      ? undefined
      : wayOf(intent.kill, this.#own)
  }

  /** Ends the isolate; again, where a request shortens the time that its processes have. The first cause stays, but a request to stop goes before the worker's own reasons. */
  async kill(cause: KillCause): Promise<void> {
    if (this.#isOver) return
    if (this.#killCause === null || cause === 'stop') this.#killCause = cause
    const outcome = await this.#attempt.kill(cause === 'stop' ? this.#way : defaultKill)
    if (outcome === 'dead' || this.#isOver) return
    const intent = this.#intent
    if (cause === 'stop' && intent?.verb === 'terminate') this.#askInstead(intent)
    else this.#onOverdue()
  }

  /** Asks what cannot be killed, where it was not asked before: it has a moment to heed that before it is overdue. */
  #askInstead(intent: StopIntent): void {
    this.abort('stop', cancelReason(intent))
    this.#graceTimer?.clear()
    this.#graceTimer = new LongTimeout(this.#onOverdue, heedMs)
  }

  /** The attempt has ended. */
  end(): void {
    this.#isOver = true
    this.#graceTimer?.clear()
  }

  #killAfter(ms: number): void {
    this.#graceTimer?.clear()
    this.#graceTimer = new LongTimeout(() => void this.kill('stop'), ms)
  }
}

function cancelReason({ reason, by, verb }: StopIntent): AbortReason {
  const message =
    reason === null ? 'The run was asked to stop' : `The run was asked to stop: ${reason}`
  return { code: 'ATTEMPT_CANCELLED', message, details: { verb, reason, by } }
}
