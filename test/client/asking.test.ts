/** Who asks: what is required, what is kept, and what of it can be read. */
import assert from 'node:assert/strict'
import { randomUUIDv7 } from 'node:crypto'
import { suite, test } from 'node:test'
import type { CheckreinError, Client } from '../../src/index.ts'
import { Bed, storeKinds } from '../support/bed.ts'
import * as tasks from './tasks.ts'

const hour = 3_600_000
const code =
  (wanted: string) =>
  (error: CheckreinError): boolean =>
    error.code === wanted

/** Everything that may be asked of a run, a filter or a queue. */
const requests: Readonly<Record<string, (client: Client, id: string) => Promise<unknown>>> = {
  revoke: (client, id) => client.revoke(id),
  abort: (client, id) => client.run(id).abort(),
  cancel: (client, id) => client.run(id).cancel(),
  terminate: (client, id) => client.terminate([id]),
  pause: (client, id) => client.run(id).pause(),
  freeze: (client, id) => client.run(id).freeze(),
  resume: (client, id) => client.resume(id),
  'pause of a queue': (client) => client.pause({ queue: 'default' }),
  'resume of a queue': (client) => client.resume({ queue: 'default' }),
  signal: (client, id) => client.run(id).signal('add', 1),
  'signal to many': (client) => client.signal({ filter: {} }, 'add', 1),
  hold: (client) => client.hold({ verb: 'cancel', filter: { tag: 't' } }),
  lift: (client) => client.lift({ verb: 'cancel', filter: { tag: 't' } }),
}

for (const on of storeKinds) {
  void suite(`asking, on ${on}`, () => {
    void test('where `by` is required, a request without it does nothing', async () => {
      await using bed = await Bed.make({ on, requireBy: true })
      const { client } = bed
      const run = await client.enqueue(tasks.counter)
      for (const [name, request] of Object.entries(requests))
        await assert.rejects(request(client, run.id), code('BY_REQUIRED'), name)
      await assert.rejects(run.pause({ by: ' ' }), code('BY_REQUIRED'))
      assert.equal((await run.get()).state, 'queued')
      assert.deepEqual((await client.audit()).entries, [])
      assert.deepEqual(await client.holds(), [])
      assert.equal((await run.pause({ by: 'ada' })).answer, 'paused')
    })

    void test('every request is on record with who, why and from where, newest first, page by page', async () => {
      await using bed = await Bed.make({ on, by: 'ada', origin: 'a test' })
      const { client } = bed
      const run = await client.enqueue(tasks.counter)
      await run.pause({ reason: 'wait' })
      await run.resume({ by: 'bob' })
      await run.signal('add', 1)
      await client.pause({ queue: 'media' })
      await client.resume({ queue: 'media' })
      await run.cancel({ reason: 'enough' })
      const all = await client.audit({ kind: ['signal', 'control', 'hold', 'lift'] })
      assert.deepEqual(
        all.entries.map(({ kind, name, by }) => `${kind} ${name} by ${by}`),
        [
          'control cancel by ada',
          'lift pause by ada',
          'hold pause by ada',
          'signal add by ada',
          'control resume by bob',
          'control pause by ada',
        ],
      )
      assert.ok(all.entries.every(({ origin }) => origin === 'a test'))
      assert.deepEqual([all.entries[5]?.reason, all.entries[0]?.answer], ['wait', 'prevented'])
      const first = await client.audit({ by: 'ada', kind: 'control' }, { limit: 1 })
      assert.equal(first.entries[0]?.name, 'cancel')
      const second = await client.audit(
        { by: 'ada', kind: 'control' },
        { limit: 1, cursor: first.cursor },
      )
      assert.equal(second.entries[0]?.name, 'pause')
      const oldest = await client.audit({ runId: run.id }, { order: 'oldest' })
      assert.deepEqual(oldest.entries, await run.signals())
      assert.deepEqual(
        oldest.entries.map(({ name }) => name),
        ['pause', 'resume', 'add', 'cancel'],
      )
      assert.deepEqual((await client.audit({ name: 'add' })).entries[0]?.payload, 1)
      assert.deepEqual((await client.audit({ createdBefore: 0 })).entries, [])
      assert.deepEqual((await client.audit({ isPending: true })).entries, [])
    })

    void test('a question about the record that cannot be understood is refused', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      await assert.rejects(client.audit({ who: 'ada' } as never), code('USAGE'))
      await assert.rejects(client.audit({}, { limit: 0 }), code('USAGE'))
      await assert.rejects(client.audit({}, { cursor: 'x' }), code('USAGE'))
      await assert.rejects(client.audit({ createdAfter: Number.NaN }), code('USAGE'))
    })

    void test('a preview says what a verb would answer, and does nothing', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      const tags = ['t']
      const [paused] = await client.enqueueMany(tasks.counter, [
        { input: undefined, tags },
        { input: undefined, tags },
        { input: undefined, tags, delay: '1h' },
        { input: undefined },
      ])
      await paused?.pause()
      const filter = { tag: 't' }
      const counts = { scheduled: 1, queued: 1, paused: 1 }
      assert.deepEqual(await client.preview('cancel', filter), {
        verb: 'cancel',
        filter,
        totalCount: 3,
        counts,
        answers: { prevented: 3 },
      })
      const answers = async (verb: 'pause' | 'resume' | 'signal'): Promise<unknown> =>
        (await client.preview(verb, filter)).answers
      assert.deepEqual(await answers('pause'), { paused: 2, 'already-paused': 1 })
      assert.deepEqual(await answers('resume'), { 'not-paused': 2, resumed: 1 })
      assert.deepEqual(await answers('signal'), { sent: 3 })
      assert.equal((await client.counts(filter)).cancelled, 0)
      await assert.rejects(client.preview('cancel', { tags: 't' } as never), code('USAGE'))
    })

    void test('a verb on a filter can be followed by the id that its caller gave', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      await client.enqueueMany(tasks.counter, [{ input: undefined }, { input: undefined }])
      const callId = randomUUIDv7()
      const filter = { task: 'counter' }
      await client.cancel({ filter }, { callId, reason: 'enough', by: 'ada' })
      const bulk = await client.bulk(callId)
      assert.ok(bulk?.finishedAt)
      const { verb, by, reason, totalCount, doneCount, counts } = bulk
      assert.deepEqual(
        { verb, by, reason, totalCount, doneCount, counts },
        {
          verb: 'cancel',
          by: 'ada',
          reason: 'enough',
          totalCount: 2,
          doneCount: 2,
          counts: { prevented: 2 },
        },
      )
      assert.deepEqual(await client.bulks(), [bulk])
      assert.equal(await client.bulk(randomUUIDv7()), null)
    })

    void test('a deadline is an instant, or so long from now', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      const at = client.now() + hour
      const byTime = await client.enqueue(tasks.counter, undefined, { deadline: new Date(at) })
      assert.equal((await byTime.get()).deadlineAt, at)
      const byDuration = await client.enqueue(tasks.counter, undefined, { deadline: '1h' })
      const { deadlineAt, createdAt } = await byDuration.get()
      assert.equal(deadlineAt, createdAt + hour)
      const wrong = [Number.NaN, 'soon', new Date('never')]
      for (const deadline of wrong)
        await assert.rejects(
          client.enqueue(tasks.counter, undefined, { deadline: deadline as number }),
          code('USAGE'),
        )
    })

    void test('what cannot be meant is refused, and nothing is done', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      const run = await client.enqueue(tasks.counter)
      const wrong: (() => Promise<unknown>)[] = [
        () => run.pause({ until: new Date(), for: '1h' } as never),
        () => run.pause({ until: Number.NaN }),
        () => run.pause({ otherwise: 'terminate' as never }),
        () => client.pause({ all: true, queue: 'media' } as never),
        () => client.pause({ all: false } as never),
        () => client.pause({} as never),
        () => client.pause({ tag: 't' } as never),
        () => client.pause({ queue: 'media' }, { inFlight: 'drop' as never }),
        () => client.cancel({ queue: 'media' } as never),
        () => client.hold({ verb: 'resume' as never, filter: {} }),
        () => client.hold({ verb: 'pause', filter: { state: 'queued' } as never }),
        () => client.lift(''),
        () => client.lift({ verb: 'pause', filter: { tags: 't' } as never }),
      ]
      for (const request of wrong)
        await assert.rejects(request(), code('USAGE'), request.toString())
      assert.equal((await run.get()).state, 'queued')
      assert.deepEqual((await client.audit()).entries, [])
    })
  })
}
