/** What a handler gets besides its input. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Duration } from '../duration.ts'
import type { ErrorRecord } from '../errors.ts'
import type { StopRecord } from '../run/stop.ts'
import type { Settled } from '../run/settled.ts'
import type { RetryPolicy } from '../backoff.ts'
import type { RollbackCause } from '../run/run.ts'
import type { TaskLimits, Isolation } from './task-limits.ts'

/** The schemas of the signals that a task takes, by name. */
export type SignalSchemas = Readonly<Record<string, StandardSchemaV1>>

/** Of a task that takes none. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- no name is one of its signals
export type NoSignals = Record<never, StandardSchemaV1>

/** What a task without a schema for its state keeps: nothing is known of it. */
// oxlint-disable-next-line typescript/no-explicit-any -- `ctx.state?.done` is to work for a task that declares nothing
export type AnyState = any

/** A message to the run, as its handler takes it. */
export interface Signal<Payload = unknown> {
  readonly id: string
  readonly name: string
  readonly payload: Payload
  /** Who sent it; null where nobody said. */
  readonly by: string | null
  /** Epoch ms of the store's clock. */
  readonly sentAt: number
  /**
   * Answers the sender; kept with the next checkpoint, or when the handler returns. Where it throws before, the next attempt
   * gets the signal again; and where there is none, its sender hears `SIGNAL_UNHEARD`, answered or not.
   * @throws {CheckreinError} `USAGE` where it was answered already.
   */
  reply(value?: unknown): void
  /** Answers the sender that it could not be dealt with. */
  reject(error: unknown): void
}

/** The payload of a signal as its listener gets it: what the schema of the signal makes of what was sent. */
export type ReceivedPayload<
  Signals extends SignalSchemas,
  Name extends keyof Signals,
> = Signals[Name] extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<Signals[Name]> : unknown

export interface CheckpointOptions {
  /** Whether to wait until it is stored; default false: it is within an interval, and before whatever ends the attempt. */
  readonly save?: boolean
}

export interface ReceiveOptions {
  /** How long to wait; default: for ever. */
  readonly timeout?: Duration
}

export interface Context<State = AnyState, Signals extends SignalSchemas = SignalSchemas> {
  /**
   * Fires once, when the attempt is asked to end; `reason` is a `CheckreinError` whose code says why:
   * `ATTEMPT_CANCELLED`, `ATTEMPT_TIMEOUT`, `ATTEMPT_SHUTDOWN`, `LEASE_LOST`; `ATTEMPT_PAUSED` when it parks at a checkpoint.
   * Reading `aborted` reads memory, never the store; in a `process` or `thread` it turns true in the middle of a
   * loop that never yields.
   */
  readonly abortSignal: AbortSignal
  /** Which run this is. */
  readonly run: RunInfo
  /** What the newest checkpoint holds, also one of an earlier attempt; undefined where there is none. */
  readonly state: State | undefined
  /** How the run was stopped, in its roll-back; null elsewhere, and where it is rolled back because it failed. */
  readonly stop: StopRecord | null
  /** Why the run failed, in its roll-back after a failure; null elsewhere. */
  readonly error: ErrorRecord | null
  /** What the step had returned, where a workflow is rolled back after it had completed; undefined elsewhere. */
  readonly result: unknown
  /**
   * Keeps the progress of the work, and is the place where a pause or an abort takes effect: it then rejects, and the
   * handler is to let that end it. Cheap: the newest state is kept in memory and stored at most once an interval (the
   * task's `checkpointEvery`), and in any case before the attempt parks, aborts or ends.
   * @param state what JSON can hold; where it is undefined, what was kept before stays.
   * @throws {CheckreinError} `PAYLOAD_TOO_LARGE`, `PAYLOAD_NOT_JSON`; the reason of the abort.
   */
  checkpoint(state: State, options?: CheckpointOptions): Promise<void>
  /**
   * Runs a critical section: an abort or a shutdown reaches the handler at its end, a pause at the first checkpoint after
   * it. What kills the isolate does not wait for it.
   */
  shield<T>(section: () => T | Promise<T>): Promise<T>
  /**
   * Calls back for each signal of the name, one after the other, from the next turn of the event loop on; what it returns
   * or throws is the reply. The signal counts as dealt with at the next checkpoint after that, or when the handler returns:
   * should the attempt end before, the next one gets it again. A handler that has kept no state is through with it at once, unless its
   * task has a schema for the state. A name has one listener at a time.
   */
  on<Name extends keyof Signals & string>(
    name: Name,
    listener: (
      payload: ReceivedPayload<Signals, Name>,
      signal: Signal<ReceivedPayload<Signals, Name>>,
    ) => unknown,
  ): Disposable
  /**
   * The signals of the name, one after the other, for as long as the attempt goes on. The one before is dealt with when the
   * next is asked for, or at the next checkpoint after the loop was left.
   */
  signals<Name extends keyof Signals & string>(
    name: Name,
  ): AsyncIterable<Signal<ReceivedPayload<Signals, Name>>>
  /**
   * Waits for the next signal of the name; null where none comes in time. A wait longer than the task's `parkAfter` gives
   * the slot back: the attempt ends, and the next one begins at the last checkpoint and comes to the same wait. So its
   * sender is answered with the next checkpoint, or when the handler returns. Within a `shield`, beside another wait, while
   * a listener is being called, and once a checkpoint was met since it began, a wait keeps the slot. One that another
   * attempt had the end of returns when the listeners have heard what came until then.
   */
  receive<Name extends keyof Signals & string>(
    name: Name,
    options?: ReceiveOptions,
  ): Promise<Signal<ReceivedPayload<Signals, Name>> | null>
  /** Waits; longer than the task's `parkAfter` without a slot, as `receive` does. */
  sleep(time: Duration): Promise<void>
  /**
   * Enqueues a run that belongs to this one: whoever stops this one stops it too, unless they say otherwise (`children`). Fulfils
   * when it is stored. An attempt that comes to the same enqueue again, since the same checkpoint, gets the same child: it is known by its task and
   * input. But one that failed or was cancelled is enqueued anew once this run has been tried again after a failure. A checkpoint waits
   * for the enqueues before it. Once this run is asked to stop, what it enqueues is stored as cancelled.
   * @throws {CheckreinError} `INPUT_REJECTED`, `PAYLOAD_NOT_JSON`, `PAYLOAD_TOO_LARGE`, `USAGE` (also in a roll-back), `LEASE_LOST`, `STORE_…`; the reason of the abort.
   */
  enqueue<T extends AnyTask>(task: T, ...args: ChildArguments<T>): Promise<Child<OutputOf<T>>>
  /**
   * Waits until children of this run have ended, without a slot, as `receive` does, but from the first moment on: what each of
   * them came to, in their order; null where not all end in time.
   * @throws {CheckreinError} `CHILD_UNKNOWN` where one is no child of this run; the reason of the abort.
   */
  waitFor<const Children extends readonly Child[]>(children: Children): Promise<ChildEnds<Children>>
  waitFor<const Children extends readonly Child[]>(
    children: Children,
    options: ReceiveOptions,
  ): Promise<ChildEnds<Children> | null>
  /** Moves `timeout` and `hardTimeout` this much further, up to the task's `maxTimeout`. @throws {CheckreinError} `USAGE`. */
  extend(time: Duration): void
  /** Says how far the work is: a fraction from 0 to 1, or any small JSON value. The newest is kept, written at most every 250 ms. */
  progress(value: unknown): void
  /** Adds a line to the run's log, of which the last 1,000 are kept. */
  log(message: string, data?: Readonly<Record<string, unknown>>): void
}

declare const childType: unique symbol

/** A run that a handler has enqueued. It may be kept in a checkpoint. */
export interface Child<Output = unknown> {
  readonly id: string
  readonly task: string
  readonly [childType]?: Output
}

/** What children came to, in their order. */
export type ChildEnds<Children extends readonly Child[]> = {
  -readonly [At in keyof Children]: Settled<
    Children[At] extends Child<infer Output> ? Output : unknown
  >
}

/** What may be said of any run that is enqueued. */
export interface ChildOptions {
  readonly tags?: readonly string[]
  /** Starts no earlier than this long from now. */
  readonly delay?: Duration
  /** Starts no earlier than this instant (epoch ms or `Date`). */
  readonly runAt?: number | Date
  /** A whole number; higher starts first; default 0. */
  readonly priority?: number
  /** Cancelled where no attempt has started after this long. */
  readonly ttl?: Duration
  /** Stopped at this instant (epoch ms or `Date`; not in the past), or so long after it was enqueued (`'2h'`), whatever it does then. */
  readonly deadline?: number | Date | Exclude<Duration, number>
  /** Default: the task's. */
  readonly queue?: string
}

/** The arguments after the task: the input may be left out where the task takes none. */
export type ChildArguments<T extends AnyTask> =
  undefined extends InputOf<T>
    ? [input?: InputOf<T>, options?: ChildOptions]
    : [input: InputOf<T>, options?: ChildOptions]

export interface RunInfo {
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly key: string | null
  readonly tags: readonly string[]
  /** 1 for the first. */
  readonly attempt: number
  /** The workflow that it is a member of; null where it is none. */
  readonly workflow: string | null
  /** The run whose handler has enqueued it; null where none has. */
  readonly parent: string | null
}

declare const inputType: unique symbol

declare const outputType: unique symbol

declare const signalsType: unique symbol

declare const stateType: unique symbol

/** A task: what `task()` returns, and what `enqueue` takes. `Input` is what the caller passes, before the schema transforms it. */
export interface Task<
  Input = never,
  Output = unknown,
  Signals extends SignalSchemas = SignalSchemas,
  State = unknown,
> extends TaskLimits {
  readonly name: string
  readonly queue: string
  readonly isolation: Isolation
  readonly rollbackOn: readonly RollbackCause[]
  readonly retry: RetryPolicy
  readonly input: StandardSchemaV1 | null
  readonly signals: Signals
  readonly state: StandardSchemaV1 | null
  readonly run: (input: never, ctx: Context) => unknown
  readonly rollback: ((input: never, ctx: Context) => unknown) | null
  readonly [inputType]?: (input: Input) => void
  readonly [outputType]?: Output
  readonly [signalsType]?: Signals
  readonly [stateType]?: State
}

export type InputOf<T> = T extends { readonly [inputType]?: (input: infer Input) => void }
  ? Input
  : never

export type OutputOf<T> = T extends { readonly [outputType]?: infer Output } ? Output : never

export type SignalsOf<T> = T extends {
  readonly [signalsType]?: infer Signals extends SignalSchemas
}
  ? Signals
  : SignalSchemas

/** What the payload of a signal is before its schema transforms it: what the sender passes. */
export type PayloadOf<Signals, Name extends keyof Signals> = Signals[Name] extends StandardSchemaV1
  ? StandardSchemaV1.InferInput<Signals[Name]>
  : unknown

/** A task of any type, for code that handles all of them. */
export type AnyTask = Task
