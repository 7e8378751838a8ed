/**
 * Checks the reports of an isolate, for they were written by a process that also runs other people's code.
 *
 * Only values that the store can keep and its readers can read pass. A single value that does not fit would be refused by the
 * database, and with it everything else that the worker writes in the same turn. So numbers are whole and bounded, texts that
 * must be JSON are JSON, and each part is copied by its name, so that nothing else which was put there goes on.
 */
import { longestMs } from '../../core/duration.ts'
import type { ErrorRecord } from '../../core/errors.ts'
import { deepestPayload, isDeeper } from '../../core/json-depth.ts'
import { isRecord } from '../../core/is-record.ts'
import type { LogLine, SignalOutcome } from '../../core/run/events.ts'
import type { WaitOutcome } from '../../core/run/run.ts'
import {
  longestError,
  longestLog,
  longestOptions,
  longestProgress,
  mostKept,
} from '../wire/bounds.ts'
import type { EndReport, HostReport, Report } from '../wire/channel.ts'
import type { AttemptOrder, ParkedWait, StoreQuestion } from '../executor.ts'

/** The attempt that an isolate runs, and how large its payloads may be. */
export type Expected = Pick<AttemptOrder, 'payloadLimit' | 'checkpointLimit'> & {
  readonly seq: number
}

/** A report that has passed the check. `broken`: an end of the right form, with a value that nobody can keep. */
export type Heard = Report | readonly ['broken', seq: number]

/** The last instant that a date can be, epoch ms. */
const lastInstant = 8.64e15

const longestName = 200
const deepestCause = 8

/** Reads a line of an isolate; null where it is none of ours, or not about the attempt that the isolate runs. */
export function readReport(line: string, expected: Expected | null): Heard | null {
  const fields = readArray(line)
  if (fields === null) return null
  if (fields[0] === 'ready') return ['ready', failedOf(fields[1])]
  if (expected === null || fields[1] !== expected.seq) return null
  return endOf(fields, expected) ?? reportOf(fields, expected)
}

function failedOf(value: unknown): readonly string[] | null {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : null
}

function reportOf(fields: readonly unknown[], expected: Expected): Report | null {
  const { seq, payloadLimit, checkpointLimit } = expected
  const [type, , first, second] = fields
  switch (type) {
    case 'begun':
      return [type, seq]
    case 'delivered':
      return isTime(first) ? [type, seq, first] : null
    case 'progress':
      return first !== null && isJson(first, longestProgress) ? [type, seq, first] : null
    case 'log': {
      const line = logLineOf(first)
      return line && [type, seq, line]
    }
    case 'handled': {
      const outcome = signalOutcome(first, payloadLimit)
      return outcome && [type, seq, outcome]
    }
    case 'checkpoint':
      return isWhole(first) && isJson(second, checkpointLimit) ? [type, seq, first, second] : null
    case 'taken':
      return isWhole(first) && isTime(second) ? [type, seq, first, second] : null
    case 'extend':
      return isWhole(first, longestMs) ? [type, seq, first] : null
    case 'question':
      return isWhole(first) ? [type, seq, first, questionOf(second, payloadLimit)] : null
    default:
      return null
  }
}

/** Reads an end. Nothing comes after an end, so an end that can't be kept must be told as well, or the attempt would never be over. */
function endOf(fields: readonly unknown[], expected: Expected): Heard | null {
  const { seq, payloadLimit, checkpointLimit } = expected
  const [type, , value] = fields
  if (type !== 'returned' && type !== 'threw' && type !== 'parked') return null
  const [isRetryable, checkpoint, isTainted] =
    type === 'threw' ? fields.slice(3) : [true, ...fields.slice(3)]
  if (!isText(checkpoint) || !isFlag(isRetryable) || !isFlag(isTainted)) return null
  let end: EndReport | null = null
  if (isJson(checkpoint, checkpointLimit)) {
    const error = type === 'threw' ? errorOf(value) : null
    const wait = type === 'parked' ? waitOf(value) : undefined
    if (error !== null) end = ['threw', seq, error, isRetryable, checkpoint, isTainted]
    else if (wait !== undefined) end = ['parked', seq, wait, checkpoint, isTainted]
    else if (type === 'returned' && isJson(value, payloadLimit))
      end = isTime(fields[5])
        ? [type, seq, value, checkpoint, isTainted, fields[5]]
        : [type, seq, value, checkpoint, isTainted]
  }
  return end ?? (isEndValue(type, value) ? ['broken', seq] : null)
}

/** Whether an end of that type may have such a value, whatever is in it. */
function isEndValue(type: EndReport[0], value: unknown): boolean {
  if (type === 'returned') return isText(value)
  return typeof value === 'object' && (type === 'parked' || value !== null)
}

/** Reads a line of the host's own thread; null where it is none of ours. */
export function readHostReport(line: string): HostReport | null {
  const fields = readArray(line)
  if (fields === null || fields.length !== 3) return null
  const [type, lane, value] = fields
  const isOurs =
    (type === 'opened' || type === 'gone') && typeof lane === 'number' && typeof value === 'number'
  return isOurs ? (fields as unknown as HostReport) : null
}

function readArray(line: string): unknown[] | null {
  try {
    const value: unknown = JSON.parse(line)
    return Array.isArray(value) ? value : null
  } catch {
    return null
  }
}

function isWhole(value: unknown, most = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most
}

function isTime(value: unknown): value is number {
  return isWhole(value, lastInstant)
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

function isText(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

/** `each` puts these around a result or a state. */
const ownLevels = 3

/** JSON as text of at most so many bytes, or none. */
function isJson(value: unknown, limit: number): value is string | null {
  if (value === null) return true
  if (typeof value !== 'string' || !isWithin(value, limit) || !value.isWellFormed()) return false
  try {
    JSON.parse(value)
    return !isDeeper(value, deepestPayload + ownLevels)
  } catch {
    return false
  }
}

/** A character is at most three bytes. */
function isWithin(text: string, limit: number): boolean {
  return text.length * 3 <= limit || (text.length <= limit && Buffer.byteLength(text) <= limit)
}

/** Whether it was JSON before it was read, and of at most so many characters. */
function isSmall(value: object, longest: number): boolean {
  try {
    return JSON.stringify(value).length <= longest
  } catch {
    return false
  }
}

function signalOutcome(value: unknown, limit: number): SignalOutcome | null {
  if (!isRecord(value)) return null
  const { position, reply } = value
  if (!isWhole(position) || !isJson(reply, limit)) return null
  if (value['error'] === null) return { position, reply, error: null }
  const error = errorOf(value['error'])
  return error && { position, reply, error }
}

/** Reads a wait; null is a pause, and undefined is neither. */
function waitOf(value: unknown): ParkedWait | null | undefined {
  if (value === null) return null
  if (!isRecord(value)) return undefined
  const { signal, wakeInMs, done, taken, children } = value
  if (signal !== null && !isName(signal)) return undefined
  if (wakeInMs !== null && !isWhole(wakeInMs, longestMs)) return undefined
  if (!isListOf(done, isWaitOutcome) || !isListOf(taken, (one) => isWhole(one))) return undefined
  if (children === undefined) return { signal, wakeInMs, done, taken }
  return isListOf(children, isName) ? { signal, wakeInMs, done, taken, children } : undefined
}

function isName(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= longestName &&
    value.isWellFormed() &&
    !value.includes('\0')
  )
}

function isWaitOutcome(value: unknown): value is WaitOutcome {
  return value === 'slept' || value === 'timeout' || value === 'ended' || isWhole(value)
}

function isListOf<T>(value: unknown, isOne: (one: unknown) => one is T): value is T[] {
  return Array.isArray(value) && value.length <= mostKept && value.every(isOne)
}

/** Reads a question. Its handler waits for the answer, so a question of the wrong form becomes `nothing`, which is refused. */
function questionOf(value: unknown, limit: number): StoreQuestion {
  const nothing = { ask: 'nothing' } as const
  if (!isRecord(value)) return nothing
  const { ask, ids, task, queue, input, callKey, options } = value
  if (ask === 'ends') return isListOf(ids, isName) ? { ask, ids } : nothing
  if (ask !== 'enqueue' || !isName(task) || !isName(queue) || !isName(callKey)) return nothing
  if (!isJson(input, limit) || !isRecord(options)) return nothing
  return isSmall(options, longestOptions) ? { ask, task, queue, input, callKey, options } : nothing
}

function logLineOf(value: unknown): LogLine | null {
  if (!isRecord(value)) return null
  const { at, message, data } = value
  if (!isTime(at) || typeof message !== 'string' || message.length > longestLog) return null
  if (data === undefined) return { at, message }
  return isRecord(data) && isSmall(data, longestLog) ? { at, message, data } : null
}

function errorOf(value: unknown): ErrorRecord | null {
  return isErrorRecord(value, 0) && isSmall(value, longestError) ? value : null
}

/** Whether a value is an error record; other members that it has are kept, within JSON. */
function isErrorRecord(
  value: unknown,
  depth: number,
): value is Record<string, unknown> & ErrorRecord {
  if (!isRecord(value) || depth > deepestCause) return false
  const { name, message, code, hint, stack, details, cause, errors } = value
  return (
    [name, message, code].every((text) => typeof text === 'string') &&
    [hint, stack].every((text) => text === undefined || typeof text === 'string') &&
    (details === undefined || isRecord(details)) &&
    (cause === undefined || isErrorRecord(cause, depth + 1)) &&
    (errors === undefined ||
      (Array.isArray(errors) && errors.every((one) => isErrorRecord(one, depth + 1))))
  )
}
