/**
 * Runs that are paused, resumed and signalled while workers and isolates are killed with -9 and stopped, at any moment.
 * The schedules come from fast-check; what the machine makes of them differs each time, so what must hold is read from the
 * ledgers that the handlers keep, and from the record.
 */
import assert from 'node:assert/strict'
import { randomUUIDv7 } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import * as fc from 'fast-check'
import { isCheckreinError, type RunHandle } from '../../src/index.ts'
import { Bed, type StoreKind } from '../support/bed.ts'
import { childrenOf } from '../support/processes.ts'
import { Fleet, type FleetOptions, type WorkerProcess } from './fleet.ts'
import { randomFrom } from './load.ts'
import * as tasks from './reins-tasks.ts'

export interface ReinsChaosOptions {
  readonly on: StoreKind
  readonly seed: number
  readonly workers: number
  /** How many schedules, and how many of them at a time. */
  readonly schedules: number
  readonly atOnce: number
  /** How many runs are sent signals, and how many each. */
  readonly hearers: number
  readonly signals: number
}

const harms = ['kill-pause', 'freeze', 'isolate', 'isolate', 'worker', 'stop'] as const
const asks = ['pause', 'resume'] as const
const actions = [...Array.from({ length: 5 }, () => asks).flat(), ...harms] as const
type Action = (typeof actions)[number]

interface Schedule {
  readonly items: number
  readonly everyMs: number
  readonly isGenerator: boolean
  readonly steps: readonly { readonly waitMs: number; readonly action: Action }[]
}

const schedule: fc.Arbitrary<Schedule> = fc.record({
  items: fc.integer({ min: 5, max: 120 }),
  everyMs: fc.integer({ min: 1, max: 8 }),
  isGenerator: fc.boolean(),
  steps: fc.array(
    fc.record({ waitMs: fc.integer({ min: 0, max: 120 }), action: fc.constantFrom(...actions) }),
    { minLength: 2, maxLength: 12 },
  ),
})

const leaseMs = 2500
const patience = { timeout: '4m' } as const

/** Workers of which one is killed or stopped now and then. */
class Crew implements AsyncDisposable {
  readonly #fleet = new Fleet()
  readonly #settings: FleetOptions
  readonly #random
  readonly #workers: WorkerProcess[] = []
  readonly harms: Record<string, number> = { isolate: 0, worker: 0, stop: 0 }

  constructor(bed: Bed, { workers, seed }: ReinsChaosOptions) {
    const modules = [new URL('./reins-tasks.ts', import.meta.url).href]
    const concurrency = { process: 4, thread: 1, inline: 50 }
    this.#settings = { url: bed.url, modules, lease: leaseMs, poll: 200, spares: 1, concurrency }
    this.#random = randomFrom(seed)
    for (let n = 0; n < workers; n++) this.#workers.push(this.#fleet.launch(this.#settings))
  }

  harm(kind: 'isolate' | 'worker' | 'stop'): void {
    const at = Math.floor(this.#random() * this.#workers.length)
    const worker = this.#workers[at]
    if (!worker) return
    this.harms[kind] = (this.harms[kind] ?? 0) + 1
    if (kind === 'worker') {
      worker.signal('SIGKILL')
      this.#workers[at] = this.#fleet.launch(this.#settings)
    } else if (kind === 'stop') {
      worker.signal('SIGSTOP')
      setTimeout(() => worker.signal('SIGCONT'), this.#random() * leaseMs * 2)
    } else this.#killIsolate(worker)
  }

  #killIsolate(worker: WorkerProcess): void {
    // One that loses an isolate while it starts does not start at all.
    const hasStarted = worker.events.some(({ type }) => type === 'started')
    const children = hasStarted ? childrenOf(worker.pid) : []
    const child = children[Math.floor(this.#random() * children.length)]
    try {
      if (child !== undefined) process.kill(child, 'SIGKILL')
    } catch {
      // It had gone by itself.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fleet[Symbol.asyncDispose]()
  }
}

export interface ReinsReport {
  readonly attempts: number
  readonly parks: number
  readonly harms: Readonly<Record<string, number>>
  readonly replies: number
  readonly seconds: number
}

export async function reinsChaos(options: ReinsChaosOptions): Promise<ReinsReport> {
  const startedAt = performance.now()
  await using bed = await Bed.make({ on: options.on })
  await using crew = new Crew(bed, options)
  const schedules = fc.sample(schedule, { numRuns: options.schedules, seed: options.seed })
  const [played, replies] = await Promise.all([
    playAll(bed, crew, { schedules, atOnce: options.atOnce }),
    hearAll(bed, options),
  ])
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10
  return { ...played, replies, harms: crew.harms, seconds }
}

async function playAll(
  bed: Bed,
  crew: Crew,
  { schedules, atOnce }: { readonly schedules: readonly Schedule[]; readonly atOnce: number },
): Promise<{ attempts: number; parks: number }> {
  const left = [...schedules.entries()]
  let [attempts, parks] = [0, 0]
  const line = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const done = await play(bed, crew, next)
      attempts += done.attempts
      parks += done.parks
    }
  }
  await Promise.all(Array.from({ length: atOnce }, line))
  return { attempts, parks }
}

/** Plays a schedule, and then lets the run come to its end. */
async function play(
  bed: Bed,
  crew: Crew,
  [number, { items, everyMs, isGenerator, steps }]: readonly [number, Schedule],
): Promise<{ attempts: number; parks: number }> {
  const file = join(bed.folder, `ledger-${number}`)
  const task = isGenerator ? tasks.ledgerOfYields : tasks.ledger
  const run: RunHandle<number> = await insist(() =>
    bed.client.enqueue(task, { file, items, everyMs }),
  )
  // Where workers are killed all the time, that takes its time.
  for (let waitMs = 0; !existsSync(file) && waitMs < 240_000; waitMs += 20) await pause(20)
  for (const { waitMs, action } of steps) {
    await pause(waitMs)
    await insist(() => act(run, crew, action))
  }
  // A pause that is under way is taken back as well.
  await insist(() => run.resume())
  const what = `schedule ${number}: ${JSON.stringify({ items, everyMs, isGenerator, steps })}`
  const total = await run.result(patience).catch(async (error: unknown) => {
    const feed = await Array.fromAsync(run.events({ follow: false }))
    const last = feed
      .slice(-20)
      .map(({ type, attempt, state, data }) => [type, attempt, state, data])
    console.error(what, JSON.stringify(await run.get()), JSON.stringify(last))
    throw error
  })
  const wanted = Array.from({ length: items }, (_, item) => tasks.worth(item))
  assert.equal(
    total,
    wanted.reduce((sum, one) => sum + one, 0),
    `the result: ${what}`,
  )
  const feed = await Array.fromAsync(run.events())
  const parked = feed.filter(({ type }) => type === 'park').map(({ attempt }) => attempt)
  checkLedger(readFileSync(file, 'utf8'), { items, parked, what })
  return { attempts: (await run.get()).attempt, parks: parked.length }
}

/** Whoever is stopped may hold a row for a while: what may succeed later is asked again. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (!isCheckreinError(error) || !error.isRetryable || tries === 20) throw error
      await pause(100)
    }
  }
}

async function act(run: RunHandle, crew: Crew, action: Action): Promise<void> {
  const quick = { within: 50, timeout: 1 } as const
  const pending = (error: unknown): void => {
    if ((error as { code?: string }).code !== 'PAUSE_PENDING') throw error
  }
  if (action === 'pause') await run.pause({ timeout: 200 }).catch(pending)
  else if (action === 'kill-pause') await run.pause({ ...quick, otherwise: 'kill' }).catch(pending)
  else if (action === 'freeze') await run.freeze({ timeout: 1 }).catch(pending)
  else if (action === 'resume') await run.resume()
  else crew.harm(action)
}

/** What was kept is not done again, what was not is; an attempt that parked leaves nothing to be done again. */
function checkLedger(
  text: string,
  {
    items,
    parked,
    what,
  }: { readonly items: number; readonly parked: readonly number[]; readonly what: string },
): void {
  const done = new Set<number>()
  /** What must not be done again. */
  let kept = 0
  let last = { attempt: 0, item: -1 }
  for (const line of text.trim().split('\n')) {
    const [attempt = 0, first, second] = line
      .split(':')
      .map((part) => (part === 'kept' ? -1 : Number(part)))
    if (first === -1) {
      kept = Math.max(kept, second ?? 0)
      continue
    }
    const item = first ?? -1
    assert.ok(
      item >= kept,
      `item ${item} was kept, and is done again by attempt ${attempt}: ${what}`,
    )
    if (attempt === last.attempt) assert.equal(item, last.item + 1, `in order: ${what}`)
    else {
      assert.ok(attempt > last.attempt, `no attempt goes on after the next has begun: ${what}`)
      assert.ok(item <= last.item + 1, `no item is left out: ${what}`)
      if (parked.includes(last.attempt))
        assert.equal(item, last.item + 1, `a park loses nothing: ${what}`)
    }
    last = { attempt, item }
    done.add(item)
  }
  assert.equal(done.size, items, `every item is done: ${what}`)
}

/** Sends each run its signals, and waits for all their replies. */
async function hearAll(bed: Bed, { hearers, signals }: ReinsChaosOptions): Promise<number> {
  const all = await Promise.all(
    Array.from({ length: hearers }, async (_, at) => {
      const task = at % 10 === 0 ? tasks.hearsInProcess : tasks.hearsInline
      const run = await insist(() => bed.client.enqueue(task, signals))
      const sent = []
      for (let n = 0; n < signals; n++) {
        const callId = randomUUIDv7()
        sent.push(await insist(() => run.signal('say', n, { callId })))
        if (n % 10 === 0) await pause(5)
      }
      const replies = await Promise.all(sent.map((signal) => signal.reply(patience)))
      assert.deepEqual(
        replies,
        Array.from({ length: signals }, (_, n) => n),
        'each in its turn, once',
      )
      assert.equal(await run.result(patience), signals)
      const record = (await run.signals()).filter(({ kind }) => kind === 'signal')
      assert.equal(record.length, signals)
      assert.ok(record.every(({ completedAt, error }) => completedAt !== null && error === null))
      return replies.length
    }),
  )
  return all.reduce((sum, one) => sum + one, 0)
}
