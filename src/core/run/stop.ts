import type { SentOsSignal } from './kill.ts'
import type { StopVerb } from './transitions.ts'

/** The exit of an isolate, as it was observed. */
export interface ExitProof {
  /** The process that ran the attempt: its own for `process`, its host for `thread`, the worker for `inline`. */
  readonly pid: number
  /** The thread within that process, for `thread`. */
  readonly threadId?: number
  readonly exitCode: number | null
  /** The OS signal that ended it: `SIGKILL`. */
  readonly osSignal: string | null
}

/**
 * - `prevented`: no code of the run was executing when it was stopped. Earlier attempts may have run: it was paused, waited, or was
 *   to be tried again (`attempt` says how many there were).
 * - `cooperative`: the handler ended after it was asked.
 * - `forced`: its isolate was killed.
 */
export type StopMode = 'prevented' | 'cooperative' | 'forced'

/** How a run was stopped. Written once, after the exit was observed. Instants are epoch ms. */
export interface StopRecord {
  readonly verb: StopVerb | 'expire'
  readonly mode: StopMode
  /** False only where the worker could not be reached until its lease had lapsed: the fence makes the old attempt harmless. */
  readonly confirmed: boolean
  readonly reason: string | null
  readonly by: string | null
  readonly requestedAt: number
  /** When the request reached the handler; null where it never did. */
  readonly deliveredAt: number | null
  readonly stoppedAt: number
  readonly proof: ExitProof | null
  /**
   * The OS signals that its processes were sent to kill them, in their order. Empty where none was sent: nothing had to be killed, or the
   * isolation has no processes of its own (`thread`, `inline`). Null where the worker was lost, and nobody knows.
   */
  readonly sent: readonly SentOsSignal[] | null
}
