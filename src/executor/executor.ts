/**
 * The port behind which a handler's code runs.
 *
 * Three executors implement it, and they promise three different things (`docs/isolation.md`):
 *
 * - `process`: `kill` always ends in `dead`, with the exit that was observed; nothing of the attempt's process group is left.
 *   (`unresponsive` after 5 s only where the kernel itself does not let go of it.)
 * - `thread`: `kill` ends in `dead` for JavaScript; an attempt that sits in a blocking native call is `unresponsive`
 *   until the call returns or its host process could be recycled.
 * - `inline`: nothing can be forced, so `kill` is always `unresponsive` while the handler runs.
 *
 * An isolate runs one attempt at a time. An isolate that was asked to stop, has parked, or was killed is never used again: its
 * exit is observed before `ended` settles, also where the handler returned politely, for the handler may have left timers or
 * promises behind. `ended` never rejects.
 *
 * An isolate that does not load its modules within `startMs`, or does not say within that time that it has begun with an attempt,
 * is ended, and the attempt with it. An attempt that ended without `onBegun` has called no handler, and may be given to another.
 */
import type { ErrorRecord } from '../core/errors.ts'
import type { LogLine, Saved } from '../core/run/events.ts'
import type { KillWay, SentOsSignal } from '../core/run/kill.ts'
import type { JsonText, WaitOutcome } from '../core/run/run.ts'
import type { ExitProof, StopRecord } from '../core/run/stop.ts'
import type { RunInfo } from '../core/task/context.ts'
import type { Isolation } from '../core/task/task-limits.ts'

/** How long an isolate may take to load its modules, and then to begin with an attempt, where nobody says. */
export const defaultStartMs = 30_000

/** Everything an isolate needs to run an attempt. */
export interface AttemptOrder {
  readonly run: RunInfo
  /** File URL of the module that exports the task. */
  readonly module: string
  readonly input: JsonText | null
  /** Whether the input is a list, and the handler is called for each. */
  readonly isMapped: boolean
  /** The largest result in bytes of JSON. */
  readonly payloadLimit: number
  /** The largest checkpoint in bytes of JSON, as the task says: no isolate may send more. */
  readonly checkpointLimit: number
  /** The last checkpoint of the earlier attempts; null where there is none. */
  readonly state: JsonText | null
  /** The waits since that checkpoint that are over, in their order. */
  readonly waits: readonly WaitOutcome[]
  /** The wait after those, where a signal has woken it before its time was over; null where none has. */
  readonly begunWait: { readonly signal: string; readonly leftMs: number } | null
  /** The position of the newest signal that was sent to the run; null where none was. No wait gives its slot back before `caughtUp` has come so far. */
  readonly signalled: number | null
  /** False where the isolate may have run no attempt before, and runs none afterwards; default true. The isolate need not know. */
  readonly reuseIsolate?: boolean
  /** Set where the task's `rollback` is to be called and not its `run`. */
  readonly rollback: RollbackOrder | null
}

/** The reason why a run is rolled back: `stop` after a stop, `error` after a failure. */
export interface RollbackOrder {
  readonly stop: StopRecord | null
  readonly error: ErrorRecord | null
  /** The result of the run that this one undoes, where it is there for nothing but that. */
  readonly undoes?: { readonly result: JsonText | null } | null
}

/** A question of a handler to the store: to enqueue a child, or for the outcomes of children. */
export type StoreQuestion =
  | ({ readonly ask: 'enqueue' } & ChildRequest)
  | { readonly ask: 'ends'; readonly ids: readonly string[] }
  /** The question was not of the right form. */
  | { readonly ask: 'nothing' }

/** A request to enqueue a child. */
export interface ChildRequest {
  readonly task: string
  readonly queue: string
  readonly input: JsonText | null
  /** The key by which the same call is known again, counted since the last checkpoint: a hash of task and input, and a number. */
  readonly callKey: string
  /** The options as the handler gave them, with instants (epoch ms) for dates. */
  readonly options: Readonly<Record<string, unknown>>
}

/** The answer to a question. Its value is JSON: the id of a child, or the outcomes of children, and null where not all have ended. */
export type StoreAnswer = { readonly value: unknown } | { readonly error: ErrorRecord }

/** A signal on its way to the handler. */
export interface SentSignal {
  /** The number of the signal among all signals of the store: an attempt gets them in this order, each once. */
  readonly position: number
  readonly id: string
  readonly name: string
  readonly payload: JsonText | null
  readonly by: string | null
  readonly sentAt: number
}

/** The wait of an attempt that has given its slot back. */
export interface ParkedWait {
  /** The name of a signal; null for a sleep. */
  readonly signal: string | null
  /** How long at most, from now; null for ever. */
  readonly wakeInMs: number | null
  /** The waits since the last checkpoint that are over, in their order. */
  readonly done: readonly WaitOutcome[]
  /** The children that it waits for. */
  readonly children?: readonly string[]
  /** The positions of signals that the handler took and has not dealt with, besides those in `done`: the next attempt gets them again, and none of them ends the wait. */
  readonly taken: readonly number[]
}

/** Why an attempt is asked to end; becomes the reason of its abort signal. */
export interface AbortReason {
  readonly code:
    | 'ATTEMPT_CANCELLED'
    | 'ATTEMPT_TIMEOUT'
    | 'HEARTBEAT_TIMEOUT'
    | 'ATTEMPT_SHUTDOWN'
    | 'LEASE_LOST'
    | 'HANDLER_THREW'
  readonly message: string
  /** Reason and author of a cancel, the limit of a timeout. */
  readonly details: Readonly<Record<string, unknown>>
}

/** The end of an attempt, as its executor has seen it. */
export type AttemptEnd = {
  /** When an abort reached the handler, epoch ms; null where none did before it ended. */
  readonly deliveredAt: number | null
  /** The exit of the isolate, where it was observed. */
  readonly proof: ExitProof | null
  /** The OS signals that its processes were sent to end them; default none. */
  readonly sent?: readonly SentOsSignal[]
  /** The checkpoint and the signals that no `onCheckpoint` has told of. */
  readonly saved: Saved
} &
  /** `at`: when it returned, epoch ms; it may be missing where no OS signal can have come before. */
  (
    | { readonly kind: 'returned'; readonly result: JsonText | null; readonly at?: number }
    | { readonly kind: 'threw'; readonly error: ErrorRecord; readonly isRetryable: boolean }
    /** The handler met a checkpoint while a pause was asked (`wait` is null), or waits without a slot; its state is saved. */
    | { readonly kind: 'parked'; readonly wait: ParkedWait | null }
    /** The isolate ended before the handler did: by itself, or because `kill` was called. */
    | { readonly kind: 'exited'; readonly wasKilled: boolean }
  )

/** The receiver of what an attempt reports while it runs. The executor makes no call after the end of the attempt. */
export interface AttemptListener extends HandlerListener {
  /** The isolate has the task in hand, and calls the handler as soon as it has checked the input. It comes once, before any other report but `onDelivered`. */
  onBegun(): void
}

/** The receiver of what a handler says. */
export interface HandlerListener {
  /** An abort has reached the handler. @param at epoch ms. */
  onDelivered(at: number): void
  /** The handler says how far it is. */
  onProgress(value: JsonText): void
  /** A checkpoint is to be stored; `RunningAttempt.saved` answers. It comes at most once an interval, unless it must not wait. */
  onCheckpoint(saved: Saved, number: number): void
  /** A signal was handed to the handler. @param at epoch ms. */
  onTaken(position: number, at: number): void
  /** The handler asks something of the store; `RunningAttempt.answer` answers. */
  onQuestion(question: StoreQuestion, number: number): void
  /** The handler asks for this much more time, ms. */
  onExtend(ms: number): void
  /** The handler writes a line to the log of the run. */
  onLog(line: LogLine): void
}

/** The outcome of a kill. `dead`: `ended` has settled, and its proof says how. `unresponsive`: the attempt did not end within the bound; `ended` settles if it ever does. */
export type KillOutcome = 'dead' | 'unresponsive'

/** An attempt in its isolate, as its worker sees it. Every call after the end has no effect. */
export interface RunningAttempt {
  /** Fulfils with the end, once it was observed; never rejects. */
  readonly ended: Promise<AttemptEnd>
  /**
   * Fires the attempt's abort signal; only the first call does that.
   * @param way how the processes are ended that the handler leaves behind; each call may name another.
   */
  abort(reason: AbortReason, way?: KillWay): void
  /** Asks the attempt to park at its next checkpoint, or takes that back. */
  pause(isAsked: boolean): void
  /** Hands a signal to the handler's mailbox. */
  signal(signal: SentSignal): void
  /** Says that all signals up to that position were handed over, or are dealt with. */
  caughtUp(position: number): void
  /** Says that the checkpoint of that number, and all before it, are stored. @param error why they never will be; else null. */
  saved(number: number, error: ErrorRecord | null): void
  /** Answers the question of that number. */
  answer(number: number, answer: StoreAnswer): void
  /** Stops the process where it stands, with its children; false where the isolation cannot. A frozen attempt can still be killed. */
  freeze(): Promise<boolean>
  /** Lets a frozen attempt go on; does nothing to another one. */
  thaw(): void
  /**
   * Ends the isolate. May be called again, also to shorten the time that its processes have.
   * @param way default: SIGTERM, and SIGKILL 250 ms later. Where the isolation has no processes of its own, it is not looked at.
   */
  kill(way?: KillWay): Promise<KillOutcome>
}

/** An executor of one isolation: starts attempts in isolates, and ends them. */
export interface Executor extends AsyncDisposable {
  readonly isolation: Isolation
  /** Makes warm isolates, so that the first attempt need not wait for one. @throws {CheckreinError} `ISOLATE_EXITED` where they die at birth. */
  warmUp(): Promise<void>
  /**
   * Starts an attempt. The handler is never called before `start` has returned.
   * @throws {CheckreinError} `INTERNAL` past the capacity, `STORE_CLOSED` once closed.
   */
  start(order: AttemptOrder, listener: AttemptListener): RunningAttempt
  /**
   * Tells every isolate until when the worker's lease is good. An isolate that hears nothing newer kills itself then.
   * @param goodUntil ms on the machine-wide monotonic clock (`process.hrtime`), which children share.
   */
  renew(goodUntil: number): void
  /** Kills what runs and every isolate; resolves when their exits were observed. `inline` aborts and waits instead. */
  [Symbol.asyncDispose](): Promise<void>
}
