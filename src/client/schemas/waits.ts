/** The schemas of the answers of operations that wait. */
import type { RunWaited, SignalWaited, WaitOutcome, WorkflowWaited } from '../waits/long-polls.ts'
import { words } from './kinds.ts'
import { object } from './shapes.ts'
import { signalEntry } from './records.ts'
import { run } from './run.ts'
import { named } from './schema.ts'
import { workflow } from './workflow.ts'

const outcome = words<WaitOutcome>({ reached: true, missed: true, pending: true })

export const runWaited = named('RunWaited', 'A run that was waited for, as it is now.', () =>
  object<RunWaited>({ outcome, run }),
)

export const signalWaited = named('SignalWaited', 'A signal that was waited for.', () =>
  object<SignalWaited>({ outcome, signal: signalEntry }),
)

export const workflowWaited = named('WorkflowWaited', 'A workflow that was waited for.', () =>
  object<WorkflowWaited>({ outcome, workflow }),
)
