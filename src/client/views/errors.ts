import { CheckreinError, type ErrorRecord } from '../../core/errors.ts'
import type { SignalEntry } from './audit.ts'
import type { Run } from './view.ts'
import type { Workflow } from './workflow-view.ts'

/** `result()` of a run that failed; `error` is what its last attempt ended with. */
export class RunFailedError extends CheckreinError {
  override readonly name = 'RunFailedError'
  readonly run: Run
  readonly error: ErrorRecord | null

  constructor(run: Run) {
    const why = run.error ? `: ${run.error.message}` : ''
    super('RUN_FAILED', {
      message: `Run ${run.id} of ${run.task} failed${why}`,
      details: { id: run.id, error: run.error },
    })
    this.run = run
    this.error = run.error
  }
}

/** The error of `result()` for a run that was cancelled: `run.stop` says how, and `run.result` is the value that the handler returned after it was asked to stop. */
export class RunCancelledError extends CheckreinError {
  override readonly name = 'RunCancelledError'
  readonly run: Run

  constructor(run: Run) {
    const why = run.stop?.reason ? `: ${run.stop.reason}` : ''
    super('RUN_CANCELLED', {
      message: `Run ${run.id} of ${run.task} was cancelled${why}`,
      details: { id: run.id, stop: run.stop },
    })
    this.run = run
  }
}

/**
 * `reply()` of a signal that the handler could not deal with: `error` is what its listener threw, or rejected it with.
 * Its code is `SIGNAL_REJECTED` where the payload did not fit, else `SIGNAL_FAILED`.
 */
export class SignalFailedError extends CheckreinError {
  override readonly name = 'SignalFailedError'
  readonly signal: SignalEntry
  readonly error: ErrorRecord | null

  constructor(signal: SignalEntry) {
    const { name, runId, error } = signal
    super(error?.code === 'SIGNAL_REJECTED' ? 'SIGNAL_REJECTED' : 'SIGNAL_FAILED', {
      message: `Run ${runId} could not deal with the signal ${name}${error ? `: ${error.message}` : ''}`,
      details: { id: runId, signal: name, error },
    })
    this.signal = signal
    this.error = error
  }
}

/** `result()` of a workflow that failed; `workflow.failure` says which step did. */
export class WorkflowFailedError extends CheckreinError {
  override readonly name = 'WorkflowFailedError'
  readonly workflow: Workflow

  constructor(workflow: Workflow) {
    super('WORKFLOW_FAILED', {
      message: `Workflow ${workflow.id} failed${failureWords(workflow)}`,
      hint: '`retry()` runs the members again that did not complete.',
      details: { id: workflow.id, failure: workflow.failure },
    })
    this.workflow = workflow
  }
}

/** `result()` of a workflow that was cancelled; `workflow.stop` says by whom, or `workflow.failure` which step was. */
export class WorkflowCancelledError extends CheckreinError {
  override readonly name = 'WorkflowCancelledError'
  readonly workflow: Workflow

  constructor(workflow: Workflow) {
    const { stop } = workflow
    const why = stop === null ? failureWords(workflow) : stop.reason ? `: ${stop.reason}` : ''
    super('WORKFLOW_CANCELLED', {
      message: `Workflow ${workflow.id} was cancelled${why}`,
      hint: '`retry()` runs the members again that did not complete.',
      details: { id: workflow.id, stop, failure: workflow.failure },
    })
    this.workflow = workflow
  }
}

function failureWords({ failure }: Workflow): string {
  if (failure === null) return ''
  const { task, runId, state, error } = failure
  const { message } = (error ?? {}) as Partial<ErrorRecord>
  const who =
    runId === null
      ? ''
      : ` ${task} (run ${runId}) ${state === 'failed' ? 'failed' : 'was cancelled'}`
  return `:${who}${message === undefined ? '' : `: ${message}`}`
}

/** The error for a workflow that does not exist: `WORKFLOW_NOT_FOUND`. */
export function workflowMissing(id: string): CheckreinError {
  return new CheckreinError('WORKFLOW_NOT_FOUND', {
    message: `There is no workflow ${JSON.stringify(id)}`,
    hint: 'Check the id and the store; a workflow that ended long ago may have been pruned.',
    details: { id },
  })
}

/** @param id null where the run that holds a key was meant. */
export function notFound(id: string | null): CheckreinError {
  return new CheckreinError('RUN_NOT_FOUND', {
    message: id === null ? 'No run holds the key' : `There is no run ${JSON.stringify(id)}`,
    hint: 'Check the id and the store; a run that ended long ago may have been pruned.',
    details: { id },
  })
}

/** The one answer to one request. @throws {CheckreinError} `INTERNAL` where there is none. */
export function theOnly<T>([one]: readonly T[]): T {
  if (one !== undefined) return one
  throw new CheckreinError('INTERNAL', { message: 'a request was not answered' })
}
