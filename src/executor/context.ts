import { setTimeout, clearTimeout } from 'node:timers'
import { CheckreinError } from '../core/errors.ts'
import type { LogLine } from '../core/events.ts'
import { encodePayload } from '../core/payload.ts'
import type { Context, RunInfo } from '../core/task.ts'
import { watchedAbortSignal } from './abort-signal.ts'
import type { AbortReason } from './executor.ts'

/** Where an attempt's reports go. */
export interface ContextSink {
  delivered(at: number): void
  /** @param value JSON text. */
  progress(value: string): void
  log(line: LogLine): void
}

/** An abort that may be raised from another thread while this one is busy. */
export interface AbortSource {
  /** Asked in the handler's innermost loops: reads memory and nothing else. */
  isRaised(): boolean
  reason(): AbortReason
}

// Kept from before any handler ran: one that holds the time for its own tests must not hold ours.
const epochMs = Date.now
const clockMs = performance.now.bind(performance)

const progressIntervalMs = 250
const longestProgress = 4096
const longestLog = 16_384

/** The handler's `ctx`. Its methods may be taken off it; all are silent once the attempt has ended. */
export class AttemptContext implements Context {
  readonly run: RunInfo
  readonly #sink: ContextSink
  readonly #source: AbortSource | null
  #controller: AbortController | null = null
  #reason: CheckreinError | null = null
  #isClosed = false
  #progress: unknown = undefined
  #isProgressText = false
  #progressSentAt = -Infinity
  #timer: NodeJS.Timeout | null = null

  /** @param source null where an abort can only come between two turns of this thread's own loop. */
  constructor(run: RunInfo, sink: ContextSink, source: AbortSource | null) {
    this.run = run
    this.#sink = sink
    this.#source = source
  }

  get abortSignal(): AbortSignal {
    this.#controller ??= this.#makeController()
    return this.#controller.signal
  }

  readonly progress = (value: unknown): void => {
    if (this.#isClosed) return
    // A number is cheap to keep; anything else is read now, for it may be changed before it is sent.
    this.#isProgressText = typeof value !== 'number'
    this.#progress = this.#isProgressText ? progressText(value) : value
    const waitMs = this.#progressSentAt + progressIntervalMs - clockMs()
    if (waitMs <= 0) this.#sendProgress()
    else this.#timer ??= setTimeout(() => this.#sendProgress(), waitMs).unref()
  }

  readonly log = (message: unknown, data?: Readonly<Record<string, unknown>>): void => {
    if (this.#isClosed) return
    this.#sink.log({
      at: epochMs(),
      message: String(message).slice(0, longestLog),
      ...logData(data),
    })
  }

  /** Fires the abort signal; only the first call before the attempt's end has an effect. */
  abort(reason: AbortReason): void {
    if (this.#isClosed || this.#reason !== null) return
    const { code, message, details } = reason
    this.#reason = new CheckreinError(code, { message, details })
    this.#sink.delivered(epochMs())
    this.#controller?.abort(this.#reason)
  }

  /** @throws {CheckreinError} the reason, where the attempt has been aborted. */
  throwIfAborted(): void {
    this.#poll()
    if (this.#reason !== null) throw this.#reason
  }

  /** Sends the newest progress and drops all that comes later. */
  close(): void {
    if (this.#progress !== undefined) this.#sendProgress()
    this.#isClosed = true
  }

  readonly #poll = (): void => {
    const source = this.#source
    if (source === null || this.#reason !== null || !source.isRaised()) return
    this.abort(source.reason())
  }

  #makeController(): AbortController {
    const controller = new AbortController()
    if (this.#source !== null) watchedAbortSignal(controller.signal, this.#poll)
    if (this.#reason !== null) controller.abort(this.#reason)
    return controller
  }

  #sendProgress(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#isClosed || this.#progress === undefined) return
    const value = this.#isProgressText ? (this.#progress as string) : JSON.stringify(this.#progress)
    this.#progress = undefined
    this.#progressSentAt = clockMs()
    this.#sink.progress(value)
  }
}

function progressText(value: unknown): string {
  return encodePayload(value, 'progress', longestProgress) ?? 'null'
}

/** The data of a log line; a log must not fail a run, so what can't be kept is replaced by the reason. */
function logData(data: Readonly<Record<string, unknown>> | undefined): Pick<LogLine, 'data'> {
  if (data === undefined) return {}
  try {
    const text = encodePayload(data, 'log data', longestLog)
    return text === null ? {} : { data: JSON.parse(text) as Record<string, unknown> }
  } catch (error) {
    return { data: { dropped: error instanceof Error ? error.message : String(error) } }
  }
}
