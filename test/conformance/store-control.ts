import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { stopVerbs } from '../../src/core/run/transitions.ts'
import type { NewRun } from '../../src/store/store.ts'
import { has } from '../core/errors-of.ts'
import { plainCall, plainEnd, plainWorker, type StoreBed } from '../store/bed.ts'
import type { Promises } from './promises.ts'

export const controlPromises: Promises = {
  'a run that has not started is prevented, and never starts': async (bed) => {
    await bed.worker()
    for (const verb of stopVerbs) {
      const id = await bed.add()
      assert.deepEqual(await bed.ask(verb, { ids: [id] }), [
        { id, answer: 'prevented', state: 'cancelled', tombstoneUntil: null },
      ])
      const { stop, finishedAt } = await bed.get(id)
      assert.deepEqual(
        [stop?.verb, stop?.mode, stop?.by, finishedAt],
        [verb, 'prevented', 'who', bed.clock.at],
      )
      assert.deepEqual(await bed.take(), [])
      assert.equal(await bed.askOne(verb, id), 'already-cancelled')
    }
  },

  'a running run is asked, and says too late when it has ended': async (bed) => {
    await bed.worker()
    for (const verb of stopVerbs) {
      const id = await bed.add()
      await bed.take()
      assert.equal(await bed.askOne(verb, id), 'requested')
      assert.equal(await bed.askOne(verb, id), 'requested')
      assert.deepEqual(
        [await bed.state(id), (await bed.get(id)).intent?.stop?.verb],
        ['running', verb],
      )
      await bed.finish(id)
      assert.deepEqual([await bed.state(id), await bed.askOne(verb, id)], ['completed', 'too-late'])
    }
  },

  'many ids are answered one each, in their order, also when one comes twice': async (bed) => {
    await bed.worker()
    const done = await bed.add()
    await bed.take()
    await bed.finish(done)
    const queued = await bed.add()
    const answers = await bed.ask(
      'revoke',
      { ids: [queued, done, queued, 'nobody'] },
      { tombstoneMs: 0 },
    )
    assert.deepEqual(
      answers.map(({ id, answer, state }) => [id, answer, state]),
      [
        [queued, 'prevented', 'cancelled'],
        [done, 'too-late', 'completed'],
        [queued, 'already-cancelled', 'cancelled'],
        ['nobody', 'not-found', null],
      ],
    )
  },

  'no ids are no answers': async (bed) => {
    await bed.add()
    assert.deepEqual(await bed.ask('cancel', { ids: [] }), [])
    assert.equal((await bed.store.counts({})).queued, 1)
  },

  'a key means the run that holds it': async (bed) => {
    const id = await bed.add({ key: 'k' })
    assert.deepEqual(await bed.ask('cancel', { task: 'work', key: 'k' }), [
      { id, answer: 'prevented', state: 'cancelled', tombstoneUntil: null },
    ])
  },

  'a filter means every run that fits and is not final': async (bed) => {
    await bed.worker()
    const tags = ['t']
    const done = await bed.add({ tags })
    await bed.take()
    await bed.finish(done)
    const running = await bed.add({ tags })
    await bed.take()
    const parked = await bed.add({ tags })
    await bed.askOne('pause', parked)
    const later = await bed.add({ tags, due: { inMs: 5 } })
    const queued = await bed.add({ tags })
    const other = await bed.add({ tags: ['u'] })
    const answers = await bed.ask('cancel', { filter: { tag: 't' } })
    assert.deepEqual(Object.fromEntries(answers.map(({ id, answer }) => [id, answer])), {
      [running]: 'requested',
      [parked]: 'prevented',
      [later]: 'prevented',
      [queued]: 'prevented',
    })
    assert.deepEqual([await bed.state(done), await bed.state(other)], ['completed', 'queued'])
  },

  'a filter reaches thousands of runs': async (bed) => {
    await bed.enqueue(...Array.from({ length: 2500 }, () => ({})))
    assert.equal((await bed.ask('revoke', { filter: {} })).length, 2500)
    assert.equal((await bed.store.counts({})).cancelled, 2500)
    assert.deepEqual(await bed.ask('revoke', { filter: {} }), [])
  },

  'a tombstone for a key is not used up by an enqueue that was made before': async (bed) => {
    await bed.worker()
    const id = await bed.add({ key: 'k' })
    await bed.take()
    await bed.finish(id)
    await bed.ask('cancel', { task: 'work', key: 'k' })
    const [again] = await bed.enqueue({ id, key: 'k' })
    assert.equal(again?.outcome, 'exists')
    const [next] = await bed.enqueue({ key: 'k' })
    assert.equal(next?.outcome, 'prevented')
  },

  'a filter for final states alone finds nothing to control': async (bed) => {
    await bed.add()
    assert.deepEqual(await bed.ask('revoke', { filter: { state: ['completed', 'failed'] } }), [])
  },

  'a mistyped filter is refused and changes nothing': async (bed) => {
    await bed.add()
    for (const filter of [{ tags: 'x' }, { state: [] }, { state: 'canceled' }]) {
      await assert.rejects(bed.ask('revoke', { filter: filter as never }), has('USAGE'))
    }
    assert.equal((await bed.store.counts({})).queued, 1)
  },

  'an intent grows stronger and never sinks': async (bed) => {
    await bed.worker()
    const id = await bed.add()
    await bed.take()
    const seen: unknown[] = []
    for (const verb of ['abort', 'revoke', 'cancel', 'abort', 'terminate', 'cancel'] as const) {
      await bed.askOne(verb, id)
      seen.push((await bed.get(id)).intent?.stop?.verb)
    }
    assert.deepEqual(seen, ['abort', 'abort', 'cancel', 'cancel', 'terminate', 'terminate'])
  },

  'the way in which runs are killed is kept with the request, where the worker reads it': async (
    bed,
  ) => {
    await bed.worker()
    const id = await bed.add()
    await bed.take()
    const kills: unknown[] = []
    for (const kill of [
      { osSignal: 'SIGINT', killAfterMs: 60_000 },
      { osSignal: null, killAfterMs: 90_000 },
      { osSignal: 'SIGKILL', killAfterMs: null },
    ] as const) {
      await bed.ask('terminate', { ids: [id] }, { kill })
      const other = await bed.place.open()
      const [held] = await other.intents('w1')
      kills.push(held?.intent?.stop?.kill)
      assert.deepEqual((await bed.get(id)).intent?.stop?.kill, held?.intent?.stop?.kill)
    }
    assert.deepEqual(kills, [
      { osSignal: 'SIGINT', killAfterMs: 60_000 },
      { osSignal: null, killAfterMs: 60_000 },
      { osSignal: 'SIGKILL', killAfterMs: null },
    ])
    const feed = await bed.store.feed({ runId: id, after: 0, limit: 10 })
    const asked = feed
      .filter(({ type }) => type === 'terminate')
      .map(({ data }) => data['osSignal'])
    assert.deepEqual(asked, ['SIGINT', null, 'SIGKILL'])
  },

  'the record of a stop keeps what was sent, and nobody knows that of a worker that was lost':
    async (bed) => {
      await bed.worker()
      const [stopped, lost, idle] = [await bed.add(), await bed.add(), await bed.add()]
      await bed.take(2)
      const sent = [{ osSignal: 'SIGINT', at: bed.clock.at }]
      for (const id of [stopped, lost, idle]) await bed.askOne('terminate', id)
      const fence = await bed.fence(stopped)
      await bed.apply(stopped, { type: 'stop', fence, mode: 'forced', ...plainEnd, sent })
      await bed.pass(plainWorker.leaseMs * 3)
      const stops = [stopped, lost, idle].map(async (id) => (await bed.get(id)).stop?.sent)
      assert.deepEqual(await Promise.all(stops), [sent, null, []])
    },

  'every request is on record, also one that came too late': async (bed) => {
    const id = await bed.add()
    await bed.askOne('revoke', id)
    await bed.askOne('cancel', id)
    const feed = await bed.store.feed({ runId: id, after: 0, limit: 10 })
    assert.deepEqual(
      feed.map(({ type, data }) => [type, data['answer'], data['by'], data['reason']]),
      [
        ['revoke', 'prevented', 'who', 'why'],
        ['cancel', 'already-cancelled', 'who', 'why'],
      ],
    )
  },

  'a pause parks, and a resume leads back': async (bed) => {
    const id = await bed.add()
    assert.equal(await bed.askOne('pause', id), 'paused')
    assert.equal(await bed.askOne('pause', id), 'already-paused')
    await bed.worker()
    assert.deepEqual(await bed.take(), [])
    assert.equal(await bed.askOne('resume', id), 'resumed')
    assert.equal(await bed.askOne('resume', id), 'not-paused')
    assert.deepEqual(await bed.take(), [id])
  },

  'of many who cancel one run at once, from several stores, one prevents it': async (bed) => {
    const id = await bed.add()
    const stores = [bed.store, await bed.place.open(), await bed.place.open()]
    const request = { verb: 'cancel', target: { ids: [id] } } as const
    const asked = stores.flatMap((store) =>
      Array.from({ length: 10 }, () => store.control({ ...plainCall(), ...request })),
    )
    const answers = (await Promise.all(asked)).flat().map(({ answer }) => answer)
    assert.equal(answers.filter((answer) => answer === 'prevented').length, 1)
    assert.equal(answers.filter((answer) => answer === 'already-cancelled').length, 29)
  },

  'a cancel that meets a claim and an end is answered by what was true': async (bed) => {
    await bed.worker()
    const other = await bed.place.open()
    for (let turn = 0; turn < 40; turn++) {
      const id = await bed.add()
      const claim = other.claim({ workerId: 'w1', queues: ['default'], tasks: ['work'], limit: 1 })
      const [[taken], answer] = await Promise.all([claim, bed.askOne('cancel', id)])
      assert.equal(answer, taken ? 'requested' : 'prevented')
      assert.equal(await bed.state(id), taken ? 'running' : 'cancelled')
      if (!taken) continue
      const fence = await bed.fence(id)
      const end = { deliveredAt: bed.clock.at, proof: null }
      await other.apply([{ runId: id, event: { type: 'complete', fence, result: null, ...end } }])
      assert.equal(await bed.askOne('cancel', id), 'already-cancelled')
    }
  },
}

const hour = 3_600_000

async function outcomes(bed: StoreBed, ...overs: readonly Partial<NewRun>[]): Promise<string[]> {
  return (await bed.enqueue(...overs)).map(({ outcome }) => outcome)
}

export const repeatedPromises: Promises = {
  'the same call again answers what it did, and does nothing': async (bed) => {
    const [one, two] = [await bed.add(), await bed.add()]
    const callId = randomUUID()
    const pause = () => bed.ask('pause', { ids: [one, two] }, { callId })
    const answered = async () => (await pause()).map(({ answer, state }) => [answer, state])
    assert.deepEqual(await answered(), [
      ['paused', 'paused'],
      ['paused', 'paused'],
    ])
    await bed.askOne('resume', one)
    assert.deepEqual(await answered(), [
      ['paused', 'queued'],
      ['paused', 'paused'],
    ])
    const feed = await bed.store.feed({ runId: one, after: 0, limit: 9 })
    assert.deepEqual(
      feed.map(({ type }) => type),
      ['pause', 'resume'],
    )
  },

  'the same call about a key is about the run that held it': async (bed) => {
    const one = await bed.add({ key: 'k' })
    const callId = randomUUID()
    const cancel = () => bed.ask('cancel', { task: 'work', key: 'k' }, { callId })
    const first = await cancel()
    const two = await bed.add({ key: 'k' })
    assert.deepEqual([first[0]?.id, first[0]?.answer], [one, 'prevented'])
    assert.deepEqual(await cancel(), first)
    assert.equal(await bed.state(two), 'queued')
  },

  'a call that found nothing may be made again when there is something': async (bed) => {
    const callId = randomUUID()
    const cancel = () => bed.ask('cancel', { ids: ['later'] }, { callId, tombstoneMs: 0 })
    assert.equal((await cancel())[0]?.answer, 'not-found')
    await bed.add({ id: 'later' })
    assert.equal((await cancel())[0]?.answer, 'prevented')
    assert.equal((await cancel())[0]?.answer, 'prevented')
  },
}

export const tombstonePromises: Promises = {
  'a cancel that overtakes its enqueue still wins': async (bed) => {
    const until = bed.clock.at + hour
    assert.deepEqual(await bed.ask('cancel', { ids: ['early'] }), [
      { id: 'early', answer: 'not-found', state: null, tombstoneUntil: until },
    ])
    bed.clock.advance(10)
    assert.deepEqual(await outcomes(bed, { id: 'early', tags: ['t'] }), ['prevented'])
    const { state, stop, finishedAt } = await bed.get('early')
    assert.deepEqual([state, finishedAt], ['cancelled', bed.clock.at])
    assert.deepEqual(
      [stop?.verb, stop?.mode, stop?.reason, stop?.by, stop?.requestedAt, stop?.stoppedAt],
      ['cancel', 'prevented', 'why', 'who', bed.clock.at - 10, bed.clock.at],
    )
    await bed.worker()
    assert.deepEqual(await bed.take(), [])
    assert.deepEqual(
      (await bed.store.feed({ runId: 'early', after: -1, limit: 9 })).map(({ type }) => type),
      ['enqueue', 'cancel'],
    )
  },

  'a key that no run holds yet can be cancelled': async (bed) => {
    const [answer] = await bed.ask('revoke', { task: 'work', key: 'k' })
    assert.deepEqual(
      [answer?.id, answer?.answer, answer?.tombstoneUntil],
      [null, 'not-found', bed.clock.at + hour],
    )
    assert.deepEqual(await outcomes(bed, { key: 'k', task: 'other' }), ['enqueued'])
    assert.deepEqual(await outcomes(bed, { key: 'k' }), ['prevented'])
    assert.deepEqual(
      await outcomes(bed, { key: 'k' }),
      ['enqueued'],
      'it stops one run, and holds no key',
    )
  },

  'a tombstone is used up by the run that it stopped, within a batch too': async (bed) => {
    await bed.ask('revoke', { task: 'work', key: 'k' })
    assert.deepEqual(await outcomes(bed, { key: 'k' }, { key: 'k' }, { key: 'k' }), [
      'prevented',
      'enqueued',
      'exists',
    ])
    assert.deepEqual(await bed.store.tombstones(), [])
  },

  'a tombstone has an end': async (bed) => {
    await bed.ask('cancel', { ids: ['a'] }, { tombstoneMs: 1000 })
    bed.clock.advance(1000)
    assert.deepEqual(await bed.store.tombstones(), [])
    assert.deepEqual(await outcomes(bed, { id: 'a' }), ['enqueued'])
  },

  'none is left where none is wanted, nor by a pause': async (bed) => {
    const none = await bed.ask('cancel', { ids: ['a'] }, { tombstoneMs: 0 })
    const pause = await bed.ask('pause', { ids: ['a'] })
    assert.deepEqual([none[0]?.tombstoneUntil, pause[0]?.tombstoneUntil], [null, null])
    assert.deepEqual(await outcomes(bed, { id: 'a' }), ['enqueued'])
  },

  'tombstones are listed, and lifted': async (bed) => {
    await bed.ask('cancel', { ids: ['a'] })
    bed.clock.advance(1)
    await bed.ask('revoke', { task: 'work', key: 'k' })
    const who = { reason: 'why', by: 'who' }
    const [first, second] = [bed.clock.at - 1, bed.clock.at]
    assert.deepEqual(await bed.store.tombstones(), [
      {
        kind: 'id',
        value: 'a',
        task: null,
        verb: 'cancel',
        ...who,
        createdAt: first,
        expiresAt: first + hour,
      },
      {
        kind: 'key',
        value: 'k',
        task: 'work',
        verb: 'revoke',
        ...who,
        createdAt: second,
        expiresAt: second + hour,
      },
    ])
    assert.equal(await bed.liftTombstone({ id: 'a' }), true)
    assert.equal(await bed.liftTombstone({ id: 'a' }), false)
    assert.equal(await bed.liftTombstone({ task: 'other', key: 'k' }), false)
    assert.equal(await bed.liftTombstone({ task: 'work', key: 'k' }), true)
    const lifts = await bed.store.signals({ kinds: ['lift'] }, { after: -1, limit: 9 })
    assert.deepEqual(
      lifts.map(({ name, by, answer, target }) => [name, by, answer, target]),
      [
        ['tombstone', 'who', 'done', { id: 'a' }],
        ['tombstone', 'who', 'not-found', { id: 'a' }],
        ['tombstone', 'who', 'not-found', { task: 'other', key: 'k' }],
        ['tombstone', 'who', 'done', { task: 'work', key: 'k' }],
      ],
    )
    assert.deepEqual(await outcomes(bed, { id: 'a', key: 'k' }), ['enqueued'])
  },

  'one that is asked for again keeps the longer time': async (bed) => {
    await bed.ask('cancel', { ids: ['a'] })
    const until = bed.clock.at + hour
    const [again] = await bed.ask('cancel', { ids: ['a'] }, { tombstoneMs: 5 })
    assert.equal((await bed.store.tombstones())[0]?.expiresAt, until)
    assert.equal(again?.tombstoneUntil, until, 'and the answer says so')
  },

  'one that had ended and is asked for again is a new one': async (bed) => {
    await bed.ask('cancel', { ids: ['a'] }, { tombstoneMs: 10 })
    bed.clock.advance(100)
    await bed.ask('revoke', { ids: ['a'] })
    const [stone] = await bed.store.tombstones()
    assert.deepEqual([stone?.verb, stone?.createdAt], ['revoke', bed.clock.at])
  },

  'a run that is lost with its worker leaves its tombstones alone': async (bed) => {
    await bed.worker()
    await bed.add()
    await bed.take()
    await bed.ask('cancel', { ids: ['later'] })
    await bed.pass(plainWorker.leaseMs)
    assert.equal((await bed.store.tombstones()).length, 1)
  },
}
