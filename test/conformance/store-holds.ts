/** Verbs on all runs of a filter, and verbs that stand for those that come. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import * as fc from 'fast-check'
import { type HoldFilter, isHeldBy } from '../../src/core/hold.ts'
import { statusOf } from '../../src/core/run/run.ts'
import { stopVerbs } from '../../src/core/run/transitions.ts'
import { noPause } from '../../src/store/port/requests.ts'
import type { Hold, HoldRequest, Store } from '../../src/store/store.ts'
import { retry } from '../core/samples.ts'
import { plainCall, plainRequest, type StoreBed } from '../store/bed.ts'
import { held, pause, report } from './store-reins.ts'
import type { Promises } from './promises.ts'

const tag = { tag: 't' } as const
const tags = ['t'] as const
const inOrder = (a?: string | null, b?: string | null): number => String(a).localeCompare(String(b))

export const bulkPromises: Promises = {
  'a verb on a filter is on record, with how many runs there were of each answer': async (bed) => {
    const running = await held(bed, { tags })
    await bed.enqueue({ tags }, { tags }, {})
    for (const verb of ['pause', 'resume', ...stopVerbs] as const) {
      const callId = randomUUID()
      const filter =
        verb === 'resume' || verb === 'pause' ? tag : { ...tag, state: 'running' as const }
      const answers = await bed.ask(verb, { filter }, { callId })
      const [bulk, ...others] = await bed.store.bulks([callId])
      assert.ok(bulk && others.length === 0)
      assert.deepEqual(
        [bulk.verb, bulk.filter, bulk.by, bulk.reason, bulk.origin, bulk.createdAt],
        [verb, filter, 'who', 'why', 'here', bed.clock.at],
      )
      assert.deepEqual(
        [bulk.totalCount, bulk.doneCount, bulk.finishedAt],
        [answers.length, answers.length, bed.clock.at],
      )
      const [row] = await bed.store.signals({ callIds: [callId] }, { limit: 9 })
      assert.deepEqual(
        [row?.kind, row?.name, row?.target, row?.completedAt],
        ['bulk', verb, filter, bed.clock.at],
      )
      assert.deepEqual(JSON.parse(row?.reply ?? ''), bulk.counts)
    }
    assert.equal((await bed.get(running)).intent?.stop?.verb, 'terminate')
    const newest = await bed.store.bulks(null)
    assert.equal(newest.length, 6)
  },

  'a filter that finds nothing is on record, and over': async (bed) => {
    const callId = randomUUID()
    assert.deepEqual(await bed.ask('cancel', { filter: tag }, { callId }), [])
    const [bulk] = await bed.store.bulks([callId])
    assert.deepEqual(
      [bulk?.totalCount, bulk?.doneCount, bulk?.counts, bulk?.finishedAt],
      [0, 0, {}, bed.clock.at],
    )
    assert.deepEqual(await bed.store.bulks([]), [])
  },

  'thousands are dealt with in pieces, and counted': async (bed) => {
    await bed.enqueue(...Array.from({ length: 2500 }, () => ({ tags })))
    const callId = randomUUID()
    const answers = await bed.ask('pause', { filter: tag }, { callId })
    assert.equal(answers.length, 2500)
    const [bulk] = await bed.store.bulks([callId])
    assert.deepEqual(
      [bulk?.totalCount, bulk?.doneCount, bulk?.counts],
      [2500, 2500, { paused: 2500 }],
    )
    assert.equal((await bed.ask('resume', { filter: { ...tag, state: 'paused' } })).length, 2500)
    assert.equal((await bed.store.counts({})).queued, 2500)
  },

  'one that is under way can be aborted: no further run is dealt with, and what was done stays':
    async (bed) => {
      await bed.enqueue(...Array.from({ length: 10_000 }, () => ({ tags })))
      const callId = randomUUID()
      const asking = bed.ask('cancel', { filter: tag }, { callId })
      const who = { callId: randomUUID(), reason: 'wrong tag', by: 'ada', origin: 'here' }
      let aborted = null
      while (aborted === null) aborted = await bed.store.abortBulk(callId, who)
      const done = (await asking).length
      assert.ok(done < 10_000, `${done} were done`)
      const other = await bed.place.open()
      const again = await other.abortBulk(callId, { ...who, callId: randomUUID(), by: 'bob' })
      assert.deepEqual(
        [again?.doneCount, again?.totalCount, again?.aborted],
        [done, 10_000, { reason: 'wrong tag', by: 'ada', at: bed.clock.at }],
      )
      assert.deepEqual(await other.bulks([callId]), [again])
      await bed.pass(10_000)
      assert.equal((await bed.store.counts({})).cancelled, done)
      assert.deepEqual(await bed.ask('cancel', { filter: tag }, { callId }), [])
      assert.equal((await bed.store.counts({})).cancelled, done)
      const records = await bed.store.signals({ names: ['bulk'] }, { after: -1, limit: 9 })
      assert.deepEqual(
        records.map(({ kind, by, reason, answer, target }) => [kind, by, reason, answer, target]),
        [
          ['lift', 'ada', 'wrong tag', 'done', { bulk: callId }],
          ['lift', 'bob', 'wrong tag', 'done', { bulk: callId }],
        ],
      )
      const [record] = await bed.store.signals({ callIds: [callId] }, { after: -1, limit: 1 })
      assert.ok(record?.completedAt, 'the record of the verb is over, too')
    },

  'one that is through is not aborted, and of one that never was nothing is recorded': async (
    bed,
  ) => {
    await bed.add({ tags })
    const callId = randomUUID()
    await bed.ask('cancel', { filter: tag }, { callId })
    const who = { callId: randomUUID(), reason: null, by: 'ada', origin: 'here' }
    const bulk = await bed.store.abortBulk(callId, who)
    assert.deepEqual([bulk?.aborted, bulk?.doneCount], [null, 1])
    assert.equal(await bed.store.abortBulk('none', { ...who, callId: randomUUID() }), null)
    const records = await bed.store.signals({ names: ['bulk'] }, { after: -1, limit: 9 })
    assert.deepEqual(
      records.map(({ answer }) => answer),
      ['too-late'],
    )
  },

  'a pause for so long ends at one time for all, and dates of a filter are kept': async (bed) => {
    const ids = [await bed.add(), await bed.add()]
    const callId = randomUUID()
    const filter = { createdBefore: new Date(bed.clock.at + 1) }
    const order = { ...plainRequest.pause, until: { inMs: 100 } }
    await bed.ask('pause', { filter }, { callId, pause: order })
    const [bulk] = await bed.store.bulks([callId])
    assert.deepEqual(bulk?.filter, { createdBefore: bed.clock.at + 1 })
    for (const id of ids) assert.equal((await bed.get(id)).resumeAt, bed.clock.at + 100)
  },

  'one that was begun twice at once is carried out once, for each run': async (bed) => {
    const ids = (await bed.enqueue(...Array.from({ length: 1500 }, () => ({ tags })))).map(
      ({ id }) => id,
    )
    const other = await bed.place.open()
    const callId = randomUUID()
    const request = { ...plainCall(), verb: 'pause', target: { filter: tag }, callId } as const
    const answers = await Promise.all([bed.store.control(request), other.control(request)])
    assert.deepEqual(
      answers
        .flat()
        .map(({ id }) => id)
        .toSorted(inOrder),
      ids.toSorted(inOrder),
    )
    const [bulk] = await bed.store.bulks([callId])
    assert.deepEqual([bulk?.doneCount, bulk?.counts], [1500, { paused: 1500 }])
    assert.equal((await bed.store.signals({ callIds: [callId] }, { limit: 9 })).length, 1)
    const feed = await bed.store.feed({ runId: ids[7] ?? '', after: 0, limit: 9 })
    assert.deepEqual(
      feed.map(({ type }) => type),
      ['pause'],
    )
  },
}

const lane = { verb: 'pause', inFlight: 'finish', until: null } as const

function hold(bed: StoreBed, over: Partial<HoldRequest> & { filter: HoldFilter }): Promise<Hold> {
  const { reason, by, origin, graceMs } = plainRequest
  const how = { withinMs: 30_000, otherwise: 'wait' } as const
  const callId = randomUUID()
  return bed.store.hold({
    ...{ callId, reason, by, origin, graceMs, rollback: false, pause: how },
    ...lane,
    ...over,
  })
}

function lift(bed: StoreBed, target: Parameters<Store['lift']>[0]): Promise<Hold | null> {
  const { reason, by, origin } = plainRequest
  return bed.store.lift(target, { callId: randomUUID(), reason, by, origin })
}

const lanes = { queues: ['default', 'far'], tasks: ['work', 'other'] } as const

/** What a claim finds of four lanes, by their names. */
async function claimable(bed: StoreBed): Promise<string> {
  const found = await bed.store.claimableTasks(lanes)
  const taken = await bed.take(100, lanes)
  const names: string[] = []
  for (const id of taken) {
    const { queue, task } = await bed.get(id)
    names.push(`${queue}/${task}`)
    await bed.finish(id)
  }
  assert.equal(found.length > 0, taken.length > 0, 'a look finds what a claim does')
  assert.deepEqual(
    [...new Set(found)].toSorted(inOrder),
    [...new Set(names.map((name) => name.split('/')[1]))].toSorted(inOrder),
  )
  return names.toSorted(inOrder).join(' ')
}

const fourLanes = [
  {},
  { task: 'other' },
  { queue: 'far' },
  { queue: 'far', task: 'other' },
] as const

export const laneHoldPromises: Promises = {
  'a pause of a task, a queue, both or all is seen by every claim at once, and by nothing else':
    async (bed) => {
      await bed.worker()
      const cases: readonly (readonly [HoldFilter, string])[] = [
        [{ task: 'work' }, 'default/other far/other'],
        [{ queue: 'far' }, 'default/other default/work'],
        [{ queue: 'far', task: 'other' }, 'default/other default/work far/work'],
        [{}, ''],
      ]
      const others = await bed.place.open()
      for (const [filter, left] of cases) {
        await bed.enqueue(...fourLanes)
        const { id } = await hold(bed, { filter })
        assert.deepEqual(
          (await others.holds()).map((one) => [one.id, one.filter]),
          [[id, filter]],
        )
        assert.equal(await claimable(bed), left, JSON.stringify(filter))
        assert.equal((await bed.store.counts({ state: 'paused' })).paused, 0)
        await bed.enqueue(...fourLanes)
        assert.equal(await claimable(bed), left, 'what is enqueued later is held, too')
        const lifted = await lift(bed, { id })
        assert.equal(lifted?.id, id)
        await bed.enqueue(...fourLanes)
        assert.equal(
          (await claimable(bed)).split(' ').length,
          8 + 4 - 2 * left.split(' ').filter(Boolean).length,
        )
        assert.deepEqual(await bed.store.holds(), [])
      }
    },

  'a lane that is held gives its roll-backs, and nothing else': async (bed) => {
    const [urgent, other, running] = [
      await held(bed),
      await bed.add({ task: 'other', queue: 'far' }),
      await held(bed),
    ]
    assert.deepEqual(await bed.take(9, lanes), [other])
    await bed.enqueue({ priority: 9 }, ...fourLanes)
    await hold(bed, { filter: {} })
    assert.equal(await claimable(bed), '')
    await bed.ask('cancel', { ids: [urgent, other, running] }, { rollback: true })
    for (const id of [urgent, other]) await report(bed, id, { type: 'stop', mode: 'forced' })
    assert.equal(await claimable(bed), 'default/work far/other')
    const ended = await Promise.all([urgent, other, running].map(async (id) => bed.get(id)))
    assert.deepEqual(
      ended.map(({ state, rollback }) => `${state} ${rollback?.state}`),
      ['cancelled completed', 'cancelled completed', 'running undefined'],
    )
    assert.equal(await claimable(bed), '')
    assert.deepEqual(await bed.take(1, { tasks: ['unknown'] }), [])
  },

  'two holds on one lane hold until both are gone': async (bed) => {
    await bed.worker()
    await bed.add()
    const first = await hold(bed, { filter: { task: 'work' } })
    const second = await hold(bed, { filter: {} })
    await lift(bed, { id: second.id })
    assert.equal(await claimable(bed), '')
    await lift(bed, { verb: 'pause', filter: { task: 'work' } })
    assert.equal(await claimable(bed), 'default/work')
    assert.equal(await lift(bed, { id: first.id }), null)
  },

  'a hold ends at its time, for claims at once, and for the list; the same again moves it': async (
    bed,
  ) => {
    await bed.worker()
    await bed.add()
    const first = await hold(bed, { filter: {}, until: { inMs: 100 } })
    const again = await hold(bed, { filter: {}, until: { inMs: 200 } })
    assert.deepEqual([again.id, again.until], [first.id, bed.clock.at + 200])
    assert.equal((await bed.store.housekeep()).nextInMs, 200)
    bed.clock.advance(199)
    assert.equal(await claimable(bed), '')
    bed.clock.advance(1)
    assert.deepEqual(await bed.store.holds(), [])
    assert.equal(await claimable(bed), 'default/work')
    assert.equal((await bed.store.housekeep()).nextInMs, null)
  },

  'the same call made twice is one hold, and on record once': async (bed) => {
    const callId = randomUUID()
    const one = await hold(bed, { filter: { task: 'work' }, callId, inFlight: 'park' })
    assert.deepEqual(await hold(bed, { filter: { task: 'work' }, callId, inFlight: 'park' }), one)
    assert.equal((await bed.store.signals({ callIds: [callId] }, { limit: 9 })).length, 1)
    assert.equal((await bed.store.bulks(null)).length, 1)
  },

  'a hold that was lifted does not come back with the same call, nor is another lifted by the same':
    async (bed) => {
      const callId = randomUUID()
      const filter = { task: 'work' }
      const one = await hold(bed, { filter, callId })
      const who = { callId: randomUUID(), reason: null, by: null, origin: null }
      const target = { verb: 'pause', filter } as const
      assert.equal((await bed.store.lift(target, who))?.id, one.id)
      assert.equal((await hold(bed, { filter, callId })).id, one.id)
      assert.deepEqual(await bed.store.holds(), [])
      const two = await hold(bed, { filter })
      await bed.store.lift(target, who)
      assert.deepEqual(
        (await bed.store.holds()).map(({ id }) => id),
        [two.id],
      )
    },

  'what runs already finishes, parks and goes back to its queue, or is cancelled': async (bed) => {
    const finish = await held(bed)
    const one = await hold(bed, { filter: {}, inFlight: 'finish' })
    assert.equal((await bed.get(finish)).intent, null)
    await lift(bed, { id: one.id })
    const park = await hold(bed, { filter: {}, inFlight: 'park' })
    const { intent } = await bed.get(finish)
    assert.deepEqual([intent?.pause?.holdId, intent?.pause?.parksIn], [park.id, 'queued'])
    const saved = { checkpoint: '7', signals: [] }
    await report(bed, finish, { type: 'park', saved })
    assert.deepEqual([await bed.state(finish), (await bed.get(finish)).paused], ['queued', null])
    assert.deepEqual(await bed.take(), [])
    await lift(bed, { id: park.id })
    assert.deepEqual(await bed.take(), [finish])
    await hold(bed, { filter: {}, inFlight: 'cancel' })
    assert.equal((await bed.get(finish)).intent?.stop?.verb, 'cancel')
    assert.equal((await bed.get(finish)).intent?.pause ?? null, null)
  },

  'who was asked to park by a hold goes on when it is lifted, or ends by itself': async (bed) => {
    for (const isLifted of [true, false]) {
      const id = await held(bed)
      const own = await held(bed)
      await pause(bed, own)
      const how = { withinMs: 10, otherwise: 'freeze' } as const
      const one = await hold(bed, {
        filter: {},
        inFlight: 'park',
        pause: how,
        until: { inMs: 100 },
      })
      await report(bed, id, { type: 'freeze', frozenAt: bed.clock.at })
      assert.equal(statusOf(await bed.get(id)), 'frozen')
      if (isLifted) await lift(bed, { id: one.id })
      else await bed.pass(100)
      assert.deepEqual(
        [statusOf(await bed.get(id)), statusOf(await bed.get(own))],
        ['running', 'pausing'],
      )
      await bed.finish(id)
      await bed.finish(own)
    }
  },

  'holds and their lifting are on record': async (bed) => {
    const { id } = await hold(bed, { filter: { queue: 'far' }, until: { inMs: 100 } })
    await lift(bed, { id })
    await lift(bed, { id: 'none' })
    const rows = await bed.store.signals({}, { after: -1, limit: 9 })
    const about = rows.filter(({ kind }) => kind !== 'bulk')
    assert.deepEqual(
      about.map(({ kind, name, answer, by, target }) => [kind, name, answer, by, target]),
      [
        ['hold', 'pause', 'done', 'who', { queue: 'far' }],
        ['lift', 'pause', 'done', 'who', { queue: 'far' }],
        ['lift', 'hold', 'not-found', 'who', { id: 'none' }],
      ],
    )
    assert.equal(
      (JSON.parse(about[0]?.payload ?? '') as { until: number }).until,
      bed.clock.at + 100,
    )
  },
}

export const rowHoldPromises: Promises = {
  'a pause of a tag, a key or a part of the input holds the runs that there are, and those that come':
    async (bed) => {
      await bed.worker()
      const cases: readonly (readonly [HoldFilter, Parameters<StoreBed['add']>[0]])[] = [
        [tag, { tags: ['u', 't'] }],
        [{ key: 'k' }, { key: 'k' }],
        [{ input: { 'user.id': 9 } }, { input: '{"user":{"id":9,"x":1}}' }],
        [{ tag: 't', task: 'work', queue: 'default' }, { tags }],
      ]
      for (const [filter, like] of cases) {
        const before = await bed.add(like)
        const free = await bed.add({ tags: ['u'], input: '{"user":{"id":"9"}}' })
        const { id } = await hold(bed, { filter })
        assert.deepEqual(await bed.take(), [free], JSON.stringify(filter))
        const run = await bed.get(before)
        assert.deepEqual(
          [run.state, run.paused],
          ['paused', { reason: 'why', by: 'who', at: bed.clock.at, holdId: id, workflowId: null }],
        )
        if (filter.key === undefined) {
          const after = await bed.add(like)
          const came = await bed.get(after)
          assert.deepEqual(
            [came.state, came.pausedFrom, came.paused?.holdId],
            ['paused', 'queued', id],
          )
          const feed = await bed.store.feed({ runId: after, after: -1, limit: 9 })
          assert.deepEqual(
            feed.map(({ type, state }) => [type, state]),
            [
              ['enqueue', 'queued'],
              ['pause', 'paused'],
            ],
          )
        }
        await lift(bed, { id })
        assert.ok((await bed.take()).includes(before))
        assert.equal((await bed.get(before)).paused, null)
        await bed.ask('cancel', { filter: {} })
        for (const one of (await bed.store.held('w1')).map((each) => each.id))
          await report(bed, one, { type: 'stop' })
      }
    },

  'many that come at once are held one by one, with their delays, keys and conflicts': async (
    bed,
  ) => {
    await bed.worker()
    const running = await held(bed, { key: 'b' })
    const { id: holdId } = await hold(bed, { filter: tag, until: { inMs: 1000 } })
    await bed.enqueue(
      { id: 'plain', tags },
      { id: 'free' },
      { id: 'later', tags, due: { inMs: 100 } },
      { id: 'keyed', tags, key: 'a' },
      { id: 'skipped', tags, key: 'a' },
      { id: 'waits', tags, key: 'b', onConflict: 'cancel-and-replace' },
    )
    const seen = async (id: string): Promise<unknown> => {
      const { state, pausedFrom, paused, resumeAt } = await bed.get(id)
      return [state, pausedFrom, paused?.holdId ?? null, resumeAt]
    }
    const at = bed.clock.at + 1000
    assert.deepEqual(await seen('plain'), ['paused', 'queued', holdId, at])
    assert.deepEqual(await seen('free'), ['queued', null, null, null])
    assert.deepEqual(await seen('later'), ['paused', 'scheduled', holdId, at])
    assert.deepEqual(await seen('keyed'), ['paused', 'queued', holdId, at])
    assert.equal(await bed.store.get('skipped'), null)
    assert.deepEqual(await seen('waits'), ['paused', 'waiting', holdId, at])
    await report(bed, running, { type: 'stop' })
    assert.deepEqual(await seen('waits'), ['paused', 'queued', holdId, at])
    await bed.pass(1000)
    assert.deepEqual((await bed.take()).toSorted(inOrder), [
      'free',
      'keyed',
      'later',
      'plain',
      'waits',
    ])
  },

  'a run that waited for a tombstone is stopped by that, not paused': async (bed) => {
    await hold(bed, { filter: tag })
    await bed.askOne('cancel', 'soon')
    const [enqueued] = await bed.enqueue({ id: 'soon', tags })
    assert.equal(enqueued?.outcome, 'prevented')
  },

  'what comes back for another attempt is held then': async (bed) => {
    const id = await held(bed, { tags })
    const one = await hold(bed, { filter: tag })
    assert.equal((await bed.get(id)).intent, null)
    await report(bed, id, { type: 'fail' })
    await bed.pass(retry.delayMs)
    assert.equal(await bed.state(id), 'queued')
    assert.deepEqual(await bed.take(), [])
    const { state, attempt, paused, workerId } = await bed.get(id)
    assert.deepEqual([state, attempt, paused?.holdId, workerId], ['paused', 1, one.id, null])
    assert.deepEqual(
      (await bed.store.feed({ runId: id, after: 0, limit: 9 })).map(({ type }) => type),
      ['claim', 'fail', 'due', 'pause'],
    )
    await lift(bed, { id: one.id })
    assert.deepEqual(await bed.take(), [id])
    assert.equal((await bed.get(id)).attempt, 2)
  },

  'what is held does not stand in the way of what is not': async (bed) => {
    const ids = (await bed.enqueue(...Array.from({ length: 20 }, () => ({ tags })))).map(
      ({ id }) => id,
    )
    const free = await bed.add()
    await hold(bed, { filter: tag })
    await bed.ask('resume', { ids })
    await bed.worker()
    const taken: string[] = []
    for (let turn = 0; turn < 5; turn++) taken.push(...(await bed.take(10)))
    assert.deepEqual(taken, [free])
    assert.equal((await bed.store.counts({})).paused, 20)
  },

  'the record calls a freeze by its name, of runs, of a filter and of a whole task': async (
    bed,
  ) => {
    const id = await bed.add()
    const freeze = { ...noPause, otherwise: 'freeze' } as const
    await bed.ask('pause', { ids: [id] }, { pause: freeze })
    await bed.ask('pause', { filter: { task: 'work' } }, { pause: freeze })
    await hold(bed, { filter: { task: 'work' }, pause: freeze, inFlight: 'park' })
    const names = (await bed.store.signals({}, { after: -1, limit: 9 })).map(
      ({ kind, name }) => `${kind} ${name}`,
    )
    assert.deepEqual(names.slice(0, 3), ['control freeze', 'bulk freeze', 'hold freeze'])
  },

  'a resume leaves what a hold is for where it is, says so, and lets it go on with the hold':
    async (bed) => {
      const [kept, own, free] = await bed.enqueue({ tags }, { tags }, {})
      const ids = [kept, own, free].map((one) => one?.id ?? '')
      await bed.ask('pause', { ids: ids.slice(1) })
      const one = await hold(bed, { filter: tag })
      const heldBy = { holdId: one.id, workflowId: null }
      const byIds = await bed.ask('resume', { ids })
      assert.deepEqual(
        byIds.map(({ answer, state, heldBy }) => [answer, state, heldBy]),
        [
          ['held', 'paused', heldBy],
          ['held', 'paused', heldBy],
          ['resumed', 'queued', undefined],
        ],
      )
      assert.deepEqual((await bed.store.counts({}, 'kept')).paused, 2)
      const byFilter = await bed.ask('resume', { filter: tag })
      assert.deepEqual(
        byFilter.map(({ answer }) => answer),
        ['held', 'held'],
      )
      await lift(bed, { id: one.id })
      assert.deepEqual(await Promise.all(ids.map(async (id) => bed.state(id))), [
        'queued',
        'queued',
        'queued',
      ])
    },

  'a resume of what a hold has asked to park does not take that back': async (bed) => {
    const id = await held(bed, { tags })
    const one = await hold(bed, { filter: tag, inFlight: 'park' })
    const [answer] = await bed.ask('resume', { ids: [id] })
    assert.deepEqual([answer?.answer, answer?.heldBy?.holdId], ['held', one.id])
    assert.equal((await bed.get(id)).intent?.pause?.holdId, one.id)
  },

  'a hold that ends runs ends those that there are, those that come, and those that come back':
    async (bed) => {
      for (const verb of stopVerbs) {
        const running = await held(bed, { tags })
        const [queued, other] = [await bed.add({ tags }), await bed.add()]
        const one = await hold(bed, { verb, filter: tag })
        const prevented = await bed.get(queued)
        assert.deepEqual([prevented.state, prevented.stop?.verb], ['cancelled', verb])
        const [enqueued] = await bed.enqueue({ tags })
        assert.equal(enqueued?.outcome, 'prevented')
        const came = await bed.get(enqueued?.id ?? '')
        assert.deepEqual(
          [came.state, came.stop?.verb, came.stop?.reason, came.attempt],
          ['cancelled', verb, 'why', 0],
        )
        assert.equal((await bed.get(running)).intent, null, 'what runs may finish')
        await report(bed, running, { type: 'release' })
        assert.deepEqual(await bed.take(), [other])
        assert.deepEqual(
          [await bed.state(running), (await bed.get(running)).attempt],
          ['cancelled', 1],
        )
        await lift(bed, { id: one.id })
        assert.equal(await bed.state(queued), 'cancelled', 'what was ended stays so')
        assert.equal(await bed.state(await bed.add({ tags })), 'queued')
        await bed.ask('cancel', { filter: {} })
        await bed.finish(other)
      }
    },

  'the runs that a hold finds are killed in the way that it says, cancelled ones, too': async (
    bed,
  ) => {
    const kill = { osSignal: 'SIGINT', killAfterMs: 60_000 } as const
    const [first, second] = [await held(bed, { tags }), await held(bed, { tags: ['other'] })]
    await hold(bed, { verb: 'terminate', filter: tag, inFlight: 'park', kill })
    const filter = { tag: 'other' }
    await hold(bed, { verb: 'pause', filter, inFlight: 'cancel', kill })
    const asked = [first, second].map(async (id) => (await bed.get(id)).intent?.stop)
    const [stop, cancel] = await Promise.all(asked)
    assert.deepEqual([stop?.verb, stop?.kill], ['terminate', kill])
    assert.deepEqual([cancel?.verb, cancel?.kill], ['cancel', kill])
  },

  'a hold that cancels what runs, too, asks it; one that rolls back does so whenever it meets a run':
    async (bed) => {
      const running = await held(bed, { tags })
      const later = await held(bed, { tags, task: 'work' })
      await hold(bed, { verb: 'revoke', filter: tag, rollback: true })
      await report(bed, running, { type: 'release' })
      assert.deepEqual(await bed.take(), [], 'it is stopped where it would start')
      assert.equal((await bed.get(running)).rollback?.state, 'pending')
      assert.deepEqual(await bed.take(), [running], 'and its roll-back is not held')
      await hold(bed, { verb: 'cancel', filter: tag, inFlight: 'cancel' })
      assert.equal((await bed.get(later)).intent?.stop?.verb, 'cancel')
      await bed.finish(running)
      assert.equal((await bed.get(running)).rollback?.state, 'completed')
    },

  'where one hold pauses and another ends a run that comes, it is ended': async (bed) => {
    await hold(bed, { filter: tag })
    bed.clock.advance(1)
    await hold(bed, { verb: 'cancel', filter: { task: 'work', tag: 't' } })
    const id = await bed.add({ tags })
    assert.equal(await bed.state(id), 'cancelled')
  },

  'a run that two holds pause goes on when both are gone': async (bed) => {
    await bed.worker()
    const id = await bed.add({ tags })
    const one = await hold(bed, { filter: tag })
    const two = await hold(bed, { filter: { ...tag, task: 'work' } })
    await lift(bed, { id: one.id })
    assert.deepEqual(await bed.take(), [])
    assert.equal((await bed.get(id)).paused?.holdId, two.id)
    await lift(bed, { id: two.id })
    assert.deepEqual(await bed.take(), [id])
  },

  'the same hold again moves the end for what it has paused; at its end all of it resumes': async (
    bed,
  ) => {
    await bed.worker()
    const before = await bed.add({ tags })
    const mine = await bed.add({ tags })
    await bed.askOne('pause', mine)
    const one = await hold(bed, { filter: tag, until: { inMs: 100 } })
    const again = await hold(bed, { filter: { tag: 't' }, until: { inMs: 300 } })
    assert.equal(again.id, one.id)
    const after = await bed.add({ tags })
    await bed.pass(299)
    assert.deepEqual([await bed.state(before), await bed.state(after)], ['paused', 'paused'])
    await bed.pass(1)
    assert.deepEqual(await bed.take(), [before, after])
    assert.equal(await bed.state(mine), 'paused')
    assert.deepEqual(await bed.store.holds(), [])
    assert.equal(await bed.state(await bed.add({ tags })), 'queued')
  },

  'a hold parks what runs, and lifting it resumes what has parked': async (bed) => {
    const id = await held(bed, { tags })
    const one = await hold(bed, { filter: tag, inFlight: 'park' })
    assert.equal((await bed.get(id)).intent?.pause?.parksIn, 'paused')
    await report(bed, id, { type: 'park' })
    assert.deepEqual([await bed.state(id), (await bed.get(id)).paused?.holdId], ['paused', one.id])
    await lift(bed, { id: one.id })
    assert.deepEqual(await bed.take(), [id])
  },

  'holds name only what a run has from the start': async (bed) => {
    const filter = { state: 'queued' } as HoldFilter
    await assert.rejects(hold(bed, { filter }), { code: 'USAGE' })
    assert.deepEqual(await bed.store.holds(), [])
  },
}

// --- what a filter matches ----------------------------------------------------------------------------------------

const names = ['a', 'b', '0', '-1', 'length', '__proto__', 'ä'] as const
const paths = ['a', 'b', '0', '-1', 'length', '__proto__', 'a.b', 'a.0', 'b.a', 'a.length', 'a.a.b']
const texts = [
  '',
  'x',
  '1',
  'true',
  'null',
  'é',
  'e\u0301',
  '😀',
  '"',
  '\\',
  '\\u0000',
  '?',
  '[1]',
  '{"b":1}',
]
const numbers = [0, 1, -1, 1.5, 0.1, 1e21, 1e-7, 9_007_199_254_740_991, -0]
const values = [...texts, ...numbers, true, false]
const wantedValue = fc.constantFrom(...values)
const odd = fc.constantFrom('a\u0000b', '\ud83d', '\ufffe', null)
const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    wantedValue,
    odd,
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 3 }),
  ),
})).value
const inputText = fc.oneof(
  fc.constant(null),
  json.map((value) => JSON.stringify(value) ?? 'null'),
  fc.constantFrom(
    '{"a":1.0}',
    '{ "a" : 1 }',
    '{"a":1e0}',
    '{"a":"\\u0078"}',
    '{"a":"\\\\u0000"}',
    '{"a": true}',
  ),
)
const filters = fc
  .record(
    {
      task: fc.constantFrom('work', 'other'),
      queue: fc.constantFrom('default', 'Default'),
      tag: fc.constantFrom('t', 'T', 'é'),
      key: fc.constantFrom('k', 'K'),
      input: fc.dictionary(fc.constantFrom(...paths), wantedValue, { minKeys: 1, maxKeys: 2 }),
    },
    { requiredKeys: [] },
  )
  // Half of all are about the input alone, where the surprises are.
  .chain((filter) =>
    fc.constantFrom(filter, filter.input === undefined ? filter : { input: filter.input }),
  )

export const matchPromises: Promises = {
  'a filter means the same runs in a program and in the database': async (bed) => {
    const runs = fc.sample(
      fc.record({
        input: inputText,
        task: fc.constantFrom('work', 'other'),
        tags: fc.subarray(['t', 'T', 'é', 'e\u0301']),
      }),
      { numRuns: 400, seed: 7 },
    )
    const all = await bed.enqueue(
      ...runs.map((run, at) => ({ ...run, key: at % 7 === 0 ? `k${at === 0 ? '' : at}` : null })),
      ...[1, true, '1', 'true', { b: 1 }, [1], '{"b":1}', null].map((a) => ({
        input: JSON.stringify({ a }),
      })),
    )
    const stored = await Promise.all(all.map(({ id }) => bed.get(id)))
    const check = async (filter: HoldFilter): Promise<number> => {
      const page = { limit: 1000, cursor: null, order: 'oldest' } as const
      const found = (await bed.store.list(filter, page)).runs.map(({ id }) => id)
      const expected = stored.filter((run) => isHeldBy(filter, run)).map(({ id }) => id)
      assert.deepEqual(found, expected)
      return found.length
    }
    let foundCount = 0
    for (const path of paths)
      for (const value of values) foundCount += await check({ input: { [path]: value } })
    assert.ok(foundCount > 50, `enough was found: ${foundCount}`)
    await fc.assert(fc.asyncProperty(filters, async (filter) => void (await check(filter))))
  },
}
