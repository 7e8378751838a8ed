/** The rows of workflows and of their nodes. */
import type { Hooks, NodePlan } from '../../core/workflow/graph.ts'
import type { JsonText } from '../../core/run/run.ts'
import type { StepPlan } from '../../core/workflow/step-plan.ts'
import type { Cause } from '../../core/workflow/workflow.ts'
import { runOf } from './runs.ts'
import type { KeptResult, RemainderNode } from '../../core/workflow/export.ts'
import type { NewWorkflow, StoredWorkflow, WorkflowNode } from '../port/workflows.ts'
import type { Param, Row } from '../driver/sql.ts'
import {
  bigint,
  type Columns,
  type DerivedColumn,
  flag,
  int,
  maybeBigint,
  maybeInt,
  maybeJson,
  maybeText,
  options,
  pick,
  prefixed,
  shapeOf,
  text,
  texts,
} from './columns.ts'

type WorkflowRow = Omit<StoredWorkflow, 'counts' | 'activeCount'>

const workflowColumns: Columns<WorkflowRow> = {
  seq: bigint('seq'),
  id: text('id'),
  name: maybeText('name'),
  key: maybeText('key'),
  holdsKey: flag('key_held'),
  state: text('state'),
  priority: int('priority'),
  createdAt: bigint('created_at'),
  finishedAt: maybeBigint('finished_at'),
  total: int('total'),
  completed: int('completed'),
  failed: int('failed'),
  cancelled: int('cancelled'),
  detached: int('detached'),
  pausesAtPoints: flag('at_points'),
  isDone: flag('is_done'),
  retryOf: maybeText('retry_of'),
  retryFrom: maybeInt('retry_from'),
  retriedBy: maybeText('retried_by'),
  waitsFor: maybeText('waits_for'),
  tags: texts('tags'),
  paused: maybeJson('paused'),
  stop: maybeJson('stop'),
  cause: maybeJson('cause'),
  rollback: maybeJson('rollback'),
  hooks: options<Hooks>('hooks', {}),
  result: maybeText('result'),
}

/** When a paused workflow resumes by itself, epoch ms: workflows are found by this column. */
const resumeAt: DerivedColumn<Pick<StoredWorkflow, 'paused'>> = {
  name: 'resume_at',
  type: 'bigint',
  write: ({ paused }) => paused?.until ?? null,
}

const workflow = shapeOf(workflowColumns)

/** The columns that are written for a new workflow. */
export const newWorkflow = shapeOf(
  pick(
    workflowColumns,
    ...(['id', 'name', 'key', 'holdsKey', 'state', 'priority', 'createdAt', 'total'] as const),
    ...(['pausesAtPoints', 'tags', 'hooks', 'retryOf', 'retryFrom', 'waitsFor'] as const),
  ),
)
/** The columns that `updateWorkflow` writes. */
export const workflowFacts = shapeOf(
  pick(
    workflowColumns,
    ...(['state', 'finishedAt', 'holdsKey', 'total', 'completed', 'failed'] as const),
    ...(['cancelled', 'detached', 'isDone', 'paused', 'stop', 'cause', 'rollback'] as const),
    ...(['result', 'retriedBy', 'waitsFor'] as const),
  ),
  [resumeAt],
)

/** Makes a workflow of its row; the counts of its members are null, for they are read apart. */
export function workflowOf(row: Row): StoredWorkflow {
  return Object.assign(workflow.read(row), { counts: null, activeCount: null })
}

/** The place of a new workflow: whether it has its key, and whose end it waits for. */
export type WorkflowPlace = Pick<StoredWorkflow, 'holdsKey' | 'waitsFor'>

/** The parameters of `insertWorkflow`. */
export function newWorkflowParams(flow: NewWorkflow, place: WorkflowPlace, now: number): Param[] {
  const total = flow.nodes.filter(({ step }) => step !== null).length
  const state = 'running' as const
  return newWorkflow.write({ ...flow, ...place, state, createdAt: now, total })
}

/** The parameters of `updateWorkflow`. */
export function workflowParams(flow: StoredWorkflow): Param[] {
  return [flow.id, ...workflowFacts.write(flow)]
}

/** How the input of a run comes about, and what is run beside it. */
interface Plan extends Hooks, Partial<Pick<StepPlan, 'takes' | 'bound' | 'delayMs' | 'ttlMs'>> {
  /** The run of another workflow that this node was. */
  readonly kept?: Pick<KeptResult, 'runId' | 'task'>
  /** Whether it begins when the workflow from which its own has taken the key has ended: `beginningNodes` finds it by this. */
  readonly begins?: true
}

/** A node as it is stored. */
export interface NodeRow extends Omit<NodePlan, 'isAtOnce' | 'step' | 'hooks'> {
  readonly workflow: string
  readonly runSeq: number | null
  readonly pending: number
  readonly failures: number
  readonly plan: Plan
  readonly cause: Cause | null
  readonly result: JsonText | null
}

const nodeColumns: Columns<NodeRow> = {
  workflow: text('workflow'),
  node: int('node'),
  runSeq: maybeBigint('run_seq'),
  next: maybeInt('next'),
  chainEnd: int('chain_end'),
  up: maybeInt('up'),
  slot: int('slot'),
  last: int('last'),
  isHead: flag('is_head'),
  isPausePoint: flag('is_point'),
  source: maybeInt('source'),
  role: text('role'),
  size: int('size'),
  policy: text('policy'),
  pending: int('pending'),
  failures: int('failures'),
  plan: options<Plan>('plan', {}),
  cause: maybeJson('cause'),
  result: maybeText('result'),
}

/** The columns of a node, all of which are written for a new one. */
export const newNode = shapeOf(nodeColumns)

const { workflow: _workflow, ...memberColumns } = nodeColumns
/** The columns that `membersOf` reads of each node, beside its run. */
const memberNode = shapeOf(prefixed<Omit<NodeRow, 'workflow'>>(memberColumns, 'n_'))
/** The columns of a node for a join with its run, `n.node AS n_node, …`: a run has columns of the same names. */
export const memberNodeNames = namesOf((name) => `n.${name}`)
/** The columns of `memberNodeNames`, with null for the results of groups, which may be large. */
export const slimNodeNames = namesOf((name) => (name === 'result' ? 'NULL' : `n.${name}`))

function namesOf(value: (name: string) => string): string {
  return Object.values(memberColumns)
    .map(({ name }) => `${value(name)} AS n_${name}`)
    .join(', ')
}

/**
 * The condition that a node is plain: when its run completes, the only consequence is that its group has one run less to wait for.
 * The condition implies that of no index, for nodes are found by their numbers.
 */
export const isPlain = "plan IS NULL AND next IS NULL AND coalesce(up, -1) >= 0 AND role = 'step'"

/** Makes a node of its row. */
export const nodeOf = (row: Row): NodeRow => newNode.read(row)

/** The parameters of `insertNodes`. */
export function nodeParams(
  { kept, step, hooks, ...node }: RemainderNode,
  { begins, ...of }: Pick<NodeRow, 'workflow' | 'runSeq' | 'pending'> & Pick<Plan, 'begins'>,
): Param[] {
  return newNode.write({
    ...node,
    ...of,
    failures: 0,
    plan: { ...planOf({ step, hooks, ...(kept ? { kept } : {}) }), ...(begins ? { begins } : {}) },
    cause: kept?.cause ?? null,
    result: kept?.result ?? null,
  })
}

/** The plan of a node, without the parts that stand in the row of its run already, such as an input that is given. */
function planOf({ step, hooks, kept }: Pick<RemainderNode, 'step' | 'hooks' | 'kept'>): Plan {
  return {
    ...hooks,
    ...(kept ? { kept: { runId: kept.runId, task: kept.task } } : {}),
    ...(step === null || step.takes === 'given' ? {} : { takes: step.takes }),
    ...(step?.takes === 'member' ? { bound: step.bound } : {}),
    ...(step?.delayMs == null ? {} : { delayMs: step.delayMs }),
    ...(step?.ttlMs == null ? {} : { ttlMs: step.ttlMs }),
  }
}

/** Makes a node with its run of a row of `membersOf`. */
export function memberOf(row: Row): WorkflowNode {
  const { runSeq, plan, ...node } = memberNode.read(row)
  const {
    onCompleted,
    onFailed,
    onPaused,
    takes = 'given',
    bound = null,
    delayMs = null,
    ttlMs = null,
  } = plan
  const run = row['id'] == null ? null : runOf(row)
  const hooks = {
    ...(onCompleted ? { onCompleted } : {}),
    ...(onFailed ? { onFailed } : {}),
    ...(onPaused ? { onPaused } : {}),
  }
  const given = takes === 'given' ? (run?.input ?? null) : bound
  const step =
    runSeq === null
      ? null
      : {
          task: run?.task ?? '',
          queue: run?.queue ?? '',
          priority: run?.priority ?? null,
          tags: run?.tags ?? [],
          id: null,
          takes,
          bound: given,
          isMapped: run?.isMapped ?? false,
          delayMs,
          ttlMs,
        }
  return {
    ...node,
    hooks,
    step,
    run,
    kept: plan.kept ?? null,
  }
}
