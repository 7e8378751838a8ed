/** The outcomes of verbs, once they were observed. */
import type { Answer } from '../../core/run/decision.ts'
import type { ErrorRecord } from '../../core/errors.ts'
import { type RollbackFacts, type Status, statusOf, type StoredRun } from '../../core/run/run.ts'
import type { StopMode, StopRecord } from '../../core/run/stop.ts'
import { isFinal, type State } from '../../core/run/transitions.ts'

/** The outcome of `cancel` or `terminate`, after the stop was confirmed. */
export interface StopOutcome {
  readonly id: string
  /** `too-late` where the run ended by itself before the request reached it. */
  readonly answer: Answer | 'not-found'
  readonly state: State | null
  /** Null where nothing was stopped. */
  readonly mode: StopMode | null
  /** Whether the end of its code was observed. */
  readonly confirmed: boolean
  readonly stop: StopRecord | null
  /** The outcome of its roll-back; null where there was none. */
  readonly rollback: RollbackOutcome | null
}

/** The outcome of a roll-back. */
export interface RollbackOutcome {
  readonly state: RollbackFacts['state']
  /** The error that its last attempt threw. */
  readonly error: ErrorRecord | null
}

/** The outcome of `pause` or `freeze`. */
export interface PauseOutcome {
  readonly id: string
  /**
   * `paused` when it has parked or is frozen, `already-paused` where it was, `moved` where the pause has another end now;
   * `resumed` where somebody has resumed it meanwhile; `too-late` or `already-cancelled` where it has ended, or is being rolled back.
   */
  readonly answer: Answer | 'not-found'
  readonly state: State | null
  readonly status: Status | null
}

/** The outcome of a stop, from the run as it was read afterwards; null where there is no run. */
export function stopOutcome(
  id: string,
  answer: StopOutcome['answer'],
  run: StoredRun | null,
): StopOutcome {
  const stop = run?.stop ?? null
  const rollback = run?.rollback ?? null
  return {
    id,
    answer,
    state: run?.state ?? null,
    mode: stop?.mode ?? null,
    confirmed: stop?.confirmed ?? false,
    stop,
    rollback: rollback && { state: rollback.state, error: rollback.error },
  }
}

/** Whether nothing more comes of a request to pause: the run has parked, is frozen, or goes on. */
export function isSettled({ state, intent }: StoredRun): boolean {
  const pause = intent?.pause ?? null
  return state !== 'running' || pause === null || pause.frozenAt !== null
}

/** The outcome of a pause, from the run as it was read afterwards; null where there is no run. */
export function pauseOutcome(
  id: string,
  answer: PauseOutcome['answer'],
  run: StoredRun | null,
): PauseOutcome {
  return { id, answer, state: run?.state ?? null, status: run && statusOf(run) }
}

/** The outcome of a pause that was asked of a running run, and has been settled. */
export function settledPause(run: StoredRun): PauseOutcome {
  const { id, state, intent, rollback } = run
  if (isFinal(state) || rollback !== null) return pauseOutcome(id, 'too-late', run)
  const isHeld = state === 'paused' || (intent?.pause?.frozenAt ?? null) !== null
  return pauseOutcome(id, isHeld ? 'paused' : 'resumed', run)
}
