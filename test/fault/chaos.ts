/**
 * Many workers on one file, and things that kill and stop them at random, while runs are enqueued and cancelled.
 *
 * What must hold is checked afterwards from the feeds, and during the runs by a lock of the operating system that each
 * attempt takes (`exclusive` in `fleet-tasks.ts`). `npm run chaos` runs the large one.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import type { Controlled, FeedEntry, RunHandle } from '../../src/index.ts'
import { Bed } from '../support/bed.ts'
import { childrenOf } from '../support/processes.ts'
import { exclusive } from './fleet-tasks.ts'
import { Fleet, type FleetOptions, type WorkerProcess } from './fleet.ts'

export interface ChaosOptions {
  readonly workers: number
  readonly runs: number
  readonly kills: number
  /** The longest pause between two kills, ms. */
  readonly killEveryMs: number
  /** Gives the same choices again; what the machine makes of them still differs. */
  readonly seed: number
}

export interface ChaosReport {
  readonly completed: number
  readonly cancelled: number
  readonly attempts: number
  readonly lapses: number
  readonly crashes: number
  readonly kills: Readonly<Record<string, number>>
  readonly seconds: number
}

const leaseMs = 3000

export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const startedAt = performance.now()
  const random = randomFrom(options.seed)
  await using bed = await Bed.make()
  await using fleet = new Fleet()
  const modules = [new URL('./fleet-tasks.ts', import.meta.url).href]
  const settings = { url: bed.url, modules, lease: leaseMs, poll: 200, spares: 0, concurrency: 1 }
  for (let n = 0; n < options.workers; n++) fleet.launch(settings)
  const runs: RunHandle<unknown>[] = []
  const asked: Controlled[] = []
  const [kills] = await Promise.all([
    killAtRandom(fleet, settings, { ...options, random }),
    enqueueAtRandom(bed, runs, { ...options, random }),
    cancelAtRandom(runs, asked, { ...options, random }),
  ])
  await Promise.all(runs.map((run) => run.result({ timeout: '10m' }).catch(() => undefined)))
  const report = await check(bed, runs, asked)
  return { ...report, kills, seconds: Math.round((performance.now() - startedAt) / 100) / 10 }
}

type Random = () => number

interface Dice extends ChaosOptions {
  readonly random: Random
}

/** The mulberry32 generator: small, and good enough to choose victims. */
function randomFrom(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

async function enqueueAtRandom(
  bed: Bed,
  runs: RunHandle<unknown>[],
  { runs: wanted, random }: Dice,
): Promise<void> {
  while (runs.length < wanted) {
    const count = Math.min(wanted - runs.length, 1 + Math.floor(random() * 40))
    const inputs = Array.from({ length: count }, () => ({
      input: { folder: bed.folder, ms: 2 + random() * 60 },
    }))
    runs.push(...(await bed.client.enqueueMany(exclusive, inputs)))
    await pause(random() * 40)
  }
}

/** Asks about one run in ten to stop, by verbs that let it stop where it is. */
async function cancelAtRandom(
  runs: readonly RunHandle<unknown>[],
  asked: Controlled[],
  { runs: wanted, random }: Dice,
): Promise<void> {
  const verbs = ['revoke', 'cancel', 'terminate'] as const
  for (let n = 0; n < wanted / 10; n++) {
    await pause(random() * 60)
    const run = runs[Math.floor(random() * runs.length)]
    const verb = verbs[Math.floor(random() * verbs.length)] ?? 'cancel'
    if (!run) continue
    if (verb === 'revoke') asked.push(await run.revoke())
    else {
      const stop = await run[verb]({ grace: 20, timeout: '5m' })
      asked.push({ id: run.id, answer: stop.answer, state: stop.state, tombstoneUntil: null })
    }
  }
}

async function killAtRandom(
  fleet: Fleet,
  settings: FleetOptions,
  { kills, killEveryMs, random }: Dice,
): Promise<Record<string, number>> {
  const done: Record<string, number> = {
    'worker SIGKILL': 0,
    'isolate SIGKILL': 0,
    'worker SIGSTOP': 0,
  }
  const stopped: Promise<void>[] = []
  const total = (): number => Object.values(done).reduce((sum, one) => sum + one, 0)
  while (total() < kills) {
    await pause(random() * killEveryMs)
    const living = fleet.workers.filter((worker) => worker.isRunning)
    const victim = living[Math.floor(random() * living.length)]
    if (!victim) continue
    const choice = random()
    if (choice < 0.5) {
      victim.signal('SIGKILL')
      fleet.launch(settings)
      note(done, 'worker SIGKILL')
    } else if (choice < 0.85) {
      if (killChild(victim, random)) note(done, 'isolate SIGKILL')
    } else {
      stopped.push(stopForAWhile(victim, random))
      note(done, 'worker SIGSTOP')
    }
  }
  await Promise.all(stopped)
  return done
}

function note(done: Record<string, number>, what: string): void {
  done[what] = (done[what] ?? 0) + 1
}

function killChild(worker: WorkerProcess, random: Random): boolean {
  const children = worker.pid > 0 ? childrenOf(worker.pid) : []
  const child = children[Math.floor(random() * children.length)]
  if (child === undefined) return false
  try {
    process.kill(child, 'SIGKILL')
    return true
  } catch {
    return false
  }
}

async function stopForAWhile(worker: WorkerProcess, random: Random): Promise<void> {
  worker.signal('SIGSTOP')
  await pause(random() * leaseMs * 2)
  worker.signal('SIGCONT')
}

async function check(
  bed: Bed,
  runs: readonly RunHandle<unknown>[],
  asked: readonly Controlled[],
): Promise<Omit<ChaosReport, 'kills' | 'seconds'>> {
  assert.deepEqual(violations(bed), [], 'no two attempts of a run executed at the same time')
  const totals = { completed: 0, cancelled: 0, attempts: 0, lapses: 0, crashes: 0 }
  for (const run of runs) {
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
  for (const answer of asked) await checkAsked(bed, answer)
  return totals
}

const isEnd = (entry: FeedEntry, at: number, feed: readonly FeedEntry[]): boolean =>
  ['completed', 'failed', 'cancelled'].includes(entry.state) && feed[at - 1]?.state !== entry.state

const count = (feed: readonly FeedEntry[], type: FeedEntry['type']): number =>
  feed.filter((entry) => entry.type === type).length

/** What was acknowledged is true: prevented runs never started again, and no attempt starts after a request. */
async function checkAsked(bed: Bed, { id, answer }: Controlled): Promise<void> {
  if (id === null || answer === 'too-late') return
  const run = bed.client.run(id)
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

function violations(bed: Bed): unknown[] {
  const file = join(bed.folder, 'violations.db')
  return existsSync(file) ? new DatabaseSync(file).prepare('SELECT * FROM violations').all() : []
}
