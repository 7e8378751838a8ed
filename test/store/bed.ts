/** A store in a folder of its own with a held clock, and short words for what is asked of it. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ended, MachineEvent } from '../../src/core/run/events.ts'
import type { Answer } from '../../src/core/run/decision.ts'
import type { Fence, StoredRun } from '../../src/core/run/run.ts'
import { openStore, type StoreOptions } from '../../src/store/open.ts'
import {
  dropSchema,
  emptySchema,
  freshSchema,
  reuseSchema,
  testDatabase,
} from '../support/database.ts'
import type {
  Controlled,
  ControlRequest,
  Enqueued,
  NewRun,
  Signalled,
  Store,
  Target,
  WorkerInfo,
} from '../../src/store/store.ts'

/** A time that passes when told to. */
export class HeldClock {
  at = 1_750_000_000_000
  readonly now = (): number => this.at

  advance(ms: number): void {
    this.at += ms
  }
}

/** Where a suite opens its stores: each call opens the same one anew. Gone when disposed. */
export interface Place extends AsyncDisposable {
  open(): Promise<Store>
}

/** A SQLite file in a folder of its own. */
export async function sqlitePlace(
  options: StoreOptions = {},
): Promise<Place & { readonly file: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'checkrein-store-'))
  const file = join(folder, 'test.db')
  const open: Store[] = []
  return {
    file,
    async open() {
      const store = await openStore(`sqlite:${file}`, options)
      open.push(store)
      return store
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(open.map((store) => store[Symbol.asyncDispose]()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A schema of its own in the database that tests share, or in one that a URL names. */
export async function postgresPlace(options: StoreOptions = {}, at?: string): Promise<Place> {
  const url = at ?? (await testDatabase())
  return placeIn({ url, schema: freshSchema(), leave: dropSchema }, options)
}

/** The same in a schema whose tables many tests use, one after the other. Whoever has used it calls `dropUsedSchemas`. */
export async function reusedPlace(options: StoreOptions = {}, at?: string): Promise<Place> {
  const url = at ?? (await testDatabase())
  return placeIn({ url, schema: emptySchema(url), leave: reuseSchema }, options)
}

function placeIn(
  {
    url,
    schema,
    leave,
  }: { readonly url: string; readonly schema: string; readonly leave: typeof dropSchema },
  options: StoreOptions,
): Place {
  const open: Store[] = []
  return {
    async open() {
      const store = await openStore(url, { schema, ...options })
      open.push(store)
      return store
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(open.map((store) => store[Symbol.asyncDispose]()))
      await leave(url, schema)
    },
  }
}

export type OpenPlace = (clock: HeldClock) => Promise<Place>

const leaseMs = 10_000
const everySoLong = 3_600_000

/** A store, its clock, and the words. */
export class StoreBed implements AsyncDisposable {
  readonly clock: HeldClock
  readonly place: Place
  readonly store: Store
  /** The places of claimed runs, which a worker shows again with what it reports. */
  readonly places = new Map<string, number>()
  #lastId = 0

  static async make(openPlace?: OpenPlace): Promise<StoreBed> {
    const clock = new HeldClock()
    const place = await (openPlace ?? (({ now }) => sqlitePlace({ now })))(clock)
    return new StoreBed(clock, place, await place.open())
  }

  private constructor(clock: HeldClock, place: Place, store: Store) {
    this.clock = clock
    this.place = place
    this.store = store
  }

  newRun(over: Partial<NewRun> = {}): NewRun {
    return { ...plainRun, id: `run-${++this.#lastId}`, ...over }
  }

  async enqueue(...overs: readonly Partial<NewRun>[]): Promise<readonly Enqueued[]> {
    return this.store.enqueue(overs.map((over) => this.newRun(over)))
  }

  /** Enqueues one run; its id. */
  async add(over: Partial<NewRun> = {}): Promise<string> {
    const [enqueued] = await this.enqueue(over)
    assert.ok(enqueued)
    return enqueued.id
  }

  async worker(id = 'w1', over: Partial<WorkerInfo> = {}): Promise<string> {
    await this.store.registerWorker({ ...plainWorker, id, ...over })
    return id
  }

  /** What a worker takes; ids. */
  async take(limit = 1000, over: Partial<Parameters<Store['claim']>[0]> = {}): Promise<string[]> {
    const request = { workerId: 'w1', queues: ['default'], tasks: ['work'], limit, ...over }
    const claimed = await this.store.claim(request)
    for (const { id, seq } of claimed) this.places.set(id, seq)
    return claimed.map(({ id }) => id)
  }

  async get(id: string): Promise<StoredRun> {
    const run = await this.store.get(id)
    assert.ok(run, `there is no run ${id}`)
    return run
  }

  async state(id: string): Promise<string> {
    return (await this.get(id)).state
  }

  ask(
    verb: ControlRequest['verb'],
    target: Target,
    over: Partial<ControlRequest> = {},
  ): Promise<readonly Controlled[]> {
    return this.store.control({ ...plainCall(), verb, target, ...over })
  }

  /** Asks of one id; the answer. */
  async askOne(verb: ControlRequest['verb'], id: string): Promise<Controlled['answer']> {
    const [controlled] = await this.ask(verb, { ids: [id] })
    assert.ok(controlled)
    return controlled.answer
  }

  liftTombstone(target: Parameters<Store['liftTombstone']>[0]): Promise<boolean> {
    return this.store.liftTombstone(target, {
      callId: randomUUID(),
      reason: null,
      by: 'who',
      origin: 'here',
    })
  }

  /** Sends a signal to one run. */
  async signal(id: string, name: string, payload: string | null = null): Promise<Signalled> {
    const who = { callId: randomUUID(), reason: null, by: 'who', origin: 'here' }
    const [answer] = await this.store.signal({ ...who, target: { ids: [id] }, name, payload })
    assert.ok(answer)
    return answer
  }

  async fence(id: string): Promise<Fence> {
    const { attempt, workerId } = await this.get(id)
    return { runId: id, attempt, workerId: workerId ?? '' }
  }

  async apply(id: string, event: MachineEvent): Promise<Answer> {
    const seq = this.places.get(id)
    const [answer] = await this.store.apply([
      { runId: id, event, ...(seq === undefined ? {} : { seq }) },
    ])
    assert.ok(answer)
    return answer
  }

  /** The handler returned. */
  async finish(id: string, ended: Partial<Ended> = {}): Promise<Answer> {
    const fence = await this.fence(id)
    return this.apply(id, { type: 'complete', fence, result: '"done"', ...plainEnd, ...ended })
  }

  /** Advances the clock and does what it brings about. */
  async pass(ms: number): Promise<Awaited<ReturnType<Store['housekeep']>>> {
    this.clock.advance(ms)
    return this.store.housekeep()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.place[Symbol.asyncDispose]()
  }
}

export const plainEnd: Ended = { deliveredAt: null, proof: null }

export const plainRun: Omit<NewRun, 'id'> = {
  task: 'work',
  queue: 'default',
  priority: 0,
  key: null,
  onConflict: 'skip',
  graceMs: 5000,
  tags: [],
  input: null,
  due: null,
  ttlMs: null,
  deadline: null,
}

export const plainWorker: Omit<WorkerInfo, 'id'> = {
  host: 'here',
  pid: 1,
  queues: ['default'],
  tasks: { work: { isolation: 'inline', maxCrashes: 3 } },
  version: '0',
  leaseMs,
}

export const plainRequest: Omit<ControlRequest, 'verb' | 'target' | 'callId'> = {
  reason: 'why',
  by: 'who',
  origin: 'here',
  graceMs: 5000,
  tombstoneMs: everySoLong,
  rollback: false,
  pause: {
    withinMs: 30_000,
    otherwise: 'wait',
    until: null,
    holdId: null,
    workflowId: null,
    parksIn: 'paused',
  },
}

/** The same, as a call of its own. */
export const plainCall = (): Omit<ControlRequest, 'verb' | 'target'> => ({
  ...plainRequest,
  callId: randomUUID(),
})
