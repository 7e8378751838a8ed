import assert from 'node:assert/strict'
import type { MachineEvent } from '../../src/core/run/events.ts'
import { viewOf } from '../../src/client/views/view.ts'
import { eventTypes, transitions } from '../../src/core/run/transitions.ts'
import { has } from '../core/errors-of.ts'
import { eventOf } from '../core/samples.ts'
import { plainEnd, plainWorker, type StoreBed } from '../store/bed.ts'
import type { Promises } from './promises.ts'

/** A worker and a run that it holds. */
async function held(bed: StoreBed): Promise<string> {
  await bed.worker()
  const id = await bed.add()
  assert.deepEqual(await bed.take(), [id])
  return id
}

export const claimPromises: Promises = {
  'the highest priority is taken first, and then the oldest': async (bed) => {
    await bed.worker()
    await bed.enqueue(
      ...[0, 5, -5, 5, 0].map((priority, at) => ({
        id: `${at}`,
        priority,
        task: at % 2 ? 'a' : 'b',
      })),
    )
    const taken: string[] = []
    for (let turn = 0; turn < 5; turn++) taken.push(...(await bed.take(1, { tasks: ['a', 'b'] })))
    assert.deepEqual(taken, ['1', '3', '0', '4', '2'])
  },

  'the same order holds within one claim': async (bed) => {
    await bed.worker()
    await bed.enqueue(...[0, 5, -5, 5, 0].map((priority, at) => ({ id: `${at}`, priority })))
    assert.deepEqual(await bed.take(), ['1', '3', '0', '4', '2'])
  },

  'no more are taken than asked for, and none twice': async (bed) => {
    await bed.worker()
    await bed.enqueue({ id: 'a' }, { id: 'b' }, { id: 'c' })
    assert.deepEqual(await bed.take(2), ['a', 'b'])
    assert.deepEqual(await bed.take(2), ['c'])
    assert.deepEqual(await bed.take(2), [])
    assert.deepEqual(await bed.take(0), [])
  },

  'runs of other tasks and queues are left for those who know them': async (bed) => {
    await bed.worker()
    await bed.enqueue(
      { id: 'other', task: 'unknown' },
      { id: 'far', queue: 'elsewhere' },
      { id: 'mine' },
    )
    assert.deepEqual(await bed.store.claimableTasks({ queues: ['default'], tasks: ['work'] }), [
      'work',
    ])
    assert.deepEqual(await bed.take(), ['mine'])
    assert.deepEqual(await bed.store.claimableTasks({ queues: ['default'], tasks: ['work'] }), [])
    assert.deepEqual(await bed.store.claimableTasks({ queues: ['elsewhere'], tasks: ['work'] }), [
      'work',
    ])
    assert.deepEqual([await bed.state('other'), await bed.state('far')], ['queued', 'queued'])
    assert.deepEqual(await bed.take(9, { queues: [] }), [])
    assert.deepEqual(await bed.take(9, { tasks: [] }), [])
  },

  'a claim of hundreds of tasks keeps the order of them all': async (bed) => {
    await bed.worker()
    const tasks = Array.from({ length: 450 }, (_, at) => `task-${at}`)
    await bed.enqueue(...tasks.map((task, at) => ({ id: task, task, priority: at % 3 })))
    await bed.add({ id: 'urgent', task: 'task-449', priority: 9 })
    const claimable = await bed.store.claimableTasks({
      queues: ['default'],
      tasks: ['none', ...tasks],
    })
    assert.deepEqual(claimable, tasks)
    assert.deepEqual(await bed.take(1, { tasks }), ['urgent'])
    const best = tasks.filter((_, at) => at % 3 === 2)
    assert.deepEqual(await bed.take(150, { tasks }), best)
    assert.equal((await bed.take(1000, { tasks })).length, 300)
  },

  'a claim of thousands of lanes finds the runs in a few of them, the best first, and none of other lanes':
    async (bed) => {
      await bed.worker()
      const names = (what: string) => Array.from({ length: 100 }, (_, at) => `${what}${at}`)
      const request = { queues: names('q'), tasks: names('t') }
      assert.deepEqual(await bed.take(10, request), [])
      await bed.enqueue(
        { id: 'low', queue: 'q7', task: 't9', priority: -1 },
        { id: 'none', queue: 'elsewhere', task: 't9' },
        { id: 'other', queue: 'q7', task: 'other' },
        { id: 'first', queue: 'q99', task: 't0' },
        { id: 'high', queue: 'q0', task: 't99', priority: 5 },
      )
      assert.deepEqual((await bed.store.claimableTasks(request)).toSorted(), ['t0', 't9', 't99'])
      assert.deepEqual(await bed.take(10, request), ['high', 'first', 'low'])
      assert.deepEqual(await bed.store.claimableTasks(request), [])
    },

  'each claim is a new attempt that its worker holds': async (bed) => {
    const id = await held(bed)
    const first = await bed.get(id)
    assert.deepEqual([first.attempt, first.workerId, first.startedAt], [1, 'w1', bed.clock.at])
    await bed.apply(id, {
      type: 'release',
      fence: await bed.fence(id),
      mode: 'prevented',
      ...plainEnd,
    })
    await bed.worker('w2')
    await bed.take(1, { workerId: 'w2' })
    const second = await bed.get(id)
    assert.deepEqual([second.attempt, second.workerId], [2, 'w2'])
  },

  'a worker without a live lease takes nothing': async (bed) => {
    await bed.add()
    await assert.rejects(bed.take(1, { workerId: 'nobody' }), has('LEASE_LOST'))
    await bed.worker('w1', { leaseMs: 1000 })
    bed.clock.advance(1000)
    await assert.rejects(bed.take(), has('LEASE_LOST'))
    await bed.worker('w2')
    await bed.store.removeWorker('w2')
    await assert.rejects(bed.take(1, { workerId: 'w2' }), has('LEASE_LOST'))
    assert.equal((await bed.store.counts({})).queued, 1)
  },

  'of many who claim at once, from several stores, no two get the same run': async (bed) => {
    await bed.worker()
    const stores = [bed.store, await bed.place.open(), await bed.place.open()]
    await bed.enqueue(...Array.from({ length: 90 }, () => ({})))
    const request = { workerId: 'w1', queues: ['default'], tasks: ['work'], limit: 4 }
    const claims = stores.flatMap((store) => Array.from({ length: 10 }, () => store.claim(request)))
    const taken = (await Promise.all(claims)).flat().map(({ id }) => id)
    assert.equal(taken.length, 90)
    assert.equal(new Set(taken).size, 90)
  },

  'a run that expired is not taken, also before anybody has swept it away': async (bed) => {
    await bed.worker()
    await bed.add({ ttlMs: 100 })
    bed.clock.advance(100)
    assert.deepEqual(await bed.take(), [])
    assert.deepEqual(await bed.store.claimableTasks({ queues: ['default'], tasks: ['work'] }), [])
  },

  'of a run that is to be tried again workers hear, for somebody must know when': async (bed) => {
    const id = await held(bed)
    const fence = await bed.fence(id)
    const heard = new Set<unknown>()
    using _ = bed.store.onChange((change) => void heard.add(change))
    await bed.apply(id, eventOf('fail', fence))
    assert.equal(await bed.state(id), 'scheduled')
    assert.ok(heard.has('work') || heard.has('any'), [...heard].join())
  },

  'a stale attempt changes nothing, whatever it reports': async (bed) => {
    const id = await held(bed)
    const stale = await bed.fence(id)
    const lateEnd = (workerId: string, attempt: number) =>
      bed.apply(id, { ...eventOf('complete', { runId: id, workerId, attempt }) })
    await bed.apply(id, { type: 'release', fence: stale, mode: 'prevented', ...plainEnd })
    await bed.take()
    assert.equal(await lateEnd('w1', 1), 'stale')
    assert.equal(await lateEnd('w9', 2), 'stale')
    await bed.askOne('cancel', id)
    const before = await bed.get(id)
    const fences = [
      stale,
      { ...(await bed.fence(id)), workerId: 'w9' },
      { ...stale, runId: 'nobody' },
    ]
    for (const type of eventTypes.filter((type) => transitions[type].isFenced)) {
      for (const fence of fences)
        assert.equal(await bed.apply(fence.runId, eventOf(type, fence)), 'stale', type)
    }
    await bed.store.log([{ runId: id, attempt: 1, line: { at: 1, message: 'late' } }])
    assert.deepEqual(await bed.get(id), before)
    const feed = await bed.store.feed({ runId: id, after: 0, limit: 100 })
    assert.ok(feed.every(({ type }) => type !== 'log'))
  },

  'a completion with a wrong place is held against its run all the same': async (bed) => {
    const [id, other] = [await held(bed), await bed.add()]
    await bed.take()
    const seq = bed.places.get(other) ?? 0
    const fences = [await bed.fence(id), { ...(await bed.fence(id)), workerId: 'w9' }] as const
    const calls = fences.map((fence) => ({
      ...{ runId: id, seq },
      event: { type: 'complete', fence, result: '1', ...plainEnd } as const,
    }))
    assert.deepEqual(await bed.store.apply(calls), ['done', 'stale'])
    assert.deepEqual([await bed.state(id), await bed.state(other)], ['completed', 'running'])
  },

  'events are answered in their order, and each sees what the one before did': async (bed) => {
    const [a, b] = [await held(bed), await bed.add()]
    await bed.take()
    const [fa, fb] = [await bed.fence(a), await bed.fence(b)]
    const complete = (fence: typeof fa): MachineEvent => ({
      type: 'complete',
      fence,
      result: '1',
      ...plainEnd,
    })
    const [sa, sb] = [bed.places.get(a) ?? 0, bed.places.get(b) ?? 0]
    const answers = await bed.store.apply([
      { runId: a, event: { type: 'progress', fence: fa, progress: '1' } },
      { runId: a, seq: sa, event: complete(fa) },
      { runId: b, seq: sb, event: complete(fb) },
      { runId: a, seq: sa, event: complete(fa) },
      { runId: b, event: complete(fb) },
      { runId: 'none', event: complete({ ...fb, runId: 'none' }) },
      { runId: a, event: { type: 'progress', fence: fa, progress: '2' } },
      { runId: a, event: { type: 'due' } },
    ])
    assert.deepEqual(answers, [
      'done',
      'done',
      'done',
      'stale',
      'stale',
      'stale',
      'stale',
      'refused',
    ])
    assert.equal((await bed.get(a)).progress, '1')
  },

  'a run that fails waits, is due again, and ends when no attempt is left': async (bed) => {
    const id = await held(bed)
    const fail = async () => bed.apply(id, { ...eventOf('fail', await bed.fence(id)) })
    for (const failures of [1, 2]) {
      assert.equal(await fail(), 'done')
      const run = await bed.get(id)
      assert.deepEqual(
        [run.state, run.failures, run.runAt],
        ['scheduled', failures, bed.clock.at + 1000],
      )
      assert.equal((await bed.pass(999)).dueCount, 0)
      assert.deepEqual(await bed.take(), [])
      assert.equal((await bed.pass(1)).dueCount, 1)
      assert.deepEqual(await bed.take(), [id])
      await bed.store.renewLease('w1')
    }
    await fail()
    const { state, failures, error, finishedAt } = await bed.get(id)
    assert.deepEqual(
      [state, failures, error?.message, finishedAt],
      ['failed', 3, 'boom', bed.clock.at],
    )
  },
}

export const leasePromises: Promises = {
  'a worker is known by what it said of itself': async (bed) => {
    await held(bed)
    await bed.worker('w2')
    const [worker, idle] = await bed.store.workers()
    assert.equal(idle?.heldCount, 0)
    assert.deepEqual(worker, {
      ...plainWorker,
      id: 'w1',
      startedAt: bed.clock.at,
      leaseLeftMs: plainWorker.leaseMs,
      heldCount: 1,
    })
  },

  'a lease that is renewed does not lapse': async (bed) => {
    const id = await held(bed)
    for (let turn = 0; turn < 5; turn++) {
      bed.clock.advance(plainWorker.leaseMs - 1)
      assert.equal(await bed.store.renewLease('w1'), true)
      assert.deepEqual((await bed.store.housekeep()).lapsed, [])
    }
    assert.equal(await bed.state(id), 'running')
  },

  'a lease that has lapsed cannot be renewed, whether or not it was swept': async (bed) => {
    await held(bed)
    bed.clock.advance(plainWorker.leaseMs)
    assert.equal(await bed.store.renewLease('w1'), false)
    await bed.store.housekeep()
    assert.equal(await bed.store.renewLease('w1'), false)
    assert.equal(await bed.store.renewLease('nobody'), false)
  },

  'a lease that lapses hands its runs on, once': async (bed) => {
    const id = await held(bed)
    const fence = await bed.fence(id)
    const other = await bed.place.open()
    bed.clock.advance(plainWorker.leaseMs)
    const swept = await Promise.all([
      bed.store.housekeep(),
      other.housekeep(),
      bed.store.housekeep(),
    ])
    const lapsed = swept.flatMap((one) => one.lapsed)
    assert.deepEqual(lapsed, [{ workerId: 'w1', runCount: 1 }])
    const run = await bed.get(id)
    assert.deepEqual([run.state, run.crashes, run.error?.code], ['queued', 1, 'WORKER_LOST'])
    assert.deepEqual(await bed.store.workers(), [])
    await bed.worker('w2')
    assert.deepEqual(await bed.take(9, { workerId: 'w2' }), [id])
    assert.equal(await bed.apply(id, eventOf('complete', fence)), 'stale')
  },

  'a run is starting until its handler is called, and its start is the call': async (bed) => {
    await bed.worker()
    const [short, long] = [await bed.add(), await bed.add()]
    await bed.take(9, { startsLater: true })
    const before = viewOf(await bed.get(long))
    assert.deepEqual([before.state, before.status, before.startedAt], ['running', 'starting', null])
    bed.clock.advance(500)
    const startedAt = bed.clock.at
    const begin = { type: 'begin', fence: await bed.fence(long), startedAt } as const
    assert.equal(await bed.apply(long, begin), 'done')
    const { status, startedAt: since } = viewOf(await bed.get(long))
    assert.deepEqual([status, since], ['running', startedAt])
    assert.equal(await bed.apply(long, { ...begin, startedAt: startedAt + 1 }), 'refused')
    bed.clock.advance(500)
    const end = { type: 'complete', result: null, startedAt, ...plainEnd } as const
    await bed.apply(short, { ...end, fence: await bed.fence(short) })
    const ended = await bed.get(short)
    assert.deepEqual([ended.startedAt, ended.finishedAt], [startedAt, bed.clock.at])
  },

  'a run whose handler was not called when its worker was lost counts no crash': async (bed) => {
    const [ahead, begun, seen] = [await bed.add(), await bed.add(), await bed.add()]
    for (const workerId of ['w1', 'w2', 'w3']) {
      await bed.worker(workerId)
      await bed.take(9, { workerId, startsLater: true })
      const fence = await bed.fence(begun)
      await bed.apply(begun, { type: 'begin', fence, startedAt: bed.clock.at })
      await bed.apply(seen, { type: 'progress', fence: await bed.fence(seen), progress: '1' })
      await bed.pass(plainWorker.leaseMs)
    }
    for (const id of [begun, seen]) {
      const lost = await bed.get(id)
      assert.deepEqual([lost.state, lost.crashes, lost.error?.code], ['failed', 3, 'WORKER_LOST'])
    }
    const { state, crashes, error, attempt, returned } = await bed.get(ahead)
    assert.deepEqual([state, crashes, error, attempt, returned], ['queued', 0, null, 3, 0])
  },

  'a run that takes each of its workers down before that can say so fails in the end': async (
    bed,
  ) => {
    const id = await bed.add()
    for (let turn = 1; turn <= 13; turn++) {
      await bed.worker(`w${turn}`)
      assert.deepEqual(await bed.take(1, { workerId: `w${turn}`, startsLater: true }), [id])
      await bed.pass(plainWorker.leaseMs)
    }
    const { state, crashes } = await bed.get(id)
    assert.deepEqual([state, crashes], ['failed', 3])
  },

  'a run that outlives too many workers has failed': async (bed) => {
    const id = await bed.add()
    for (const workerId of ['w1', 'w2', 'w3']) {
      await bed.worker(workerId)
      assert.deepEqual(await bed.take(1, { workerId }), [id])
      await bed.pass(plainWorker.leaseMs)
    }
    const { state, crashes, failures } = await bed.get(id)
    assert.deepEqual([state, crashes, failures], ['failed', 3, 0])
  },

  'a run that was asked to stop when its worker was lost is cancelled, unconfirmed': async (
    bed,
  ) => {
    const id = await held(bed)
    await bed.askOne('terminate', id)
    await bed.pass(plainWorker.leaseMs)
    const { state, stop } = await bed.get(id)
    assert.deepEqual([state, stop?.verb, stop?.confirmed], ['cancelled', 'terminate', false])
  },

  'a worker that is removed hands over what it still held': async (bed) => {
    const id = await held(bed)
    await bed.store.removeWorker('w1')
    await bed.store.removeWorker('w1')
    assert.deepEqual([await bed.state(id), (await bed.store.workers()).length], ['queued', 0])
  },

  'a worker reads what is asked of the runs that it holds, and of no others': async (bed) => {
    const id = await held(bed)
    await bed.worker('w2')
    const other = await bed.add()
    await bed.take(9, { workerId: 'w2' })
    assert.deepEqual(await bed.store.intents('w1'), [])
    await bed.ask('cancel', { ids: [id, other] }, { graceMs: 70 })
    bed.clock.advance(30)
    const [held1, ...rest] = await bed.store.intents('w1')
    assert.equal(rest.length, 0)
    assert.deepEqual([held1?.runId, held1?.attempt, held1?.stopAgeMs], [id, 1, 30])
    assert.deepEqual(held1?.intent, {
      stop: {
        verb: 'cancel',
        reason: 'why',
        by: 'who',
        graceMs: 70,
        requestedAt: bed.clock.at - 30,
        deliveredAt: null,
        overdueAt: null,
        rollback: false,
      },
      pause: null,
    })
    await bed.finish(id)
    assert.deepEqual(await bed.store.intents('w1'), [])
  },
}

export const timePromises: Promises = {
  'what is due is queued at its time, and no earlier': async (bed) => {
    const id = await bed.add({ due: { inMs: 1000 } })
    assert.equal((await bed.store.housekeep()).nextInMs, 1000)
    assert.equal((await bed.pass(999)).dueCount, 0)
    assert.equal(await bed.state(id), 'scheduled')
    const { dueCount, nextInMs } = await bed.pass(1)
    assert.deepEqual([dueCount, nextInMs, await bed.state(id)], [1, null, 'queued'])
  },

  'a run that waits too long for its first attempt is cancelled': async (bed) => {
    const ids = [
      await bed.add({ ttlMs: 1000 }),
      await bed.add({ ttlMs: 1000, due: { inMs: 5000 } }),
      await bed.add({ ttlMs: 1000 }),
    ]
    await bed.askOne('pause', ids[2] ?? '')
    assert.equal((await bed.store.housekeep()).nextInMs, 1000)
    assert.equal((await bed.pass(1000)).expiredCount, 3)
    for (const id of ids) {
      const { state, stop } = await bed.get(id)
      assert.deepEqual([state, stop?.verb, stop?.mode], ['cancelled', 'expire', 'prevented'])
    }
  },

  'a run that has started does not expire, nor does its next attempt': async (bed) => {
    await bed.worker()
    const id = await bed.add({ ttlMs: 100 })
    await bed.take()
    assert.equal((await bed.pass(200)).expiredCount, 0)
    const fence = await bed.fence(id)
    await bed.apply(id, { type: 'release', fence, mode: 'cooperative', ...plainEnd })
    assert.deepEqual([(await bed.store.housekeep()).expiredCount, await bed.take()], [0, [id]])
  },

  'a run whose claims were taken back before it began expires all the same': async (bed) => {
    await bed.worker()
    const [late, early] = [await bed.add({ ttlMs: 100 }), await bed.add({ ttlMs: 1000 })]
    for (const attempt of [1, 2]) {
      assert.equal((await bed.take()).length, 2)
      for (const id of [late, early]) {
        const fence = await bed.fence(id)
        assert.equal(fence.attempt, attempt, 'no fence is given twice')
        await bed.apply(id, { type: 'release', fence, mode: 'prevented', ...plainEnd })
      }
    }
    bed.clock.advance(200)
    assert.deepEqual(await bed.take(), [early], 'what has expired is not claimed')
    assert.equal((await bed.store.housekeep()).expiredCount, 1)
    assert.equal((await bed.get(late)).stop?.verb, 'expire')
  },

  'housekeeping says when to come again': async (bed) => {
    assert.equal((await bed.store.housekeep()).nextInMs, null)
    await bed.enqueue({ due: { inMs: 900 } }, { ttlMs: 700 }, { due: { inMs: 800 } })
    assert.equal((await bed.store.housekeep()).nextInMs, 700)
    assert.equal((await bed.pass(700)).nextInMs, 100)
    assert.equal((await bed.pass(100)).nextInMs, 100)
    assert.equal((await bed.pass(500)).nextInMs, null)
  },

  'many that are due move in steps, and the answer says that there are more': async (bed) => {
    await bed.enqueue(...Array.from({ length: 1200 }, () => ({ due: { inMs: 10 } })))
    let due = (await bed.pass(10)).dueCount
    assert.ok(due > 0 && due < 1200, 'a step is bounded')
    for (let turn = 0; turn < 9; turn++) {
      const { dueCount, nextInMs } = await bed.store.housekeep()
      due += dueCount
      if (nextInMs === null) break
      assert.equal(nextInMs, 0)
    }
    assert.equal(due, 1200)
  },
}
