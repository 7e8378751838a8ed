/** The verdict on an attempt: the event that says how it ended, given what was asked of its run. */
import { type ErrorRecord, errorCodes, type ErrorCode } from '../../core/errors.ts'
import type { MachineEvent, Saved } from '../../core/run/events.ts'
import type { Fence } from '../../core/run/run.ts'
import type { AbortReason, AttemptEnd } from '../../executor/executor.ts'
import { isNothing } from './checkpoint-saver.ts'
import type { StopLadder } from './stop.ts'
import type { AnyTask } from '../../core/task/context.ts'
import type { RetryPolicy } from '../../core/backoff.ts'

interface EndedAttempt {
  readonly fence: Fence
  readonly task: AnyTask
  readonly ladder: Pick<StopLadder, 'intent' | 'abortCause' | 'killCause'>
  /** The limit that it has met. */
  readonly limit: AbortReason | null
  readonly end: AttemptEnd
  /** The checkpoint and the signals that are not stored yet. */
  readonly saved: Saved
  /** Whether the isolate has called the handler. */
  readonly hasBegun: boolean
  /** When it did, epoch ms, where the store may not have that yet. */
  readonly begunAt?: number | undefined
}

/** The event that says what the end of an attempt means. It depends on the end, on what was asked of the run, and on the limit that the attempt met. */
export function verdict(what: EndedAttempt): MachineEvent {
  const { task, ladder, end } = what
  const ended = endedOf(what)
  const failure = { retry: task.retry, random: Math.random() }
  if (end.kind === 'returned') return { type: 'complete', result: end.result, ...ended }
  const isKilled = ladder.killCause !== null && end.proof !== null
  if (end.kind === 'parked' && !(isKilled && ladder.killCause === 'stop')) return parked(what, end)
  if (isKilled) return killed(what)
  if (isReturned(what)) return { type: 'release', mode: 'prevented', ...ended }
  if (end.kind === 'exited') {
    return { type: 'crash', ...failure, error: exitError(end), isRetryable: true, ...ended }
  }
  if (end.kind === 'parked') return parked(what, end)
  if (isInterrupted(ladder) && end.deliveredAt !== null && end.isRetryable) {
    return { type: 'release', mode: what.hasBegun ? 'cooperative' : 'prevented', ...ended }
  }
  const error = thrownError(what, end)
  return { type: 'fail', ...failure, error, isRetryable: end.isRetryable, ...ended }
}

/**
 * Whether the run is handed back as if it had never been claimed: its handler was not called, because there was no isolate, or none
 * that knows the task. Another isolate may do, here or with another worker. A module that throws when it is loaded is a failure.
 */
function isReturned({ hasBegun, end }: EndedAttempt): boolean {
  if (hasBegun) return false
  return end.kind === 'exited' || (end.kind === 'threw' && end.error.code === 'TASK_UNKNOWN')
}

/** The error of an attempt whose handler was not called, where its isolate is to blame and not what was asked of the run. */
export function neverBegun(
  end: AttemptEnd,
  { abortCause, killCause }: Pick<StopLadder, 'abortCause' | 'killCause'>,
): ErrorRecord | null {
  if (abortCause !== null || killCause !== null) return null
  if (end.kind === 'threw') return end.error
  return end.kind === 'exited' ? startError(end) : null
}

type EndFields = Pick<
  Extract<MachineEvent, { readonly type: 'fail' }>,
  'fence' | 'saved' | 'rollbackOn' | 'startedAt' | 'deliveredAt' | 'proof' | 'sent'
>

function endedOf(what: EndedAttempt): EndFields {
  const { fence, task, ladder, end, saved, begunAt } = what
  return {
    fence,
    deliveredAt: (ladder.abortCause === 'stop' ? end.deliveredAt : null) ?? heardBySignal(what),
    proof: end.proof,
    ...(end.sent === undefined ? {} : { sent: end.sent }),
    ...(isNothing(saved) ? {} : { saved }),
    ...(begunAt === undefined ? {} : { startedAt: begunAt }),
    ...(task.rollbackOn.length > 0 ? { rollbackOn: task.rollbackOn } : {}),
  }
}

/** When the OS signal of a stop reached a handler that has returned after it; null where no such thing happened. */
function heardBySignal({ ladder, end }: EndedAttempt): number | null {
  const first = end.sent?.[0]
  if (ladder.killCause !== 'stop' || first === undefined || end.kind !== 'returned') return null
  return end.at !== undefined && end.at >= first.at ? first.at : null
}

function parked(
  what: EndedAttempt,
  end: Extract<AttemptEnd, { readonly kind: 'parked' }>,
): MachineEvent {
  const { deliveredAt: _, proof: __, sent: ___, ...leaving } = endedOf(what)
  return end.wait === null
    ? { type: 'park', ...leaving }
    : { type: 'wait', waitsFor: null, ...end.wait, ...leaving }
}

/** The event for an isolate that the worker has killed. An error that the handler threw on its way was made by the OS signal. */
function killed(what: EndedAttempt): MachineEvent {
  const { task, ladder, limit, end, hasBegun } = what
  const ended = endedOf(what)
  const isAsked = ladder.intent !== null && ladder.intent.verb !== 'revoke'
  const mode = hasBegun ? 'forced' : 'prevented'
  if (isAsked) return { type: 'stop', mode, ...ended }
  if (ladder.killCause !== 'limit' || limit === null) return { type: 'release', mode, ...ended }
  const timeout = record(limit.code, limit.message, { ...limit.details, proof: end.proof })
  const error = end.kind === 'threw' ? { ...timeout, cause: end.error } : timeout
  const failure = { retry: task.retry, random: Math.random() }
  return { type: 'fail', error, isRetryable: true, ...failure, ...ended }
}

/** Whether the worker itself had to end the attempt: that is no failure of the run. */
function isInterrupted({ abortCause }: EndedAttempt['ladder']): boolean {
  return abortCause === 'shutdown' || abortCause === 'lease-lost'
}

/** The error that the handler threw; where its time was up, a timeout with that error as its cause. */
function thrownError(
  { ladder, limit }: EndedAttempt,
  end: Extract<AttemptEnd, { readonly kind: 'threw' }>,
): ErrorRecord {
  if (ladder.abortCause !== 'timeout' || limit === null || end.deliveredAt === null)
    return end.error
  const timeout = record(limit.code, limit.message, limit.details)
  return end.error.code === limit.code ? timeout : { ...timeout, cause: end.error }
}

function exitError(end: AttemptEnd): ErrorRecord {
  const { proof } = end
  const how = proof?.osSignal ? `by ${proof.osSignal}` : `with code ${proof?.exitCode}`
  return record('ISOLATE_EXITED', `The isolate exited ${how} before the handler returned`, {
    proof,
  })
}

function startError({ proof }: AttemptEnd): ErrorRecord {
  const how =
    proof === null
      ? 'No isolate could be made for the attempt'
      : 'The isolate ended before it called the handler, or had to be ended because it did not'
  return record('ISOLATE_EXITED', how, { proof })
}

function record(
  code: ErrorCode,
  message: string,
  details: ErrorRecord['details'] & object,
): ErrorRecord {
  return { name: 'CheckreinError', code, message: message || errorCodes[code].message, details }
}

/**
 * The event for an attempt whose end the store can't hold. That is a failure of this run, and no other run may suffer from it.
 */
export function unstorable(fence: Fence, retry: RetryPolicy): MachineEvent {
  const message = 'The end of the attempt could not be stored'
  const error = { name: 'CheckreinError', code: 'INTERNAL', message }
  const ended = { deliveredAt: null, proof: null }
  return { type: 'fail', fence, error, isRetryable: true, retry, random: Math.random(), ...ended }
}
