import { setTimeout, clearTimeout } from 'node:timers'
import type { LogLine } from '../../../core/run/events.ts'
import { encodePayload } from '../../../core/payload.ts'
import { longestLog, longestProgress } from '../../wire/bounds.ts'
import { clockMs } from './clock.ts'

const progressIntervalMs = 250

/** The newest progress of a handler, told at most every 250 ms. */
export class ProgressReporter {
  /** @param send takes JSON text. */
  readonly #send: (value: string) => void
  #value: unknown = undefined
  #isText = false
  #sentAt = -Infinity
  #timer: NodeJS.Timeout | null = null

  constructor(send: (value: string) => void) {
    this.#send = send
  }

  report(value: unknown): void {
    // A number is cheap to keep; anything else is read now, for it may be changed before it is sent.
    this.#isText = typeof value !== 'number'
    this.#value = this.#isText ? progressText(value) : value
    const waitMs = this.#sentAt + progressIntervalMs - clockMs()
    if (waitMs <= 0) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), waitMs).unref()
  }

  /** Sends the newest progress, where it was not sent yet. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#value === undefined) return
    const value = this.#isText ? (this.#value as string) : JSON.stringify(this.#value)
    this.#value = undefined
    this.#sentAt = clockMs()
    this.#send(value)
  }
}

function progressText(value: unknown): string {
  return encodePayload(value, 'progress', longestProgress) ?? 'null'
}

/** Makes a log line; texts that are too long are cut, and data that cannot be kept is replaced by the reason. @param at epoch ms. */
export function toLogLine(
  at: number,
  message: unknown,
  data: Readonly<Record<string, unknown>> | undefined,
): LogLine {
  return { at, message: String(message).slice(0, longestLog), ...logData(data) }
}

/** The data of a log line. A log must not fail a run, so data that can't be kept is replaced by the reason. */
function logData(data: Readonly<Record<string, unknown>> | undefined): Pick<LogLine, 'data'> {
  if (data === undefined) return {}
  try {
    const text = encodePayload(data, 'log data', longestLog)
    return text === null ? {} : { data: JSON.parse(text) as Record<string, unknown> }
  } catch (error) {
    return { data: { dropped: error instanceof Error ? error.message : String(error) } }
  }
}
