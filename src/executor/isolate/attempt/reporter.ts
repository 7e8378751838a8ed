import { parseJson, stringifyJson } from '../../../core/json.ts'
import { setTimeout, clearTimeout } from 'node:timers'
import { errorRecord } from '../../../core/error-record.ts'
import { isRecord } from '../../../core/is-record.ts'
import type { LogLine } from '../../../core/run/events.ts'
import { encodePayload } from '../../../core/payload.ts'
import { longestLog, longestProgress } from '../../wire/bounds.ts'
import { portableError } from '../../wire/channel.ts'
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
    const value = this.#isText ? (this.#value as string) : stringifyJson(this.#value)
    this.#value = undefined
    this.#sentAt = clockMs()
    this.#send(value)
  }
}

function progressText(value: unknown): string {
  return encodePayload(value, 'progress', longestProgress) ?? 'null'
}

/**
 * Makes a log line. A log must not fail a run, whatever it is given: texts that are too long are cut, an error is kept as its record, and
 * data that cannot be kept is replaced by the reason. @param at epoch ms.
 */
export function toLogLine(at: number, message: unknown, data: unknown): LogLine {
  return { at, message: messageOf(message).slice(0, longestLog), ...logData(data) }
}

function messageOf(message: unknown): string {
  try {
    return String(message)
  } catch {
    return 'a message that has no text'
  }
}

function logData(data: unknown): Pick<LogLine, 'data'> {
  if (data === undefined) return {}
  try {
    const text = encodePayload(toldErrors(data), 'log data', longestLog)
    if (text === null) return {}
    const kept: unknown = parseJson(text)
    return { data: isRecord(kept) ? kept : { value: kept } }
  } catch (error) {
    return { data: { dropped: errorRecord(error).message } }
  }
}

/** An error has no members for JSON, so its record takes its place, as the data itself or as a member of it. */
function toldErrors(data: unknown): unknown {
  if (data instanceof Error) return { error: portableError(errorRecord(data)) }
  if (!isRecord(data) || !Object.values(data).some((value) => value instanceof Error)) return data
  const entries = Object.entries(data).map(([name, value]) => [
    name,
    value instanceof Error ? portableError(errorRecord(value)) : value,
  ])
  return Object.fromEntries(entries)
}
