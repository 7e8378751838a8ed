import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Retry, type RetryPolicy, retryPolicy } from './backoff.ts'
import { type Duration, durationMs } from './duration.ts'
import { CheckreinError, shown } from './errors.ts'

/** What keeps an attempt apart from the rest, and so what a stop can promise; see `docs/isolation.md`. */
export const isolations = ['process', 'thread', 'inline'] as const
export type Isolation = (typeof isolations)[number]

/** What a handler gets besides its input. */
export interface Context {
  /**
   * Fires once, when the attempt is asked to end; `reason` is a `CheckreinError` whose code says why:
   * `ATTEMPT_CANCELLED`, `ATTEMPT_TIMEOUT`, `ATTEMPT_SHUTDOWN`, `LEASE_LOST`.
   * Reading `aborted` reads memory, never the store; in a `process` or `thread` it turns true in the middle of a
   * loop that never yields.
   */
  readonly abortSignal: AbortSignal
  /** Which run this is. */
  readonly run: RunInfo
  /** Says how far the work is: a fraction from 0 to 1, or any small JSON value. The newest is kept, written at most every 250 ms. */
  progress(value: unknown): void
  /** Adds a line to the run's log, of which the last 1,000 are kept. */
  log(message: string, data?: Readonly<Record<string, unknown>>): void
}

export interface RunInfo {
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly key: string | null
  readonly tags: readonly string[]
  /** 1 for the first. */
  readonly attempt: number
}

interface Common {
  /** The name that the store knows it by; letters, digits and `._:/-`, at most 200. */
  readonly name: string
  /** The queue of its runs where `enqueue` names none; default `default`. */
  readonly queue?: string
  readonly retry?: Retry
  /** After this long the abort signal fires with `ATTEMPT_TIMEOUT`; default: never. */
  readonly timeout?: Duration
}

/** A forced end needs something that can be killed, so `inline` allows no `hardTimeout`. */
type Limits =
  | (Common & {
      /** Default `process`. */
      readonly isolation?: 'process' | 'thread'
      /** After this long the isolate is killed and the attempt has failed; default: never. */
      readonly hardTimeout?: Duration
    })
  | (Common & { readonly isolation: 'inline'; readonly hardTimeout?: never })

type Handler<Input, Output> = (input: Input, ctx: Context) => Output | Promise<Output>

declare const inputType: unique symbol
declare const outputType: unique symbol

/** A task: what `task()` returns, and what `enqueue` takes. `Input` is what the caller passes, before the schema transforms it. */
export interface Task<Input = never, Output = unknown> {
  readonly name: string
  readonly queue: string
  readonly isolation: Isolation
  /** Milliseconds; null for no limit. */
  readonly timeoutMs: number | null
  readonly hardTimeoutMs: number | null
  readonly retry: RetryPolicy
  readonly input: StandardSchemaV1 | null
  readonly run: (input: never, ctx: Context) => unknown
  readonly [inputType]?: (input: Input) => void
  readonly [outputType]?: Output
}

export type InputOf<T> = T extends Task<infer Input, unknown> ? Input : never
export type OutputOf<T> = T extends Task<never, infer Output> ? Output : never

/** A task of any type, for code that handles all of them. */
export type AnyTask = Task<never, unknown>

const brand = Symbol.for('checkrein.task')

/**
 * Defines a task. The types of its input and result flow to `enqueue` and to the run's handle: the input's from the
 * schema, or without one from the handler's parameter.
 *
 * Export it from a module that a worker loads by path: isolates load the same module again.
 * @throws {CheckreinError} `TASK_INVALID` where a name, limit or schema is not valid.
 */
export function task<Schema extends StandardSchemaV1, Output>(
  definition: Limits & {
    readonly input: Schema
    readonly run: Handler<StandardSchemaV1.InferOutput<Schema>, Output>
  },
): Task<StandardSchemaV1.InferInput<Schema>, Output>
export function task<Output, Input = void>(
  definition: Limits & { readonly input?: never; readonly run: Handler<Input, Output> },
): Task<Input, Output>
export function task(definition: Definition): AnyTask {
  try {
    return Object.freeze({ ...checked(definition), [brand]: true })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CheckreinError('TASK_INVALID', {
      message: `Task ${shown(definition?.name)}: ${why}`,
      cause,
    })
  }
}

/** Whether a value came from `task()`, also of another copy of the package. */
export function isTask(value: unknown): value is AnyTask {
  return typeof value === 'object' && value !== null && brand in value
}

type Definition = Limits & {
  readonly input?: StandardSchemaV1
  readonly run: Handler<never, unknown>
}

function checked(definition: Definition): AnyTask {
  const {
    name,
    queue = 'default',
    isolation = 'process',
    timeout,
    hardTimeout,
    input,
    run,
  } = definition
  if (typeof run !== 'function') throw new TypeError('`run` must be a function')
  if (!isolations.includes(isolation))
    throw new TypeError(`isolation must be one of ${isolations.join(', ')}`)
  if (isolation === 'inline' && hardTimeout !== undefined) {
    throw new TypeError(
      'an inline task cannot be killed, so it takes no `hardTimeout`: use `process` or `thread`',
    )
  }
  if (input !== undefined && !('~standard' in input))
    throw new TypeError('`input` must be a Standard Schema')
  return {
    name: checkedName(name, 'name'),
    queue: checkedName(queue, 'queue'),
    isolation,
    timeoutMs: limitMs(timeout, 'timeout'),
    hardTimeoutMs: limitMs(hardTimeout, 'hardTimeout'),
    retry: retryPolicy(definition.retry),
    input: input ?? null,
    run,
  }
}

/** The longest that a timer can count. @see https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const longestLimitMs = 2 ** 31 - 1

function limitMs(value: Duration | undefined, what: string): number | null {
  if (value === undefined) return null
  const ms = durationMs(value, what)
  if (ms >= 1 && ms <= longestLimitMs) return ms
  throw new RangeError(`${what} must be from 1 ms to 24 days`)
}

/** @throws {CheckreinError} `USAGE` where `name` is not a name for a task or queue. */
export function checkedName(name: unknown, what: string): string {
  if (typeof name === 'string' && /^[\w.:/-]{1,200}$/.test(name)) return name
  throw new CheckreinError('USAGE', {
    message: `${what} ${shown(name)} is not valid`,
    hint: 'Use 1 to 200 letters, digits and ._:/-',
  })
}
