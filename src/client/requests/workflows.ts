/** Workflows, as requests to the store. */
import { randomUUIDv7 } from 'node:crypto'
import { durationMs } from '../../core/duration.ts'
import { onConflicts } from '../../core/run/on-conflict.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { WorkflowExport } from '../../core/workflow/export.ts'
import type { WorkflowGraph } from '../../core/workflow/read-graph.ts'
import { checkedGraph, planOptions } from './workflow-graph.ts'
import { graphOf, mostNodes, withInput } from '../../core/workflow/graph.ts'
import type { InOf } from '../../core/workflow/canvas.ts'
import {
  type Part,
  partOf,
  previous,
  type RunPart,
  type StepLike,
} from '../../core/workflow/parts.ts'
import { isRecord } from '../../core/is-record.ts'
import { isTask } from '../../core/task/task.ts'
import { encodePayload } from '../../core/payload.ts'
import { hookPlan, type PlanOptions } from '../../core/workflow/step-plan.ts'
import {
  type ControlVerb,
  type NewWorkflow,
  type Store,
  type WorkflowControlled,
  type WorkflowEnqueued,
} from '../../store/store.ts'
import type { Requester } from '../options/requester.ts'
import { childrenOf, defaultTombstone, graceMs, killOf, pauseOrder } from './controls.ts'
import {
  checkedPriority,
  checkedTags,
  checkedText,
  deadlineOf,
  refuseBadInput,
  whoReplaces,
} from './enqueue.ts'
import { refuseUnknownOptions } from '../options/unknown-options.ts'
import type { Now } from '../options/instants.ts'
import {
  workflowStopOptions,
  runPauseOptions,
  whoOptions,
  workflowOptions,
} from '../options/parameters.ts'
import { workflowRetryOptions } from '../options/retry-parameters.ts'
import { checkedId } from '../options/targets.ts'
import { runningPolicies } from '../../core/run/intent.ts'
import {
  oneOf,
  type WorkflowOptions,
  type WorkflowControlOptions,
  type WorkflowRetryOptions,
} from '../options/options.ts'
/** The options; the input of the first steps may be left out where they take none. */
export type StartArguments<S extends StepLike> =
  undefined extends InOf<S>
    ? [options?: WorkflowOptions & { readonly input?: InOf<S> }]
    : [options: WorkflowOptions & { readonly input: InOf<S> }]

/** How a workflow is started that is given as JSON. */
export interface StartGraphOptions extends WorkflowOptions {
  /** The input of the first steps, where they are not given one of their own. */
  readonly input?: unknown
}

/** The parts of a client that requests about workflows need. */
export interface WorkflowRequestsParts {
  readonly store: Pick<Store, 'startWorkflow'> &
    Partial<Pick<Store, 'controlWorkflow' | 'retryWorkflow'>>
  readonly requester: Requester
  readonly now: Now
  readonly payloadLimit: number | undefined
}

/** Carries out requests about workflows, on a store or within a transaction. */
export class WorkflowRequests {
  readonly #parts: WorkflowRequestsParts
  readonly #how: PlanOptions

  constructor(parts: WorkflowRequestsParts) {
    this.#parts = parts
    this.#how = planOptions(parts.payloadLimit)
  }

  /** @throws {CheckreinError} `WORKFLOW_INVALID`, `INPUT_REJECTED`, `PAYLOAD_…`, `USAGE`. */
  async start(
    workflow: StepLike | WorkflowGraph,
    options: StartGraphOptions,
  ): Promise<WorkflowEnqueued> {
    refuseUnknownOptions('startWorkflow', options, [
      ...Object.keys(workflowOptions),
      'input',
      'onCompleted',
      'onFailed',
    ])
    const input = encodePayload(options.input, 'input', this.#how.payloadLimit)
    const graph = await graphIn(workflow)
    const flow = graph
      ? await this.#ofGraph(graph, options)
      : await this.#ofSteps(workflow as StepLike, options)
    return this.#parts.store.startWorkflow({ ...flow, nodes: withInput(flow.nodes, input) })
  }

  async #ofSteps(workflow: StepLike, options: WorkflowOptions): Promise<NewWorkflow> {
    const part = partOf(workflow)
    await refuseBadInputs(part)
    return { ...this.#headOf(options), ...graphOf(part, this.#how) }
  }

  async #ofGraph(graph: WorkflowGraph, options: WorkflowOptions): Promise<NewWorkflow> {
    const { readGraph } = await loadGraphs()
    const { head, nodes } = checkedGraph(readGraph(graph), this.#how)
    const own = this.#headOf(head?.id ? { id: head.id, ...options } : options)
    if (head === null) return { ...own, pausesAtPoints: false, nodes }
    const { pausesAtPoints } = head
    return { ...own, ...withHead(own, { head, options }), pausesAtPoints, nodes }
  }

  /** @throws {CheckreinError} `WORKFLOW_INVALID`, `USAGE`. */
  async import(given: unknown, options: WorkflowOptions): Promise<WorkflowEnqueued> {
    refuseUnknownOptions('importWorkflow', options, [
      ...Object.keys(workflowOptions),
      'onCompleted',
      'onFailed',
    ])
    const { readExport } = await import('../../core/workflow/read-export.ts')
    const head = this.#headOf(options)
    const { workflow, nodes } = readExport(given)
    return this.#parts.store.startWorkflow({
      ...head,
      ...withHead(head, { head: workflow, options }),
      pausesAtPoints: workflow.pausesAtPoints,
      // Ids are of the workflow that it comes from.
      nodes: nodes.map((node) =>
        node.step ? { ...node, step: { ...node.step, id: null } } : node,
      ),
    })
  }

  #headOf(options: WorkflowOptions): Omit<NewWorkflow, 'nodes' | 'pausesAtPoints'> {
    const { id, name, key, tags, priority = 0, deadline, onCompleted, onFailed } = options
    return {
      id: id === undefined ? randomUUIDv7() : checkedId(id),
      name: name === undefined ? null : checkedText(name, 'name'),
      key: key === undefined ? null : checkedText(key, 'key'),
      tags: tags === undefined ? [] : checkedTags(tags),
      priority: checkedPriority(priority),
      onConflict: oneOf(onConflicts, options.onConflict ?? 'skip', 'onConflict'),
      graceMs: graceMs(options),
      ...whoReplaces(this.#parts.requester, options),
      deadline: deadlineOf(deadline === undefined ? {} : { deadline }, this.#parts.now),
      retryOf: null,
      retryFrom: null,
      hooks: {
        ...(onCompleted === undefined
          ? {}
          : { onCompleted: hookPlan(onCompleted, 'onCompleted', this.#how) }),
        ...(onFailed === undefined ? {} : { onFailed: hookPlan(onFailed, 'onFailed', this.#how) }),
      },
    }
  }

  /** Fulfils when it is on record, and was asked of all members. */
  async control(
    store: Pick<Store, 'controlWorkflow'>,
    {
      verb,
      id,
      options,
    }: {
      readonly verb: ControlVerb
      readonly id: string
      readonly options: WorkflowControlOptions
    },
  ): Promise<WorkflowControlled> {
    refuseUnknownOptions(verb, options, verbOptions(verb))
    return store.controlWorkflow({
      id: checkedId(id),
      verb,
      ...this.#parts.requester.who(options),
      graceMs: graceMs(options),
      tombstoneMs: durationMs(options.tombstone ?? defaultTombstone, 'tombstone'),
      rollback: options.rollback ?? false,
      ...(verb === 'pause' ? {} : childrenOf(options)),
      ...killOf(options),
      running: oneOf(runningPolicies, options.running ?? 'cancel', 'running'),
      pause: pauseOrder(verb === 'pause' ? options : {}, this.#parts.now()),
    })
  }

  async retry(
    store: Pick<Store, 'retryWorkflow'>,
    id: string,
    options: WorkflowRetryOptions,
  ): Promise<WorkflowEnqueued> {
    refuseUnknownOptions('retry', options, Object.keys(workflowRetryOptions))
    const who = this.#parts.requester.who(options)
    const from = options.from === undefined ? null : checkedNode(options.from)
    return store.retryWorkflow({ id: checkedId(id), newId: randomUUIDv7(), from, ...who })
  }
}

/** The options, with what stands in the JSON of the workflow where they say nothing. */
function withHead(
  own: Omit<NewWorkflow, 'nodes' | 'pausesAtPoints'>,
  {
    head,
    options,
  }: { readonly head: WorkflowExport['workflow']; readonly options: WorkflowOptions },
): Pick<NewWorkflow, 'name' | 'key' | 'tags' | 'priority' | 'hooks'> {
  return {
    name: own.name ?? head.name,
    key: own.key ?? head.key,
    tags: options.tags === undefined ? head.tags : own.tags,
    priority: options.priority === undefined ? head.priority : own.priority,
    hooks: { ...head.hooks, ...own.hooks },
  }
}

/** Loaded when it is needed, as few programs start workflows from JSON. */
const loadGraphs = (): Promise<typeof import('../../core/workflow/read-graph.ts')> =>
  import('../../core/workflow/read-graph.ts')

/** The workflow, where it is meant as JSON; null where it is made of steps. */
async function graphIn(workflow: StepLike | WorkflowGraph): Promise<WorkflowGraph | null> {
  if (isTask(workflow) || (isRecord(workflow) && 'part' in workflow)) return null
  const { isGraph } = await loadGraphs()
  return isGraph(workflow) ? workflow : null
}

/** @throws {CheckreinError} `USAGE`. */
function checkedNode(from: number): number {
  if (Number.isInteger(from) && from >= 1 && from <= mostNodes) return from
  throw new CheckreinError('USAGE', {
    message: `from must be the number of a node, a whole number from 1 to ${mostNodes.toLocaleString('en')}`,
    hint: '`tree` shows the nodes of a workflow with their numbers; the first is 1.',
  })
}

function verbOptions(verb: ControlVerb): readonly string[] {
  if (verb === 'resume') return Object.keys(whoOptions)
  if (verb === 'pause') return Object.keys(runPauseOptions)
  return Object.keys(workflowStopOptions)
}

/** Checks the inputs that steps are given, as `enqueue` does; their workers check the inputs that they take from other steps. */
async function refuseBadInputs(root: Part): Promise<void> {
  const pending: Part[] = [root]
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part.kind !== 'run') pending.push(...part.parts)
    else await refuseBadPart(part)
  }
}

async function refuseBadPart({ task, input, isMapped }: RunPart): Promise<void> {
  if (task.input === null || input === previous) return
  const isBound =
    typeof input === 'object' && input !== null && Object.values(input).includes(previous)
  if (isBound) return
  for (const one of isMapped ? (input as readonly unknown[]) : [input])
    await refuseBadInput(task, one)
}
