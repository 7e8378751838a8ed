/** The ends of runs in a transaction, as `store/runs/after-ends.ts` needs them. */
import type { MachineEvent, PauseRequest } from '../../core/run/events.ts'
import type { RunningPolicy } from '../../core/run/intent.ts'
import type { KillChoice } from '../../core/run/kill.ts'
import type { StoredRun } from '../../core/run/run.ts'
import { isStopVerb, type StopVerb } from '../../core/run/transitions.ts'
import type { EndCounts } from '../../core/workflow/workflow.ts'
import type { SeqRun } from '../rows/runs.ts'

/** The runs that have ended in a transaction. */
export interface Ends {
  /** The ids of the runs that are final now. */
  readonly ended: readonly string[]
  /** The runs that wait for one of those, where they were read already; without them they are read. */
  readonly waiting?: readonly SeqRun[]
  /** The members of workflows among them, and those that have left their workflow. */
  readonly members: readonly MemberEnd[]
  /** The runs that were stopped or are asked to stop, and that may have children. */
  readonly stopped: readonly StoppedParent[]
  /** The runs that are paused with their children, or go on with them. */
  readonly paused?: readonly PausedParent[]
}

/** A member of a workflow that has ended, or is a member no more. */
export interface MemberEnd {
  readonly workflow: string
  readonly node: number
  readonly state: keyof EndCounts
  /** False for a member that was cancelled while it waited for what comes before it: its turn never came. */
  readonly wasReached: boolean
  /** Whether its workflow has cancelled it because a node before it did not complete; nobody is told of its end, for the hook of that node has told. */
  readonly isUnreachable: boolean
  readonly run: Pick<StoredRun, 'id' | 'task' | 'result' | 'error' | 'stop' | 'rollback'>
}

/** A run that is stopped or asked to stop, and may have children; the rest says how they are to be asked. */
export interface StoppedParent {
  readonly id: string
  readonly verb: StopVerb
  readonly reason: string | null
  readonly by: string | null
  readonly graceMs: number
  readonly rollback: boolean
  readonly children?: RunningPolicy
  readonly kill?: KillChoice
}

/** The run as a stopped parent, where the event has stopped it or asks it to stop; else nothing. */
export function stoppedBy(event: MachineEvent, { id, ...run }: SeqRun): readonly StoppedParent[] {
  if (event.type === 'deadline') {
    const { reason = null } = run.intent?.stop ?? run.stop ?? run.rollback?.stop ?? {}
    const graceMs = run.intent?.stop?.graceMs ?? 0
    return [{ id, verb: 'cancel', reason, by: null, graceMs, rollback: false }]
  }
  if (!isStopVerb(event.type) || !('graceMs' in event)) return []
  const { type: verb, rollback = false, reason, by, graceMs, children, kill } = event
  const policy = {
    ...(children === undefined ? {} : { children }),
    ...(kill === undefined ? {} : { kill }),
  }
  return [{ id, verb, reason, by, graceMs, rollback, ...policy }]
}

/** A run that is paused, or asked to pause, with its children; or one that goes on with them. */
export interface PausedParent extends Pick<PauseRequest, 'withinMs' | 'otherwise'> {
  readonly id: string
  readonly verb: 'pause' | 'resume'
  readonly reason: string | null
  readonly by: string | null
}

/** The run as such a parent, where the event makes it one; else nothing. @param before the run before the event. */
export function pausedBy(
  event: MachineEvent,
  before: SeqRun,
  next: SeqRun,
): readonly PausedParent[] {
  const { id } = before
  if (event.type === 'pause') {
    const { reason, by, withinMs, otherwise } = event
    return event.children === undefined
      ? []
      : [{ id, verb: 'pause', reason, by, withinMs, otherwise }]
  }
  const wasPaused = before.paused ?? before.intent?.pause ?? null
  const isPaused = (next.paused ?? next.intent?.pause ?? null) !== null
  if (event.type !== 'resume' || wasPaused?.children === undefined || isPaused) return []
  const { reason, by } = event
  return [{ id, verb: 'resume', reason, by, withinMs: 0, otherwise: 'wait' }]
}
