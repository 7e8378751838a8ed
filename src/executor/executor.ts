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
 * An isolate runs one attempt at a time. One that was asked to stop, or was killed, is never used again: its exit is
 * observed before `ended` settles, also where the handler returned politely, for it may have left timers or promises
 * behind. `ended` never rejects.
 */
import type { ErrorRecord } from '../core/errors.ts'
import type { LogLine } from '../core/events.ts'
import type { JsonText } from '../core/run.ts'
import type { ExitProof } from '../core/stop.ts'
import type { Isolation, RunInfo } from '../core/task.ts'

/** Everything an isolate needs to run an attempt. */
export interface AttemptOrder {
  readonly run: RunInfo
  /** File URL of the module that exports the task. */
  readonly module: string
  readonly input: JsonText | null
  /** The largest result in bytes of JSON. */
  readonly payloadLimit: number
}

/** Why an attempt is asked to end; becomes the reason of its abort signal. */
export interface AbortReason {
  readonly code: 'ATTEMPT_CANCELLED' | 'ATTEMPT_TIMEOUT' | 'ATTEMPT_SHUTDOWN' | 'LEASE_LOST'
  readonly message: string
  /** Reason and asker of a cancel, the limit of a timeout. */
  readonly details: Readonly<Record<string, unknown>>
}

export type AttemptEnd = {
  /** When an abort reached the handler, epoch ms; null where none did before it ended. */
  readonly deliveredAt: number | null
  /** The exit of the isolate, where it was observed. */
  readonly proof: ExitProof | null
} & (
  | { readonly kind: 'returned'; readonly result: JsonText | null }
  | { readonly kind: 'threw'; readonly error: ErrorRecord; readonly isRetryable: boolean }
  /** The isolate ended before the handler did: by itself, or because `kill` was called. */
  | { readonly kind: 'exited'; readonly wasKilled: boolean }
)

/** What an attempt reports while it runs. Calls after its end are dropped by the executor. */
export interface AttemptListener {
  onDelivered(at: number): void
  onProgress(value: JsonText): void
  onLog(line: LogLine): void
}

/** `dead`: `ended` has settled, and its proof says how. `unresponsive`: not within the bound; `ended` settles if it ever ends. */
export type KillOutcome = 'dead' | 'unresponsive'

export interface RunningAttempt {
  readonly ended: Promise<AttemptEnd>
  /** Fires the attempt's abort signal; only the first call has an effect. */
  abort(reason: AbortReason): void
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
