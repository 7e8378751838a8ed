/** Between rows and records of workflows. */
import type { Hooks, NodePlan, NodeRole } from '../../core/workflow/graph.ts'
import type { FanInPolicy } from '../../core/workflow/parts.ts'
import type { JsonText } from '../../core/run/run.ts'
import type { StepPlan } from '../../core/workflow/step-plan.ts'
import type { Cause, WorkflowState } from '../../core/workflow/workflow.ts'
import { runOf } from './runs.ts'
import type { KeptResult, RemainderNode } from '../../core/workflow/export.ts'
import type { NewWorkflow, StoredWorkflow, WorkflowNode } from '../port/workflows.ts'
import type { Param, Row } from '../driver/sql.ts'

type Cell = string | number | null | undefined
const maybeText = (cell: Cell): string | null => (cell == null ? null : String(cell))
const maybeNumber = (cell: Cell): number | null => (cell == null ? null : Number(cell))
const maybeJson = (cell: Cell): unknown => (cell == null ? null : JSON.parse(String(cell)))
const jsonOrNull = (value: unknown): string | null =>
  value === null ? null : JSON.stringify(value)
const flag = (is: boolean): number => (is ? 1 : 0)
const isSet = (cell: Cell): boolean => Number(cell) === 1

export function workflowOf(row: Row): StoredWorkflow {
  return {
    seq: Number(row['seq']),
    id: String(row['id']),
    name: maybeText(row['name']),
    key: maybeText(row['key']),
    holdsKey: isSet(row['key_held']),
    state: String(row['state']) as WorkflowState,
    priority: Number(row['priority']),
    createdAt: Number(row['created_at']),
    finishedAt: maybeNumber(row['finished_at']),
    total: Number(row['total']),
    completed: Number(row['completed']),
    failed: Number(row['failed']),
    cancelled: Number(row['cancelled']),
    detached: Number(row['detached']),
    pausesAtPoints: isSet(row['at_points']),
    isDone: isSet(row['is_done']),
    tags: (maybeJson(row['tags']) ?? []) as string[],
    paused: maybeJson(row['paused']) as StoredWorkflow['paused'] | null,
    stop: maybeJson(row['stop']) as StoredWorkflow['stop'] | null,
    cause: maybeJson(row['cause']) as Cause | null,
    rollback: maybeJson(row['rollback']) as StoredWorkflow['rollback'] | null,
    hooks: maybeJson(row['hooks']) ?? {},
    result: maybeText(row['result']),
    retryOf: maybeText(row['retry_of']),
    retriedBy: maybeText(row['retried_by']),
    counts: null,
    activeCount: null,
  }
}

/** The parameters of `insertWorkflow`. */
export function newWorkflowParams(flow: NewWorkflow, now: number): Param[] {
  const total = flow.nodes.filter(({ step }) => step !== null).length
  return [
    flow.id,
    flow.name,
    flow.key,
    flag(flow.key !== null),
    'running',
    flow.priority,
    now,
    null,
    total,
    flag(flow.pausesAtPoints),
    flow.tags.length > 0 ? JSON.stringify(flow.tags) : null,
    Object.keys(flow.hooks).length > 0 ? JSON.stringify(flow.hooks) : null,
    flow.retryOf,
    null,
  ]
}

/** The parameters of `updateWorkflow`. */
export function workflowParams(flow: StoredWorkflow): Param[] {
  return [
    flow.id,
    flow.state,
    flow.finishedAt,
    flow.paused?.until ?? null,
    flag(flow.holdsKey),
    flow.total,
    flow.completed,
    flow.failed,
    flow.cancelled,
    flow.detached,
    flag(flow.isDone),
    jsonOrNull(flow.paused),
    jsonOrNull(flow.stop),
    jsonOrNull(flow.cause),
    jsonOrNull(flow.rollback),
    flow.result,
    flow.retriedBy,
  ]
}

/** How the input of a run comes about, and what is run beside it. */
interface Plan extends Hooks, Partial<Pick<StepPlan, 'takes' | 'bound' | 'delayMs' | 'ttlMs'>> {
  /** The run of another workflow that this node was. */
  readonly kept?: Pick<KeptResult, 'runId' | 'task'>
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

export function nodeOf(row: Row): NodeRow {
  return {
    workflow: String(row['workflow']),
    node: Number(row['at_node'] ?? row['node']),
    runSeq: maybeNumber(row['run_seq']),
    next: maybeNumber(row['next']),
    chainEnd: Number(row['chain_end']),
    up: maybeNumber(row['up']),
    slot: Number(row['slot']),
    last: Number(row['last']),
    isHead: isSet(row['is_head']),
    isPausePoint: isSet(row['is_point']),
    source: maybeNumber(row['source']),
    role: String(row['role']) as NodeRole,
    size: Number(row['size']),
    policy: String(row['policy']) as FanInPolicy,
    pending: Number(row['pending']),
    failures: Number(row['node_failures'] ?? row['failures']),
    plan: maybeJson(row['plan']) ?? {},
    cause: maybeJson(row['cause']) as Cause | null,
    result: maybeText(row['result']),
  }
}

/** The parameters of `insertNodes`. */
export function nodeParams(
  { kept, step, hooks, ...node }: RemainderNode,
  {
    workflow,
    runSeq,
    pending,
  }: { readonly workflow: string; readonly runSeq: number | null; readonly pending: number },
): Param[] {
  return [
    workflow,
    node.node,
    runSeq,
    node.next,
    node.chainEnd,
    node.up,
    node.slot,
    node.last,
    flag(node.isHead),
    flag(node.isPausePoint),
    node.source,
    node.role,
    node.size,
    node.policy,
    pending,
    0,
    planText({ step, hooks, ...(kept ? { kept } : {}) }),
    kept?.result ?? null,
    kept?.cause ? JSON.stringify(kept.cause) : null,
  ]
}

/** Nothing of what stands in the row of its run already: an input that is given. */
function planText({
  step,
  hooks,
  kept,
}: Pick<RemainderNode, 'step' | 'hooks' | 'kept'>): string | null {
  const plan: Plan = {
    ...hooks,
    ...(kept ? { kept: { runId: kept.runId, task: kept.task } } : {}),
    ...(step === null || step.takes === 'given' ? {} : { takes: step.takes }),
    ...(step?.takes === 'member' ? { bound: step.bound } : {}),
    ...(step?.delayMs == null ? {} : { delayMs: step.delayMs }),
    ...(step?.ttlMs == null ? {} : { ttlMs: step.ttlMs }),
  }
  return Object.keys(plan).length > 0 ? JSON.stringify(plan) : null
}

/** A row of `membersOf`. */
export function memberOf(row: Row): WorkflowNode {
  const { runSeq, workflow: _, plan, ...node } = nodeOf(row)
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
    result: maybeText(row['node_result']),
  }
}
