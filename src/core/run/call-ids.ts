/**
 * Ids of calls that nobody makes by hand: a hold, a workflow or a run asks something of other runs.
 *
 * Such an id is made of the id of what asks and of what it asks. So the same thing that is asked twice, by two keepers or
 * after a crash, is the same call, and is carried out once. For example, `0198…/cancel-running` is what the hold `0198…`
 * asks of the runs that run.
 */
import type { RunningPolicy } from './intent.ts'
import type { KillChoice } from './kill.ts'
import { type State, type StopVerb, states } from './transitions.ts'

interface OnRuns {
  readonly verb: StopVerb | 'pause' | 'resume'
  /** The first of the states of the runs that are meant. */
  readonly state: State | undefined
}

/** A hold, or the call that lifts one, asks something of the runs that there are. */
export const callOfHold = (callId: string, { verb, state }: OnRuns): string =>
  `${callId}/${verb}-${state}`

/** The end of a hold whose time is over. */
export const callOfHoldEnd = (holdId: string): string => `${holdId}/over`

/** A workflow cancels the runs that will never be reached, from a node on. */
export const callOfUnreached = (workflow: string, firstNode: number): string =>
  `${workflow}/${firstNode}`

/** A workflow is stopped by a tombstone that was left for its id. */
export const callOfTombstone = (workflow: string): string => `${workflow}/tombstone`

/** A workflow whose pause is over resumes. @param pausedAt when it was paused, epoch ms. */
export const callOfResume = (workflow: string, pausedAt: number): string =>
  `${workflow}/resume-${pausedAt}`

interface OnChildren {
  readonly verb: StopVerb
  readonly children: RunningPolicy
  readonly rollback: boolean
  readonly graceMs: number
  readonly kill?: KillChoice
}

/** A run that is stopped asks the same of its children. */
export const callOfParent = (
  runId: string,
  { verb, children, rollback, graceMs, kill }: OnChildren,
): string => {
  const way = kill === undefined ? '' : `/kill-${kill.osSignal ?? ''}-${kill.killAfterMs ?? ''}`
  const grace = verb === 'cancel' ? `/grace-${graceMs}` : ''
  return `${runId}/children/${verb}/${children}${rollback ? '/rollback' : ''}${grace}${way}`
}

/** A run that is paused with its children, or goes on with them, asks the same of them. @param unique a text that no other such call has. */
export const callOfPausedParent = (
  runId: string,
  verb: 'pause' | 'resume',
  unique: string,
): string => `${runId}/children/${verb}-${unique}`

/** A run takes the key of another: that goes by its own id. */
export const callOfReplacement = (runId: string): string => runId

/** The origin of a call, as its id tells it. */
export interface Caller {
  /** `call`: somebody made the call by hand, or it is none of ours. */
  readonly kind: 'call' | 'hold' | 'workflow' | 'parent'
  /** The id of the call, the hold, the workflow or the run that asks; of a lifting, the id of the call that lifts. */
  readonly id: string
}

const endings: readonly (readonly [kind: Caller['kind'], ending: RegExp])[] = [
  ['parent', /\/children\/(?:pause|resume)-[\w-]+$/],
  ['parent', /\/children\/\w+\/\w+(?:\/rollback)?(?:\/grace-\d+)?(?:\/kill-\w*-\d*)?$/],
  ['workflow', /\/(?:\d+|tombstone|resume-\d+)$/],
  ['hold', new RegExp(`/(?:over|[a-z]+-(?:${states.join('|')}))$`)],
]

/** Reads the id of a call. */
export function callerOf(callId: string): Caller {
  for (const [kind, ending] of endings) {
    const id = callId.replace(ending, '')
    if (id !== callId) return { kind, id }
  }
  return { kind: 'call', id: callId }
}
