import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Retry, retryPolicy } from '../backoff.ts'
import type { Duration } from '../duration.ts'
import {
  type AnyState,
  type Context,
  type NoSignals,
  type SignalSchemas,
  type Task,
  type AnyTask,
} from './context.ts'
import { CheckreinError, shown } from '../errors.ts'
import type { KillOptions } from '../run/kill.ts'
import { type RollbackCause, rollbackCauses } from '../run/run.ts'
import { taskLimits, isolations } from './task-limits.ts'

interface Common extends KillOptions {
  /** The name by which the store knows the task: letters, digits and `._:/-`, at most 200. */
  readonly name: string
  /** The queue of its runs where `enqueue` names none; default `default`. */
  readonly queue?: string
  readonly retry?: Retry
  /** After this long the abort signal fires with `ATTEMPT_TIMEOUT`; default: never. */
  readonly timeout?: Duration
  /** An attempt that neither reports progress nor meets a checkpoint for this long has failed; 2 s or more; default: never. */
  readonly heartbeatTimeout?: Duration
  /** How long an attempt may run at most where its handler asks for more time with `ctx.extend`; default: it may not. */
  readonly maxTimeout?: Duration
  /** How often checkpoints are stored at most; default 1 s. */
  readonly checkpointEvery?: Duration
  /** The largest checkpoint in bytes of JSON; default 1 MiB. */
  readonly checkpointLimit?: number
  /** A `ctx.sleep` or `ctx.receive` that lasts longer gives its slot back; default 5 s. */
  readonly parkAfter?: Duration
  /** The ends after which `rollback` is called without being asked for; default: only where a stop asks for it. */
  readonly rollbackOn?: RollbackCause | readonly RollbackCause[]
}

/** A forced end needs something that can be killed, so `inline` allows no `hardTimeout`. */
type Limits =
  | (Common & {
      /** Default `process`. */
      readonly isolation?: 'process' | 'thread'
      /** After this long the isolate is killed and the attempt has failed; default: never. */
      readonly hardTimeout?: Duration
      /** Whether an attempt may run where others have run, and others after it; default true. With `false` each gets an isolate of its own. */
      readonly reuseIsolate?: boolean
    })
  | (Common & {
      readonly isolation: 'inline'
      readonly hardTimeout?: never
      readonly reuseIsolate?: never
    })

/** A handler; as an `async function*` each `yield` is a checkpoint, and what it returns the result. */
type Handler<Input, Output, State, Signals extends SignalSchemas> = (
  input: Input,
  ctx: Context<State, Signals>,
) => Output | Promise<Output> | AsyncGenerator<State, Output, void>

/** The type of the state. `Schema` is `never` for a task without a schema for it. */
type StateOf<Schema extends StandardSchemaV1> = [Schema] extends [never]
  ? AnyState
  : StandardSchemaV1.InferOutput<Schema>

/** The types that a task declares besides its input: signals, state, and the roll-back that reads them. */
interface Declared<Input, Signals extends SignalSchemas, State extends StandardSchemaV1> {
  /** The signals that it takes: a schema for the payload of each. */
  readonly signals?: Signals
  /** Checks what an earlier attempt has saved, before the handler gets it: after a deploy it may be of an older form. */
  readonly state?: State
  /** Undoes what the run has done, in an attempt of its own after a stop; `ctx.state` is its last checkpoint. */
  readonly rollback?: (input: Input, ctx: Context<StateOf<State>, Signals>) => unknown
}

const brand = Symbol.for('checkrein.task')

/**
 * Defines a task. The types of its input and result flow to `enqueue` and to the run's handle: the input's from the
 * schema, or without one from the handler's parameter.
 *
 * Export it from a module that a worker loads by path: isolates load the same module again.
 * @throws {CheckreinError} `TASK_INVALID` where a name, limit or schema is not valid.
 */
export function task<
  Schema extends StandardSchemaV1,
  Output,
  Signals extends SignalSchemas = NoSignals,
  State extends StandardSchemaV1 = never,
>(
  definition: Limits &
    Declared<StandardSchemaV1.InferOutput<Schema>, Signals, State> & {
      readonly input: Schema
      readonly run: Handler<StandardSchemaV1.InferOutput<Schema>, Output, StateOf<State>, Signals>
    },
): Task<StandardSchemaV1.InferInput<Schema>, Output, Signals, StateOf<State>>
export function task<
  Output,
  Input = void,
  Signals extends SignalSchemas = NoSignals,
  State extends StandardSchemaV1 = never,
>(
  definition: Limits &
    Declared<Input, Signals, State> & {
      readonly input?: never
      readonly run: Handler<Input, Output, StateOf<State>, Signals>
    },
): Task<Input, Output, Signals, StateOf<State>>
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

/** Whether a value came from `task()`, also of another copy of the package. Never throws: a module may export a proxy that refuses to be asked. */
export function isTask(value: unknown): value is AnyTask {
  try {
    return typeof value === 'object' && value !== null && brand in value
  } catch {
    return false
  }
}

type Definition = Limits &
  Declared<never, SignalSchemas, StandardSchemaV1> & {
    readonly input?: StandardSchemaV1
    readonly run: Handler<never, unknown, AnyState, SignalSchemas>
  }

const parts: Readonly<Record<keyof Definition, true>> = {
  name: true,
  queue: true,
  isolation: true,
  reuseIsolate: true,
  input: true,
  signals: true,
  state: true,
  run: true,
  rollback: true,
  rollbackOn: true,
  retry: true,
  timeout: true,
  hardTimeout: true,
  heartbeatTimeout: true,
  maxTimeout: true,
  checkpointEvery: true,
  checkpointLimit: true,
  parkAfter: true,
  osSignal: true,
  killAfter: true,
}

/** A mistyped limit must not mean "none". */
function refuseUnknown(definition: Definition): void {
  const unknown = Object.keys(definition).find((part) => !Object.hasOwn(parts, part))
  if (unknown !== undefined)
    throw new TypeError(`there is no \`${unknown}\`; a task has: ${Object.keys(parts).join(', ')}`)
}

function checked(definition: Definition): AnyTask {
  refuseUnknown(definition)
  const { name, queue = 'default', isolation = 'process', input, run, rollback } = definition
  if (typeof run !== 'function') throw new TypeError('`run` must be a function')
  if (rollback !== undefined && typeof rollback !== 'function')
    throw new TypeError('`rollback` must be a function')
  if (!isolations.includes(isolation))
    throw new TypeError(`isolation must be one of ${isolations.join(', ')}`)
  if (isolation === 'inline' && definition.hardTimeout !== undefined) {
    throw new TypeError(
      'an inline task cannot be killed, so it takes no `hardTimeout`: use `process` or `thread`',
    )
  }
  if (isolation === 'inline' && definition.reuseIsolate !== undefined)
    throw new TypeError(
      'an inline task shares the process of the worker, so it takes no `reuseIsolate`: use `process` or `thread`',
    )
  return {
    name: checkedName(name, 'name'),
    queue: checkedName(queue, 'queue'),
    isolation,
    reuseIsolate: checkedFlag(definition.reuseIsolate ?? true, 'reuseIsolate'),
    ...taskLimits(definition),
    rollbackOn: checkedRollbackOn(definition),
    retry: retryPolicy(definition.retry),
    input: checkedSchema(input, 'input'),
    signals: checkedSignals(definition.signals),
    state: checkedSchema(definition.state, 'state'),
    run,
    rollback: rollback ?? null,
  }
}

function checkedFlag(value: unknown, what: string): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`\`${what}\` must be true or false`)
}

function checkedSchema(
  schema: StandardSchemaV1 | undefined,
  what: string,
): StandardSchemaV1 | null {
  if (schema === undefined) return null
  if (typeof schema !== 'object' && typeof schema !== 'function') throw notSchema(what)
  if (!('~standard' in schema)) throw notSchema(what)
  return schema
}

const notSchema = (what: string): TypeError =>
  new TypeError(`\`${what}\` must be a Standard Schema`)

function checkedSignals(signals: SignalSchemas = {}): SignalSchemas {
  for (const [name, schema] of Object.entries(signals)) {
    checkedName(name, 'a signal')
    checkedSchema(schema, `signals.${name}`)
  }
  return signals
}

function checkedRollbackOn({ rollbackOn = [], rollback }: Definition): readonly RollbackCause[] {
  const causes = typeof rollbackOn === 'string' ? [rollbackOn] : rollbackOn
  if (!causes.every((cause) => rollbackCauses.includes(cause)))
    throw new TypeError(`rollbackOn must be one of ${rollbackCauses.join(', ')}, or both`)
  if (causes.length > 0 && rollback === undefined)
    throw new TypeError('`rollbackOn` needs a `rollback` function')
  return causes
}

/** @throws {CheckreinError} `USAGE` where `name` is not a name for a task or queue. */
export function checkedName(name: unknown, what: string): string {
  if (typeof name === 'string' && /^[\w.:/-]{1,200}$/.test(name)) return name
  throw new CheckreinError('USAGE', {
    message: `${what} ${shown(name)} is not valid`,
    hint: 'Use 1 to 200 letters, digits and ._:/-',
  })
}
