/**
 * What a handler asks of the store by way of its worker: `ctx.enqueue`, and what its children have come to.
 *
 * A handler that is run again comes to the same enqueues again, so each is known by what it asks for: the task, the input, and
 * which of those that are alike it is, counted since the last checkpoint. In which order they come does not matter.
 */
import { createHash } from 'node:crypto'
import type { Child, ChildOptions, AnyTask } from '../../../core/task/context.ts'
import { CheckreinError, errorFrom } from '../../../core/errors.ts'
import { encodePayload } from '../../../core/payload.ts'
import { isTask } from '../../../core/task/task.ts'
import { mostKept } from '../../wire/bounds.ts'
import type { StoreAnswer, AttemptOrder, StoreQuestion } from '../../executor.ts'
import { firstIssue, validate } from '../attempt/validate.ts'
import type { Settled } from '../../../core/run/settled.ts'

export interface ChildrenParts {
  readonly order: Pick<AttemptOrder, 'payloadLimit' | 'rollback'>
  readonly ask: (question: StoreQuestion, number: number) => void
  /** What was kept by now is told before anything that counts from there. */
  readonly beforeAsking: () => void
}

export class Children {
  readonly #parts: ChildrenParts
  /** How many were enqueued of each kind since the last checkpoint. */
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

  /** What comes now counts from another state. */
  onCheckpoint(): void {
    this.#counts.clear()
  }

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

  /** What they have come to, in order; null while not all have ended. */
  readonly endsOf = (ids: readonly string[]): Promise<readonly Settled[] | null> =>
    this.#ask({ ask: 'ends', ids }) as Promise<readonly Settled[] | null>

  onAnswer(number: number, answer: StoreAnswer): void {
    const open = this.#open.get(number)
    this.#open.delete(number)
    if ('error' in answer) open?.reject(errorFrom(answer.error))
    else open?.resolve(answer.value)
  }

  /** @param reasonOf why nobody answers any more. */
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
    const callKey = this.#callKeyOf(task.name, text)
    await refuseBadInput(task, input)
    beforeAsking()
    const { name, queue } = task
    const request = { task: name, queue, input: text, callKey, options: plainOf(options) }
    const id = await this.#ask({ ask: 'enqueue', ...request })
    return { id: String(id), task: name }
  }

  #callKeyOf(task: string, input: string | null): string {
    const kind = createHash('sha256').update(`${task} ${input}`).digest('base64url').slice(0, 22)
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

/** @throws {CheckreinError} `USAGE` for what is no list of children. */
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

/** With instants for dates: JSON has none. */
function plainOf(options: ChildOptions): Readonly<Record<string, unknown>> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value instanceof Date ? value.getTime() : value]),
  )
}
