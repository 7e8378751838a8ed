import { CheckreinError, type ErrorRecord } from '../core/errors.ts'
import type { Run } from './view.ts'

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

/** `result()` of a run that was cancelled; `run.stop` says how, `run.result` is what it returned after it was asked. */
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
