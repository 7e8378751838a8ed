/**
 * The rest of a workflow as JSON: the nodes that have not completed, and the results that they still need.
 * `docs/workflow-export.schema.json` describes it.
 */
import { type NodePlan, usualNode } from './graph.ts'
import type { JsonText } from '../run/run.ts'
import type { Hooks } from './graph.ts'
import type { Cause } from './workflow.ts'

/** The version of the format; an export of another version is refused. */
export const exportVersion = 1
/** The address of the JSON Schema that describes an export. */
export const exportSchema = 'https://unpkg.com/checkrein/docs/workflow-export.schema.json'

/** The result of a node of the workflow that this one goes on with, or why it has none. */
export interface KeptResult {
  readonly result: JsonText | null
  readonly cause: Cause | null
  /** The run that it was; null for a group. */
  readonly runId: string | null
  readonly task: string | null
}

/** A message to a member that its handler was not through with. */
export interface ExportedSignal {
  /** The id of the call that sent it: the same call again finds the message at the new member, and sends nothing. */
  readonly callId: string
  readonly name: string
  readonly payload: JsonText | null
  readonly reason: string | null
  readonly by: string | null
  readonly origin: string | null
}

/** A node of a workflow that goes on with another. */
export interface RemainderNode extends NodePlan {
  /** The result of a node with the role `kept`; other nodes have none. */
  readonly kept?: KeptResult
  /** The last checkpoint of its run. */
  readonly checkpoint?: JsonText
  /** The signals that its handler has still to deal with, in the order in which they came. */
  readonly signals?: readonly ExportedSignal[]
}

/** A node in JSON: the parts that are as in `usualNode` are left out. */
export type ExportedNode = Pick<NodePlan, 'node' | 'chainEnd' | 'last'> & Partial<RemainderNode>

/** The rest of a workflow, as `export()` gives it and an import takes it. Instants are epoch ms. */
export interface WorkflowExport {
  readonly $schema: string
  readonly version: typeof exportVersion
  /** The head of the workflow that the export comes from. */
  readonly workflow: {
    readonly id: string
    readonly name: string | null
    readonly key: string | null
    readonly tags: readonly string[]
    readonly priority: number
    readonly pausesAtPoints: boolean
    readonly hooks: Hooks
  }
  readonly exportedAt: number
  /** The run that completed last; null where none has. */
  readonly last: { readonly runId: string; readonly task: string; readonly result: unknown } | null
  readonly nodes: readonly ExportedNode[]
}

/** A node without the parts that are as in `usualNode`. */
export function exportedNode(node: RemainderNode): ExportedNode {
  const parts = Object.entries(node).filter(
    ([name, value]) =>
      value !== undefined &&
      JSON.stringify(value) !== JSON.stringify(usualNode[name as keyof typeof usualNode]),
  )
  return Object.fromEntries(parts) as unknown as ExportedNode
}
