/** From how an attempt ended, and what was asked of it, to the event that says so. */
import { type ErrorRecord, errorCodes, type ErrorCode } from '../core/errors.ts'
import type { MachineEvent } from '../core/events.ts'
import type { Fence } from '../core/run.ts'
import type { AnyTask } from '../core/task.ts'
import type { AttemptEnd } from '../executor/executor.ts'
import type { StopLadder } from './stop.ts'

interface Case {
  readonly fence: Fence
  readonly task: AnyTask
  readonly ladder: Pick<StopLadder, 'intent' | 'abortCause' | 'killCause'>
  readonly end: AttemptEnd
}

export function verdict({ fence, task, ladder, end }: Case): MachineEvent {
  const deliveredAt = ladder.abortCause === 'stop' ? end.deliveredAt : null
  const ended = { fence, deliveredAt, proof: end.proof }
  const failure = { retry: task.retry, random: Math.random() }
  if (end.kind === 'returned') return { type: 'complete', result: end.result, ...ended }
  if (ladder.killCause !== null && end.proof !== null) return killed({ fence, task, ladder, end })
  if (end.kind === 'exited') {
    return { type: 'crash', ...failure, error: exitError(end), isRetryable: true, ...ended }
  }
  if (isInterrupted(ladder) && end.deliveredAt !== null && end.isRetryable) {
    return { type: 'release', mode: 'cooperative', ...ended }
  }
  const error = thrownError(task, ladder, end)
  return { type: 'fail', ...failure, error, isRetryable: end.isRetryable, ...ended }
}

/** The isolate was ended by the worker. What the handler threw on its way, the OS signal made it throw. */
function killed({ fence, task, ladder, end }: Case): MachineEvent {
  const deliveredAt = ladder.abortCause === 'stop' ? end.deliveredAt : null
  const ended = { fence, deliveredAt, proof: end.proof }
  const isAsked = ladder.intent !== null && ladder.intent.verb !== 'revoke'
  if (isAsked) return { type: 'stop', mode: 'forced', ...ended }
  if (ladder.killCause !== 'hard-timeout') return { type: 'release', mode: 'forced', ...ended }
  const timeout = record(
    'ATTEMPT_TIMEOUT',
    `The attempt was killed after ${task.hardTimeoutMs} ms`,
    { proof: end.proof },
  )
  const error = end.kind === 'threw' ? { ...timeout, cause: end.error } : timeout
  return {
    type: 'fail',
    error,
    isRetryable: true,
    retry: task.retry,
    random: Math.random(),
    ...ended,
  }
}

/** The worker's own affairs ended the attempt: that is no failure of the run. */
function isInterrupted({ abortCause }: Case['ladder']): boolean {
  return abortCause === 'shutdown' || abortCause === 'lease-lost'
}

/** What a handler threw; after its time was up, that its time was up, with what it threw as the cause. */
function thrownError(
  task: AnyTask,
  ladder: Case['ladder'],
  end: Extract<AttemptEnd, { readonly kind: 'threw' }>,
): ErrorRecord {
  if (ladder.abortCause !== 'timeout' || end.deliveredAt === null) return end.error
  const timeout = record(
    'ATTEMPT_TIMEOUT',
    `The attempt ran past its time limit of ${task.timeoutMs} ms`,
    {},
  )
  return end.error.code === 'ATTEMPT_TIMEOUT' ? timeout : { ...timeout, cause: end.error }
}

function exitError(end: AttemptEnd): ErrorRecord {
  const { proof } = end
  const how = proof?.osSignal ? `by ${proof.osSignal}` : `with code ${proof?.exitCode}`
  return record('ISOLATE_EXITED', `The isolate exited ${how} before the handler returned`, {
    proof,
  })
}

function record(
  code: ErrorCode,
  message: string,
  details: ErrorRecord['details'] & object,
): ErrorRecord {
  return { name: 'CheckreinError', code, message: message || errorCodes[code].message, details }
}
