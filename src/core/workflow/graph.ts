/**
 * A workflow as it is kept: a flat list of nodes, each a run or a group, numbered so that what lies within a node, and the
 * rest of a chain after any of its nodes, are ranges of numbers.
 *
 *     chain([a, group([b, chain([c, d])]), e])
 *
 *     1 a ──next──▶ 2 group ──next──▶ 6 e          2 lasts to 5; 3, 4 and 5 have it above them
 *                   ├ slot 0: 3 b
 *                   └ slot 1: 4 c ──next──▶ 5 d
 *
 * The row of a node says all that must happen when the node has ended: the node that comes next, the last node of its chain, and
 * the slot of the group that the chain fills. So no step of a workflow reads more of the graph than the nodes that it touches.
 */
import {
  type ChainPart,
  type FanInPolicy,
  type GroupPart,
  workflowError,
  type Part,
  type RunPart,
  type StepLike,
} from './parts.ts'
import type { JsonText } from '../run/run.ts'
import { hookPart, inputOf, type PlanOptions, type StepPlan, stepPlan } from './step-plan.ts'

/** How many runs and groups a workflow has at most. */
export const mostNodes = 100_000
/** How many groups and chains lie within each other at most. */
export const deepest = 1000

/** The tasks that are run beside the workflow when something has happened; the workflow does not wait for them. */
export interface Hooks {
  readonly onCompleted?: StepPlan
  readonly onFailed?: StepPlan
  readonly onPaused?: StepPlan
}

/** The roles of nodes. `step`: an ordinary run or group; `clause`: a run that is asked whether to pause; `rollback`: a run that undoes another; `kept`: a result of another workflow. */
export const nodeRoles = ['step', 'clause', 'rollback', 'kept'] as const
/** One of the `nodeRoles`. */
export type NodeRole = (typeof nodeRoles)[number]

/** A node of the graph: a run, or a group without a run of its own. Nodes name each other by their numbers. */
export interface NodePlan {
  /** The number of the node; the first is 1. */
  readonly node: number
  /** The node that comes after this one in its chain; null for the last. */
  readonly next: number | null
  /** The last node of its chain. */
  readonly chainEnd: number
  /** The group that its chain is a member of, and the slot that it fills there; null and 0 for the outermost chain. */
  readonly up: number | null
  readonly slot: number
  /** The last node that lies within this one; its own number where none does. */
  readonly last: number
  /** Whether it is the first of its chain. */
  readonly isHead: boolean
  /** Whether a pause takes effect before it. */
  readonly isPausePoint: boolean
  /** The node whose result it takes, where that is not the node before: a clause stands between them. */
  readonly source: number | null
  readonly role: NodeRole
  readonly hooks: Hooks
  /** Null for a group. */
  readonly step: StepPlan | null
  /** How many members a group has; 0 for a run. */
  readonly size: number
  readonly policy: FanInPolicy
  /** Whether it starts with the workflow. */
  readonly isAtOnce: boolean
}

/** The nodes of a workflow, in the order of their numbers. */
export interface Graph {
  readonly nodes: readonly NodePlan[]
  /** Whether a pause takes effect at the pause points of its chains, and nowhere else. */
  readonly pausesAtPoints: boolean
}

/** The parts of a node that most nodes have; an export leaves them out. */
export const usualNode: Omit<NodePlan, 'node' | 'chainEnd' | 'last'> = {
  next: null,
  up: null,
  slot: 0,
  isHead: false,
  isPausePoint: true,
  source: null,
  role: 'step',
  hooks: {},
  step: null,
  size: 0,
  policy: 'allCompleted',
  isAtOnce: false,
}

type Draft = { -readonly [Name in keyof NodePlan]: NodePlan[Name] }

/** The nodes of a workflow. @throws {CheckreinError} `WORKFLOW_INVALID`, `PAYLOAD_…`. */
export function graphOf(part: Part, options: PlanOptions): Graph {
  const layout = new Layout(options)
  layout.chain(part, { up: null, slot: 0, isAtOnce: true, isGoverned: false, depth: 1 })
  return { nodes: layout.nodes, pausesAtPoints: layout.pausesAtPoints }
}

/**
 * The nodes with the input of the workflow where the first steps take a result. A first task that takes nothing needs no input.
 * A first step that names `previous` does, for nothing comes before it.
 * @throws {CheckreinError} `WORKFLOW_INVALID`.
 */
export function withInput(nodes: readonly NodePlan[], input: JsonText | null): readonly NodePlan[] {
  return nodes.map((node) => {
    const { step, isAtOnce } = node
    if (step === null || !isAtOnce || step.takes === 'given') return node
    if (input === null && (step.takes === 'member' || step.isMapped))
      throw workflowError(
        `${step.task} takes the result before, and nothing comes before it`,
        'Give it its input, or give that of the workflow: startWorkflow(workflow, { input }).',
      )
    return { ...node, step: { ...step, takes: 'given', bound: inputOf(step, input) } }
  })
}

interface ChainContext {
  readonly up: number | null
  readonly slot: number
  readonly isAtOnce: boolean
  /** Whether a chain around it says where pauses take effect. */
  readonly isGoverned: boolean
  readonly depth: number
}

/** The pause point and the clause before a step of a chain. */
interface Stand {
  readonly isPausePoint: boolean
  readonly clause: RunPart | null
  readonly onPaused: RunPart | null
  readonly isGoverned: boolean
}

type Link = Stand & { readonly part: Exclude<Part, ChainPart> }

const plainStand = (isGoverned: boolean): Stand => ({
  isPausePoint: !isGoverned,
  clause: null,
  onPaused: null,
  isGoverned,
})

const tooDeep = (): Error =>
  workflowError(
    `a workflow is at most ${deepest} levels deep`,
    'A chain of many steps is one level.',
  )

class Layout {
  readonly nodes: Draft[] = []
  pausesAtPoints = false
  readonly #options: PlanOptions

  constructor(options: PlanOptions) {
    this.#options = options
  }

  chain(part: Part, context: ChainContext): void {
    if (context.depth > deepest) throw tooDeep()
    const own: Draft[] = []
    for (const link of this.#links(part, context)) {
      const before = own.at(-1)?.node ?? null
      const isAtOnce = context.isAtOnce && own.length === 0
      if (link.clause) {
        const clause = this.#run(link.clause, { isAtOnce: false, role: 'clause' })
        own.push(Object.assign(clause, this.#stop(link)))
      }
      const inner = { ...context, isAtOnce, isGoverned: link.isGoverned, depth: context.depth + 1 }
      const draft =
        link.part.kind === 'run'
          ? this.#run(link.part, { isAtOnce, role: 'step' })
          : this.#group(link.part, inner)
      const stop = this.#stop(link)
      draft.isPausePoint = stop.isPausePoint
      draft.hooks = { ...draft.hooks, ...stop.hooks }
      if (link.clause) draft.source = before
      own.push(draft)
    }
    const chainEnd = this.nodes.length
    for (const [at, draft] of own.entries())
      Object.assign(draft, {
        next: own[at + 1]?.node ?? null,
        chainEnd,
        up: context.up,
        slot: context.slot,
        isHead: at === 0,
      })
  }

  #stop({ isPausePoint, onPaused }: Link): Pick<Draft, 'isPausePoint' | 'hooks'> {
    return { isPausePoint, hooks: onPaused ? { onPaused: this.#plan(onPaused) } : {} }
  }

  /** The steps of a chain with those of the chains in it, and what stands before each. */
  #links(root: Part, { isGoverned, depth }: ChainContext): readonly Link[] {
    const links: Link[] = []
    const add = (part: Part, before: Stand, level: number): void => {
      if (level > deepest) throw tooDeep()
      if (part.kind !== 'chain') return void links.push({ ...before, part })
      const between = this.#between(part, before.isGoverned)
      for (const [at, inner] of part.parts.entries()) {
        const stand = between(at)
        add(inner, at === 0 ? { ...before, isGoverned: stand.isGoverned } : stand, level + 1)
      }
    }
    add(root, plainStand(isGoverned), depth)
    return links
  }

  /** The pause points and clauses before the steps of a chain. */
  #between({ options }: ChainPart, isGoverned: boolean): (at: number) => Stand {
    const { pausePoints, pauseWhen, onPaused } = options
    if (pausePoints === undefined && pauseWhen === undefined && onPaused === undefined)
      return () => plainStand(isGoverned)
    this.pausesAtPoints = true
    const clause = pauseWhen === undefined ? null : hookPart(pauseWhen, 'pauseWhen')
    const callback = onPaused === undefined ? null : hookPart(onPaused, 'onPaused')
    const point = { isPausePoint: true, clause, onPaused: callback, isGoverned: true }
    const every = pausePoints?.every ?? 1
    return (at) => (at % every === 0 ? point : plainStand(true))
  }

  #run(
    part: RunPart,
    { isAtOnce, role }: { readonly isAtOnce: boolean; readonly role: NodeRole },
  ): Draft {
    const { onCompleted, onFailed } = part.options
    const hooks = {
      ...(onCompleted === undefined ? {} : { onCompleted: this.hook(onCompleted, 'onCompleted') }),
      ...(onFailed === undefined ? {} : { onFailed: this.hook(onFailed, 'onFailed') }),
    }
    const draft = this.#add({ step: this.#plan(part), role, hooks, isAtOnce })
    draft.last = draft.node
    return draft
  }

  #group({ parts, policy }: GroupPart, context: ChainContext): Draft {
    const draft = this.#add({ size: parts.length, policy, isAtOnce: context.isAtOnce })
    for (const [slot, part] of parts.entries())
      this.chain(part, { ...context, up: draft.node, slot })
    draft.last = this.nodes.length
    return draft
  }

  #add(known: Partial<Draft>): Draft {
    const node = this.nodes.length + 1
    if (node > mostNodes)
      throw workflowError(
        `a workflow has at most ${mostNodes.toLocaleString('en')} runs and groups`,
        'Put several inputs into one run: map, chunks.',
      )
    const draft: Draft = {
      node,
      chainEnd: node,
      last: node,
      ...usualNode,
      ...known,
    }
    this.nodes.push(draft)
    return draft
  }

  hook(like: StepLike, what: string): StepPlan {
    return this.#plan(hookPart(like, what))
  }

  #plan(part: RunPart): StepPlan {
    return stepPlan(part, this.#options)
  }
}
