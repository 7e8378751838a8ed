/** The parameters of a retry of a workflow. */
import { mostNodes } from '../../core/workflow/graph.ts'
import type { WorkflowRetryOptions } from './options.ts'
import type { Parameters } from './parameter.ts'
import { whoOptions } from './parameters.ts'

/** How a workflow is run again. */
export const workflowRetryOptions = {
  from: {
    kind: 'whole-number',
    about: 'a node, as the tree shows it: it and all after it are run again, completed or not',
    range: [1, mostNodes],
  },
  ...whoOptions,
} as const satisfies Parameters<keyof WorkflowRetryOptions>
