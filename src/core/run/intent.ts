import { isSameKill, type KillChoice, strongerKill } from './kill.ts'
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
  /** Whether the run is rolled back after the stop, whatever its task says. */
  readonly rollback: boolean
  /** The policy for the children of the run, also for children that it enqueues from now on; default `cancel`. */
  readonly children?: RunningPolicy
  /** The choice of the way in which the attempt is killed; the rest is left to its task. */
  readonly kill?: KillChoice
}

/**
 * The ways to go on with a run that meets no checkpoint in time. `wait`: the run goes on, and is shown as overdue. `kill`: its
 * isolate is killed, and it resumes from its last checkpoint. `freeze`: its process is stopped where it stands, by SIGSTOP
 * (`process` isolation only).
 */
export const pauseFallbacks = ['wait', 'kill', 'freeze'] as const
/** One of the `pauseFallbacks`. */
export type PauseFallback = (typeof pauseFallbacks)[number]

/** By what a run is paused: at most one of them is there. All are null where somebody paused the run itself. */
export interface Pauser {
  /** The id of the hold. */
  readonly holdId: string | null
  /** The id of the workflow that was paused, and whose member the run is. */
  readonly workflowId: string | null
  /** The id of the run that was paused with its children, and has enqueued the run; absent for none. */
  readonly parentId?: string
}

/** The fate of the children of a run that is paused: they are paused with it, or go on. */
export const pausePolicies = ['leave', 'pause'] as const
/** One of the `pausePolicies`. */
export type PausePolicy = (typeof pausePolicies)[number]

/** A pause that somebody asks of a run itself. */
export const byRequest: Pauser = { holdId: null, workflowId: null }

/** Whether two pauses come from the same hold or workflow, or both from requests. */
export function isSamePauser(one: Pauser, other: Pauser): boolean {
  const isSameHolder = one.holdId === other.holdId && one.workflowId === other.workflowId
  return isSameHolder && one.parentId === other.parentId
}

/** Whether somebody paused the run itself: no hold, workflow or parent has a say in that. */
export function isByRequest({ holdId, workflowId, parentId }: Pauser): boolean {
  return holdId === null && workflowId === null && parentId === undefined
}

/** A pauser without what else is known of the pause. */
export function pauserOf({ holdId, workflowId, parentId }: Pauser): Pauser {
  return { holdId, workflowId, ...(parentId === undefined ? {} : { parentId }) }
}

/** A request to pause a running attempt, kept with the run until it has parked. Instants are epoch ms. */
export interface PauseIntent extends Pauser {
  readonly reason: string | null
  readonly by: string | null
  readonly requestedAt: number
  /** How long it may take to the next checkpoint, from the request. */
  readonly withinMs: number
  readonly otherwise: PauseFallback
  /** When the run is to resume by itself. */
  readonly resumeAt: number | null
  /** When no checkpoint had come in time. */
  readonly overdueAt: number | null
  readonly frozenAt: number | null
  /** The state in which it parks. A run that parks for a hold on a whole queue or task goes back to the queue, which is held. */
  readonly parksIn: 'paused' | 'queued'
  /** Set where its children are paused with it, also those that it enqueues until it has parked. */
  readonly children?: 'pause'
}

/** The requests to a running run, kept beside its state so that they survive any crash. */
export interface Intent {
  readonly stop: StopIntent | null
  readonly pause: PauseIntent | null
}

/** How long `cancel` waits for the handler where the caller says nothing. */
export const defaultGraceMs = 5000

/** How long a pause waits for a checkpoint where the caller says nothing. */
export const defaultPauseMs = 30_000

const rank = (verb: StopVerb): number => stopVerbs.indexOf(verb)

/**
 * The request that stands when one more stop is requested: the stronger verb, and of two cancels the one with the earlier end
 * of grace. A request never becomes weaker. For example, a `cancel` after a `terminate` changes nothing. Of two requests that
 * kill, SIGKILL goes before other OS signals, else the newer signal counts, and the shorter time until SIGKILL.
 */
export function strongerStop(old: StopIntent | null, asked: StopIntent): StopIntent {
  if (old === null) return asked
  const isStronger =
    rank(asked.verb) > rank(old.verb) ||
    (asked.verb === old.verb && (endOfGrace(asked) ?? 0) < (endOfGrace(old) ?? 0))
  const both = {
    rollback: old.rollback || asked.rollback,
    ...bothPolicies(old, asked),
    ...bothKills(old, asked),
  }
  if (isStronger) {
    const { children: _, kill: __, ...rest } = asked
    return { ...rest, ...both, deliveredAt: old.deliveredAt, overdueAt: old.overdueAt }
  }
  const { children, kill, ...rest } = old
  const isSame =
    both.rollback === old.rollback && both.children === children && isSameKill(both.kill, kill)
  return isSame ? old : { ...rest, ...both }
}

/** The way in which both requests are met. A request that kills nothing has no say, and neither has a weaker one that comes later. */
function bothKills(old: StopIntent, asked: StopIntent): Pick<StopIntent, 'kill'> {
  if (rank(asked.verb) < rank(old.verb)) return old.kill === undefined ? {} : { kill: old.kill }
  const kill = endOfGrace(old) === null ? asked.kill : strongerKill(old.kill, asked.kill)
  return kill === undefined ? {} : { kill }
}

/** The policy that reaches further; the furthest needs no word. */
function bothPolicies(one: StopIntent, other: StopIntent): Pick<StopIntent, 'children'> {
  if (one.children === undefined || other.children === undefined) return {}
  return { children: furtherPolicy(one.children, other.children) }
}

/** The pause that stands when one more is requested: the newer one, but the pause of a hold never replaces that of the run itself. */
export function newerPause(old: PauseIntent | null, asked: PauseIntent): PauseIntent {
  if (old === null) return asked
  if (!isByRequest(asked) && isByRequest(old)) return old
  const isSame =
    isSamePauser(old, asked) && old.withinMs === asked.withinMs && old.otherwise === asked.otherwise
  // Children that were paused stay so until the run goes on.
  const children = asked.children ?? old.children
  if (isSame && old.resumeAt === asked.resumeAt && children === old.children) return old
  const requestedAt = isSame ? old.requestedAt : asked.requestedAt
  // A run that is not to be frozen any more is thawed.
  const frozenAt = asked.otherwise === 'freeze' ? old.frozenAt : null
  const policy = children === undefined ? {} : { children }
  return { ...asked, ...policy, requestedAt, overdueAt: old.overdueAt, frozenAt }
}

/** When the handler's time is up, epoch ms; null for verbs that force nothing. */
export function endOfGrace(intent: StopIntent): number | null {
  if (intent.verb === 'cancel') return intent.requestedAt + intent.graceMs
  return intent.verb === 'terminate' ? intent.requestedAt : null
}

/** The one of two policies that reaches further. */
export function furtherPolicy(one: RunningPolicy, other: RunningPolicy): RunningPolicy {
  if (one === 'cancel' || other === 'cancel') return 'cancel'
  return one === 'wait' || other === 'wait' ? 'wait' : 'detach'
}

/**
 * The policies for members that run when their workflow is stopped, and for children when their parent is. `cancel`: they are
 * asked the same. `detach`: they go on by themselves. `wait`: they may finish.
 */
export const runningPolicies = ['cancel', 'detach', 'wait'] as const

/** One of the `runningPolicies`. */
export type RunningPolicy = (typeof runningPolicies)[number]
