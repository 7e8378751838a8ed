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
 * An isolate runs one attempt at a time. One that was asked to stop, has parked, or was killed, is never used again: its
 * exit is observed before `ended` settles, also where the handler returned politely, for it may have left timers or
 * promises behind. `ended` never rejects.
 */
import type { ErrorRecord } from '../core/errors.ts'
import type { LogLine, Saved } from '../core/run/events.ts'
import type { JsonText, WaitOutcome } from '../core/run/run.ts'
import type { ExitProof, StopRecord } from '../core/run/stop.ts'
import type { RunInfo } from '../core/task/context.ts'
import type { Isolation } from '../core/task/task-limits.ts'

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
  /** What an earlier attempt saved last. */
  readonly state: JsonText | null
  /** The waits since then that are over, in their order. */
  readonly waits: readonly WaitOutcome[]
  /** The newest signal that was sent to the run: until the mailbox is said to have come so far, no wait gives its slot back. */
  readonly signalled: number | null
  /** Where the task's `rollback` is to be called and not its `run`. */
  readonly rollback: RollbackOrder | null
}

/** Why a run is rolled back: one of the first two is there. */
export interface RollbackOrder {
  readonly stop: StopRecord | null
  readonly error: ErrorRecord | null
  /** What the run had returned that it undoes, where it is there for nothing but that. */
  readonly undoes?: { readonly result: JsonText | null } | null
}

/** What a handler asks of the store: to enqueue a child, or what children have come to. */
export type StoreQuestion =
  | ({ readonly ask: 'enqueue' } & ChildRequest)
  | { readonly ask: 'ends'; readonly ids: readonly string[] }
  /** What it asked is not of the right form. */
  | { readonly ask: 'nothing' }

export interface ChildRequest {
  readonly task: string
  readonly queue: string
  readonly input: JsonText | null
  /** What it is known by since the last checkpoint. */
  readonly callKey: string
  /** As the handler gave them, with instants for dates. */
  readonly options: Readonly<Record<string, unknown>>
}

/** The value is JSON: the id of a child; for each of several what it came to, or null where not all have ended. */
export type StoreAnswer = { readonly value: unknown } | { readonly error: ErrorRecord }

/** A signal on its way to the handler. */
export interface SentSignal {
  /** Its place among all signals: they are sent to an attempt in this order, each once. */
  readonly position: number
  readonly id: string
  readonly name: string
  readonly payload: JsonText | null
  readonly by: string | null
  readonly sentAt: number
}

/** What an attempt waits for that has given its slot back. */
export interface ParkedWait {
  /** The name of a signal; null for a sleep. */
  readonly signal: string | null
  /** How long at most, from now; null for ever. */
  readonly wakeInMs: number | null
  /** The waits since the last checkpoint that are over, in their order. */
  readonly done: readonly WaitOutcome[]
  /** The children that it waits for. */
  readonly children?: readonly string[]
  /** The signals beside those that its handler has and is not through with: its next attempt gets them again, and none of them ends the wait. */
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
  readonly message: string
  /** Reason and author of a cancel, the limit of a timeout. */
  readonly details: Readonly<Record<string, unknown>>
}

export type AttemptEnd = {
  /** When an abort reached the handler, epoch ms; null where none did before it ended. */
  readonly deliveredAt: number | null
  /** The exit of the isolate, where it was observed. */
  readonly proof: ExitProof | null
  /** What it kept that no `onCheckpoint` has told of. */
  readonly saved: Saved
} & (
  | { readonly kind: 'returned'; readonly result: JsonText | null }
  | { readonly kind: 'threw'; readonly error: ErrorRecord; readonly isRetryable: boolean }
  /** It met a checkpoint while a pause was asked (`wait` is null), or waits without a slot; its state is saved. */
  | { readonly kind: 'parked'; readonly wait: ParkedWait | null }
  /** The isolate ended before the handler did: by itself, or because `kill` was called. */
  | { readonly kind: 'exited'; readonly wasKilled: boolean }
)

/** What an attempt reports while it runs. Calls after its end are dropped by the executor. */
export interface AttemptListener {
  onDelivered(at: number): void
  onProgress(value: JsonText): void
  /** It is to be stored; `RunningAttempt.saved` says what came of it. At most once an interval, unless it must not wait. */
  onCheckpoint(saved: Saved, number: number): void
  /** A signal was handed to the handler. */
  onTaken(position: number, at: number): void
  /** The handler asks something of the store; `RunningAttempt.answer` is to say what came of it. */
  onQuestion(question: StoreQuestion, number: number): void
  /** The handler asks for this much more time. */
  onExtend(ms: number): void
  onLog(line: LogLine): void
}

/** `dead`: `ended` has settled, and its proof says how. `unresponsive`: not within the bound; `ended` settles if it ever ends. */
export type KillOutcome = 'dead' | 'unresponsive'

export interface RunningAttempt {
  readonly ended: Promise<AttemptEnd>
  /** Fires the attempt's abort signal; only the first call has an effect. */
  abort(reason: AbortReason): void
  /** Whether it is to park at its next checkpoint; may be taken back until then. */
  pause(isAsked: boolean): void
  /** Hands a signal to the handler's mailbox. */
  signal(signal: SentSignal): void
  /** All signals up to that position were handed over, or are dealt with. */
  caughtUp(position: number): void
  /** The checkpoint of that number, and all before it, are stored; or why they never will be. */
  saved(number: number, error: ErrorRecord | null): void
  /** What came of the question of that number. */
  answer(number: number, answer: StoreAnswer): void
  /** Stops the process where it stands, with its children; false where the isolation cannot. It can still be killed. */
  freeze(): Promise<boolean>
  /** Lets it go on; does nothing where it is not frozen. */
  thaw(): void
  /** Ends the isolate. May be called again after `unresponsive`. */
  kill(): Promise<KillOutcome>
}

export interface Executor extends AsyncDisposable {
  readonly isolation: Isolation
  /** Makes warm isolates, so that the first attempt need not wait for one. @throws {CheckreinError} `ISOLATE_EXITED` where they die at birth. */
  warmUp(): Promise<void>
  /**
   * Never calls the handler before it has returned.
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
