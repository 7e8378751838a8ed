import { randomUUIDv7 } from 'node:crypto'
import type { AnyTask, InputOf } from '../../core/task/context.ts'
import { durationMs } from '../../core/duration.ts'
import { CheckreinError } from '../../core/errors.ts'
import { defaultGraceMs } from '../../core/run/intent.ts'
import { onConflicts } from '../../core/run/on-conflict.ts'
import { wholeText } from '../../core/text.ts'
import { defaultPayloadLimit, encodePayload } from '../../core/payload.ts'
import { checkedName, isTask } from '../../core/task/task.ts'
import { type Enqueued, type NewRun, type Store } from '../../store/store.ts'
import { refuseUnknownOptions } from '../options/unknown-options.ts'
import { comingInstantOf, instantOf, type Now } from '../options/instants.ts'
import { issuesOf, issueWords } from '../options/schema.ts'
import { enqueueOptions } from '../options/parameters.ts'
import type { Requester } from '../options/requester.ts'
import { checkedId } from '../options/targets.ts'
import { type EnqueueOptions, oneOf } from '../options/options.ts'

/** The arguments after the task: the input may be left out where the task takes none. */
export type EnqueueArguments<T extends AnyTask> =
  undefined extends InputOf<T>
    ? [input?: InputOf<T>, options?: EnqueueOptions]
    : [input: InputOf<T>, options?: EnqueueOptions]

const optionNames = [...Object.keys(enqueueOptions), 'input']
const longestKey = 500
const mostTags = 20

type RunRequest = { readonly input?: unknown } & EnqueueOptions

/** The settings of the client that its enqueues need. */
export interface EnqueuerSettings {
  readonly payloadLimit: number | undefined
  readonly requester: Requester
}

/** Checks what callers hand in, and stores it. */
export class Enqueuer {
  readonly #store: Pick<Store, 'enqueue'>
  readonly #now: Now
  readonly #payloadLimit: number
  readonly #requester: Requester

  constructor(
    store: Pick<Store, 'enqueue'>,
    now: Now,
    { payloadLimit, requester }: EnqueuerSettings,
  ) {
    this.#store = store
    this.#now = now
    this.#payloadLimit = payloadLimit ?? defaultPayloadLimit
    this.#requester = requester
  }

  /** Enqueues runs. The inputs are checked against the task's schema, but stored as the caller passed them, for the worker checks them again. */
  async enqueue(task: AnyTask, runs: readonly RunRequest[]): Promise<readonly Enqueued[]> {
    if (!isTask(task)) {
      const hint =
        'Define it with task({ name, run }), or use enqueueByName for a task that another program defines.'
      throw new CheckreinError('USAGE', { message: 'The first argument is not a task', hint })
    }
    const all = listed(runs)
    if (task.input !== null) for (const { input } of all) await refuseBadInput(task, input)
    return this.#store.enqueue(all.map((run) => this.#newRun(task, run)))
  }

  async enqueueByName(name: string, runs: readonly RunRequest[]): Promise<readonly Enqueued[]> {
    const task = { name: checkedName(name, 'task'), queue: 'default' }
    return this.#store.enqueue(listed(runs).map((run) => this.#newRun(task, run)))
  }

  #newRun(task: Pick<AnyTask, 'name' | 'queue'>, run: RunRequest): NewRun {
    const { input, ...options } = run
    const text = encodePayload(input, 'input', this.#payloadLimit)
    return {
      ...newRun({ ...task, input: text }, options, this.#now),
      ...whoReplaces(this.#requester, run),
    }
  }
}

/** The request of a call that takes the input and the options apart. @throws {CheckreinError} `USAGE` for options that there are not. */
export function requestOf<Input>(
  input: Input,
  options: EnqueueOptions = {},
): { readonly input: Input } & EnqueueOptions {
  refuseUnknownOptions('enqueue', options, Object.keys(enqueueOptions))
  return { ...options, input }
}

/** The runs of a list, none of which is missing. @throws {CheckreinError} `USAGE`. */
function listed(runs: readonly RunRequest[]): readonly RunRequest[] {
  if (!Array.isArray(runs))
    throw new CheckreinError('USAGE', {
      message: 'the runs must be an array',
      hint: "Each run is an object: { input: 1, key: 'a' }.",
    })
  const all = Array.from(runs as readonly RunRequest[])
  for (const run of all) refuseUnknownOptions('enqueue', run, optionNames)
  return all
}

/**
 * The requester of a run or a workflow that may take the key of another: that ends the other, so its requester is on record as for any verb.
 * @throws {CheckreinError} `BY_REQUIRED`.
 */
export function whoReplaces(
  requester: Requester,
  { onConflict = 'skip', by, origin: from }: Pick<EnqueueOptions, 'onConflict' | 'by' | 'origin'>,
): Pick<NewRun, 'by' | 'origin'> {
  if (onConflict === 'skip') return {}
  const who = requester.who({
    ...(by === undefined ? {} : { by }),
    ...(from === undefined ? {} : { origin: from }),
  })
  return { by: who.by, origin: who.origin }
}

/** @throws {CheckreinError} `USAGE` for options that are not of the right form. */
export function newRun(
  { name, queue, input }: Pick<AnyTask, 'name' | 'queue'> & Pick<NewRun, 'input'>,
  options: EnqueueOptions,
  now: Now,
): NewRun {
  const { id, grace, ttl, key, tags } = options
  return {
    id: id === undefined ? randomUUIDv7() : checkedId(id),
    task: name,
    queue: options.queue === undefined ? queue : checkedName(options.queue, 'queue'),
    priority: checkedPriority(options.priority ?? 0),
    key: key === undefined ? null : checkedText(key, 'key'),
    onConflict: oneOf(onConflicts, options.onConflict ?? 'skip', 'onConflict'),
    graceMs: grace === undefined ? defaultGraceMs : durationMs(grace, 'grace'),
    tags: tags === undefined ? noTags : checkedTags(tags),
    input,
    due: dueOf(options),
    ttlMs: ttl === undefined ? null : durationMs(ttl, 'ttl'),
    deadline: deadlineOf(options, now),
  }
}

const noTags: readonly string[] = []

/** @throws {CheckreinError} `INPUT_REJECTED` with the issues that the schema found. */
export async function refuseBadInput(task: AnyTask, input: unknown): Promise<void> {
  const issues = task.input === null ? [] : await issuesOf(task.input, input)
  if (issues.length === 0) return
  throw new CheckreinError('INPUT_REJECTED', {
    message: `The input of ${task.name} does not fit its schema: ${issueWords(issues)}`,
    hint: 'Nothing was enqueued. `details.issues` lists what is wrong.',
    details: { task: task.name, issues },
  })
}

function dueOf({ delay, runAt }: EnqueueOptions): NewRun['due'] {
  if (delay !== undefined && runAt !== undefined) {
    throw new CheckreinError('USAGE', { message: 'Give delay or runAt, not both' })
  }
  if (delay !== undefined) return { inMs: durationMs(delay, 'delay') }
  return runAt === undefined ? null : instantOf(runAt, 'runAt')
}

/** The deadline of a run, or null where it has none. @throws {CheckreinError} `USAGE`, also for an instant that is past. */
export function deadlineOf(
  { deadline }: Pick<EnqueueOptions, 'deadline'>,
  now: Now,
): NewRun['deadline'] {
  if (deadline === undefined) return null
  if (typeof deadline === 'string') return { inMs: durationMs(deadline, 'deadline') }
  return comingInstantOf(deadline, 'deadline', now())
}

/** Checks a priority. @throws {CheckreinError} `USAGE` unless it is a whole number from -1,000,000 to 1,000,000. */
export function checkedPriority(priority: number): number {
  if (Number.isInteger(priority) && Math.abs(priority) <= 1_000_000) return priority
  throw new CheckreinError('USAGE', {
    message: 'priority must be a whole number from -1,000,000 to 1,000,000',
  })
}

/** Checks a key or a name of 1 to 500 characters. @param what names it in the error. @throws {CheckreinError} `USAGE`. */
export function checkedText(value: unknown, what: string): string {
  if (typeof value === 'string' && value.length >= 1 && value.length <= longestKey)
    return wholeText(value, what)
  throw new CheckreinError('USAGE', {
    message: `${what} must be text of 1 to ${longestKey} characters`,
  })
}

/** Checks at most 20 tags, and drops those that come twice. @throws {CheckreinError} `USAGE`. */
export function checkedTags(tags: readonly string[]): readonly string[] {
  if (Array.isArray(tags) && tags.length <= mostTags)
    return [...new Set(Array.from(tags, (tag) => checkedText(tag, 'a tag')))]
  throw new CheckreinError('USAGE', { message: `tags must be an array of at most ${mostTags}` })
}
