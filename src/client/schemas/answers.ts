/** The answers of operations, by the names under which the table of operations refers to them. */
import { count, either, flag, nullable } from './kinds.ts'
import { list, object } from './shapes.ts'
import { named } from './schema.ts'
import { runWaited, signalWaited, workflowWaited } from './waits.ts'
import { lanesAnswer, tasksAnswer } from './lanes.ts'
import {
  auditPage,
  bulk,
  controlled,
  finding,
  hold,
  preview,
  retried,
  sent,
  tombstone,
  worker,
} from './records.ts'
import { enqueued, feedEntry, run, runCounts, runPage } from './run.ts'
import {
  chainTree,
  workflow,
  workflowControlled,
  workflowEnqueued,
  workflowExport,
  workflowPage,
} from './workflow.ts'

const answersOfRuns = list(controlled)

const lifted = named('Lifted', 'Whether there was a tombstone to lift.', () =>
  object<{ readonly wasLifted: boolean }>({ wasLifted: flag() }),
)
const pruned = named('Pruned', 'How many runs were deleted.', () =>
  object<{ readonly deletedCount: number }>({ deletedCount: count() }),
)

/** The schemas of the answers. */
export const answers = {
  Enqueued: enqueued,
  'Enqueued[]': list(enqueued),
  Run: run,
  RunPage: runPage,
  RunCounts: runCounts,
  FeedEntry: feedEntry,
  'Controlled[]': answersOfRuns,
  'Controlled[] | Hold': either(Array.isArray, answersOfRuns, hold),
  'Controlled[] | Hold | null': either(Array.isArray, answersOfRuns, nullable(hold)),
  'Retried[]': list(retried),
  'Sent[]': list(sent),
  Preview: preview,
  Hold: hold,
  'Hold | null': nullable(hold),
  'Hold[]': list(hold),
  'Bulk | null': nullable(bulk),
  'Bulk[]': list(bulk),
  AuditPage: auditPage,
  'Tombstone[]': list(tombstone),
  Lifted: lifted,
  Pruned: pruned,
  'Worker[]': list(worker),
  'Finding[]': list(finding),
  RunWaited: runWaited,
  SignalWaited: signalWaited,
  WorkflowWaited: workflowWaited,
  Tasks: tasksAnswer,
  Lanes: lanesAnswer,
  Workflow: workflow,
  WorkflowPage: workflowPage,
  ChainTree: chainTree,
  WorkflowControlled: workflowControlled,
  WorkflowEnqueued: workflowEnqueued,
  WorkflowExport: workflowExport,
} as const

/** The name of an answer. */
export type AnswerName = keyof typeof answers
