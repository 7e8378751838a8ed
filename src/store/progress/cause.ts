/** Causes: why nodes did not complete. */
import type { StoredRun } from '../../core/run/run.ts'
import type { Cause } from '../../core/workflow/workflow.ts'

/** The cause that a run which did not complete gives to its node. */
export const causeOf = ({
  id,
  task,
  error,
  stop,
  state,
}: Pick<StoredRun, 'id' | 'task' | 'error' | 'stop'> & { readonly state: string }): Cause => ({
  state: state === 'failed' ? 'failed' : 'cancelled',
  runId: id,
  task,
  error: state === 'failed' ? error : null,
  stop,
})
