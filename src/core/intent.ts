import { type StopVerb, stopVerbs } from './transitions.ts'

/** A request to stop a running attempt, kept with the run until the stop was observed. Instants are epoch ms. */
export interface StopIntent {
  readonly verb: StopVerb
  readonly reason: string | null
  readonly by: string | null
  readonly requestedAt: number
  /** For `cancel`: how long the handler has from the request until it is killed. */
  readonly graceMs: number
  readonly deliveredAt: number | null
  /** When the worker found that it cannot enforce the stop. */
  readonly overdueAt: number | null
}

export interface PauseIntent {
  readonly reason: string | null
  readonly by: string | null
  readonly requestedAt: number
}

/** What was asked of a running run, kept beside its state so that it survives any crash. */
export interface Intent {
  readonly stop: StopIntent | null
  readonly pause: PauseIntent | null
}

/** How long `cancel` waits for the handler where the caller says nothing. */
export const defaultGraceMs = 5000

const rank = (verb: StopVerb): number => stopVerbs.indexOf(verb)

/**
 * What is asked of the run when one more stop is requested: the stronger verb holds, and of two cancels the one with
 * the earlier end of grace. An intent never sinks.
 */
export function strongerStop(old: StopIntent | null, asked: StopIntent): StopIntent {
  if (old === null) return asked
  const isStronger =
    rank(asked.verb) > rank(old.verb) ||
    (asked.verb === old.verb && (endOfGrace(asked) ?? 0) < (endOfGrace(old) ?? 0))
  if (!isStronger) return old
  return { ...asked, deliveredAt: old.deliveredAt, overdueAt: old.overdueAt }
}

/** When the handler's time is up, epoch ms; null for verbs that force nothing. */
export function endOfGrace(intent: StopIntent): number | null {
  if (intent.verb === 'cancel') return intent.requestedAt + intent.graceMs
  return intent.verb === 'terminate' ? intent.requestedAt : null
}
