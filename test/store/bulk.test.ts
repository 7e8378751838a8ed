/** Verbs on many runs whose process ends half-way: any keeper goes on with them, without a miss and without a double. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { suite, test } from 'node:test'
import { CheckreinError, isCheckreinError } from '../../src/core/errors.ts'
import type { Driver } from '../../src/store/driver.ts'
import { PostgresDriver } from '../../src/store/postgres/driver.ts'
import { postgresSettings } from '../../src/store/postgres/options.ts'
import { SqlStore } from '../../src/store/sql-store.ts'
import { SqliteDriver } from '../../src/store/sqlite/driver.ts'
import type { Bulk, Store } from '../../src/store/store.ts'
import { dropSchema, freshSchema, testDatabase } from '../support/database.ts'
import {
  type HeldClock,
  plainCall,
  plainRequest,
  type Place,
  sqlitePlace,
  StoreBed,
} from './bed.ts'

/** A place that also opens stores whose process ends after some transactions. */
interface FailingPlace extends Place {
  readonly openFailing: (transactions: number) => Promise<Store>
}

/** The driver, until it has done so many transactions. */
function failing(driver: Driver, transactions: number): Driver {
  let left = transactions
  const transact: Driver['transact'] = (work, options) =>
    left-- > 0
      ? driver.transact(work, options)
      : Promise.reject(new CheckreinError('STORE_UNAVAILABLE'))
  return new Proxy(driver, {
    get: (target, name) => {
      const value: unknown = name === 'transact' ? transact : Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** Opens and closes with the place. */
function place(openDriver: () => Promise<Driver>, close: () => Promise<void>): FailingPlace {
  const open: Store[] = []
  const add = (store: Store): Store => {
    open.push(store)
    return store
  }
  return {
    open: async () => add(new SqlStore(await openDriver())),
    openFailing: async (count) => add(new SqlStore(failing(await openDriver(), count))),
    async [Symbol.asyncDispose]() {
      await Promise.all(open.map((store) => store[Symbol.asyncDispose]()))
      await close()
    },
  }
}

const places: Readonly<Record<string, (clock: HeldClock) => Promise<FailingPlace>>> = {
  async sqlite({ now }) {
    const folder = await sqlitePlace()
    return place(
      () => SqliteDriver.open(folder.file, { now }),
      async () => folder[Symbol.asyncDispose](),
    )
  },
  async postgres({ now }) {
    const url = await testDatabase()
    const schema = freshSchema()
    const parts = { to: url, where: url, settings: postgresSettings({ schema }) }
    return place(
      () => PostgresDriver.open(parts, { now }),
      () => dropSchema(url, schema),
    )
  },
}

const tags = ['t'] as const
const many = 2300
const isGone = (error: unknown): boolean =>
  isCheckreinError(error) && error.code === 'STORE_UNAVAILABLE'

async function enqueueMany(bed: StoreBed): Promise<readonly string[]> {
  return (await bed.enqueue(...Array.from({ length: many }, () => ({ tags })))).map(({ id }) => id)
}

async function bulkOf(bed: StoreBed, id: string): Promise<Bulk> {
  const [bulk] = await bed.store.bulks([id])
  assert.ok(bulk)
  return bulk
}

/** Nobody goes on before ten seconds have passed; then a keeper does, beside what it is asked. */
async function goOn(bed: StoreBed, id: string): Promise<Bulk> {
  const keeper = await bed.place.open()
  const before = await bulkOf(bed, id)
  bed.clock.advance(9999)
  await keeper.housekeep()
  await keeper.housekeep()
  assert.deepEqual(await bulkOf(bed, id), before)
  bed.clock.advance(1)
  await keeper.housekeep()
  const deadline = performance.now() + 30_000
  for (;;) {
    const bulk = await bulkOf(bed, id)
    if (bulk.finishedAt !== null) return bulk
    assert.ok(performance.now() < deadline, 'it is finished')
    await new Promise(setImmediate)
  }
}

async function entriesOf(bed: StoreBed, id: string, type: string): Promise<number> {
  const feed = await bed.store.feed({ runId: id, after: 0, limit: 100 })
  return feed.filter((entry) => entry.type === type).length
}

for (const [name, openPlace] of Object.entries(places)) {
  suite(`${name}: a verb on many runs`, () => {
    async function withBed(
      work: (bed: StoreBed, openFailing: FailingPlace['openFailing']) => Promise<void>,
    ): Promise<void> {
      let made: FailingPlace | undefined
      await using bed = await StoreBed.make(async (clock) => (made = await openPlace(clock)))
      assert.ok(made)
      await work(bed, made.openFailing)
    }

    test('that nobody goes on with is finished by a keeper, without a miss or a double', () =>
      withBed(async (bed, openFailing) => {
        const ids = await enqueueMany(bed)
        const free = await bed.add()
        // One to begin, one for the first thousand.
        const store = await openFailing(2)
        const callId = randomUUID()
        const filter = { tag: 't', createdBefore: new Date(bed.clock.at + 5) }
        const request = { ...plainCall(), verb: 'cancel', target: { filter }, callId } as const
        await assert.rejects(store.control(request), isGone)
        const half = await bulkOf(bed, callId)
        assert.deepEqual([half.doneCount, half.totalCount, half.finishedAt], [1000, many, null])
        const later = await bed.add({ tags })
        const ended = await goOn(bed, callId)
        assert.deepEqual([ended.doneCount, ended.totalCount], [many, many])
        assert.deepEqual(ended.counts, { prevented: many })
        assert.equal((await bed.store.counts({ tag: 't' })).cancelled, many)
        assert.deepEqual([await bed.state(later), await bed.state(free)], ['queued', 'queued'])
        for (const id of [ids[0], ids[999], ids[1000], ids.at(-1)])
          assert.equal(await entriesOf(bed, id ?? '', 'cancel'), 1)
        const [row] = await bed.store.signals({ callIds: [callId] }, { limit: 5 })
        assert.equal(row?.reply, JSON.stringify({ prevented: many }))
        assert.deepEqual(await bed.store.control(request), [], 'the same call again does nothing')
        assert.equal(await bed.state(later), 'queued')
      }))

    test('leaves alone what has left the wanted states meanwhile', () =>
      withBed(async (bed, openFailing) => {
        const ids = await enqueueMany(bed)
        await bed.worker('w1', { leaseMs: 1_000_000 })
        const store = await openFailing(1)
        const callId = randomUUID()
        const filter = { state: 'queued' } as const
        const request = { ...plainCall(), verb: 'cancel', target: { filter }, callId } as const
        await assert.rejects(store.control(request), isGone)
        const taken = await bed.take(7)
        assert.deepEqual(taken, ids.slice(0, 7))
        const ended = await goOn(bed, callId)
        assert.deepEqual(ended.counts, { prevented: many - 7 })
        for (const id of taken) {
          const { state, intent } = await bed.get(id)
          assert.deepEqual([state, intent], ['running', null])
        }
      }))

    test('that is a signal reaches each run once', () =>
      withBed(async (bed, openFailing) => {
        const ids = await enqueueMany(bed)
        const store = await openFailing(2)
        const callId = randomUUID()
        const { reason, by, origin } = plainRequest
        const message = { callId, reason, by, origin, name: 'hello', payload: '1' }
        const target = { filter: { tag: 't' } }
        await assert.rejects(store.signal({ ...message, target }), isGone)
        const ended = await goOn(bed, callId)
        assert.deepEqual(ended.counts, { sent: many })
        for (const id of [ids[0], ids[999], ids[1000], ids.at(-1)])
          assert.equal((await bed.store.mailbox(id ?? '', -1)).length, 1)
        const rows = await bed.store.signals({ kinds: ['signal'] }, { limit: 10_000 })
        assert.equal(new Set(rows.map(({ runId }) => runId)).size, many)
      }))

    test('that a hold begins, or its lifting, is gone on with', () =>
      withBed(async (bed, openFailing) => {
        await enqueueMany(bed)
        const { reason, by, origin, graceMs } = plainRequest
        const who = { reason, by, origin }
        const how = { withinMs: 30_000, otherwise: 'wait' } as const
        const order = {
          verb: 'pause',
          until: null,
          inFlight: 'park',
          graceMs,
          rollback: false,
        } as const
        const callId = randomUUID()
        const filter = { tag: 't' }
        const putting = (await openFailing(2)).hold({
          ...order,
          ...who,
          callId,
          filter,
          pause: how,
        })
        await assert.rejects(putting, isGone)
        assert.equal((await bed.store.holds()).length, 1)
        const [bulk] = await bed.store.bulks(null)
        await goOn(bed, bulk?.callId ?? '')
        assert.equal((await bed.store.counts({})).paused, many)
        const lifting = (await openFailing(2)).lift(
          { id: callId },
          { ...who, callId: randomUUID() },
        )
        await assert.rejects(lifting, isGone)
        assert.deepEqual(await bed.store.holds(), [])
        const [back] = await bed.store.bulks(null)
        await goOn(bed, back?.callId ?? '')
        assert.equal((await bed.store.counts({})).queued, many)
      }))
  })
}
