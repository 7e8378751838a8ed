/** What an isolate says, checked: it was written by a process that also runs other people's code. */
import type { ErrorRecord } from '../core/errors.ts'
import type { LogLine, SignalOutcome } from '../core/events.ts'
import type { HostReport, Report } from './channel.ts'
import type { ParkedWait } from './executor.ts'

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
      return isNumber(first)
    case 'progress':
      return first !== undefined
    case 'log':
      return isLogLine(first)
    case 'handled':
      return isOutcome(first)
    case 'checkpoint':
      return isNumber(first) && isText(fields[3])
    case 'taken':
      return isNumber(first) && isNumber(fields[3])
    case 'extend':
      return isNumber(first) && first >= 0
    case 'returned':
      return isText(first) && isText(fields[3]) && isFlag(fields[4])
    case 'parked':
      return isWait(first) && isText(fields[3]) && isFlag(fields[4])
    case 'threw':
      return isErrorRecord(first) && isFlag(fields[3]) && isText(fields[4]) && isFlag(fields[5])
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

function readArray(line: string): unknown[] | null {
  try {
    const value: unknown = JSON.parse(line)
    return Array.isArray(value) ? value : null
  } catch {
    return null
  }
}

/** JSON can hold more than a number: 1e999 is read as Infinity. */
function isNumber(value: unknown): value is number {
  return Number.isFinite(value)
}

function isFlag(value: unknown): boolean {
  return typeof value === 'boolean'
}

/** JSON as text, or none. That it is JSON is found out where it is read. */
function isText(value: unknown): boolean {
  return value === null || typeof value === 'string'
}

function isOutcome(value: unknown): value is SignalOutcome {
  const outcome = value as Partial<SignalOutcome> | null
  return (
    typeof outcome === 'object' &&
    isNumber(outcome?.position) &&
    isText(outcome.reply) &&
    (outcome.error === null || isErrorRecord(outcome.error))
  )
}

function isWait(value: unknown): value is ParkedWait | null {
  if (value === null) return true
  if (typeof value !== 'object') return false
  const { signal, wakeInMs, done } = value as Partial<ParkedWait>
  return (
    isText(signal) &&
    (wakeInMs === null || (isNumber(wakeInMs) && wakeInMs >= 0)) &&
    Array.isArray(done) &&
    done.every((one) => one === 'slept' || one === 'timeout' || isNumber(one))
  )
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
