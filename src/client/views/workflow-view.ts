/** Workflows as people see them. */
import type { Hooks } from '../../core/workflow/graph.ts'
import type { FanInPolicy } from '../../core/workflow/parts.ts'
import { decodePayload } from '../../core/payload.ts'
import { finalStates, type State } from '../../core/run/transitions.ts'
import type {
  WorkflowPause,
  WorkflowRollback,
  WorkflowState,
  WorkflowStop,
} from '../../core/workflow/workflow.ts'
import type { StoredWorkflow, WorkflowNode } from '../../store/store.ts'
import type { PayloadOptions } from '../options/pages.ts'
import { type RunOf, type RunRow, runViews } from './view.ts'
import type { StepFailure } from '../../core/run/settled.ts'

/** The status of a workflow: its state, or the request that it is under while that goes on. */
export type WorkflowStatus =
  | WorkflowState
  | 'waiting'
  | 'pausing'
  | 'paused'
  | 'cancelling'
  | 'rolling back'

/** A workflow, as it was when it was read. Instants are epoch ms. */
export interface Workflow<Output = unknown> {
  readonly id: string
  readonly name: string | null
  readonly key: string | null
  readonly tags: readonly string[]
  readonly priority: number
  readonly state: WorkflowState
  /** The state, or the request that the workflow is under: `pausing` while a member still runs. */
  readonly status: WorkflowStatus
  /** How many runs it has, and how many of them are in each state; those that were detached or deleted are in none. */
  readonly total: number
  readonly counts: Readonly<Record<State, number>>
  readonly detached: number
  /** The result of its last step, once it has completed. */
  readonly result: Output | undefined
  /** Why it did not, or will not, complete: the first step that did not. */
  readonly failure: StepFailure | null
  readonly paused: WorkflowPause | null
  readonly stop: WorkflowStop | null
  readonly rollback: WorkflowRollback | null
  /** The ids of the workflow that it runs again, and of that which runs it again. */
  readonly retryOf: string | null
  /** The node from which it was asked to run that workflow again; null where only the nodes that did not complete were. */
  readonly retryFrom: number | null
  readonly retriedBy: string | null
  /** The id of the workflow from which it took the key, and whose end it waits for; null where it waits for none. */
  readonly waitsFor: string | null
  readonly createdAt: number
  readonly finishedAt: number | null
}

/** A workflow as people see it, with its result read. */
export function workflowView<Output>(stored: StoredWorkflow): Workflow<Output> {
  const { id, name, key, tags, priority, state, total, detached, stop, rollback } = stored
  const { cause, paused, retryOf, retryFrom, retriedBy, waitsFor, createdAt, finishedAt } = stored
  return {
    id,
    name,
    key,
    tags,
    priority,
    state,
    status: workflowStatusOf(stored),
    total,
    counts: stored.counts ?? noCounts,
    detached,
    result: decodePayload(stored.result) as Output | undefined,
    failure: cause && { workflowId: id, ...cause },
    paused: paused && { reason: paused.reason, by: paused.by, at: paused.at, until: paused.until },
    stop,
    rollback,
    retryOf,
    retryFrom,
    retriedBy,
    waitsFor: finishedAt === null ? waitsFor : null,
    createdAt,
    finishedAt,
  }
}

const noCounts = Object.fromEntries(finalStates.map((state) => [state, 0])) as Workflow['counts']

/** The status of a workflow: its state, with the requests that it is under. */
export function workflowStatusOf(stored: StoredWorkflow): WorkflowStatus {
  const { state, stop, rollback, paused } = stored
  if (state !== 'running') return state
  if (rollback !== null) return 'rolling back'
  if (stop !== null) return 'cancelling'
  if (paused === null) return stored.waitsFor === null ? state : 'waiting'
  return isAtRest(stored) ? 'paused' : 'pausing'
}

/** Whether nothing of it goes on, or is about to. */
export const isAtRest = ({ activeCount }: StoredWorkflow): boolean => activeCount === 0

/** A workflow as it is built, each part with what became of it. @typeParam R the runs: without their payloads, or with them. */
export type WorkflowTree<R = RunRow> = ChainTree<R> | GroupTree<R> | RunTree<R>

/** A chain of a workflow: its steps in their order. */
export interface ChainTree<R = RunRow> {
  readonly kind: 'chain'
  readonly steps: readonly (GroupTree<R> | RunTree<R>)[]
}

/** A group of a workflow: its members in their order. */
export interface GroupTree<R = RunRow> {
  readonly kind: 'group'
  readonly node: number
  readonly policy: FanInPolicy
  /** How many members have not ended; and how many did not complete. */
  readonly pending: number
  readonly failures: number
  readonly members: readonly WorkflowTree<R>[]
}

/** A run of a workflow, in its place. */
export interface RunTree<R = RunRow> {
  readonly kind: 'run'
  readonly node: number
  /** `clause`: asked whether to pause; `rollback`: undoes another; `kept`: completed in the workflow that this one goes on with. */
  readonly role: WorkflowNode['role']
  readonly task: string | null
  /** The id of the run; for a kept node, that of the run in the workflow of which it was a member. */
  readonly runId: string | null
  /** Null where it was deleted, or kept. */
  readonly run: R | null
  readonly hooks: readonly (keyof Hooks)[]
}

/** The tree of a workflow by its nodes, in their order. */
export function treeOf<Payloads extends boolean = false>(
  nodes: readonly WorkflowNode[],
  { payloads }: PayloadOptions<Payloads> = {},
): ChainTree<RunOf<Payloads>> {
  type Tree = WorkflowTree<RunOf<Payloads>>
  type Link = Exclude<Tree, { kind: 'chain' }>
  const view = runViews(payloads)
  const chains = new Map<string, { readonly steps: Link[] }>()
  const chainAt = (up: number | null, slot: number): Link[] => {
    const place = `${up} ${slot}`
    const chain = chains.get(place) ?? { steps: [] }
    chains.set(place, chain)
    return chain.steps
  }
  const groups: { readonly node: WorkflowNode; readonly members: Tree[] }[] = []
  for (const node of nodes) {
    const steps = chainAt(node.up, node.slot)
    if (node.step !== null || node.role === 'kept')
      steps.push({ ...leafOf(node), run: node.run && view(node.run) })
    else {
      const members: Tree[] = []
      const { policy, pending, failures } = node
      steps.push({ kind: 'group', node: node.node, policy, pending, failures, members })
      groups.push({ node, members })
    }
  }
  for (const { node, members } of groups)
    for (let slot = 0; slot < node.size; slot++) {
      const steps = chainAt(node.node, slot)
      const [only] = steps
      members.push(steps.length === 1 && only ? only : { kind: 'chain', steps })
    }
  return { kind: 'chain', steps: chainAt(null, 0) }
}

function leafOf({ node, role, run, kept, hooks, step }: WorkflowNode): Omit<RunTree, 'run'> {
  return {
    kind: 'run',
    node,
    role,
    task: run?.task ?? kept?.task ?? (step?.task || null),
    runId: run?.id ?? kept?.runId ?? null,
    hooks: Object.keys(hooks) as (keyof Hooks)[],
  }
}
