/**
 * A workflow that is to be started, read from JSON: the form is that of an export, with nothing in it that has been run.
 *
 * The numbers of the nodes are a layout (see `graph.ts`): what lies within a group, and the rest of a chain, are ranges. A range that
 * is wrong would leave runs behind that nobody ever starts or stops. So the layout is made anew from `next`, `up`, `slot`
 * and `size`, and whatever else the JSON says of it must be the same, or be left out:
 *
 *     { "version": 1, "nodes": [
 *       { "node": 1, "next": 2, "step": { "task": "fetch", "takes": "given", "bound": "{\"url\":\"…\"}" } },
 *       { "node": 2, "step": { "task": "index" } } ] }
 */
import { type CheckreinError, shown } from '../errors.ts'
import { type ExportedNode, exportVersion, type WorkflowExport } from './export.ts'
import { deepest, mostNodes, type NodePlan, usualNode } from './graph.ts'
import { workflowError } from './parts.ts'
import { isRecord } from '../is-record.ts'
import { readHead, readNode } from './read-nodes.ts'
import type { StepPlan } from './step-plan.ts'

/** The head of a workflow in JSON; what is left out is as `startWorkflow` has it by default. */
type GraphHead = Partial<WorkflowExport['workflow']>

/** A node in JSON: what the layout says already, and what is as usual, may be left out. */
export type GraphNode = Partial<Omit<ExportedNode, 'node' | 'step' | 'kept' | 'checkpoint'>> & {
  readonly node: number
  /** Null, or left out, for a group. Of a step only its task must be named: it takes the result before it, on the queue `default`. */
  readonly step?: (Pick<StepPlan, 'task'> & Partial<StepPlan>) | null
}

/** A workflow as JSON, which `startWorkflow` takes where its tasks are not at hand; `workflowGraph` makes it from steps. */
export interface WorkflowGraph {
  readonly $schema?: string
  readonly version: typeof exportVersion
  /** The options of `startWorkflow` go before what stands here. */
  readonly workflow?: GraphHead
  readonly nodes: readonly GraphNode[]
}

/** A graph that was read: its nodes as they are stored. */
export interface ReadGraph {
  readonly head: WorkflowExport['workflow'] | null
  readonly nodes: readonly NodePlan[]
}

/** Whether a value is meant as the JSON of a workflow, and not as its steps. */
export const isGraph = (value: unknown): value is WorkflowGraph =>
  isRecord(value) && ('nodes' in value || 'version' in value) && !('part' in value)

/** @throws {CheckreinError} `WORKFLOW_INVALID`, which names the node and says what is wrong with it. */
export function readGraph(value: unknown): ReadGraph {
  if (!isRecord(value)) throw badGraph('it is not an object')
  refuseUnknown('the workflow', value, topNames)
  if (value['version'] !== exportVersion)
    throw badGraph(`its version is ${shown(value['version'])}, and not ${exportVersion}`)
  const { workflow, nodes } = value
  if (!Array.isArray(nodes) || nodes.length === 0) throw badGraph('`nodes` is no list of nodes')
  if (nodes.length > mostNodes) throw badGraph(`it has more than ${mostNodes} nodes`)
  const head = workflow === undefined ? null : headOf(workflow)
  const all = nodes.map((node, at) => nodeOf(node, at + 1))
  const pausing = all.find(({ role, hooks }) => role === 'clause' || hooks.onPaused)
  if (pausing && head?.pausesAtPoints !== true)
    throw badGraph(
      `node ${pausing.node} is about pause points, and workflow.pausesAtPoints is not true`,
    )
  new Layout(all).check()
  return { head, nodes: all }
}

const topNames = ['$schema', 'version', 'workflow', 'exportedAt', 'last', 'nodes']
const headNames = ['id', 'name', 'key', 'tags', 'priority', 'pausesAtPoints', 'hooks']
const nodeNames = ['node', 'last', 'chainEnd', ...Object.keys(usualNode)]
const usualStep = {
  queue: 'default',
  priority: null,
  tags: [],
  id: null,
  isMapped: false,
  delayMs: null,
  ttlMs: null,
}
const stepNames = ['task', 'takes', 'bound', ...Object.keys(usualStep)]

function headOf(value: unknown): WorkflowExport['workflow'] {
  if (!isRecord(value)) throw badGraph('`workflow` is not an object')
  refuseUnknown('workflow', value, headNames)
  const { hooks } = value
  return readHead(
    { id: '', ...value, ...(isRecord(hooks) ? { hooks: hooksOf(hooks) } : {}) },
    badGraph,
  )
}

type Draft = { -readonly [Name in keyof NodePlan]: NodePlan[Name] }

/** A node with the parts that were left out; those of the layout are set by `Layout`. */
function nodeOf(value: unknown, number: number): Draft {
  if (!isRecord(value)) throw badGraph(`node ${number} is not an object`)
  const { node, role, step, hooks } = value
  if (node !== number)
    throw badGraph(`the nodes are numbered from 1, in order, and the ${number}th is ${shown(node)}`)
  if (
    role === 'kept' ||
    role === 'rollback' ||
    'kept' in value ||
    'checkpoint' in value ||
    'signals' in value
  )
    throw badGraph(
      `node ${number} is of a workflow that has begun`,
      'Go on with it: importWorkflow.',
    )
  refuseUnknown(`node ${number}`, value, nodeNames)
  const read = readNode(
    {
      chainEnd: number,
      last: number,
      ...value,
      ...(isRecord(step) ? { step: stepOf(step, `node ${number}: its step`) } : {}),
      ...(isRecord(hooks) ? { hooks: hooksOf(hooks) } : {}),
    },
    badGraph,
  )
  return { ...read, ...layoutGiven(value) }
}

/** The parts of the layout that were given; undefined where they were not. */
const layoutGiven = (value: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(layoutNames.map((name) => [name, value[name]]))

const layoutNames = ['last', 'chainEnd', 'isHead', 'isAtOnce', 'source'] as const
type LayoutName = (typeof layoutNames)[number]

function hooksOf(hooks: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(hooks).map(([name, plan]) => [
      name,
      isRecord(plan) ? stepOf(plan, `the step of ${name}`) : plan,
    ]),
  )
}

function stepOf(step: Readonly<Record<string, unknown>>, what: string): object {
  refuseUnknown(what, step, stepNames)
  const { bound = null } = step
  const { id = null } = step
  if (id !== null && typeof id !== 'string') throw badGraph(`${what}: its id is not text`)
  return { ...usualStep, takes: bound === null ? 'previous' : 'given', bound, ...step }
}

interface ChainContext {
  readonly up: number | null
  readonly slot: number
  readonly isAtOnce: boolean
  readonly depth: number
}

/** Goes through the nodes as `graph.ts` has laid them out. */
class Layout {
  readonly #nodes: readonly Draft[]

  constructor(nodes: readonly Draft[]) {
    this.#nodes = nodes
  }

  check(): void {
    const end = this.#chain(1, { up: null, slot: 0, isAtOnce: true, depth: 1 })
    if (end < this.#nodes.length)
      throw badGraph(`nothing leads to node ${end + 1}`, 'Name it as `next` of the node before it.')
  }

  /** @returns the last node of the chain that begins there. */
  #chain(first: number, context: ChainContext): number {
    if (context.depth > deepest) throw badGraph(`it is more than ${deepest} levels deep`)
    const own: Draft[] = []
    let end = first
    for (let at: number | null = first; at !== null; at = this.#next(own.at(-1), end)) {
      const node = this.#at(at, context)
      const isAtOnce = context.isAtOnce && own.length === 0
      own.push(node)
      end = node.step === null ? this.#group(node, { ...context, isAtOnce }) : at
      fill(node, { last: end, isHead: own.length === 1, isAtOnce })
    }
    for (const [at, node] of own.entries()) fill(node, { chainEnd: end, source: sourceOf(own, at) })
    return end
  }

  #at(number: number, { up, slot }: ChainContext): Draft {
    const node = this.#nodes[number - 1]
    if (!node) throw badGraph(`there is no node ${number}`)
    if (node.up === up && node.slot === slot) return node
    const is = `up ${node.up}, slot ${node.slot}`
    throw badGraph(`node ${number} is at ${is}, and the layout has it at up ${up}, slot ${slot}`)
  }

  #next(before: Draft | undefined, end: number): number | null {
    const next = before?.next ?? null
    if (next === null || next === end + 1) return next
    throw badGraph(
      `node ${before?.node}: its \`next\` is ${next}, and what comes next is ${end + 1}`,
    )
  }

  #group({ node, size, role }: Draft, { isAtOnce, depth }: ChainContext): number {
    if (role !== 'step') throw badGraph(`node ${node} is a ${role}, and has no step`)
    let end = node
    for (let slot = 0; slot < size; slot++)
      end = this.#chain(end + 1, { up: node, slot, isAtOnce, depth: depth + 1 })
    return end
  }
}

/** The source of a node: where a clause stands before it, the node before the clause. */
function sourceOf(chain: readonly Draft[], at: number): number | null {
  const [before, clause, node] = [chain[at - 2], chain[at - 1], chain[at]]
  if (node?.role === 'clause' && (clause === undefined || chain[at + 1] === undefined))
    throw badGraph(`node ${node.node} is a clause, which stands between two nodes of a chain`)
  return clause?.role === 'clause' ? (before?.node ?? null) : null
}

/** Sets what the layout says, where the JSON says nothing else. */
function fill(node: Draft, known: Partial<Pick<Draft, LayoutName>>): void {
  for (const [name, value] of Object.entries(known)) {
    const said: unknown = node[name as LayoutName]
    if (said !== undefined && said !== value)
      throw badGraph(
        `node ${node.node}: ${name} is ${shown(said)}, and by the layout it is ${shown(value)}`,
        'Leave it out: it follows from `next`, `up`, `slot` and `size`.',
      )
    Object.assign(node, { [name]: value })
  }
}

function refuseUnknown(
  what: string,
  value: Readonly<Record<string, unknown>>,
  names: readonly string[],
): void {
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw badGraph(`${what} has no ${shown(unknown)}`, `Names: ${names.join(', ')}.`)
}

const whatIsOne =
  'docs/workflow-graph.schema.json describes it; `workflowGraph(workflow)` makes it from steps.'
const badGraph = (why: string, hint = whatIsOne): CheckreinError =>
  workflowError(`this is not a workflow that can be started: ${why}`, hint)
