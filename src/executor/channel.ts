/**
 * What workers and isolates say to each other: the lines on their pipes, in JSON.
 *
 * Everything about an attempt carries its number within the isolate (`seq`). What comes from an isolate was written
 * by a process that also runs other people's code, so it is checked, and what does not fit is ignored.
 */
import type { ErrorRecord } from '../core/errors.ts'
import type { LogLine } from '../core/events.ts'
import type { JsonText } from '../core/run.ts'
import type { AbortReason, AttemptOrder } from './executor.ts'

/** From an isolate about its attempt. */
export type Report =
  | readonly ['ready']
  | readonly ['delivered', seq: number, at: number]
  | readonly ['progress', seq: number, value: unknown]
  | readonly ['log', seq: number, line: LogLine]
  | readonly ['returned', seq: number, result: JsonText | null]
  /** `isTainted`: the isolate must not run another attempt. */
  | readonly ['threw', seq: number, error: ErrorRecord, isRetryable: boolean, isTainted: boolean]

/** To the watcher of a child. */
export type LeashLine =
  | readonly ['until', goodUntil: number]
  | readonly ['abort', seq: number, reason: AbortReason]

/** To the host of threads. A lane is the pipe of one thread, by its number. */
export type HostOrder =
  | readonly ['open', lane: number]
  | readonly ['kill', lane: number]
  | readonly ['abort', lane: number, seq: number, reason: AbortReason]

/** From the host of threads. */
export type HostReport =
  | readonly ['opened', lane: number, threadId: number]
  | readonly ['gone', lane: number, exitCode: number]

/** An order with its number, as one line. */
export function orderLine(seq: number, order: AttemptOrder): string {
  const { id, task, queue, key, tags, attempt } = order.run
  const { module, payloadLimit, input } = order
  return JSON.stringify([seq, module, payloadLimit, input, id, task, queue, key, tags, attempt])
}

type OrderFields = [
  number,
  string,
  number,
  string | null,
  string,
  string,
  string,
  string | null,
  string[],
  number,
]

/** The inverse of `orderLine`; orders come from the worker, which is trusted. */
export function readOrder(line: string): { seq: number; order: AttemptOrder } {
  const fields = JSON.parse(line) as OrderFields
  const [seq, module, payloadLimit, input, id, task, queue, key, tags, attempt] = fields
  return {
    seq,
    order: { run: { id, task, queue, key, tags, attempt }, module, input, payloadLimit },
  }
}

/** A line of an isolate, or null where it is not one of ours. */
export function readReport(line: string): Report | null {
  const fields = readArray(line)
  if (fields === null) return null
  const [type, seq, first] = fields
  if (type === 'ready') return ['ready']
  if (typeof type !== 'string' || typeof seq !== 'number') return null
  return isReport(type, first, fields) ? (fields as unknown as Report) : null
}

function isReport(type: string, first: unknown, fields: readonly unknown[]): boolean {
  switch (type) {
    case 'delivered':
      return typeof first === 'number'
    case 'progress':
      return first !== undefined
    case 'log':
      return isLogLine(first)
    case 'returned':
      return first === null || typeof first === 'string'
    case 'threw':
      return (
        isErrorRecord(first) && typeof fields[3] === 'boolean' && typeof fields[4] === 'boolean'
      )
    default:
      return false
  }
}

/** A line of the host's own thread, or null where it is not one of ours. */
export function readHostReport(line: string): HostReport | null {
  const fields = readArray(line)
  if (fields === null || fields.length !== 3) return null
  const [type, lane, value] = fields
  const isOurs =
    (type === 'opened' || type === 'gone') && typeof lane === 'number' && typeof value === 'number'
  return isOurs ? (fields as unknown as HostReport) : null
}

const longestText = 16_384

/** An error as a line and a store can carry it: what is no JSON or too long is left out, and the rest always arrives. */
export function portableError(record: ErrorRecord): ErrorRecord {
  try {
    if (JSON.stringify(record).length <= 4 * longestText) return record
  } catch {
    // A detail that has no JSON form: the error is told without its details.
  }
  const { name, message, code, stack } = record
  return {
    name: cut(name),
    message: cut(message),
    code: cut(code),
    ...(stack === undefined ? {} : { stack: cut(stack) }),
  }
}

function cut(text: string): string {
  return text.slice(0, longestText)
}

function readArray(line: string): unknown[] | null {
  try {
    const value: unknown = JSON.parse(line)
    return Array.isArray(value) ? value : null
  } catch {
    return null
  }
}

function isLogLine(value: unknown): value is LogLine {
  const line = value as Partial<LogLine> | null
  return (
    typeof line === 'object' && typeof line?.at === 'number' && typeof line.message === 'string'
  )
}

function isErrorRecord(value: unknown): value is ErrorRecord {
  const record = value as Partial<ErrorRecord> | null
  return (
    typeof record === 'object' &&
    typeof record?.name === 'string' &&
    typeof record.message === 'string' &&
    typeof record.code === 'string'
  )
}
