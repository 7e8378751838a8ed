/** The plans for the runs of a workflow, and for how their inputs come about. */
import { durationMs } from '../duration.ts'
import { isRecord } from '../is-record.ts'
import { workflowError, type Part, previous, type RunPart, type StepLike } from './parts.ts'
import { encodePayload } from '../payload.ts'
import type { JsonText } from '../run/run.ts'
import { isTask } from '../task/task.ts'

/** How the input of a run comes about. `given`: it is known; `previous`: it is the result before; `member`: it has that as one member. */
export type Takes = 'given' | 'previous' | 'member'

/** A run that is to be made. */
export interface StepPlan {
  readonly task: string
  readonly queue: string
  /** The priority of the run; null for that of the workflow. */
  readonly priority: number | null
  readonly tags: readonly string[]
  readonly id: string | null
  readonly takes: Takes
  /** The input as JSON; null for `previous`; for `member` the beginning of an object, up to where the result goes: `{"a":1,"b":`. */
  readonly bound: JsonText | null
  readonly isMapped: boolean
  readonly delayMs: number | null
  readonly ttlMs: number | null
}

/** How plans are read from parts. */
export interface PlanOptions {
  readonly payloadLimit: number
  checkedTags(tags: readonly string[]): readonly string[]
  checkedPriority(priority: number): number
  checkedQueue(queue: string): string
  checkedId(id: string): string
}

/** The plan of a task that is run beside a workflow. @throws {CheckreinError} `WORKFLOW_INVALID`, `PAYLOAD_…`. */
export function hookPlan(like: StepLike, what: string, options: PlanOptions): StepPlan {
  return stepPlan(hookPart(like, what), options)
}

/** The part of a task that is run beside a workflow. @param what names the hook in the error. @throws {CheckreinError} `WORKFLOW_INVALID`. */
export function hookPart(like: StepLike, what: string): RunPart {
  if (isTask(like))
    return { kind: 'run', task: like, input: previous, isMapped: false, options: {} }
  const part = (like as { readonly part?: Part } | null)?.part
  if (part?.kind === 'run') return part
  throw workflowError(`${what} is one task`, `Give a task, or step(task, input).`)
}

/** The plan of a run. @throws {CheckreinError} `WORKFLOW_INVALID`, `USAGE` for options that are not valid, `PAYLOAD_…`. */
export function stepPlan({ task, input, isMapped, options }: RunPart, how: PlanOptions): StepPlan {
  const { id, queue, priority, tags = [], delay, ttl } = options
  return {
    task: task.name,
    queue: queue === undefined ? task.queue : how.checkedQueue(queue),
    priority: priority === undefined ? null : how.checkedPriority(priority),
    tags: how.checkedTags(tags),
    id: id === undefined ? null : how.checkedId(id),
    ...boundOf(input, how.payloadLimit),
    isMapped,
    delayMs: delay === undefined ? null : durationMs(delay, 'delay'),
    ttlMs: ttl === undefined ? null : durationMs(ttl, 'ttl'),
  }
}

function boundOf(input: unknown, limit: number): Pick<StepPlan, 'takes' | 'bound'> {
  if (input === previous) return { takes: 'previous', bound: null }
  const members = isRecord(input) ? Object.entries(input) : []
  const [taken, another] = members.filter(([, value]) => value === previous)
  if (another !== undefined)
    throw workflowError(
      '`previous` stands for one member of an input',
      'Have the step before return an object.',
    )
  if (taken === undefined)
    return { takes: 'given', bound: encodePayload(whole(input), 'input', limit) }
  const rest = Object.fromEntries(members.filter(([, value]) => value !== previous))
  const text = encodePayload(whole(rest), 'input', limit) ?? '{}'
  const comma = text === '{}' ? '' : ','
  return { takes: 'member', bound: `${text.slice(0, -1)}${comma}${JSON.stringify(taken[0])}:` }
}

/** The input, checked: where `previous` stood deeper within, JSON would leave it out without a word. @throws {CheckreinError} `WORKFLOW_INVALID`. */
function whole(input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input
  const pending: unknown[] = [input]
  const seen = new Set<unknown>()
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (value === previous)
      throw workflowError(
        '`previous` stands for a whole input, or for a member of it, and no deeper',
        'Take it as a member of its own, and move it to where it belongs in the handler.',
      )
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    for (const inner of Object.values(value)) if (inner !== undefined) pending.push(inner)
  }
  return input
}

/** The input of a run, once the result before is known. */
export function inputOf(
  { takes, bound }: Pick<StepPlan, 'takes' | 'bound'>,
  before: JsonText | null,
): JsonText | null {
  if (takes === 'given') return bound
  return takes === 'previous' ? before : `${bound}${before ?? 'null'}}`
}
