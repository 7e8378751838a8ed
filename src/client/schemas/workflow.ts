/** The schemas of the answers about workflows. */
import type { StepFailure } from '../../core/run/settled.ts'
import { runningPolicies } from '../../core/run/intent.ts'
import { stopVerbs } from '../../core/run/transitions.ts'
import { exportSchema, type WorkflowExport } from '../../core/workflow/export.ts'
import { type Hooks, nodeRoles } from '../../core/workflow/graph.ts'
import { isGraph, type WorkflowGraph } from '../../core/workflow/read-graph.ts'
import { graphSchema } from '../requests/workflow-graph.ts'
import { fanInPolicies } from '../../core/workflow/parts.ts'
import {
  type WorkflowPause,
  type WorkflowRollback,
  workflowStates,
  type WorkflowStop,
} from '../../core/workflow/workflow.ts'
import type { WorkflowControlled, WorkflowEnqueued } from '../../store/store.ts'
import type {
  ChainTree,
  GroupTree,
  RunTree,
  Workflow,
  WorkflowStatus,
  WorkflowTree,
} from '../views/workflow-view.ts'
import {
  anything,
  count,
  either,
  flag,
  instant,
  integer,
  literal,
  nullable,
  text,
  words,
} from './kinds.ts'
import { list, object, optional } from './shapes.ts'
import { answer } from './records.ts'
import { killChoice, type ListedRun, listedRun, runCounts } from './run.ts'
import { named, type Schema } from './schema.ts'

const stepFailure = named('StepFailure', 'Why a step, or a workflow, did not complete.', () =>
  object<StepFailure>({
    workflowId: text(),
    state: words<StepFailure['state']>({ failed: true, cancelled: true }),
    runId: nullable(text()),
    task: nullable(text()),
    error: anything(),
    stop: anything(),
  }),
)

const statuses: Readonly<Record<WorkflowStatus, true>> = {
  running: true,
  completed: true,
  failed: true,
  cancelled: true,
  waiting: true,
  pausing: true,
  paused: true,
  cancelling: true,
  'rolling back': true,
}

const pause = object<WorkflowPause>({
  reason: nullable(text()),
  by: nullable(text()),
  at: instant(),
  until: nullable(instant()),
  isTold: optional(flag()),
})

const stop = object<WorkflowStop>({
  verb: words(stopVerbs),
  reason: nullable(text()),
  by: nullable(text()),
  requestedAt: instant(),
  running: words(runningPolicies),
  rollback: flag(),
  kill: optional(killChoice),
})

const rollback = object<WorkflowRollback>({
  askedAt: instant(),
  finishedAt: nullable(instant()),
  total: count(),
  done: count(),
  failed: count(),
})

/** The schema of a workflow, without its members. */
export const workflow = named('Workflow', 'A workflow, as it was when it was read.', () =>
  object<Workflow>({
    id: text(),
    name: nullable(text()),
    key: nullable(text()),
    tags: list(text()),
    priority: integer(),
    state: words(workflowStates),
    status: words(statuses),
    total: count(),
    counts: runCounts,
    detached: count(),
    result: anything(),
    failure: nullable(stepFailure),
    paused: nullable(pause),
    stop: nullable(stop),
    rollback: nullable(rollback),
    retryOf: nullable(text()),
    retryFrom: nullable(integer()),
    retriedBy: nullable(text()),
    waitsFor: nullable(text()),
    createdAt: instant(),
    finishedAt: nullable(instant()),
  }),
)

/** The schema of a page of workflows; `cursor` is null on the last page. */
export const workflowPage = named('WorkflowPage', 'A page of workflows.', () =>
  object<{ readonly workflows: readonly Workflow[]; readonly cursor: string | null }>({
    workflows: list(workflow),
    cursor: nullable(text()),
  }),
)

const isOfKind =
  (kind: WorkflowTree<ListedRun>['kind']) =>
  (value: unknown): boolean =>
    (value as { readonly kind?: unknown } | null)?.kind === kind

const hookNames: Readonly<Record<keyof Hooks, true>> = {
  onCompleted: true,
  onFailed: true,
  onPaused: true,
}

const runTree = named('RunTree', 'A run of a workflow, in its place.', () =>
  object<RunTree<ListedRun>>({
    kind: literal('run'),
    node: integer(),
    role: words(nodeRoles),
    task: nullable(text()),
    runId: nullable(text()),
    run: nullable(listedRun),
    hooks: list(words(hookNames)),
  }),
)

const groupTree: Schema<GroupTree<ListedRun>> = named('GroupTree', 'A group of a workflow.', () =>
  object<GroupTree<ListedRun>>({
    kind: literal('group'),
    node: integer(),
    policy: words(fanInPolicies),
    pending: count(),
    failures: count(),
    members: list(workflowTree),
  }),
)

const step: Schema<GroupTree<ListedRun> | RunTree<ListedRun>> = either(
  isOfKind('group'),
  groupTree,
  runTree,
)

/** The schema of a chain of a workflow: its steps in order, each a run or a group of further chains and runs. */
export const chainTree: Schema<ChainTree<ListedRun>> = named(
  'ChainTree',
  'A chain of a workflow.',
  () => object<ChainTree<ListedRun>>({ kind: literal('chain'), steps: list(step) }),
)

const workflowTree: Schema<WorkflowTree<ListedRun>> = either(isOfKind('chain'), chainTree, step)

/** The schema of the answer of a workflow to a verb. */
export const workflowControlled = named(
  'WorkflowControlled',
  'The answer of a workflow to a verb.',
  () =>
    object<WorkflowControlled>({
      id: text(),
      answer,
      state: nullable(words(workflowStates)),
      tombstoneUntil: nullable(instant()),
    }),
)

/** The schema of the answer to the start of a workflow. */
export const workflowEnqueued = named(
  'WorkflowEnqueued',
  'The answer to the start of a workflow.',
  () =>
    object<WorkflowEnqueued>({
      id: text(),
      outcome: words<WorkflowEnqueued['outcome']>({
        enqueued: true,
        exists: true,
        prevented: true,
      }),
      replacedId: nullable(text()),
    }),
)

/** The schema of a workflow that is given as JSON. It refers to a schema file that is published with the package; `startWorkflow` checks the parts. */
export const workflowGraph = named(
  'WorkflowGraph',
  'A workflow as JSON, described by a schema of its own.',
  (): Schema<WorkflowGraph> => ({
    json: () => ({ $ref: graphSchema }),
    read: (outside, reading) =>
      isGraph(outside) ? outside : reading.misfit('is no workflow as JSON: `version` and `nodes`'),
    write: (value) => value,
  }),
)

/** The schema of the export of a workflow. It refers to a schema file that is published with the package; `importWorkflow` checks the parts. */
export const workflowExport = named(
  'WorkflowExport',
  'The remainder of a workflow as JSON, described by a schema of its own.',
  (): Schema<WorkflowExport> => ({
    json: () => ({ $ref: exportSchema }),
    read: (outside, reading) =>
      typeof outside === 'object' && outside !== null
        ? (outside as WorkflowExport)
        : reading.misfit('is not an object'),
    write: (value) => value,
  }),
)
