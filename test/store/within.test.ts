/** Signals and verbs in a transaction of the caller's: there with its commit, and never without it. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { suite, test } from 'node:test'
import { Client } from 'pg'
import type { StoreWithin } from '../../src/store/store.ts'
import { eventually } from '../support/bed.ts'
import { dropSchema, freshSchema, testDatabase } from '../support/database.ts'
import { openStore } from '../../src/store/open.ts'
import { plainCall, plainRun, sqlitePlace, StoreBed } from './bed.ts'

interface Theirs extends AsyncDisposable {
  readonly bed: StoreBed
  readonly within: StoreWithin
  readonly run: (sql: string) => Promise<unknown>
}

const kinds: Readonly<Record<string, () => Promise<Theirs>>> = {
  async sqlite() {
    let file = ''
    const bed = await StoreBed.make(async ({ now }) => {
      const place = await sqlitePlace({ now })
      file = place.file
      return place
    })
    const db = new DatabaseSync(file)
    return {
      bed,
      within: bed.store.within(db),
      run: async (sql) => db.exec(sql),
      async [Symbol.asyncDispose]() {
        db.close()
        await bed[Symbol.asyncDispose]()
      },
    }
  },
  async postgres() {
    const url = await testDatabase()
    const schema = freshSchema()
    const bed = await StoreBed.make(async ({ now }) => {
      const store = await openStore(url, { schema, now })
      return {
        open: async () => store,
        async [Symbol.asyncDispose]() {
          await store[Symbol.asyncDispose]()
          await dropSchema(url, schema)
        },
      }
    })
    const client = new Client(url)
    await client.connect()
    return {
      bed,
      within: bed.store.within(client),
      run: (sql) => client.query(sql),
      async [Symbol.asyncDispose]() {
        await client.end()
        await bed[Symbol.asyncDispose]()
      },
    }
  },
}

for (const [name, open] of Object.entries(kinds)) {
  suite(`${name}: a transaction of the caller's`, () => {
    // On SQLite there is one writer at a time: the verbs would wait for the transaction.
    if (name === 'postgres')
      test('lets no run start that was stopped or held before it was committed', async () => {
        await using theirs = await open()
        const { bed, within, run } = theirs
        await bed.worker('w1')
        await run('BEGIN')
        await within.enqueue([
          bed.newRun({ id: 'by-id' }),
          bed.newRun({ id: 'by-key', key: 'k' }),
          bed.newRun({ id: 'by-tag', tags: ['t'] }),
          bed.newRun({ id: 'free' }),
        ])
        const { pause, ...call } = plainCall()
        const revoke = { ...call, pause, verb: 'revoke' } as const
        await bed.store.control({ ...revoke, callId: 'one', target: { ids: ['by-id'] } })
        await bed.store.control({ ...revoke, callId: 'two', target: { task: 'work', key: 'k' } })
        const { withinMs, otherwise } = pause
        await bed.store.hold({
          ...call,
          callId: 'three',
          verb: 'pause',
          filter: { tag: 't' },
          until: null,
          inFlight: 'finish',
          rollback: false,
          pause: { withinMs, otherwise },
        })
        await run('COMMIT')
        assert.deepEqual(await bed.take(), ['free'])
        const states = await Promise.all(['by-id', 'by-key', 'by-tag'].map((id) => bed.state(id)))
        assert.deepEqual(states, ['cancelled', 'cancelled', 'paused'])
        assert.deepEqual(await bed.store.tombstones(), [])
      })

    for (const end of ['COMMIT', 'ROLLBACK'] as const)
      test(`has signals and verbs with it: ${end}`, async () => {
        await using theirs = await open()
        const { bed, within, run } = theirs
        const [one, two] = [await bed.add({ tags: ['t'] }), await bed.add({ key: 'k' })]
        const { callId, reason, by, origin } = plainCall()
        const message = { reason, by, origin, name: 'hello', payload: '1' }
        await run('BEGIN')
        const byId = { ...message, callId, target: { ids: [one, 'nobody'] } }
        const [sent, unknown] = await within.signal(byId)
        assert.deepEqual([sent?.answer, unknown?.answer], ['sent', 'not-found'])
        assert.deepEqual(await within.signal(byId), [sent, unknown], 'the same call is one signal')
        const [keyed] = await within.signal({
          ...message,
          callId: `${callId}-key`,
          target: { task: 'work', key: 'k' },
        })
        assert.equal(keyed?.runId, two)
        await within.signal({
          ...message,
          callId: `${callId}-all`,
          target: { filter: { tag: 't' } },
        })
        const pausing = { ...plainCall(), verb: 'pause', callId: `${callId}-pause` } as const
        await within.control({ ...pausing, target: { filter: {} } })
        assert.equal((await bed.get(one)).state, 'queued', 'nobody else sees it yet')
        await run(end)
        const isDone = end === 'COMMIT'
        assert.deepEqual(
          [await bed.state(one), await bed.state(two)],
          isDone ? ['paused', 'paused'] : ['queued', 'queued'],
        )
        const counts = [one, two].map(async (id) => (await bed.store.mailbox(id, -1)).length)
        assert.deepEqual(await Promise.all(counts), isDone ? [2, 1] : [0, 0])
        const bulks = await bed.store.signals({ kinds: ['bulk'] }, { after: -1, limit: 9 })
        assert.deepEqual(
          bulks.map((row) => [row.name, row.reply, row.completedAt]),
          isDone
            ? [
                ['hello', '{"sent":1}', bed.clock.at],
                ['pause', '{"paused":2}', bed.clock.at],
              ]
            : [],
        )
      })

    for (const end of ['COMMIT', 'ROLLBACK'] as const)
      test(`has holds with it: ${end}`, async () => {
        await using theirs = await open()
        const { bed, within, run } = theirs
        const [old, other] = [await bed.add({ tags: ['t'] }), await bed.add()]
        const { pause, graceMs, rollback, ...who } = plainCall()
        const how = { ...who, verb: 'pause', until: null, inFlight: 'finish' } as const
        const order = { ...how, graceMs, rollback, pause }
        const standing = await bed.store.hold({ ...order, filter: { tag: 'u' } })
        const held = await bed.add({ tags: ['u'] })
        await run('BEGIN')
        const lane = await within.hold({ ...order, callId: 'lane', filter: { task: 'work' } })
        await within.hold({ ...order, callId: 'tag', filter: { tag: 't' } })
        assert.equal(
          (await within.lift({ id: standing.id }, { ...who, callId: 'lift' }))?.id,
          standing.id,
        )
        assert.equal((await bed.store.holds()).length, 1, 'nobody else sees it yet')
        await run(end)
        const isDone = end === 'COMMIT'
        await bed.worker()
        const taken = await bed.take()
        assert.deepEqual(taken, isDone ? [] : [old, other])
        assert.equal((await bed.store.holds()).length, isDone ? 2 : 1)
        if (!isDone) return
        bed.clock.advance(10_000)
        const states = async (): Promise<string[]> => {
          await bed.store.housekeep()
          return Promise.all([old, other, held].map(async (id) => bed.state(id)))
        }
        await eventually(
          async () => (await states()).join() === 'paused,queued,queued',
          'housekeeping carries out what the holds are for the runs that there are',
        )
        await run('BEGIN')
        await within.lift({ id: lane.id }, { ...who, callId: 'lift-lane' })
        await run('COMMIT')
        await bed.worker('w2')
        assert.deepEqual(await bed.take(9, { workerId: 'w2' }), [other, held])
      })

    test('has a verb on a filter once, however often it is asked', async () => {
      await using theirs = await open()
      const { bed, within, run } = theirs
      await bed.add({ tags: ['t'] })
      const request = { ...plainCall(), verb: 'pause', target: { filter: { tag: 't' } } } as const
      const { callId, reason, by, origin } = plainCall()
      const message = { reason, by, origin, name: 'hello', payload: '1' }
      for (const isAgain of [false, true]) {
        await run('BEGIN')
        assert.equal((await within.control(request)).length, isAgain ? 0 : 1)
        const sent = await within.signal({ ...message, callId, target: request.target })
        assert.equal(sent.length, isAgain ? 0 : 1)
        await run('COMMIT')
        await bed.add({ tags: ['t'] })
      }
    })
  })
}

test('postgres: a run that is paused by a hold which is lifted before the commit goes on', async () => {
  await using theirs = await (kinds['postgres'] ?? assert.fail)()
  const { bed, within, run } = theirs
  const { pause, graceMs, rollback, ...who } = plainCall()
  const order = {
    verb: 'pause',
    until: null,
    inFlight: 'finish',
    graceMs,
    rollback,
    pause,
  } as const
  const hold = (tag: string) =>
    bed.store.hold({ ...order, ...who, callId: plainCall().callId, filter: { tag } })
  const one = await hold('t')
  await hold('u')
  const other = await bed.add({ tags: ['u'] })
  const mine = await bed.add({})
  await bed.askOne('pause', mine)
  await run('BEGIN')
  await within.enqueue([{ ...plainRun, id: 'late', tags: ['t'] }])
  await bed.store.lift({ id: one.id }, { ...who, callId: plainCall().callId })
  await run('COMMIT')
  assert.equal(await bed.state('late'), 'paused')
  const { dueCount, nextInMs } = await bed.store.housekeep()
  assert.deepEqual([dueCount, nextInMs], [1, null])
  const states = await Promise.all(['late', other, mine].map((id) => bed.state(id)))
  assert.deepEqual(states, ['queued', 'paused', 'paused'])
})
