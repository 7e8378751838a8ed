/** The parameters of retries: of runs, and of a workflow. */
import { mostNodes } from '../../core/workflow/graph.ts'
import type { RetryOptions, WorkflowRetryOptions } from './options.ts'
import type { Parameters } from './parameter.ts'
import { whoOptions } from './parameters.ts'

/** How runs are tried again. */
export const retryOptions = {
  rollback: {
    kind: 'flag',
    about: 'try only the roll-back again, of runs whose roll-back failed or was given up',
  },
  ...whoOptions,
} as const satisfies Parameters<Exclude<keyof RetryOptions, 'input'>>

/** How a workflow is run again. */
export const workflowRetryOptions = {
  from: {
    kind: 'whole-number',
    about: 'a node, as the tree shows it: it and all after it are run again, completed or not',
    range: [1, mostNodes],
  },
  ...whoOptions,
} as const satisfies Parameters<keyof WorkflowRetryOptions>
