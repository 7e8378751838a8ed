/**
 * The lines, in JSON, that workers and isolates send to each other.
 *
 * Every line about an attempt carries its number within the isolate (`seq`). The lines of an isolate were written by a process
 * that also runs other people's code, so they are checked (`host/report.ts`), and a line that does not fit is ignored.
 */
import { parseJson, stringifyJson } from '../../core/json.ts'
import type { ErrorRecord } from '../../core/errors.ts'
import type { LogLine, SignalOutcome } from '../../core/run/events.ts'
import type { JsonText } from '../../core/run/run.ts'
import { longestError, longestText } from './bounds.ts'
import type {
  AbortReason,
  StoreAnswer,
  AttemptOrder,
  ParkedWait,
  StoreQuestion,
  SentSignal,
} from '../executor.ts'

/** A report of an isolate about its attempt. */
export type Report =
  /** `failed`: the modules that it could not load; null where it still loads them, and takes orders all the same. */
  | readonly ['ready', failed: readonly string[] | null]
  /** It has the task in hand: the handler is called next. */
  | readonly ['begun', seq: number]
  | readonly ['delivered', seq: number, at: number]
  | readonly ['progress', seq: number, value: JsonText]
  | readonly ['log', seq: number, line: LogLine]
  /** The handler has dealt with a signal; the line comes before the checkpoint or the end that it belongs to. */
  | readonly ['handled', seq: number, outcome: SignalOutcome]
  | readonly ['checkpoint', seq: number, number: number, checkpoint: JsonText | null]
  | readonly ['taken', seq: number, position: number, at: number]
  | readonly ['extend', seq: number, ms: number]
  | readonly ['question', seq: number, number: number, question: StoreQuestion]
  | EndReport

/** The last report of an attempt. `isTainted`: the isolate must not run another attempt. `at`: when the handler returned, epoch ms. */
export type EndReport =
  | readonly [
      'returned',
      seq: number,
      result: JsonText | null,
      checkpoint: JsonText | null,
      isTainted: boolean,
      at?: number,
    ]
  | readonly [
      'threw',
      seq: number,
      error: ErrorRecord,
      isRetryable: boolean,
      checkpoint: JsonText | null,
      isTainted: boolean,
    ]
  | readonly [
      'parked',
      seq: number,
      wait: ParkedWait | null,
      checkpoint: JsonText | null,
      isTainted: boolean,
    ]

/** A line to the dead man's switch of a child. */
export type DeadmanLine =
  | readonly ['until', goodUntil: number]
  | readonly ['abort', seq: number, reason: AbortReason]
  | readonly ['pause', seq: number, isAsked: boolean]

/** A line to the host of threads. A lane is the pipe of one thread, by its number. */
export type HostOrder =
  | readonly ['open', lane: number]
  | readonly ['kill', lane: number]
  | readonly ['abort', lane: number, seq: number, reason: AbortReason]
  | readonly ['pause', lane: number, seq: number, isAsked: boolean]

/** A line from the host of threads. */
export type HostReport =
  | readonly ['opened', lane: number, threadId: number]
  | readonly ['gone', lane: number, exitCode: number]

/** An order with its number, as one line. */
export function orderLine(seq: number, order: AttemptOrder): string {
  const { id, task, queue, key, tags, attempt, workflow, parent } = order.run
  const { module, payloadLimit, checkpointLimit, input } = order
  const kept = [order.state, order.waits, order.begunWait, order.signalled, order.rollback]
  const run = [id, task, queue, key, tags, attempt, workflow, parent]
  const limits = [payloadLimit, checkpointLimit, order.isMapped]
  return stringifyJson([seq, module, ...limits, input, ...kept, ...run])
}

type OrderFields = [
  number,
  string,
  number,
  number,
  boolean,
  AttemptOrder['input'],
  AttemptOrder['state'],
  AttemptOrder['waits'],
  AttemptOrder['begunWait'],
  AttemptOrder['signalled'],
  AttemptOrder['rollback'],
  string,
  string,
  string,
  string | null,
  string[],
  number,
  string | null,
  string | null,
]

/** The line that hands a signal over. */
export function signalLine(seq: number, sent: SentSignal): string {
  return stringifyJson(['signal', seq, sent])
}

/** The first line to an isolate: what it is to load before it says that it is ready. */
export function loadLine(modules: readonly string[]): string {
  return stringifyJson(['load', modules])
}

/** The line that says up to which position all signals were handed over. */
export function caughtUpLine(seq: number, position: number): string {
  return stringifyJson(['caught-up', seq, position])
}

/** The line that says that checkpoints are stored, or why they never will be. */
export function savedLine(seq: number, number: number, error: ErrorRecord | null): string {
  return stringifyJson(['saved', seq, number, error])
}

/** The line that answers a question to the store. */
export function answerLine(seq: number, number: number, answer: StoreAnswer): string {
  return stringifyJson(['answer', seq, number, answer])
}

/** A line that an isolate is told on its lane, as it reads it. */
export type Order =
  | { readonly type: 'load'; readonly modules: readonly string[] }
  | { readonly type: 'caught-up'; readonly seq: number; readonly position: number }
  | {
      readonly type: 'answer'
      readonly seq: number
      readonly number: number
      readonly answer: StoreAnswer
    }
  | { readonly type: 'start'; readonly seq: number; readonly order: AttemptOrder }
  | { readonly type: 'signal'; readonly seq: number; readonly signal: SentSignal }
  | {
      readonly type: 'saved'
      readonly seq: number
      readonly number: number
      readonly error: ErrorRecord | null
    }

/** The inverse of the lines above; they come from the worker, which is trusted. */
export function readOrder(line: string): Order {
  const fields = parseJson(line) as
    | OrderFields
    | ['load', string[]]
    | ['caught-up', number, number]
    | ['signal', number, SentSignal]
    | ['answer', number, number, StoreAnswer]
    | ['saved', number, number, ErrorRecord | null]
  if (fields[0] === 'load') return { type: 'load', modules: fields[1] }
  if (fields[0] === 'caught-up') return { type: 'caught-up', seq: fields[1], position: fields[2] }
  if (fields[0] === 'signal') return { type: 'signal', seq: fields[1], signal: fields[2] }
  if (fields[0] === 'answer')
    return { type: 'answer', seq: fields[1], number: fields[2], answer: fields[3] }
  if (fields[0] === 'saved')
    return { type: 'saved', seq: fields[1], number: fields[2], error: fields[3] }
  const [seq, module, payloadLimit, checkpointLimit, isMapped, ...rest] = fields
  const [input, state, waits, begunWait, signalled, rollback, ...info] = rest
  const [id, task, queue, key, tags, attempt, workflow, parent] = info
  const run = { id, task, queue, key, tags, attempt, workflow, parent }
  const kept = { state, waits, begunWait, signalled, rollback }
  const order = { run, module, payloadLimit, checkpointLimit, isMapped, input, ...kept }
  return { type: 'start', seq, order }
}

/**
 * An error as a line and a store can carry it: what is no JSON or too long is left out, and the rest always arrives. The causes and the
 * parts of a long error are kept in short, for they often say what its long message does not.
 */
export function portableError(record: ErrorRecord): ErrorRecord {
  if (sizeOf(record) <= 4 * longestText) return record
  const bare = bareError(record, longestText)
  const { cause, errors } = record
  const whole = {
    ...bare,
    ...(cause === undefined ? {} : { cause: inShort(cause) }),
    ...(errors === undefined ? {} : { errors: errors.map(inShort) }),
  }
  return sizeOf(whole) <= longestError ? whole : bare
}

const shortText = 1024

function inShort(record: ErrorRecord): ErrorRecord {
  const { cause } = record
  const short = bareError(record, shortText)
  return cause === undefined ? short : { ...short, cause: inShort(cause) }
}

/** In characters of JSON; `Infinity` where a detail has no JSON form. */
function sizeOf(record: ErrorRecord): number {
  try {
    return stringifyJson(record).length
  } catch {
    return Infinity
  }
}

function bareError({ name, message, code, stack }: ErrorRecord, longest: number): ErrorRecord {
  const cut = (text: string): string => text.slice(0, longest)
  return {
    name: cut(name),
    message: cut(message),
    code: cut(code),
    ...(stack === undefined ? {} : { stack: cut(stack) }),
  }
}
