/** Filters on workflows. */
import { CheckreinError } from '../../core/errors.ts'
import { wholeText } from '../../core/text.ts'
import { type WorkflowState, workflowStates } from '../../core/workflow/workflow.ts'

import type { WorkflowFilter } from '../port/workflows.ts'

const parts = ['name', 'key', 'tag', 'state']

/** The states that a filter wants; empty for any. */
export function statesOfWorkflows({ state }: WorkflowFilter): readonly WorkflowState[] {
  if (state === undefined) return []
  return typeof state === 'string' ? [state] : state
}

/** The filter, where it is one. @throws {CheckreinError} `USAGE` for a part or a state that does not exist. */
export function checkedWorkflowFilter(filter: WorkflowFilter): WorkflowFilter {
  for (const [part, value] of Object.entries(filter)) {
    if (!parts.includes(part) || value === undefined)
      throw badFilter(
        `a filter on workflows has no part ${JSON.stringify(part)}`,
        `Parts: ${parts.join(', ')}.`,
      )
    if (typeof value === 'string') wholeText(value, `the filter's ${part}`)
  }
  for (const state of statesOfWorkflows(filter))
    if (!workflowStates.includes(state))
      throw badFilter(
        `no workflow state ${JSON.stringify(state)}`,
        `States: ${workflowStates.join(', ')}.`,
      )
  return filter
}

const badFilter = (message: string, hint: string): CheckreinError =>
  new CheckreinError('USAGE', { message, hint })
