/** Clients that enqueue and revoke as fast as they can while something goes wrong, and whether what they were told is true. */
import assert from 'node:assert/strict'
import { type Client, connect, isCheckreinError, task } from '../../src/index.ts'
import type { Random } from './load.ts'

/** `unknown`: they were told that nobody can say. */
type Outcome = 'done' | 'failed' | 'unknown'

interface Said {
  readonly what: 'enqueue' | 'revoke'
  readonly id: string
  readonly outcome: Outcome
}

export interface CallersOptions {
  readonly url: string
  readonly count: number
  readonly patienceMs: number
  readonly random: Random
}

/** No worker has it. */
export const work = task({ name: 'work', run: () => undefined })

/** Whether an error says that the call may have been done. */
export const isUncertain = (error: unknown): boolean =>
  isCheckreinError(error) && error.isRetryable && error.details['isUncertain'] === true

export class Callers implements AsyncDisposable {
  readonly #clients: readonly Client[]
  readonly #random: Random
  readonly #said: Said[] = []

  static async make({ url, count, patienceMs, random }: CallersOptions): Promise<Callers> {
    const open = (): Promise<Client> => connect(url, { patienceMs, answerMs: 1000 })
    return new Callers(await Promise.all(Array.from({ length: count }, open)), random)
  }

  private constructor(clients: readonly Client[], random: Random) {
    this.#clients = clients
    this.#random = random
  }

  /** Each calls so many times; an error that cannot pass rejects. */
  async call(times: number): Promise<void> {
    await Promise.all(this.#clients.map((client) => this.#callBy(client, times)))
  }

  async #callBy(client: Client, times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      const count = 1 + Math.floor(this.#random() * 3)
      const ids = Array.from({ length: count }, () => crypto.randomUUID())
      const calls = ids.map((id) =>
        this.#note('enqueue', id, enqueue(client, id, this.#random() < 0.5)),
      )
      const [first] = await Promise.all(calls)
      const [id] = ids
      if (id !== undefined && first === 'done')
        await this.#note('revoke', id, client.run(id).revoke())
    }
  }

  async #note(what: Said['what'], id: string, call: Promise<unknown>): Promise<Outcome> {
    const outcome = await call.then(() => 'done' as const, failure)
    this.#said.push({ what, id, outcome })
    return outcome
  }

  count(outcome: Outcome): number {
    return this.#said.filter((one) => one.outcome === outcome).length
  }

  /** What they were told and is not so. @param client reaches the database. */
  async lies(client: Client): Promise<unknown[]> {
    const known = this.#said.filter(({ outcome }) => outcome !== 'unknown')
    const checked = await Promise.all(
      known.map(async (one) => ({ ...one, isDone: await isDone(client, one) })),
    )
    return checked.filter(({ outcome, isDone }) => isDone !== (outcome === 'done'))
  }

  report(): string {
    const [done, failed, unknown] = (['done', 'failed', 'unknown'] as const).map((outcome) =>
      this.count(outcome),
    )
    return `${done} done, ${failed} failed, ${unknown} not known`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client[Symbol.asyncDispose]()))
  }
}

/** One statement, or a transaction; that it was stored before would be a lie. */
async function enqueue(client: Client, id: string, hasKey: boolean): Promise<void> {
  const run = await client.enqueue(work, undefined, hasKey ? { id, key: id } : { id })
  assert.equal(run.enqueued?.outcome, 'enqueued')
}

function failure(error: unknown): 'failed' | 'unknown' {
  if (isUncertain(error)) return 'unknown'
  if (isCheckreinError(error) && error.isRetryable) return 'failed'
  throw error
}

async function isDone(client: Client, { what, id }: Said): Promise<boolean> {
  const run = await client.run(id).get().catch(absent)
  return what === 'enqueue' ? run !== null : run?.state === 'cancelled'
}

function absent(error: unknown): null {
  if (isCheckreinError(error) && error.code === 'RUN_NOT_FOUND') return null
  throw error
}
