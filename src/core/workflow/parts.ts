/** The pieces of which workflows are made, and what may be said of each. */
import type { Duration } from '../duration.ts'
import { CheckreinError, shown } from '../errors.ts'
import { isTask } from '../task/task.ts'
import type { AnyTask } from '../task/context.ts'

declare const inType: unique symbol
declare const outType: unique symbol

/** A piece of a workflow: it takes an `In`, the result before it, and comes to an `Out`. */
export interface Step<in In = never, out Out = unknown> {
  readonly part: Part
  readonly [inType]?: (previous: In) => void
  readonly [outType]?: Out
}

/** A task alone stands for a step that takes the result before it as its input. */
export type StepLike = Step | AnyTask

/** In the place of an input, or of one of its members: the result of the step before. */
export const previous: unique symbol = Symbol.for('checkrein.previous')
export type Previous = typeof previous

/** How fan-in goes: on when all members have completed, or whatever they came to. */
export const fanInPolicies = ['allCompleted', 'allSettled'] as const
export type FanInPolicy = (typeof fanInPolicies)[number]

/** What an `onPaused` task gets. */
export interface PausedWorkflow<Result = unknown> {
  readonly workflowId: string
  readonly reason: string | null
  readonly by: string | null
  /** The result of the step before the pause. */
  readonly result: Result
  /** The rest of the workflow: what `export()` gives; null where it is larger than 16 MiB. */
  readonly rest: unknown
}

export interface StepOptions {
  /** The id of its run; default: a new UUIDv7. */
  readonly id?: string
  /** Default: the task's. */
  readonly queue?: string
  /** A whole number; higher starts first; default: the workflow's. */
  readonly priority?: number
  /** Beside those of the workflow. */
  readonly tags?: readonly string[]
  /** Starts no earlier than this long after what comes before it. */
  readonly delay?: Duration
  /** Cancelled where no attempt has started so long after what comes before it. */
  readonly ttl?: Duration
  /** Is run with the result when the step has completed; the workflow does not wait for it. */
  readonly onCompleted?: StepLike
  /** Is run when the step has not completed: with a `StepFailure`. */
  readonly onFailed?: StepLike
}

export interface GroupOptions {
  /** Default `allCompleted`: where a member does not complete, what comes after the group is cancelled. */
  readonly policy?: FanInPolicy
}

export interface ChainOptions {
  /** Where a pause takes effect: before every n-th step. Then, what runs is never interrupted, and goes on to there. */
  readonly pausePoints?: { readonly every: number }
  /** A task that is asked at each pause point, given the result before; where it answers true, the workflow pauses. */
  readonly pauseWhen?: StepLike
  /** A task that is run when the workflow has paused in this chain: with a `PausedWorkflow`. */
  readonly onPaused?: StepLike
}

/** A run of a task. */
export interface RunPart {
  readonly kind: 'run'
  readonly task: AnyTask
  /** What is stored as its input, with `previous` where that goes. */
  readonly input: unknown
  /** Whether the input is a list, and the handler is called for each in turn. */
  readonly isMapped: boolean
  readonly options: StepOptions
}

export interface ChainPart {
  readonly kind: 'chain'
  readonly parts: readonly Part[]
  readonly options: ChainOptions
}

export interface GroupPart {
  readonly kind: 'group'
  readonly parts: readonly Part[]
  readonly policy: FanInPolicy
}

export type Part = RunPart | ChainPart | GroupPart

export const workflowError = (message: string, hint: string): CheckreinError =>
  new CheckreinError('WORKFLOW_INVALID', { message, hint })

/** @throws {CheckreinError} `WORKFLOW_INVALID` for a name that is not known. */
export function refuseMore(what: string, given: object, known: readonly string[]): void {
  const more = Object.keys(given).find((name) => !known.includes(name))
  if (more === undefined) return
  throw workflowError(`${what} has no option ${shown(more)}`, `Options: ${known.join(', ')}.`)
}

const stepOptions = 'id queue priority tags delay ttl onCompleted onFailed'.split(' ')

function checkedOptions(options: StepOptions): StepOptions {
  refuseMore('a step', options, stepOptions)
  return options
}

export function checkedChain(options: ChainOptions): ChainOptions {
  refuseMore('a chain', options, ['pausePoints', 'pauseWhen', 'onPaused'])
  const { pausePoints } = options
  if (pausePoints !== undefined && !(Number.isInteger(pausePoints.every) && pausePoints.every >= 1))
    throw workflowError(
      'pausePoints.every is a whole number from 1',
      'pausePoints: { every: 1 } is between all steps.',
    )
  return options
}

/** @throws {CheckreinError} `WORKFLOW_INVALID` for what is neither a step nor a task. */
export function partOf(like: StepLike): Part {
  if (isTask(like)) return runPart(like, previous, {})
  const { part } = (like ?? {}) as Partial<Step>
  if (part !== undefined) return part
  throw workflowError(
    'what is neither a step nor a task cannot be part of a workflow',
    'Give step(task, input), chain([…]), group([…]), chord([…], step), map(task, […]) or a task.',
  )
}

export const runPart = (task: AnyTask, input: unknown, options: StepOptions): RunPart => ({
  kind: 'run',
  task,
  input,
  isMapped: false,
  options: checkedOptions(options),
})
