/**
 * Workflows as they are written: steps, and how they are joined. `graph.ts` makes of them what a store keeps.
 *
 * Types flow along: where a step takes a result that does not fit, the program does not compile.
 */
import {
  workflowError,
  type ChainOptions,
  checkedChain,
  fanInPolicies,
  type GroupOptions,
  type GroupPart,
  type Part,
  partOf,
  type Previous,
  previous,
  refuseMore,
  runPart,
  type Step,
  type StepLike,
  type StepOptions,
} from './parts.ts'
import { isTask } from '../task/task.ts'
import type { Settled } from '../run/settled.ts'
import type { AnyTask, InputOf, OutputOf } from '../task/context.ts'

/** The input of a step: a value, `previous`, or an object with `previous` as one member. */
export type Bound<Input> =
  | Input
  | Previous
  | { readonly [Name in keyof Input]: Input[Name] | Previous }

type FieldOf<Given> = {
  [Name in keyof Given]: Given[Name] extends Previous ? Name : never
}[keyof Given]
type TakenBy<Input, Given> = [Given] extends [Previous]
  ? Whole<Input>
  : [FieldOf<Given>] extends [never]
    ? unknown
    : unknown extends Input
      ? unknown
      : Input[FieldOf<Given> & keyof Input]
/** A task without an input takes whatever comes before. */
type Whole<Input> = [Input] extends [void] ? unknown : Input

/** The result that a step takes from the step before it. */
export type InOf<S> =
  S extends Step<infer In, unknown> ? In : S extends AnyTask ? Whole<InputOf<S>> : never
/** The result of a step. */
export type OutOf<S> =
  S extends Step<never, infer Out> ? Out : S extends AnyTask ? OutputOf<S> : never

/** Makes a step that runs the task; its input is the result of the step before. */
export function step<T extends AnyTask>(task: T): Step<Whole<InputOf<T>>, OutputOf<T>>
/** Makes a step that runs the task with this input; `previous` as the input, or as one member of it, stands for the result of the step before. */
export function step<T extends AnyTask, const Given extends Bound<InputOf<T>>>(
  task: T,
  input: Given,
  options?: StepOptions,
): Step<TakenBy<InputOf<T>, Given>, OutputOf<T>>
export function step(task: AnyTask, ...given: [input?: unknown, options?: StepOptions]): Step {
  const [input, options = {}] = given
  refuseNoTask(task)
  return { part: runPart(task, given.length === 0 ? previous : input, options) }
}

/** Makes one run that calls the task for each of the inputs, one after the other; its result is the list of the results. */
export function map<T extends AnyTask>(
  task: T,
  inputs: readonly InputOf<T>[],
  options?: StepOptions,
): Step<unknown, OutputOf<T>[]>
/** The same for each of the list that is the result of the step before. */
export function map<T extends AnyTask>(
  task: T,
  inputs: Previous,
  options?: StepOptions,
): Step<readonly InputOf<T>[], OutputOf<T>[]>
export function map(
  task: AnyTask,
  inputs: readonly unknown[] | Previous,
  options: StepOptions = {},
): Step {
  refuseNoTask(task)
  if (inputs !== previous && !Array.isArray(inputs))
    throw workflowError(
      `map of ${task.name} needs a list of inputs, or \`previous\``,
      'map(task, [1, 2]): one run, which calls the task for each.',
    )
  return { part: { ...runPart(task, inputs, options), isMapped: true } }
}

/** The `map` of a task whose input is a tuple. */
export function starmap<T extends AnyTask>(
  task: InputOf<T> extends readonly unknown[] ? T : never,
  tuples: readonly InputOf<T>[],
  options?: StepOptions,
): Step<unknown, OutputOf<T>[]> {
  return map<T>(task as T, tuples, options)
}

/** Makes a group of `map`s, each of `size` inputs; the last one may have fewer. @throws {CheckreinError} `WORKFLOW_INVALID` for a size below 1. */
export function chunks<T extends AnyTask>(
  task: T,
  inputs: readonly InputOf<T>[],
  size: number,
): Step<unknown, OutputOf<T>[][]> {
  if (!Number.isInteger(size) || size < 1)
    throw workflowError(
      'the size of chunks is a whole number from 1',
      'chunks(task, inputs, 100): a run for each hundred.',
    )
  const parts: Part[] = []
  for (let at = 0; at < inputs.length; at += size)
    parts.push(map(task, inputs.slice(at, at + size)).part)
  return { part: { kind: 'group', parts, policy: 'allCompleted' } }
}

/** The type that the compiler shows where a result does not fit the step that takes it. */
interface Misfit<Out, In> {
  readonly 'the result before does not fit': readonly [result: Out, taken: In]
}
type Linked<
  Steps extends readonly unknown[],
  Out = never,
  IsFirst = true,
> = Steps extends readonly [infer First, ...infer Rest]
  ? readonly [
      IsFirst extends true ? First : Out extends InOf<First> ? First : Misfit<Out, InOf<First>>,
      ...Linked<Rest, OutOf<First>, false>,
    ]
  : Steps
type LastOf<Steps extends readonly unknown[]> = Steps extends readonly [...unknown[], infer Last]
  ? Last
  : Steps[number]
type FirstOf<Steps extends readonly unknown[]> = Steps extends readonly [infer First, ...unknown[]]
  ? First
  : Steps[number]

/** Joins steps one after the other, each with the result of the one before; the result is that of the last. @throws {CheckreinError} `WORKFLOW_INVALID`. */
export function chain<const Steps extends readonly [StepLike, ...StepLike[]] | readonly StepLike[]>(
  steps: Steps & Linked<Steps>,
  options?: ChainOptions,
): Step<InOf<FirstOf<Steps>>, OutOf<LastOf<Steps>>>
export function chain(steps: readonly StepLike[], options: ChainOptions = {}): Step {
  if (!Array.isArray(steps) || steps.length === 0)
    throw workflowError(
      'a chain needs a list of at least one step',
      'chain([a, b, c]): one after the other.',
    )
  return {
    part: { kind: 'chain', parts: Array.from(steps, partOf), options: checkedChain(options) },
  }
}

type OutsOf<Steps extends readonly unknown[]> = { -readonly [At in keyof Steps]: OutOf<Steps[At]> }
type SettledOf<Steps extends readonly unknown[]> = {
  -readonly [At in keyof Steps]: Settled<OutOf<Steps[At]>>
}
/** The result before that fits all steps of a group. */
type AllIn<Steps extends readonly unknown[]> = Steps extends readonly [] ? unknown : AllOf<Steps>
type AllOf<Steps extends readonly unknown[]> = {
  [At in keyof Steps]: (previous: InOf<Steps[At]>) => void
}[number] extends (previous: infer In) => void
  ? In
  : never

/** Joins steps side by side; the result is the list of their results, in their order. @throws {CheckreinError} `WORKFLOW_INVALID`. */
export function group<const Steps extends readonly StepLike[]>(
  steps: Steps,
  options: GroupOptions & { readonly policy: 'allSettled' },
): Step<AllIn<Steps>, SettledOf<Steps>>
export function group<const Steps extends readonly StepLike[]>(
  steps: Steps,
  options?: GroupOptions & { readonly policy?: 'allCompleted' },
): Step<AllIn<Steps>, OutsOf<Steps>>
export function group(steps: readonly StepLike[], options?: GroupOptions): Step {
  return { part: groupPart(steps, options) }
}

/** Joins a group and a step that gets its results; with `allSettled`, the outcomes of all members. @throws {CheckreinError} `WORKFLOW_INVALID`. */
export function chord<const Steps extends readonly StepLike[], Body extends StepLike>(
  header: Steps,
  body: SettledOf<Steps> extends InOf<Body> ? Body : Body & Misfit<SettledOf<Steps>, InOf<Body>>,
  options: GroupOptions & { readonly policy: 'allSettled' },
): Step<AllIn<Steps>, OutOf<Body>>
export function chord<const Steps extends readonly StepLike[], Body extends StepLike>(
  header: Steps,
  body: OutsOf<Steps> extends InOf<Body> ? Body : Body & Misfit<OutsOf<Steps>, InOf<Body>>,
  options?: GroupOptions & { readonly policy?: 'allCompleted' },
): Step<AllIn<Steps>, OutOf<Body>>
export function chord(
  header: readonly StepLike[],
  body: StepLike,
  options: GroupOptions = {},
): Step {
  const parts = [groupPart(header, options), partOf(body)]
  return { part: { kind: 'chain', parts, options: {} } }
}

function groupPart(
  steps: readonly StepLike[],
  { policy = 'allCompleted', ...more }: GroupOptions = {},
): GroupPart {
  if (!Array.isArray(steps))
    throw workflowError('a group needs a list of steps', 'group([a, b, c]): side by side.')
  refuseMore('a group', more, ['policy'])
  if (!fanInPolicies.includes(policy))
    throw workflowError(
      `policy must be one of ${fanInPolicies.join(', ')}`,
      'It says what becomes of a group of which a member does not complete.',
    )
  return { kind: 'group', parts: Array.from(steps, partOf), policy }
}

function refuseNoTask(task: AnyTask): void {
  if (!isTask(task))
    throw workflowError('a step is of a task', 'Define it with task({ name, run }).')
}
