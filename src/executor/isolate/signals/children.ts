/**
 * The questions of a handler to the store, by way of its worker: `ctx.enqueue`, and the outcomes of its children.
 *
 * A handler that is run again comes to the same enqueues again, so each has a key (`callKey`) by which it is known: the hash of task,
 * input and key, and a number that counts the enqueues with the same hash since the last checkpoint. Their order does not matter.
 */
import { createHash } from 'node:crypto'
import type { Child, ChildOptions, AnyTask } from '../../../core/task/context.ts'
import { CheckreinError, errorFrom } from '../../../core/errors.ts'
import { encodePayload } from '../../../core/payload.ts'
import { isTask } from '../../../core/task/task.ts'
import { mostKept } from '../../wire/bounds.ts'
import type { StoreAnswer, AttemptOrder, StoreQuestion } from '../../executor.ts'
import { firstIssue, validate } from '../../../core/task/validate.ts'
import type { Settled } from '../../../core/run/settled.ts'

/** The surroundings of the children of an attempt. */
export interface ChildrenParts {
  readonly order: Pick<AttemptOrder, 'payloadLimit' | 'rollback'>
  readonly ask: (question: StoreQuestion, number: number) => void
  /** Tells of the newest state, from which the next enqueue counts. */
  readonly beforeAsking: () => void
}

/** The children of one attempt: enqueues them, and asks for their outcomes. */
export class Children {
  readonly #parts: ChildrenParts
  /** How many children with the same hash were enqueued since the last checkpoint. */
  readonly #counts = new Map<string, number>()
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #enqueues = new Set<Promise<unknown>>()
  #number = 0

  constructor(parts: ChildrenParts) {
    this.#parts = parts
  }

  /** Fulfils when the enqueues under way are over, however; null where none is. */
  get underWay(): Promise<unknown> | null {
    return this.#enqueues.size === 0 ? null : Promise.allSettled(this.#enqueues)
  }

  /** Counts the enqueues anew: they count from another state now. */
  onCheckpoint(): void {
    this.#counts.clear()
  }

  /** Enqueues a child. @throws {CheckreinError} as `ctx.enqueue` does. */
  async enqueue(
    task: AnyTask,
    ...given: [input?: unknown, options?: ChildOptions]
  ): Promise<Child> {
    const enqueue = this.#enqueue(task, ...given)
    this.#enqueues.add(enqueue)
    try {
      return await enqueue
    } finally {
      this.#enqueues.delete(enqueue)
    }
  }

  /** The outcomes of children, in the order of the ids; null while not all have ended. */
  readonly endsOf = (ids: readonly string[]): Promise<readonly Settled[] | null> =>
    this.#ask({ ask: 'ends', ids }) as Promise<readonly Settled[] | null>

  /** Takes the answer to the question of that number. */
  onAnswer(number: number, answer: StoreAnswer): void {
    const open = this.#open.get(number)
    this.#open.delete(number)
    if ('error' in answer) open?.reject(errorFrom(answer.error))
    else open?.resolve(answer.value)
  }

  /** Ends all questions, for nobody answers any more. @param reasonOf makes the error with which they end. */
  close(reasonOf: () => unknown): void {
    for (const { promise, reject } of this.#open.values()) {
      promise.catch(() => {})
      reject(reasonOf())
    }
    this.#open.clear()
  }

  async #enqueue(
    task: AnyTask,
    ...[input, options = {}]: [input?: unknown, options?: ChildOptions]
  ): Promise<Child> {
    const { order, beforeAsking } = this.#parts
    refuse(task, order)
    const text = encodePayload(input, 'input', order.payloadLimit)
    const callKey = this.#callKeyOf(task.name, { text, key: options.key })
    await refuseBadInput(task, input)
    beforeAsking()
    const { name, queue } = task
    const request = { task: name, queue, input: text, callKey, options: plainOf(options) }
    const id = await this.#ask({ ask: 'enqueue', ...request })
    return { id: String(id), task: name }
  }

  #callKeyOf(
    task: string,
    { text, key }: { readonly text: string | null; readonly key: string | undefined },
  ): string {
    const call = key === undefined ? `${task} ${text}` : JSON.stringify([task, text, key])
    const kind = createHash('sha256').update(call).digest('base64url').slice(0, 22)
    const count = this.#counts.get(kind) ?? 0
    this.#counts.set(kind, count + 1)
    return `${kind}:${count}`
  }

  #ask(question: StoreQuestion): Promise<unknown> {
    const open = Promise.withResolvers<unknown>()
    const number = ++this.#number
    this.#open.set(number, open)
    this.#parts.ask(question, number)
    return open.promise
  }
}

/** The ids of children. @throws {CheckreinError} `USAGE` where it is no list of children. */
export function idsOf(children: readonly Child[]): readonly string[] {
  if (!Array.isArray(children)) throw notChildren('Write ctx.waitFor([child]).')
  if (children.length > mostKept)
    throw notChildren(`At most ${mostKept} at once: wait for them in parts.`)
  return children.map((child: unknown) => {
    const { id } = (child ?? {}) as Partial<Child>
    if (typeof id !== 'string')
      throw notChildren('A child is what ctx.enqueue fulfils with: await it.')
    return id
  })
}

const notChildren = (hint: string): CheckreinError =>
  new CheckreinError('USAGE', { message: 'waitFor takes a list of children', hint })

function refuse(task: unknown, { rollback }: Pick<AttemptOrder, 'rollback'>): void {
  if (rollback !== null)
    throw new CheckreinError('USAGE', {
      message: 'A roll-back has no children',
      hint: 'Undo within the rollback function, or let a client enqueue further runs.',
    })
  if (!isTask(task))
    throw new CheckreinError('USAGE', {
      message: 'The first argument is not a task',
      hint: 'Define it with task({ name, run }).',
    })
}

async function refuseBadInput({ name, input: schema }: AnyTask, input: unknown): Promise<void> {
  if (schema === null) return
  const checked = await validate(schema, input)
  if (checked.isValid) return
  throw new CheckreinError('INPUT_REJECTED', {
    message: `The input of ${name} does not fit its schema: ${firstIssue(checked.issues)}`,
    hint: 'Nothing was enqueued. `details.issues` lists what is wrong.',
    details: { task: name, issues: checked.issues },
  })
}

/** The options with instants (epoch ms) for dates, for JSON has no dates. */
function plainOf(options: ChildOptions): Readonly<Record<string, unknown>> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value instanceof Date ? value.getTime() : value]),
  )
}
