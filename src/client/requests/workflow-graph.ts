/** Workflows between steps in code and JSON, for a program that has the tasks and one that has not. */
import { exportedNode, exportVersion } from '../../core/workflow/export.ts'
import { graphOf, type Hooks, type NodePlan } from '../../core/workflow/graph.ts'
import { partOf, type StepLike } from '../../core/workflow/parts.ts'
import type { ReadGraph, WorkflowGraph } from '../../core/workflow/read-graph.ts'
import type { PlanOptions, StepPlan } from '../../core/workflow/step-plan.ts'
import { defaultPayloadLimit, refuseLarge } from '../../core/payload.ts'
import { checkedName } from '../../core/task/task.ts'
import { checkedId } from '../options/targets.ts'
import { checkedPriority, checkedTags } from './enqueue.ts'

/** How the parts of steps are checked. @param payloadLimit of an input, in bytes of JSON. */
export const planOptions = (payloadLimit = defaultPayloadLimit): PlanOptions => ({
  payloadLimit,
  checkedId,
  checkedTags,
  checkedPriority,
  checkedQueue: (queue) => checkedName(queue, 'queue'),
})

/** The address of the schema that describes a workflow as JSON. */
export const graphSchema = 'https://unpkg.com/checkrein/docs/workflow-graph.schema.json'

/**
 * The JSON of a workflow, which another program starts that does not have its tasks: with `startWorkflow`, or with `checkrein
 * workflow start`. Inputs are not checked against the schemas of the tasks here; the worker checks them before each run.
 * @param options `payloadLimit`: of an input, in bytes of JSON; default 1 MiB.
 * @throws {CheckreinError} `WORKFLOW_INVALID`, `PAYLOAD_…`, `USAGE`.
 */
export function workflowGraph(
  workflow: StepLike,
  options: { readonly payloadLimit?: number } = {},
): WorkflowGraph {
  const { nodes, pausesAtPoints } = graphOf(partOf(workflow), planOptions(options.payloadLimit))
  return {
    $schema: graphSchema,
    version: exportVersion,
    ...(pausesAtPoints ? { workflow: { pausesAtPoints } } : {}),
    nodes: nodes.map(exportedNode),
  }
}

/**
 * A graph that was read from JSON, whose steps are checked as those of code are.
 * @throws {CheckreinError} `PAYLOAD_TOO_LARGE`, `USAGE`.
 */
export function checkedGraph({ head, nodes }: ReadGraph, how: PlanOptions): ReadGraph {
  const plan = (step: StepPlan): StepPlan => checkedStep(step, how)
  const hooksOf = (hooks: Hooks): Hooks =>
    Object.fromEntries(Object.entries(hooks).map(([name, step]) => [name, plan(step)]))
  const nodeOf = (node: NodePlan): NodePlan => ({
    ...node,
    hooks: hooksOf(node.hooks),
    step: node.step && plan(node.step),
  })
  return {
    head: head && {
      ...head,
      tags: how.checkedTags(head.tags),
      priority: how.checkedPriority(head.priority),
      hooks: hooksOf(head.hooks),
    },
    nodes: nodes.map(nodeOf),
  }
}

function checkedStep(step: StepPlan, how: PlanOptions): StepPlan {
  const { id, tags, priority, bound, task } = step
  if (bound !== null && bound.length * 3 > how.payloadLimit)
    refuseLarge(Buffer.byteLength(bound), `input of ${task}`, how.payloadLimit)
  return {
    ...step,
    id: id === null ? null : how.checkedId(id),
    tags: how.checkedTags(tags),
    priority: priority === null ? null : how.checkedPriority(priority),
  }
}
