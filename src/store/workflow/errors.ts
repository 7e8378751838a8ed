/** The errors of requests about workflows. */
import { CheckreinError } from '../../core/errors.ts'

/** The error for an id that no workflow has. */
export function workflowNotFound(id: string): CheckreinError {
  return new CheckreinError('WORKFLOW_NOT_FOUND', {
    message: `There is no workflow ${id}`,
    hint: '`list` shows the workflows that exist; workflows that ended long ago are deleted.',
    details: { id },
  })
}

/** The error for a workflow that has to rest, or to have ended, first. */
export function stillActive(id: string, hint: string): CheckreinError {
  return new CheckreinError('WORKFLOW_ACTIVE', {
    message: `Workflow ${id} is still going on`,
    hint,
    details: { id },
  })
}
