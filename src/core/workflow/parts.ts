/** The pieces of which workflows are made, and the options of each. */
import type { Duration } from '../duration.ts'
import { CheckreinError, shown } from '../errors.ts'
import { isTask } from '../task/task.ts'
import type { AnyTask } from '../task/context.ts'

declare const inType: unique symbol
declare const outType: unique symbol

/** A piece of a workflow: it takes an `In`, the result before it, and its own result is an `Out`. */
export interface Step<in In = never, out Out = unknown> {
  readonly part: Part
  readonly [inType]?: (previous: In) => void
  readonly [outType]?: Out
}

/** A task alone stands for a step that takes the result before it as its input. */
export type StepLike = Step | AnyTask

/** Stands for the result of the step before, as the input of a step or as one member of it. */
export const previous: unique symbol = Symbol.for('checkrein.previous')
/** The type of `previous`. */
export type Previous = typeof previous

/** The policies of a fan-in. `allCompleted`: the workflow goes on when all members have completed; `allSettled`: when all have ended, however. */
export const fanInPolicies = ['allCompleted', 'allSettled'] as const
/** One of the `fanInPolicies`. */
export type FanInPolicy = (typeof fanInPolicies)[number]

/** The input of an `onPaused` task. */
export interface PausedWorkflow<Result = unknown> {
  readonly workflowId: string
  readonly reason: string | null
  readonly by: string | null
  /** The result of the step before the pause. */
  readonly result: Result
  /** The rest of the workflow, as `export()` gives it; null where it is larger than 16 MiB. */
  readonly rest: unknown
}

/** The options of a step. */
export interface StepOptions {
  /** The id of its run; default: a new UUIDv7. */
  readonly id?: string
  /** Default: the task's. */
  readonly queue?: string
  /** A whole number; higher starts first; default: the workflow's. */
  readonly priority?: number
  /** The tags of its run, beside those of the workflow. */
  readonly tags?: readonly string[]
  /** The run starts no earlier than this long after the step before it. */
  readonly delay?: Duration
  /** The run is cancelled where no attempt has started so long after the step before it. */
  readonly ttl?: Duration
  /** A task that is run with the result when the step has completed; the workflow does not wait for it. */
  readonly onCompleted?: StepLike
  /** A task that is run with a `StepFailure` when the step has failed or was cancelled; the workflow does not wait for it. */
  readonly onFailed?: StepLike
}

/** The options of a group. */
export interface GroupOptions {
  /** Default `allCompleted`: where a member does not complete, the steps after the group are cancelled. */
  readonly policy?: FanInPolicy
}

/** The options of a chain. */
export interface ChainOptions {
  /** Where a pause takes effect: before every n-th step. A running step is then never interrupted: the chain goes on to its next pause point. */
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
  /** The input, with `previous` where the result of the step before goes. */
  readonly input: unknown
  /** Whether the input is a list, and the handler is called for each in turn. */
  readonly isMapped: boolean
  readonly options: StepOptions
}

/** Parts that are run one after the other. */
export interface ChainPart {
  readonly kind: 'chain'
  readonly parts: readonly Part[]
  readonly options: ChainOptions
}

/** Parts that are run side by side. */
export interface GroupPart {
  readonly kind: 'group'
  readonly parts: readonly Part[]
  readonly policy: FanInPolicy
}

/** A piece of a workflow, as the canvas keeps it. */
export type Part = RunPart | ChainPart | GroupPart

/** The error for a workflow that is not well formed: `WORKFLOW_INVALID`. */
export const workflowError = (message: string, hint: string): CheckreinError =>
  new CheckreinError('WORKFLOW_INVALID', { message, hint })

/** Refuses options that are not known. @throws {CheckreinError} `WORKFLOW_INVALID`. */
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

/** The options of a chain, checked. @throws {CheckreinError} `WORKFLOW_INVALID`. */
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

/** The part that a step or a task stands for. @throws {CheckreinError} `WORKFLOW_INVALID` for anything else. */
export function partOf(like: StepLike): Part {
  if (isTask(like)) return runPart(like, previous, {})
  const { part } = (like ?? {}) as Partial<Step>
  if (part !== undefined) return part
  throw workflowError(
    'a part of a workflow must be a step or a task',
    'Give step(task, input), chain([…]), group([…]), chord([…], step), map(task, […]) or a task.',
  )
}

/** The part that runs a task. @throws {CheckreinError} `WORKFLOW_INVALID` for an option that a step has not. */
export const runPart = (task: AnyTask, input: unknown, options: StepOptions): RunPart => ({
  kind: 'run',
  task,
  input,
  isMapped: false,
  options: checkedOptions(options),
})
