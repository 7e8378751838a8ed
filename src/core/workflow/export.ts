/**
 * The rest of a workflow as JSON: the nodes that have not completed, and the results that they still need.
 * `docs/workflow-export.schema.json` describes it.
 */
import { CheckreinError, shown } from '../errors.ts'
import { isRecord } from '../is-record.ts'
import { mostNodes, type NodePlan, nodeRoles, usualNode } from './graph.ts'
import { fanInPolicies, workflowError } from './parts.ts'
import type { JsonText } from '../run/run.ts'
import type { StepPlan } from './step-plan.ts'
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

/** A node of a workflow that goes on with another. */
export interface RemainderNode extends NodePlan {
  /** The result of a node with the role `kept`; other nodes have none. */
  readonly kept?: KeptResult
  /** The last checkpoint of its run. */
  readonly checkpoint?: JsonText
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

/**
 * Reads an export, and checks every part of it: it may come from anywhere.
 * @param value the JSON text, or the value that it holds.
 * @throws {CheckreinError} `WORKFLOW_INVALID`.
 */
export function readExport(
  value: unknown,
): Omit<WorkflowExport, 'nodes'> & { readonly nodes: readonly RemainderNode[] } {
  const given = typeof value === 'string' ? parsed(value) : value
  if (!isRecord(given)) throw badExport('it is not an object')
  if (given['version'] !== exportVersion)
    throw badExport(`its version is ${shown(given['version'])}, and not ${exportVersion}`)
  const { workflow, nodes } = given
  if (!isRecord(workflow) || !Array.isArray(nodes))
    throw badExport('`workflow` or `nodes` is missing')
  if (nodes.length === 0) throw badExport('nothing is left of it to be done', 'It had completed.')
  if (nodes.length > mostNodes) throw badExport(`it has more than ${mostNodes} nodes`)
  const all = nodes.map(readNode)
  checkLinks(all)
  return {
    ...(given as unknown as WorkflowExport),
    workflow: readHead(workflow),
    nodes: all,
  }
}

function readHead(head: Readonly<Record<string, unknown>>): WorkflowExport['workflow'] {
  const {
    id,
    name = null,
    key = null,
    tags = [],
    priority = 0,
    pausesAtPoints = false,
    hooks = {},
  } = head
  if (!isText(id)) throw badExport('workflow.id is not text')
  if (!isTextOrNull(name) || !isTextOrNull(key))
    throw badExport('workflow.name and workflow.key are text or null')
  if (!isListOfText(tags)) throw badExport('workflow.tags is not a list of text')
  if (!Number.isInteger(priority)) throw badExport('workflow.priority is not a whole number')
  if (!isHooks(hooks)) throw badExport('workflow.hooks is not well formed')
  return {
    id,
    name,
    key,
    tags,
    priority: priority as number,
    pausesAtPoints: pausesAtPoints === true,
    hooks,
  }
}

function readNode(value: unknown): RemainderNode {
  if (!isRecord(value)) throw badExport('a node is not an object')
  const node = { ...usualNode, ...value } as unknown as RemainderNode
  const what = `node ${shown(value['node'])}`
  for (const name of ['node', 'chainEnd', 'last', 'slot', 'size'] as const)
    if (!isCount(node[name])) throw badExport(`${what}: ${name} is not a whole number from 0`)
  for (const name of ['next', 'up', 'source'] as const)
    if (node[name] !== null && !isCount(node[name])) throw badExport(`${what}: ${name} is no node`)
  for (const name of ['isHead', 'isPausePoint', 'isAtOnce'] as const)
    if (typeof node[name] !== 'boolean') throw badExport(`${what}: ${name} is not true or false`)
  if (!nodeRoles.includes(node.role)) throw badExport(`${what}: no role ${shown(node.role)}`)
  if (!fanInPolicies.includes(node.policy))
    throw badExport(`${what}: no policy ${shown(node.policy)}`)
  if (!isHooks(node.hooks)) throw badExport(`${what}: its hooks are not well formed`)
  if (node.step !== null && !isStep(node.step))
    throw badExport(`${what}: its step is not well formed`)
  if ((node.role === 'kept') !== isKept(node.kept))
    throw badExport(`${what}: what was kept is not well formed`)
  if (node.checkpoint !== undefined && !isJson(node.checkpoint))
    throw badExport(`${what}: its checkpoint is not JSON`)
  return node
}

/** Checks that every node which another names is there, or is over, and that no node names an earlier one as its next. */
function checkLinks(nodes: readonly RemainderNode[]): void {
  const numbers = new Set(nodes.map(({ node }) => node))
  if (numbers.size < nodes.length) throw badExport('two nodes have one number')
  const slots = new Set<string>()
  for (const { node, next, up, slot, source, role } of nodes) {
    if (next !== null && (next <= node || !numbers.has(next)))
      throw badExport(`node ${node}: what comes next is not a later node`)
    if (up !== null && (up >= node || !numbers.has(up)))
      throw badExport(`node ${node}: there is no group ${up}`)
    if (source !== null && source >= node)
      throw badExport(`node ${node}: its source is not an earlier node`)
    if (up !== null && (next === null || role === 'kept') && slots.has(`${up} ${slot}`))
      throw badExport(`two chains fill slot ${slot} of group ${up}`)
    if (up !== null && (next === null || role === 'kept')) slots.add(`${up} ${slot}`)
  }
  for (const { node, step, role, size } of nodes) {
    if (step !== null || role === 'kept') continue
    const filled = Array.from({ length: size }, (_, slot) => slots.has(`${node} ${slot}`))
    if (size > nodes.length || filled.includes(false))
      throw badExport(`group ${node} has not ${size} members`)
  }
  if (nodes.every(({ isAtOnce }) => !isAtOnce)) throw badExport('nothing of it would start')
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 500 && value.isWellFormed() && !value.includes('\0')
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value)
const isListOfText = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= 100 && value.every(isText)
const isCount = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31
const isMs = (value: unknown): boolean =>
  value === null || (Number.isSafeInteger(value) && (value as number) >= 0)

function isJson(value: unknown): boolean {
  if (typeof value !== 'string' || !value.isWellFormed()) return false
  try {
    JSON.parse(value)
    return true
  } catch {
    return false
  }
}

function isKept(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { result, cause } = value
  return (result === null || isJson(result)) && (cause === null || isRecord(cause))
}

function isHooks(value: unknown): value is Hooks {
  const known = ['onCompleted', 'onFailed', 'onPaused']
  return (
    isRecord(value) &&
    Object.entries(value).every(([name, plan]) => known.includes(name) && isStep(plan))
  )
}

function isStep(value: unknown): value is StepPlan {
  if (!isRecord(value)) return false
  const { task, queue, priority, tags, takes, bound, isMapped, delayMs, ttlMs } = value
  return (
    isName(task) &&
    isName(queue) &&
    (priority === null || Number.isInteger(priority)) &&
    isListOfText(tags) &&
    isBound(takes, bound) &&
    typeof isMapped === 'boolean' &&
    isMs(delayMs) &&
    isMs(ttlMs)
  )
}

const isName = (value: unknown): boolean =>
  typeof value === 'string' && /^[\w.:/-]{1,200}$/.test(value)

function isBound(takes: unknown, bound: unknown): boolean {
  if (takes === 'previous') return bound === null
  if (takes === 'member') return typeof bound === 'string' && isJson(`${bound}null}`)
  return takes === 'given' && (bound === null || isJson(bound))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const message = 'the export of a workflow is not JSON'
    throw new CheckreinError('WORKFLOW_INVALID', { message, hint: whatIsOne, cause })
  }
}

const whatIsOne = 'Give what `export()`, an `onPaused` task or `checkrein workflow export` gave.'
const badExport = (why: string, hint = whatIsOne): CheckreinError =>
  workflowError(`this is not the export of a workflow: ${why}`, hint)
