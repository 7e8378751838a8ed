/**
 * Many workers on one store, and things that kill and stop them and cut them off at random, while runs are enqueued and
 * cancelled. What must hold is checked by `Load`. `npm run chaos` runs the large one, on either store.
 */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { Bed, type StoreKind } from '../support/bed.ts'
import { childrenOf } from '../support/processes.ts'
import { TcpProxy } from '../support/proxy.ts'
import { Fleet, type FleetOptions, type WorkerProcess } from './fleet.ts'
import { Load, type LoadTotals, type Random, randomFrom } from './load.ts'

export interface ChaosOptions {
  readonly on: StoreKind
  readonly workers: number
  readonly runs: number
  /** The longest that a run takes, ms. */
  readonly longestMs: number
  /** How many things go wrong. */
  readonly harms: number
  /** The longest pause between two of them, ms. */
  readonly harmEveryMs: number
  /** Gives the same choices again; what the machine makes of them still differs. */
  readonly seed: number
}

export interface ChaosReport extends LoadTotals {
  readonly harms: Readonly<Record<string, number>>
  readonly seconds: number
}

const leaseMs = 3000

export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const startedAt = performance.now()
  const { on, seed, runs, longestMs, harms, harmEveryMs } = options
  await using bed = await Bed.make({ on })
  await using places = await Places.make(bed, options)
  const load = new Load({ client: bed.client, folder: bed.folder, seed })
  const withinMs = (harms * harmEveryMs) / 2
  const [done] = await Promise.all([
    harmAtRandom(places, options),
    load.enqueue(runs, { longestMs, withinMs: withinMs / 2 }),
    load.cancel(runs / 10, { withinMs }),
  ])
  const totals = await load.check()
  assert.deepEqual(load.refused, [])
  places.check()
  return { ...totals, harms: done, seconds: Math.round((performance.now() - startedAt) / 100) / 10 }
}

/** Where a worker runs: when it is killed, another one is started there. */
class Place implements AsyncDisposable {
  readonly #fleet: Fleet
  readonly #settings: FleetOptions
  /** Its way to the database, where that goes through a network. */
  readonly link: TcpProxy | null
  worker: WorkerProcess

  constructor(fleet: Fleet, settings: FleetOptions, link: TcpProxy | null) {
    this.#fleet = fleet
    this.#settings = link ? { ...settings, url: link.url(settings.url) } : settings
    this.link = link
    this.worker = fleet.launch(this.#settings)
  }

  replace(): void {
    this.worker.signal('SIGKILL')
    this.worker = this.#fleet.launch(this.#settings)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link?.[Symbol.asyncDispose]()
  }
}

class Places implements AsyncDisposable {
  readonly all: Place[] = []
  readonly #fleet = new Fleet()

  static async make(bed: Bed, { on, workers }: ChaosOptions): Promise<Places> {
    const modules = [new URL('./fleet-tasks.ts', import.meta.url).href]
    const settings = { url: bed.url, modules, lease: leaseMs, poll: 200, spares: 0, concurrency: 1 }
    const places = new Places()
    for (let n = 0; n < workers; n++) {
      const link = on === 'postgres' ? await TcpProxy.make(bed.url) : null
      places.all.push(new Place(places.#fleet, settings, link))
    }
    return places
  }

  /** Whoever was not killed is still there: whatever happened, nobody had to be started again. */
  check(): void {
    const ended = this.all.filter(({ worker }) => !worker.isRunning)
    assert.deepEqual(
      ended.map(({ worker }) => worker.events),
      [],
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fleet[Symbol.asyncDispose]()
    for (const place of this.all) await place[Symbol.asyncDispose]()
  }
}

/** Does something bad to a place; false where it could not. */
type Harm = (place: Place, random: Random, later: Promise<void>[]) => boolean

/** With how often each is chosen. */
const harmsOf: Readonly<Record<StoreKind, Readonly<Record<string, readonly [number, Harm]>>>> = {
  sqlite: {
    'worker SIGKILL': [50, killWorker],
    'isolate SIGKILL': [35, killIsolate],
    'worker SIGSTOP': [15, stopWorker],
  },
  postgres: {
    'worker SIGKILL': [30, killWorker],
    'isolate SIGKILL': [15, killIsolate],
    'worker SIGSTOP': [15, stopWorker],
    'links cut once': [15, cutLinks],
    'links cut': [10, cutLinksForAWhile],
    'links silent': [15, silenceLinks],
  },
}

async function harmAtRandom(
  places: Places,
  { on, harms, harmEveryMs, seed }: ChaosOptions,
): Promise<Record<string, number>> {
  const random = randomFrom(seed + 1)
  const kinds = Object.entries(harmsOf[on])
  const done = Object.fromEntries(kinds.map(([name]) => [name, 0]))
  const later: Promise<void>[] = []
  for (let count = 0; count < harms;) {
    await pause(random() * harmEveryMs)
    const place = places.all[Math.floor(random() * places.all.length)] as Place
    const [name, harm] = chosen(kinds, random)
    if (!harm(place, random, later)) continue
    done[name] = (done[name] ?? 0) + 1
    count += 1
  }
  await Promise.all(later)
  return done
}

function chosen(
  kinds: readonly (readonly [string, readonly [number, Harm]])[],
  random: Random,
): readonly [string, Harm] {
  let left = random() * kinds.reduce((sum, [, [weight]]) => sum + weight, 0)
  const kind = kinds.find(([, [weight]]) => (left -= weight) < 0) ?? kinds[0]
  if (!kind) throw new Error('nothing to choose from')
  return [kind[0], kind[1][1]]
}

function killWorker(place: Place): boolean {
  place.replace()
  return true
}

function killIsolate({ worker }: Place, random: Random): boolean {
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

function stopWorker({ worker }: Place, random: Random, later: Promise<void>[]): boolean {
  worker.signal('SIGSTOP')
  later.push(pause(random() * leaseMs * 2).then(() => worker.signal('SIGCONT')))
  return true
}

/** All connections are reset; new ones are let through. */
function cutLinks({ link }: Place): boolean {
  link?.cut()
  link?.restore()
  return true
}

function cutLinksForAWhile({ link }: Place, random: Random, later: Promise<void>[]): boolean {
  link?.cut()
  later.push(pause(random() * leaseMs).then(() => link?.restore()))
  return true
}

/** Nothing comes through, and nobody is told; what was sent comes late. */
function silenceLinks({ link }: Place, random: Random, later: Promise<void>[]): boolean {
  link?.swallow()
  later.push(pause(random() * leaseMs * 2).then(() => link?.restore()))
  return true
}
