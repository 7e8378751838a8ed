/**
 * Runs that are enqueued, worked on and cancelled while things go wrong, and what must be true of them afterwards.
 *
 * During the runs a lock of the operating system that each attempt takes (`exclusive` in `fleet-tasks.ts`) tells whether two
 * attempts of a run executed at the same time; the rest is read from the feeds when all is over.
 */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type CheckreinError,
  type Client,
  type Controlled,
  type FeedEntry,
  isCheckreinError,
  type RunHandle,
} from '../../src/index.ts'
import { exclusive, violationsIn } from './fleet-tasks.ts'

export interface LoadParts {
  readonly client: Client
  /** Where the attempts keep their locks. */
  readonly folder: string
  /** Gives the same choices again; what the machine makes of them still differs. */
  readonly seed: number
}

/** What became of all runs. */
export interface LoadTotals {
  readonly completed: number
  readonly cancelled: number
  readonly attempts: number
  readonly lapses: number
  readonly crashes: number
}

export type Random = () => number

/** The mulberry32 generator: small, and good enough to choose victims. */
export function randomFrom(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const largestBatch = 40

export class Load {
  /** Whose enqueue was acknowledged. */
  readonly runs: RunHandle<number>[] = []
  /** What was acknowledged of the requests to stop. */
  readonly asked: Controlled[] = []
  /** Calls that failed, and may be made again. */
  readonly refused: CheckreinError[] = []
  readonly #client: Client
  readonly #folder: string
  readonly #random: Random
  readonly #watchers = new Set<() => void>()

  constructor({ client, folder, seed }: LoadParts) {
    this.#client = client
    this.#folder = folder
    this.#random = randomFrom(seed)
  }

  /** Enqueues so many runs, some at a time, spread over about as long as is said. */
  async enqueue(wanted: number, { longestMs = 60, withinMs = wanted } = {}): Promise<void> {
    for (let count = 0; count < wanted;) {
      const size = Math.min(wanted - count, 1 + Math.floor(this.#random() * largestBatch))
      const inputs = Array.from({ length: size }, () => ({
        input: { folder: this.#folder, ms: 2 + this.#random() * longestMs },
      }))
      this.runs.push(...((await this.#try(this.#client.enqueueMany(exclusive, inputs))) ?? []))
      count += size
      for (const look of this.#watchers) look()
      await pause((this.#random() * largestBatch * withinMs) / wanted)
    }
  }

  /** Fulfils when so many enqueues have been acknowledged. */
  async reaches(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = (): void => void (this.runs.length >= count && resolve())
    this.#watchers.add(look)
    look()
    await promise
    this.#watchers.delete(look)
  }

  /** Asks so many runs to stop, by verbs that let them stop where they are, one after the other. */
  async cancel(count: number, { withinMs = count * 30 } = {}): Promise<void> {
    for (let n = 0; n < count; n++) {
      await pause((this.#random() * 2 * withinMs) / count)
      // Of the newest, for the others may have ended.
      const recent = this.runs.slice(-largestBatch)
      const run = recent[Math.floor(this.#random() * recent.length)]
      const verb = verbs[Math.floor(this.#random() * verbs.length)] ?? 'cancel'
      const answer = run && (await this.#try(stop(run, verb)))
      if (answer) this.asked.push(answer)
    }
  }

  async #try<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call
    } catch (error) {
      if (!isCheckreinError(error) || !error.isRetryable) throw error
      this.refused.push(error)
      return undefined
    }
  }

  /** Waits for the end of all runs, and checks what must hold whatever went wrong. */
  async check(): Promise<LoadTotals> {
    await Promise.all(this.runs.map((run) => run.result({ timeout: '10m' }).catch(() => undefined)))
    assert.deepEqual(violationsIn(this.#folder), [], 'no two attempts executed at the same time')
    const totals = { completed: 0, cancelled: 0, attempts: 0, lapses: 0, crashes: 0 }
    for (const run of this.runs) {
      const { state, attempt, error } = await run.get()
      assert.ok(
        state === 'completed' || state === 'cancelled',
        `run ${run.id} is ${state}: ${JSON.stringify(error)}`,
      )
      const feed = await Array.fromAsync(run.events())
      assert.equal(feed.filter(isEnd).length, 1, `run ${run.id} ends exactly once`)
      assert.equal(count(feed, 'claim'), attempt)
      totals[state] += 1
      totals.attempts += attempt
      totals.lapses += count(feed, 'lapse')
      totals.crashes += count(feed, 'crash')
    }
    for (const answer of this.asked) await this.#checkAsked(answer)
    return totals
  }

  /** What was acknowledged is true: prevented runs never started again, and no attempt starts after a request. */
  async #checkAsked({ id, answer }: Controlled): Promise<void> {
    if (id === null || answer === 'too-late') return
    const run = this.#client.run(id)
    const { state } = await run.get()
    const feed = await Array.fromAsync(run.events())
    const askedAt = feed.findIndex(({ type }) => ['revoke', 'cancel', 'terminate'].includes(type))
    assert.notEqual(askedAt, -1, `the request for ${id} is on record`)
    assert.equal(
      count(feed.slice(askedAt), 'claim'),
      0,
      `run ${id} did not start again after it was asked to stop`,
    )
    if (answer === 'prevented') assert.equal(state, 'cancelled')
  }
}

const verbs = ['revoke', 'cancel', 'terminate'] as const

async function stop(run: RunHandle, verb: (typeof verbs)[number]): Promise<Controlled> {
  if (verb === 'revoke') return run.revoke()
  const how = { timeout: '5m' } as const
  const { id, answer, state } = await (verb === 'cancel'
    ? run.cancel({ ...how, grace: 20 })
    : run.terminate(how))
  return { id, answer, state, tombstoneUntil: null }
}

const isEnd = (entry: FeedEntry, at: number, feed: readonly FeedEntry[]): boolean =>
  ['completed', 'failed', 'cancelled'].includes(entry.state) && feed[at - 1]?.state !== entry.state

const count = (feed: readonly FeedEntry[], type: FeedEntry['type']): number =>
  feed.filter((entry) => entry.type === type).length
