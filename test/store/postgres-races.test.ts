/** Calls that are under way at the same time in several stores, which do not see each other's writes. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { MachineEvent } from '../../src/core/run/events.ts'
import type { Driver } from '../../src/store/driver/driver.ts'
import { openStore } from '../../src/store/open.ts'
import { PostgresDriver } from '../../src/store/postgres/driver.ts'
import { postgresSettings } from '../../src/store/postgres/connection/options.ts'
import { SqlStore } from '../../src/store/sql/sql-store.ts'
import type { HoldRequest, NewRun, Store } from '../../src/store/store.ts'
import { dropSchema, freshSchema, testDatabase } from '../support/database.ts'
import { plainEnd, plainCall, plainRun, plainWorker, postgresPlace } from './bed.ts'

interface Three {
  readonly one: Store
  readonly two: Store
  readonly three: Store
}

async function withStores(work: (stores: Three) => Promise<void>): Promise<void> {
  await using place = await postgresPlace()
  const [one, two, three] = await Promise.all([place.open(), place.open(), place.open()])
  assert.ok(one && two && three)
  await work({ one, two, three })
}

const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at)
const claimOf = (workerId: string, limit = 1000) => ({
  workerId,
  queues: ['default'],
  tasks: ['work'],
  limit,
})
const leaseMs = 60_000

const plainSignal = () => {
  const { callId, reason, by, origin } = plainCall()
  return { callId, reason, by, origin, name: 'hello', payload: null }
}

const plainHold = (): HoldRequest => {
  const { pause, graceMs, ...who } = plainCall()
  const order = { verb: 'pause', filter: {}, until: null, inFlight: 'finish' } as const
  const { withinMs, otherwise } = pause
  return { ...who, ...order, graceMs, rollback: false, pause: { withinMs, otherwise } }
}

async function finish(store: Store, id: string): Promise<void> {
  const run = await store.get(id)
  const fence = { runId: id, attempt: run?.attempt ?? 0, workerId: run?.workerId ?? '' }
  const event = { type: 'complete', fence, result: '1', ...plainEnd } as const
  assert.deepEqual(await store.apply([{ runId: id, event }]), ['done'])
}

suite('stores that write at the same time', () => {
  test('a verb and the enqueue that it overtakes: the run never starts, whichever is first', () =>
    withStores(async ({ one, two, three }) => {
      await three.registerWorker({ ...plainWorker, id: 'w1', leaseMs })
      for (const round of range(60)) {
        const ids = range(20).map((at) => `run-${round}-${at}`)
        const keys = ids.map((id) => `key-${id}`)
        const runs = ids.map((id, at): NewRun => ({
          ...plainRun,
          id,
          key: at % 2 ? (keys[at] ?? null) : null,
        }))
        const claims: string[] = []
        const asked = ids.map((id, at) =>
          at % 2
            ? two.control({
                ...plainCall(),
                verb: 'revoke',
                target: { task: 'work', key: keys[at] ?? '' },
              })
            : two.control({ ...plainCall(), verb: 'revoke', target: { ids: [id] } }),
        )
        const claiming = three
          .claim(claimOf('w1'))
          .then((claimed) => claims.push(...claimed.map(({ id }) => id)))
        await Promise.all([...runs.map((run) => one.enqueue([run])), ...asked, claiming])
        const answers = (await Promise.all(asked)).flat()
        const later = await three.claim(claimOf('w1'))
        assert.deepEqual(later, [], 'nothing starts after the verbs were acknowledged')
        for (const [at, id] of ids.entries()) {
          const run = await one.get(id)
          const wasClaimed = claims.includes(id)
          const answer = answers[at]?.answer
          assert.ok(run)
          assert.equal(run.state, wasClaimed ? 'running' : 'cancelled', `${id}, answered ${answer}`)
          if (wasClaimed) assert.equal(run.intent?.stop?.verb, 'revoke')
        }
      }
    }))

  test('a hold and the enqueue that it overtakes: the run never starts, whichever is first', () =>
    withStores(async ({ one, two, three }) => {
      await three.registerWorker({ ...plainWorker, id: 'w1', leaseMs })
      for (const round of range(16)) {
        const verb = round % 2 === 0 ? 'pause' : 'revoke'
        const ids = range(10).map((at) => `run-${round}-${at}`)
        const filter = { tag: `tag-${round}` }
        const claims: string[] = []
        const enqueueing = ids.map((id) => one.enqueue([{ ...plainRun, id, tags: [filter.tag] }]))
        const holding = two.hold({ ...plainHold(), verb, filter })
        const claiming = three
          .claim(claimOf('w1'))
          .then((claimed) => claims.push(...claimed.map(({ id }) => id)))
        await Promise.all([...enqueueing, holding, claiming])
        const { id: holdId } = await holding
        const later = await three.claim(claimOf('w1'))
        assert.deepEqual(later, [], 'nothing starts once the hold was acknowledged')
        for (const id of ids) {
          const run = await one.get(id)
          assert.ok(run)
          const held = verb === 'pause' ? 'paused' : 'cancelled'
          assert.equal(run.state, claims.includes(id) ? 'running' : held, id)
        }
        await two.lift({ id: holdId }, plainCall())
        await Promise.all(claims.map((id) => finish(three, id)))
        const back = await three.claim(claimOf('w1'))
        assert.equal(back.length, verb === 'pause' ? ids.length - claims.length : 0)
        await Promise.all(back.map(({ id }) => finish(three, id)))
      }
    }))

  test('a hold on all, beside claims: nothing is claimed after it, and what was is asked to stop', () =>
    withStores(async ({ one, two, three }) => {
      for (const at of range(2)) await one.registerWorker({ ...plainWorker, id: `w${at}`, leaseMs })
      let heldCount = 0
      for (const round of range(25)) {
        await one.enqueue(range(20).map((at) => ({ ...plainRun, id: `run-${round}-${at}` })))
        const claiming = [one, three].map(async (store, at) => {
          const claimed = []
          for (const _ of range(4)) claimed.push(...(await store.claim(claimOf(`w${at}`, 3))))
          return claimed
        })
        const holding = two.hold({ ...plainHold(), filter: {}, inFlight: 'cancel' })
        const claimed = (await Promise.all(claiming)).flat()
        const { id } = await holding
        heldCount += 20 - claimed.length
        assert.deepEqual(await three.claim(claimOf('w1')), [])
        for (const run of claimed)
          assert.equal((await one.get(run.id))?.intent?.stop?.verb, 'cancel', `round ${round}`)
        await two.lift({ id }, plainCall())
        await two.control({
          ...plainCall(),
          verb: 'cancel',
          target: { filter: { state: 'queued' } },
        })
        await Promise.all(claimed.map((run) => finish(three, run.id)))
      }
      assert.ok(heldCount > 0, 'some holds came first')
    }))

  test('a hold on all waits for a claim that is under way, however long, and asks what that has taken', async () => {
    const [to, schema] = [await testDatabase(), freshSchema()]
    const settings = postgresSettings({ schema })
    const driver = await PostgresDriver.open({ to, where: to, settings }, {})
    const [isChosen, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const slow: Partial<Driver> = {
      async claim(tx, request) {
        const rows = await driver.claim(tx, request)
        isChosen.resolve()
        await mayEnd.promise
        return rows
      },
    }
    const get = (target: PostgresDriver, name: string | symbol): unknown => {
      const value: unknown = Reflect.get(name in slow ? slow : target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    }
    const one = new SqlStore(new Proxy(driver, { get }))
    const two = await openStore(to, { schema })
    try {
      await one.registerWorker({ ...plainWorker, id: 'w1', leaseMs })
      await two.hold({ ...plainHold(), filter: { tag: 'other' } })
      await two.enqueue([{ ...plainRun, id: 'run' }])
      const claiming = one.claim(claimOf('w1'))
      await isChosen.promise
      const holding = two.hold({ ...plainHold(), inFlight: 'cancel' })
      while ((await two.holds()).length < 2);
      const looks = async () => {
        for (const _ of range(50)) await two.holds()
      }
      await Promise.race([holding, looks()])
      mayEnd.resolve()
      assert.equal((await claiming).length, 1)
      await holding
      assert.equal((await two.get('run'))?.intent?.stop?.verb, 'cancel')
    } finally {
      mayEnd.resolve()
      await Promise.all([one, two].map((store) => store[Symbol.asyncDispose]()))
      await dropSchema(to, schema)
    }
  })

  test('signals beside an end or a wait: none is left open, and none is slept over', () =>
    withStores(async ({ one, two, three }) => {
      await three.registerWorker({ ...plainWorker, id: 'w1', leaseMs })
      const answers = new Set<string>()
      for (const round of range(40)) {
        const ids = range(4).map((at) => `run-${round}-${at}`)
        await one.enqueue(ids.map((id) => ({ ...plainRun, id })))
        const claimed = await three.claim(claimOf('w1'))
        const signals = [one, two].flatMap((store) =>
          ids.map((id) => store.signal({ ...plainSignal(), target: { ids: [id] } })),
        )
        const ends = claimed.map(({ id, seq, attempt }, at) => {
          const fence = { runId: id, attempt, workerId: 'w1' }
          const wait = { waitsFor: null, signal: 'hello', wakeInMs: null, done: [] }
          const event: MachineEvent =
            at % 2 === 0
              ? { type: 'complete', fence, result: '1', ...plainEnd }
              : { type: 'wait', fence, ...wait }
          return three.apply([{ runId: id, seq, event }])
        })
        await Promise.all(ends)
        for (const [answer] of await Promise.all(signals)) answers.add(answer?.answer ?? '')
        const states = await Promise.all(ids.map(async (id) => (await one.get(id))?.state))
        assert.deepEqual(states, ['completed', 'queued', 'completed', 'queued'])
        for (const [at, runId] of ids.entries()) {
          const rows = await one.signals({ runId }, { after: -1, limit: 9 })
          assert.equal(rows.length, 2)
          for (const { error } of rows)
            assert.equal(error?.code, at % 2 === 0 ? 'SIGNAL_UNHEARD' : undefined)
        }
        await one.control({ ...plainCall(), verb: 'cancel', target: { filter: {} } })
      }
      assert.deepEqual(
        [...answers].toSorted((a, b) => a.localeCompare(b)),
        ['sent', 'too-late'],
        'both were met',
      )
    }))

  test('many that enqueue the same key make one run that holds it', () =>
    withStores(async ({ one, two, three }) => {
      for (const round of range(40)) {
        const calls = [one, two, three].map((store, at) =>
          store.enqueue([{ ...plainRun, id: `run-${round}-${at}`, key: `key-${round}` }]),
        )
        const [first, ...others] = new Set((await Promise.all(calls)).map(([run]) => run?.id))
        assert.deepEqual(others, [], `one run instead of ${first} and others`)
      }
    }))

  test('workers that claim at the same time share the runs, each to one', () =>
    withStores(async (stores) => {
      const workers = Object.values(stores) as Store[]
      for (const [at, store] of workers.entries())
        await store.registerWorker({ ...plainWorker, id: `w${at}`, leaseMs })
      await stores.one.enqueue(range(900).map((at) => ({ ...plainRun, id: `run-${at}` })))
      const taken: string[] = []
      const drain = async (store: Store, at: number): Promise<void> => {
        for (;;) {
          const claimed = await store.claim(claimOf(`w${at}`, 7))
          if (claimed.length === 0) return
          taken.push(...claimed.map(({ id }) => id))
        }
      }
      await Promise.all(workers.map(drain))
      assert.equal(taken.length, 900)
      assert.equal(new Set(taken).size, 900)
    }))

  test('a run that completes while it is being replaced wakes the one that waits for it', () =>
    withStores(async ({ one, two, three }) => {
      await three.registerWorker({ ...plainWorker, id: 'w1', leaseMs })
      for (const round of range(60)) {
        const old = { ...plainRun, id: `old-${round}`, key: `key-${round}` }
        await one.enqueue([old])
        const [claimed] = await three.claim(claimOf('w1', 1))
        const fence = { runId: old.id, attempt: claimed?.attempt ?? 0, workerId: 'w1' }
        const next = { ...old, id: `new-${round}`, onConflict: 'cancel-and-replace' as const }
        const last = { ...old, id: `last-${round}`, onConflict: 'cancel-and-replace' as const }
        await Promise.all([
          one.enqueue([next]),
          two.enqueue([last]),
          three.apply([
            { runId: old.id, event: { type: 'complete', fence, result: '1', ...plainEnd } },
          ]),
        ])
        const states = await Promise.all(
          [next.id, last.id].map(async (id) => (await one.get(id))?.state),
        )
        assert.deepEqual(
          states.toSorted((a, b) => String(a).localeCompare(String(b))),
          ['cancelled', 'queued'],
          `round ${round}`,
        )
        const queued = await three.claim(claimOf('w1', 9))
        assert.equal(queued.length, 1)
        const [run] = queued
        const end = { runId: run?.id ?? '', attempt: run?.attempt ?? 0, workerId: 'w1' }
        await three.apply([
          { runId: end.runId, event: { type: 'complete', fence: end, result: '1', ...plainEnd } },
        ])
      }
    }))

  test('a run that begins to wait for another while that completes is woken', () =>
    withStores(async ({ one, two, three }) => {
      await three.registerWorker({ ...plainWorker, id: 'w1', leaseMs })
      const forOther = { signal: null, wakeInMs: null, done: [] }
      for (const round of range(100)) {
        const ids = [`other-${round}`, `waits-${round}`] as const
        await one.enqueue(ids.map((id) => ({ ...plainRun, id })))
        const [other, waits] = await three.claim(claimOf('w1'))
        assert.ok(other && waits)
        const fence = ({ id, attempt }: typeof other) => ({ runId: id, attempt, workerId: 'w1' })
        const end = { type: 'complete', fence: fence(other), result: '1', ...plainEnd } as const
        const wait = { type: 'wait', fence: fence(waits), waitsFor: other.id, ...forOther } as const
        await Promise.all([
          one.apply([{ runId: other.id, seq: other.seq, event: end }]),
          two.apply([{ runId: waits.id, seq: waits.seq, event: wait }]),
        ])
        const states = await Promise.all(ids.map(async (id) => (await one.get(id))?.state))
        assert.deepEqual(states, ['completed', 'queued'], `round ${round}`)
        await one.control({ ...plainCall(), verb: 'cancel', target: { ids: [waits.id] } })
      }
    }))

  test('verbs, completions and housekeeping on the same runs all come to an end', () =>
    withStores(async ({ one, two, three }) => {
      await one.registerWorker({ ...plainWorker, id: 'w1', leaseMs })
      const ids = range(200).map((at) => `run-${at}`)
      await one.enqueue(ids.map((id) => ({ ...plainRun, id })))
      const claimed = await one.claim(claimOf('w1'))
      const ends = claimed.toReversed().map(({ id, seq, attempt }) => {
        const fence = { runId: id, attempt, workerId: 'w1' }
        return one.apply([
          { runId: id, seq, event: { type: 'complete', fence, result: '1', ...plainEnd } },
        ])
      })
      const asked = [two, three].map((store) =>
        store.control({ ...plainCall(), verb: 'cancel', target: { ids } }),
      )
      const filtered = three.control({
        ...plainCall(),
        verb: 'abort',
        target: { filter: { task: 'work' } },
      })
      await Promise.all([...ends, ...asked, filtered, two.removeWorker('w1'), three.housekeep()])
      const counts = await one.counts({})
      assert.equal(counts.running, 0)
      assert.equal(counts.completed + counts.cancelled + counts.queued + counts.scheduled, 200)
    }))
})

suite('many runs in one call', () => {
  test('are stored all together, however many, and however large', () =>
    withStores(async ({ one }) => {
      const many = range(12_000).map((at) => ({ ...plainRun, id: `many-${at}`, tags: ['many'] }))
      assert.equal(
        (await one.enqueue(many)).filter(({ outcome }) => outcome === 'enqueued').length,
        12_000,
      )
      const input = JSON.stringify('x'.repeat(1_000_000))
      await one.enqueue(range(40).map((at) => ({ ...plainRun, id: `large-${at}`, input })))
      assert.equal((await one.counts({ tag: 'many' })).queued, 12_000)
      assert.equal((await one.get('large-39'))?.input, input)
      const taken = { ...plainRun, id: 'large-0', task: 'other' }
      const again = range(6000).map((at) => ({ ...plainRun, id: `again-${at}` }))
      await assert.rejects(one.enqueue([...again, taken]), { code: 'RUN_ID_TAKEN' })
      assert.equal(await one.get('again-0'), null)
      const asked = await one.control({
        ...plainCall(),
        verb: 'revoke',
        target: { ids: many.map(({ id }) => id) },
      })
      assert.ok(asked.every(({ answer }) => answer === 'prevented'))
    }))
})
