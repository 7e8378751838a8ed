/** From verbs to the events of the machine. */
import type { MachineEvent } from '../../core/run/events.ts'
import { isByRequest, pauserOf } from '../../core/run/intent.ts'
import { isStopVerb } from '../../core/run/transitions.ts'
import { instantOf } from '../port/instants.ts'
import type { SeqRun } from '../rows/runs.ts'
import type { ControlVerb } from '../store.ts'
import type { Asked } from '../port/requests.ts'
import type { KeptBy } from './keepers-of-pauses.ts'

/** The verb as it is asked of a run: of a running member that may finish, only `revoke` is left of a stop. */
export function verbFor(run: SeqRun | undefined, { verb, running }: Asked): ControlVerb {
  const isLess = running === 'wait' && run?.state === 'running' && isStopVerb(verb)
  return isLess ? 'revoke' : verb
}

/**
 * The event that a verb is for the machine.
 * @param now when the delays in it begin, epoch ms.
 * @param keptBy the pause that a resume cannot end, if there is one.
 */
export function eventOf(asked: Asked, now: number, keptBy: KeptBy | null = null): MachineEvent {
  const { verb, reason, by, graceMs, rollback, children, kill, pause } = asked
  if (verb === 'resume') {
    return {
      type: verb,
      reason,
      by,
      ...pauserOf(pause),
      keptBy: isByRequest(pause) ? keptBy : null,
    }
  }
  if (verb !== 'pause')
    return {
      type: verb,
      reason,
      by,
      graceMs,
      rollback,
      ...(children === undefined ? {} : { children }),
      ...(kill === undefined ? {} : { kill }),
    }
  const { until, ...how } = pause
  return { type: verb, reason, by, ...how, resumeAt: instantOf(until, now) }
}
