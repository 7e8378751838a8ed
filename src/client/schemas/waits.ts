/** The schemas of the answers of operations that wait. */
import type { RunWaited, SignalWaited, WaitOutcome, WorkflowWaited } from '../waits/long-polls.ts'
import { words } from './kinds.ts'
import { object } from './shapes.ts'
import { signalEntry } from './records.ts'
import { run } from './run.ts'
import { named } from './schema.ts'
import { workflow } from './workflow.ts'

const outcome = words<WaitOutcome>({ reached: true, missed: true, pending: true })

/** The schema of the answer to a wait for a run: the outcome of the wait, and the run as it is then. */
export const runWaited = named('RunWaited', 'A run that was waited for, as it is now.', () =>
  object<RunWaited>({ outcome, run }),
)

/** The schema of the answer to a wait for the reply to a signal: the outcome of the wait, and the signal as it stands on record then. */
export const signalWaited = named('SignalWaited', 'A signal that was waited for.', () =>
  object<SignalWaited>({ outcome, signal: signalEntry }),
)

/** The schema of the answer to a wait for a workflow: the outcome of the wait, and the workflow as it is then. */
export const workflowWaited = named('WorkflowWaited', 'A workflow that was waited for.', () =>
  object<WorkflowWaited>({ outcome, workflow }),
)
