/** The context that a handler gets besides its input, and the types of tasks, which name each other. */
import type { OnConflict } from '../run/on-conflict.ts'
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

/** The signals of a task that takes none. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- no name is one of its signals
export type NoSignals = Record<never, StandardSchemaV1>

/** The state of a task that has no schema for it: nothing is known of the type. */
// oxlint-disable-next-line typescript/no-explicit-any -- `ctx.state?.done` is to work for a task that declares nothing
export type AnyState = any

/** A message to the run, as its handler takes it. */
export interface Signal<Payload = unknown> {
  readonly id: string
  readonly name: string
  readonly payload: Payload
  /** The sender; null where the request named none. */
  readonly by: string | null
  /** Epoch ms of the store's clock. */
  readonly sentAt: number
  /**
   * Answers the sender. The answer is stored with the next checkpoint, or when the handler returns. Where the attempt ends
   * before, the answer is lost and the next attempt gets the signal again; where there is no next attempt, the sender hears
   * `SIGNAL_UNHEARD`.
   * @throws {CheckreinError} `USAGE` where it was answered already.
   */
  reply(value?: unknown): void
  /** Tells the sender that the signal could not be dealt with. It is stored as `reply` is. @throws {CheckreinError} `USAGE` where it was answered already. */
  reject(error: unknown): void
}

/** The payload of a signal as its listener gets it: what the schema of the signal makes of what was sent. */
export type ReceivedPayload<
  Signals extends SignalSchemas,
  Name extends keyof Signals,
> = Signals[Name] extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<Signals[Name]> : unknown

/** The options of `ctx.checkpoint`. */
export interface CheckpointOptions {
  /** Whether to wait until the checkpoint is stored. Default false: it is stored within an interval, and before the attempt ends. */
  readonly save?: boolean
}

/** The options of `ctx.receive` and `ctx.waitFor`. */
export interface ReceiveOptions {
  /** How long to wait at most; default: for ever. */
  readonly timeout?: Duration
}

/** The context of an attempt: the second argument of a handler. Its methods may be taken off it: `const { checkpoint } = ctx`. */
export interface Context<State = AnyState, Signals extends SignalSchemas = SignalSchemas> {
  /**
   * Fires once, when the attempt is asked to end; `reason` is a `CheckreinError` whose code says why:
   * `ATTEMPT_CANCELLED`, `ATTEMPT_TIMEOUT`, `ATTEMPT_SHUTDOWN`, `LEASE_LOST`, `HANDLER_THREW`; `ATTEMPT_PAUSED` when it parks at a checkpoint.
   * Reading `aborted` reads memory, never the store; in a `process` or `thread` it turns true in the middle of a
   * loop that never yields.
   */
  readonly abortSignal: AbortSignal
  /** Which run this is. */
  readonly run: RunInfo
  /** The state of the newest checkpoint, also of an earlier attempt; undefined where there is none. */
  readonly state: State | undefined
  /** How the run was stopped, in its roll-back; null elsewhere, and where it is rolled back because it failed. */
  readonly stop: StopRecord | null
  /** Why the run failed, in its roll-back after a failure; null elsewhere. */
  readonly error: ErrorRecord | null
  /** The result of the step, where a workflow is rolled back after the step had completed; undefined elsewhere. */
  readonly result: unknown
  /**
   * Keeps the state of the work, and lets a pause or an abort take effect: the call then rejects, and the handler must let
   * that end it. A call is cheap: the newest state is kept in memory and stored at most once an interval (the task's
   * `checkpointEvery`), and in any case before the attempt parks, aborts or ends.
   * @param state a value that JSON can hold; where it is undefined, the state that was kept before stays.
   * @throws {CheckreinError} `PAYLOAD_TOO_LARGE`, `PAYLOAD_NOT_JSON`; the reason of the abort.
   */
  checkpoint(state: State, options?: CheckpointOptions): Promise<void>
  /**
   * Runs a critical section: an abort or a shutdown reaches the handler when the section is over, a pause at the first
   * checkpoint after it. A kill does not wait for the section.
   */
  shield<T>(section: () => T | Promise<T>): Promise<T>
  /**
   * Calls the listener for each signal of the name, one after the other, from the next turn of the event loop on. The value that
   * the listener returns is the reply, and an error that it throws is told to the sender. The signal counts as dealt with at the
   * next checkpoint after that, or when the handler returns: where the attempt ends before, the next attempt gets the signal
   * again. Where the handler has kept no state and its task has no schema for one, the signal is dealt with at once.
   * @throws {CheckreinError} `USAGE` where the name has a listener already, or the task takes no such signal.
   */
  on<Name extends keyof Signals & string>(
    name: Name,
    listener: (
      payload: ReceivedPayload<Signals, Name>,
      signal: Signal<ReceivedPayload<Signals, Name>>,
    ) => unknown,
  ): Disposable
  /**
   * Gives the signals of the name, one after the other, for as long as the attempt goes on: `for await (const signal of
   * ctx.signals('add'))`. A signal counts as dealt with when the next one is asked for, or at the next checkpoint after the loop
   * was left.
   */
  signals<Name extends keyof Signals & string>(
    name: Name,
  ): AsyncIterable<Signal<ReceivedPayload<Signals, Name>>>
  /**
   * Waits for the next signal of the name; fulfils with null where none comes in time. A wait longer than the task's `parkAfter`
   * gives the slot back: the attempt ends, and the next attempt begins at the last checkpoint and comes to the same wait. The
   * sender is answered with the next checkpoint, or when the handler returns.
   *
   * A wait keeps the slot within a `shield`, beside another wait, while a listener is being called, and once a checkpoint was met
   * since the wait began. When an attempt resumes at a `receive` that a previous attempt had already finished, the call returns
   * the recorded signal, but only after the listeners have been called for every signal that arrived before it.
   * @throws {CheckreinError} `USAGE` where the task takes no such signal; the reason of the abort.
   */
  receive<Name extends keyof Signals & string>(
    name: Name,
    options?: ReceiveOptions,
  ): Promise<Signal<ReceivedPayload<Signals, Name>> | null>
  /** Waits that long. A wait longer than the task's `parkAfter` gives the slot back, as `receive` does. @throws {CheckreinError} the reason of the abort. */
  sleep(time: Duration): Promise<void>
  /**
   * Enqueues a child: a run that belongs to this one, so that a stop of this run stops the child too, unless the stop says otherwise
   * (`children`). Fulfils when the child is stored. An attempt that comes to the same enqueue again, since the same checkpoint, gets
   * the same child, which is known by its task and input. A child that failed or was cancelled is enqueued anew once this run has
   * been tried again after a failure. A checkpoint waits for the enqueues before it. Once this run is asked to stop, its new children
   * are stored as cancelled.
   * @throws {CheckreinError} `INPUT_REJECTED`, `PAYLOAD_NOT_JSON`, `PAYLOAD_TOO_LARGE`, `USAGE` (also in a roll-back), `LEASE_LOST`, `STORE_…`; the reason of the abort.
   */
  enqueue<T extends AnyTask>(task: T, ...args: ChildArguments<T>): Promise<Child<OutputOf<T>>>
  /**
   * Waits until children of this run have ended, and fulfils with their outcomes, in the order of the list; null where not all end
   * in time. It gives the slot back from the first moment on, for the children may need it.
   * @throws {CheckreinError} `CHILD_UNKNOWN` where one is no child of this run; the reason of the abort.
   */
  waitFor<const Children extends readonly Child[]>(children: Children): Promise<ChildEnds<Children>>
  waitFor<const Children extends readonly Child[]>(
    children: Children,
    options: ReceiveOptions,
  ): Promise<ChildEnds<Children> | null>
  /** Moves `timeout` and `hardTimeout` this much further, up to the task's `maxTimeout`. @throws {CheckreinError} `USAGE` where the task has none. */
  extend(time: Duration): void
  /** Says how far the work is: a fraction from 0 to 1, or any small JSON value. The newest is kept, written at most every 250 ms. */
  progress(value: unknown): void
  /** Adds a line to the run's log, of which the last 1,000 are kept. Data is any small JSON value, or errors, of which the records are kept. */
  log(message: string, data?: unknown): void
}

declare const childType: unique symbol

/** A run that a handler has enqueued. A checkpoint may hold it. */
export interface Child<Output = unknown> {
  readonly id: string
  readonly task: string
  readonly [childType]?: Output
}

/** The outcomes of children, in the order of the list. */
export type ChildEnds<Children extends readonly Child[]> = {
  -readonly [At in keyof Children]: Settled<
    Children[At] extends Child<infer Output> ? Output : unknown
  >
}

/** The options of `ctx.enqueue`: those that any run may be enqueued with. */
export interface ChildOptions {
  /** The caller's own name for the work; at most one run of the task that is not final holds it. */
  readonly key?: string
  /**
   * Where another run holds the key: `skip` (default) returns that one; `replace` cancels it unless it runs already,
   * and takes its key; `cancel-and-replace` cancels it in any case, and starts when its stop is confirmed.
   */
  readonly onConflict?: OnConflict
  /** With `cancel-and-replace`: how long the old run has to end by itself; default 5 s. */
  readonly grace?: Duration
  readonly tags?: readonly string[]
  /** The run starts no earlier than this long from now. */
  readonly delay?: Duration
  /** The run starts no earlier than this instant (epoch ms or `Date`). */
  readonly runAt?: number | Date
  /** A whole number; higher starts first; default 0. */
  readonly priority?: number
  /** The run is cancelled where no attempt has started after this long. */
  readonly ttl?: Duration
  /** The run is stopped at this instant (epoch ms or `Date`; not in the past), or so long after it was enqueued (`'2h'`), whatever it does then. */
  readonly deadline?: number | Date | Exclude<Duration, number>
  /** Default: the task's. */
  readonly queue?: string
}

/** The arguments after the task: the input may be left out where the task takes none. */
export type ChildArguments<T extends AnyTask> =
  undefined extends InputOf<T>
    ? [input?: InputOf<T>, options?: ChildOptions]
    : [input: InputOf<T>, options?: ChildOptions]

/** The run that an attempt belongs to, as its handler sees it: `ctx.run`. */
export interface RunInfo {
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly key: string | null
  readonly tags: readonly string[]
  /** 1 for the first. */
  readonly attempt: number
  /** The workflow that the run is a member of; null where it is no member. */
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
  readonly reuseIsolate: boolean
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

/** The input of a task, as the caller of `enqueue` passes it. */
export type InputOf<T> = T extends { readonly [inputType]?: (input: infer Input) => void }
  ? Input
  : never

/** The result of a task. */
export type OutputOf<T> = T extends { readonly [outputType]?: infer Output } ? Output : never

/** The schemas of the signals that a task takes. */
export type SignalsOf<T> = T extends {
  readonly [signalsType]?: infer Signals extends SignalSchemas
}
  ? Signals
  : SignalSchemas

/** The payload of a signal as its sender passes it, before the schema transforms it. */
export type PayloadOf<Signals, Name extends keyof Signals> = Signals[Name] extends StandardSchemaV1
  ? StandardSchemaV1.InferInput<Signals[Name]>
  : unknown

/** A task of any type, for code that handles all of them. */
export type AnyTask = Task
