/** Checkpoints, pauses, waits, roll-backs and deadlines. */
import assert from 'node:assert/strict'
import type { MachineEvent } from '../../src/core/run/events.ts'
import { statusOf } from '../../src/core/run/run.ts'
import { stopVerbs } from '../../src/core/run/transitions.ts'
import type { ControlRequest, PauseOrder } from '../../src/store/store.ts'
import { boom, eventOf, exit, retry } from '../core/samples.ts'
import { plainEnd, plainRequest, plainWorker, type StoreBed } from '../store/bed.ts'
import type { Promises } from './promises.ts'

/** A run that the worker holds. */
export async function held(
  bed: StoreBed,
  over: Parameters<StoreBed['add']>[0] = {},
): Promise<string> {
  if ((await bed.store.workers()).length === 0) await bed.worker()
  const id = await bed.add(over)
  assert.ok((await bed.take()).includes(id))
  return id
}

type Reported = Parameters<typeof eventOf>[0]

/** Reports an event of the current attempt. */
export async function report(
  bed: StoreBed,
  id: string,
  event: { readonly type: Reported } & Readonly<Record<string, unknown>>,
): Promise<string> {
  const plain = eventOf(event.type, await bed.fence(id))
  return bed.apply(id, { ...plain, ...event } as MachineEvent)
}

export async function pause(
  bed: StoreBed,
  id: string,
  over: Partial<PauseOrder> = {},
): Promise<string> {
  const how = { ...plainRequest.pause, ...over }
  const [one] = await bed.ask('pause', { ids: [id] }, { pause: how })
  assert.ok(one)
  return one.answer
}

const sleep = { type: 'wait', waitsFor: null, signal: null, done: [] } as const
export const receive = { ...sleep, signal: 'hello' } as const
const noSignals = { signals: [] } as const

/** A run that waits for a signal, for five seconds. */
export async function receiving(bed: StoreBed): Promise<string> {
  const id = await held(bed)
  assert.equal(await report(bed, id, { ...receive, wakeInMs: 5000 }), 'done')
  assert.equal(await bed.state(id), 'waiting')
  return id
}

const checkpointOf = async (bed: StoreBed, id: string): Promise<string | null> =>
  (await bed.get(id)).checkpoint

/** What the next attempt begins with. */
async function given(bed: StoreBed, id: string): Promise<string | null> {
  const request = { workerId: 'w1', queues: ['default'], tasks: ['work'], limit: 100 }
  const run = (await bed.store.claim(request)).find((one) => one.id === id)
  assert.ok(run, 'it was claimed')
  assert.equal(run.hasCheckpoint, run.checkpoint !== null)
  bed.places.set(id, run.seq)
  return run.checkpoint
}

export const checkpointPromises: Promises = {
  'the newest checkpoint is given with the next claim, and by get': async (bed) => {
    const id = await held(bed)
    assert.equal(await checkpointOf(bed, id), null)
    for (const checkpoint of ['1', '{"done":2}'])
      assert.equal(await report(bed, id, { type: 'checkpoint', checkpoint, ...noSignals }), 'done')
    assert.equal(await checkpointOf(bed, id), '{"done":2}')
    assert.equal((await bed.get(id)).checkpointAt, bed.clock.at)
    await report(bed, id, { type: 'release' })
    assert.equal(await given(bed, id), '{"done":2}')
  },

  'the newest of several checkpoints in one call wins': async (bed) => {
    const id = await held(bed)
    const fence = await bed.fence(id)
    const calls = ['1', '2', '3'].map((checkpoint) => ({
      runId: id,
      event: { type: 'checkpoint', fence, checkpoint, signals: [] } as const,
    }))
    assert.deepEqual(await bed.store.apply(calls), ['done', 'done', 'done'])
    assert.equal(await checkpointOf(bed, id), '3')
  },

  'a checkpoint of an attempt that is over is refused, and changes nothing': async (bed) => {
    const id = await held(bed)
    const stale = await bed.fence(id)
    await report(bed, id, { type: 'checkpoint', checkpoint: '1', ...noSignals })
    await report(bed, id, { type: 'release' })
    const late = { type: 'checkpoint', fence: stale, checkpoint: '2', signals: [] } as const
    assert.equal(await bed.apply(id, late), 'stale')
    assert.equal(await given(bed, id), '1')
    assert.equal(await bed.apply(id, late), 'stale')
    assert.equal(await checkpointOf(bed, id), '1')
  },

  'what an attempt saved last is stored with its end, whatever the end': async (bed) => {
    const saved = { checkpoint: '"last"', signals: [] }
    const ends = [
      { type: 'complete' },
      { type: 'fail' },
      { type: 'crash' },
      { type: 'release' },
      { type: 'park' },
      { ...sleep, wakeInMs: 5 },
    ] as const
    for (const end of ends) {
      const id = await held(bed)
      assert.equal(await report(bed, id, { ...end, saved }), 'done')
      assert.equal(await checkpointOf(bed, id), '"last"', end.type)
    }
    const stopped = await held(bed)
    await bed.askOne('cancel', stopped)
    await report(bed, stopped, { type: 'stop', saved })
    assert.equal(await checkpointOf(bed, stopped), '"last"')
  },

  'what a stale attempt says with its end is not stored': async (bed) => {
    const id = await held(bed)
    const stale = await bed.fence(id)
    await report(bed, id, { type: 'release' })
    const saved = { checkpoint: '1', signals: [] }
    for (const type of ['complete', 'fail', 'park'] as const)
      assert.equal(await bed.apply(id, { ...eventOf(type, stale), saved }), 'stale')
    assert.deepEqual([await checkpointOf(bed, id), await bed.state(id)], [null, 'queued'])
  },

  'checkpoints stay after the end, and go with the run': async (bed) => {
    const id = await held(bed)
    await report(bed, id, { type: 'checkpoint', checkpoint: '1', ...noSignals })
    await bed.finish(id)
    assert.equal(await checkpointOf(bed, id), '1')
    bed.clock.advance(10)
    await bed.store.prune({ completed: 5, failed: null, cancelled: null, audit: null }, 10)
    assert.equal(await bed.store.get(id), null)
    const next = await bed.add({ id })
    assert.equal(await checkpointOf(bed, next), null)
  },

  'of many checkpoints the feed keeps the last hundred': async (bed) => {
    const id = await held(bed)
    const fence = await bed.fence(id)
    const event = { type: 'checkpoint', fence, checkpoint: '1', signals: [] } as const
    for (let turn = 0; turn < 3; turn++)
      await bed.store.apply(Array.from({ length: 50 }, () => ({ runId: id, event })))
    const feed = await bed.store.feed({ runId: id, after: -1, limit: 1000 })
    assert.equal(feed.filter(({ type }) => type === 'checkpoint').length, 100)
  },
}

export const pausePromises: Promises = {
  'a pause says who, why and until when, and ends by itself': async (bed) => {
    const queued = await bed.add()
    const later = await bed.add({ due: { inMs: 10_000 } })
    const soon = await bed.add({ due: { inMs: 20 } })
    for (const id of [queued, later, soon])
      assert.equal(await pause(bed, id, { until: { inMs: 100 } }), 'paused')
    const { paused, resumeAt } = await bed.get(queued)
    assert.deepEqual(paused, {
      reason: 'why',
      by: 'who',
      at: bed.clock.at,
      holdId: null,
      workflowId: null,
    })
    assert.equal(resumeAt, bed.clock.at + 100)
    assert.equal((await bed.store.housekeep()).nextInMs, 100)
    await bed.pass(99)
    assert.equal(await bed.state(queued), 'paused')
    assert.equal((await bed.pass(1)).dueCount, 4)
    assert.deepEqual(
      [await bed.state(queued), await bed.state(later), await bed.state(soon)],
      ['queued', 'scheduled', 'queued'],
    )
    assert.deepEqual(
      [(await bed.get(queued)).paused, (await bed.get(queued)).resumeAt],
      [null, null],
    )
  },

  'a run that waits is paused until a time, and waits on': async (bed) => {
    const id = await receiving(bed)
    await pause(bed, id, { until: { inMs: 100 } })
    await bed.pass(100)
    assert.equal(await bed.state(id), 'waiting')
    await bed.pass(4900)
    assert.deepEqual((await bed.get(id)).wait, { signal: null, done: ['timeout'] })
  },

  'a second pause that moves the end answers that it moved': async (bed) => {
    const id = await bed.add()
    await pause(bed, id, { until: { inMs: 100 } })
    assert.equal(await pause(bed, id, { until: { inMs: 200 } }), 'moved')
    await bed.pass(100)
    assert.equal(await bed.state(id), 'paused')
    assert.equal(await pause(bed, id), 'moved')
    assert.equal(await pause(bed, id), 'already-paused')
    await bed.pass(1000)
    assert.equal(await bed.state(id), 'paused')
    assert.equal(await pause(bed, id, { until: { at: bed.clock.at + 1 } }), 'moved')
    await bed.pass(1)
    assert.equal(await bed.state(id), 'queued')
  },

  'a running run parks at its checkpoint, and goes on from it until it has to end': async (bed) => {
    const id = await held(bed)
    assert.equal(await pause(bed, id, { until: { inMs: 100 } }), 'requested')
    assert.equal(statusOf(await bed.get(id)), 'pausing')
    const saved = { checkpoint: '7', signals: [] }
    await report(bed, id, { type: 'park', saved })
    const { state, pausedFrom, paused, resumeAt, workerId } = await bed.get(id)
    assert.deepEqual(
      [state, pausedFrom, paused?.by, resumeAt, workerId],
      ['paused', 'queued', 'who', bed.clock.at + 100, null],
    )
    assert.deepEqual(await bed.take(), [])
    await bed.pass(100)
    assert.equal(await given(bed, id), '7')
  },

  'a pause that is taken back before the run has parked lets it go on': async (bed) => {
    const id = await held(bed)
    await pause(bed, id)
    assert.equal(await bed.askOne('resume', id), 'resumed')
    assert.equal(statusOf(await bed.get(id)), 'running')
    assert.equal(await bed.askOne('resume', id), 'not-paused')
    await report(bed, id, { type: 'park', saved: { checkpoint: '1', signals: [] } })
    assert.equal(await bed.state(id), 'queued', 'it goes on at once')
    assert.equal(await given(bed, id), '1')
  },

  'a pause that meets no checkpoint in time is overdue, or frozen, and says so': async (bed) => {
    const id = await held(bed)
    assert.equal(await report(bed, id, { type: 'overdue', of: 'pause' }), 'refused')
    assert.equal(await report(bed, id, { type: 'freeze' }), 'refused')
    await pause(bed, id, { otherwise: 'freeze', withinMs: 10 })
    bed.clock.advance(10)
    await report(bed, id, { type: 'overdue', of: 'pause' })
    assert.equal(statusOf(await bed.get(id)), 'pausing (overdue)')
    await report(bed, id, { type: 'freeze', frozenAt: bed.clock.at })
    assert.equal(statusOf(await bed.get(id)), 'frozen')
    const [intent] = await bed.store.intents('w1')
    assert.deepEqual([intent?.runId, intent?.pauseAgeMs], [id, 10])
    assert.equal(await bed.askOne('resume', id), 'resumed')
    assert.equal(statusOf(await bed.get(id)), 'running')
  },

  'a run that is frozen until a time is thawed by it': async (bed) => {
    const id = await held(bed)
    await pause(bed, id, { otherwise: 'freeze', withinMs: 10, until: { inMs: 100 } })
    await report(bed, id, { type: 'freeze', frozenAt: bed.clock.at })
    assert.equal((await bed.store.housekeep()).nextInMs, 100)
    await bed.pass(100)
    const run = await bed.get(id)
    assert.deepEqual([statusOf(run), run.intent, run.resumeAt], ['running', null, null])
    assert.equal((await bed.store.housekeep()).dueCount, 0)
  },

  'the end of a pause that was moved or taken back while the run was pausing is not the old one':
    async (bed) => {
      const moved = await held(bed)
      await pause(bed, moved, { until: { inMs: 100 } })
      await pause(bed, moved, { until: { inMs: 5000 } })
      const back = await held(bed)
      await pause(bed, back, { until: { inMs: 100 } })
      await bed.askOne('resume', back)
      await pause(bed, back)
      await bed.pass(100)
      assert.deepEqual(
        [statusOf(await bed.get(moved)), statusOf(await bed.get(back))],
        ['pausing', 'pausing'],
      )
      await report(bed, back, { type: 'fail', retry: { ...retry, delayMs: 5 } })
      await bed.pass(1000)
      assert.equal(await bed.state(back), 'paused')
    },

  'a pausing run whose worker is lost is paused': async (bed) => {
    const id = await held(bed)
    await pause(bed, id)
    await bed.pass(10_000)
    const { state, pausedFrom, paused, crashes } = await bed.get(id)
    assert.deepEqual([state, pausedFrom, paused?.by, crashes], ['paused', 'queued', 'who', 1])
    await bed.askOne('resume', id)
    assert.equal(await bed.state(id), 'queued')
  },

  'a pausing run that would be tried again is paused, and waits for its time after that': async (
    bed,
  ) => {
    const id = await held(bed)
    await pause(bed, id)
    await report(bed, id, { type: 'fail' })
    const { state, pausedFrom } = await bed.get(id)
    assert.deepEqual([state, pausedFrom], ['paused', 'scheduled'])
    await bed.askOne('resume', id)
    assert.equal(await bed.state(id), 'scheduled')
    await bed.pass(retry.delayMs)
    assert.equal(await bed.state(id), 'queued')
  },

  'a stop overtakes a pause, on its way and parked': async (bed) => {
    for (const verb of stopVerbs) {
      const id = await held(bed)
      await pause(bed, id)
      assert.equal(await bed.askOne(verb, id), 'requested')
      await report(bed, id, { type: 'park' })
      assert.deepEqual([await bed.state(id), (await bed.get(id)).stop?.verb], ['cancelled', verb])
      const parked = await held(bed)
      await pause(bed, parked)
      await report(bed, parked, { type: 'park' })
      assert.equal(await bed.askOne(verb, parked), 'prevented')
      assert.equal(await bed.state(parked), 'cancelled')
    }
  },

  'what somebody pauses himself is not resumed with a hold, whichever was first': async (bed) => {
    const who = { callId: 'h', reason: 'tidy', by: 'ops', origin: null }
    const order = { ...plainRequest, verb: 'pause' as const, inFlight: 'park' as const }
    const hold = { ...order, ...who, filter: { tag: 't' }, until: { inMs: 100 } }
    const tags = ['t']
    await bed.worker()
    const holdFirst = await bed.add({ tags })
    const first = await bed.add({ tags })
    await bed.askOne('pause', first)
    await bed.store.hold(hold)
    assert.equal(await bed.askOne('pause', holdFirst), 'moved')
    assert.deepEqual((await bed.get(holdFirst)).paused?.holdId, null)
    assert.deepEqual(
      [(await bed.get(first)).paused?.by, (await bed.get(first)).resumeAt],
      ['who', null],
    )
    await bed.pass(100)
    assert.deepEqual([await bed.state(first), await bed.state(holdFirst)], ['paused', 'paused'])
    await bed.store.lift({ id: 'h' }, { ...who, callId: 'l' })
    assert.deepEqual([await bed.state(first), await bed.state(holdFirst)], ['paused', 'paused'])
  },
}

export const waitPromises: Promises = {
  'a run that waits holds no slot, and is woken by the time': async (bed) => {
    const id = await held(bed)
    assert.equal(await report(bed, id, { ...sleep, wakeInMs: 100 }), 'done')
    const { state, workerId, wakeAt } = await bed.get(id)
    assert.deepEqual([state, workerId, wakeAt], ['waiting', null, bed.clock.at + 100])
    assert.deepEqual(await bed.take(), [])
    assert.equal((await bed.store.housekeep()).nextInMs, 100)
    await bed.pass(99)
    assert.equal(await bed.state(id), 'waiting')
    await bed.pass(1)
    const run = await bed.get(id)
    assert.deepEqual([run.state, run.wakeAt], ['queued', null])
    assert.deepEqual(run.wait, { signal: null, done: ['slept'] })
    assert.deepEqual(await bed.take(), [id])
  },

  'a signal wakes who waits for its name, and nobody else': async (bed) => {
    const id = await receiving(bed)
    assert.equal((await bed.signal(id, 'other')).answer, 'sent')
    assert.equal(await bed.state(id), 'waiting')
    const { position } = await bed.signal(id, 'hello')
    const { state, wait, signalled, wakeAt } = await bed.get(id)
    assert.deepEqual([state, signalled, wakeAt], ['queued', position, null])
    const begun = { signal: 'hello', endsAt: bed.clock.at + 5000 }
    assert.deepEqual(wait, { signal: null, done: [], begun }, 'it keeps its end')
    await bed.pass(5000)
    const { wait: after } = await bed.get(id)
    assert.deepEqual(after, { signal: null, done: [], begun }, 'no time-out after it')
  },

  'a signal that came before the wait was written wakes it at once': async (bed) => {
    const id = await held(bed)
    await bed.signal(id, 'hello')
    await report(bed, id, { ...receive, wakeInMs: null })
    assert.equal(await bed.state(id), 'queued')
    const sleeper = await held(bed)
    await bed.signal(sleeper, 'hello')
    await report(bed, sleeper, { ...sleep, wakeInMs: 5 })
    assert.equal(await bed.state(sleeper), 'waiting', 'a sleep is not for signals')
  },

  'a signal that the handler is through with, or has taken in a wait before, does not wake it again':
    async (bed) => {
      const id = await held(bed)
      const { position } = await bed.signal(id, 'hello')
      await report(bed, id, { type: 'take', position, takenAt: 1 })
      await report(bed, id, { ...receive, wakeInMs: null, done: [position] })
      assert.equal(await bed.state(id), 'waiting')
      const through = await held(bed)
      const second = await bed.signal(through, 'hello')
      const outcome = { position: second.position, reply: null, error: null }
      const saved = { checkpoint: null, signals: [outcome] }
      await report(bed, through, { ...receive, wakeInMs: null, saved })
      assert.equal(await bed.state(through), 'waiting')
      const before = await held(bed)
      const third = await bed.signal(before, 'hello')
      const signals = [{ position: third.position, reply: null, error: null }]
      await report(bed, before, { type: 'checkpoint', checkpoint: null, signals })
      await report(bed, before, { ...receive, wakeInMs: null })
      assert.equal(await bed.state(before), 'waiting')
      await bed.signal(before, 'hello')
      assert.equal(await bed.state(before), 'queued')
    },

  'of several signals that came before the wait, any that is left wakes it': async (bed) => {
    const id = await held(bed)
    const [first, second] = [await bed.signal(id, 'hello'), await bed.signal(id, 'hello')]
    await report(bed, id, { ...receive, wakeInMs: null, done: [first.position] })
    assert.equal(await bed.state(id), 'queued')
    await bed.take()
    const signals = [{ position: first.position, reply: null, error: null }]
    const fence = await bed.fence(id)
    const done = [second.position ?? 0]
    const saved = { type: 'checkpoint', fence, checkpoint: '1', signals } as MachineEvent
    const wait = { ...eventOf('wait', fence), ...receive, wakeInMs: null, done } as MachineEvent
    await bed.store.apply([saved, wait].map((event) => ({ runId: id, event })))
    assert.equal(await bed.state(id), 'waiting', 'it is through with the one, and took the other')
  },

  'a wait that a stale attempt reports wakes nobody': async (bed) => {
    const id = await held(bed)
    const stale = await bed.fence(id)
    await report(bed, id, { type: 'release' })
    await bed.take()
    const { position } = await bed.signal(id, 'hello')
    await report(bed, id, { ...receive, wakeInMs: null, done: [position] })
    assert.equal(await bed.apply(id, { ...receive, fence: stale, wakeInMs: null }), 'stale')
    assert.equal(await bed.state(id), 'waiting')
  },

  'a wake while it is paused is noted, and it goes on when it is resumed': async (bed) => {
    const wakes = [(id: string) => bed.signal(id, 'hello'), async () => bed.pass(5000)] as const
    for (const [at, wake] of wakes.entries()) {
      const id = await receiving(bed)
      await bed.askOne('pause', id)
      await wake(id)
      const { state, pausedFrom, wait } = await bed.get(id)
      assert.deepEqual([state, pausedFrom], ['paused', 'queued'])
      const begun = { signal: 'hello', endsAt: bed.clock.at + 5000 }
      const expected = at === 0 ? { done: [], begun } : { done: ['timeout'] }
      assert.deepEqual(wait, { signal: null, ...expected })
      assert.deepEqual(await bed.take(), [])
      await bed.askOne('resume', id)
      assert.deepEqual(await bed.take(), [id])
      await bed.finish(id)
    }
  },

  'to pause a run that is about to wait parks it, and the wait goes on behind the pause': async (
    bed,
  ) => {
    const id = await held(bed)
    await pause(bed, id)
    await report(bed, id, { ...receive, wakeInMs: 50 })
    assert.deepEqual([await bed.state(id), (await bed.get(id)).pausedFrom], ['paused', 'waiting'])
    await bed.pass(50)
    await bed.askOne('resume', id)
    assert.equal(await bed.state(id), 'queued')
    assert.deepEqual((await bed.get(id)).wait, { signal: null, done: ['timeout'] })
  },

  'what a handler has waited for is kept until its next checkpoint': async (bed) => {
    const id = await held(bed)
    await report(bed, id, { ...sleep, wakeInMs: 5 })
    await bed.pass(5)
    await bed.take()
    await report(bed, id, { type: 'checkpoint', checkpoint: null, signals: [] })
    await report(bed, id, { type: 'fail' })
    assert.deepEqual(
      (await bed.get(id)).wait?.done,
      ['slept'],
      'an attempt that fails meets it again',
    )
    await bed.pass(retry.delayMs)
    await bed.take()
    await report(bed, id, { ...receive, wakeInMs: 5, done: ['slept'] })
    await bed.pass(5)
    assert.deepEqual((await bed.get(id)).wait?.done, ['slept', 'timeout'])
    await bed.take()
    await report(bed, id, { type: 'checkpoint', checkpoint: '1', signals: [] })
    assert.equal((await bed.get(id)).wait, null)
    const saved = { checkpoint: '2', signals: [] }
    await report(bed, id, { ...sleep, wakeInMs: 5, saved })
    await bed.pass(5)
    assert.deepEqual((await bed.get(id)).wait?.done, ['slept'])
  },

  'a run that waits for another is woken by its end, also where that came first': async (bed) => {
    const other = await held(bed)
    const id = await held(bed)
    await report(bed, id, { type: 'wait', waitsFor: other })
    assert.equal(await bed.state(id), 'waiting')
    await bed.finish(other)
    assert.deepEqual(await bed.take(), [id])
    await report(bed, id, { type: 'wait', waitsFor: other })
    assert.equal(await bed.state(id), 'queued')
  },

  'a run that waits is stopped at once by every verb': async (bed) => {
    for (const verb of stopVerbs) {
      const id = await receiving(bed)
      assert.equal(await bed.askOne(verb, id), 'prevented')
      const { state, wait, wakeAt } = await bed.get(id)
      assert.deepEqual([state, wait, wakeAt], ['cancelled', null, null])
    }
  },

  'others hear of a new time to wake or to resume': async (bed) => {
    const id = await held(bed)
    const heard: string[] = []
    using _ = bed.store.onChange((change) => heard.push(change))
    await report(bed, id, { ...sleep, wakeInMs: 5 })
    const deadline = performance.now() + 10_000
    while (!heard.some((one) => one === 'work' || one === 'any')) {
      assert.ok(performance.now() < deadline, 'a hint came')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  },
}

const rollsBack = { rollbackOn: ['stop', 'failure'] } as const
const lastTry = { ...retry, attempts: 1 }

/** A run that was parked, and whose task wants it rolled back. */
async function parked(bed: StoreBed): Promise<string> {
  const id = await held(bed)
  await pause(bed, id)
  await report(bed, id, { type: 'park', ...rollsBack, saved: { checkpoint: '7', signals: [] } })
  return id
}

async function stopped(
  bed: StoreBed,
  id: string,
  over: Partial<ControlRequest> = {},
): Promise<string> {
  const [one] = await bed.ask('cancel', { ids: [id] }, over)
  return one?.answer ?? ''
}

/** The next attempt is its roll-back; it is run to the end. */
async function rollBack(bed: StoreBed, id: string): Promise<void> {
  const before = await bed.get(id)
  assert.deepEqual([before.state, before.finishedAt, before.stop], ['queued', null, null])
  assert.equal(before.rollback?.state, 'pending')
  assert.ok((await bed.take()).includes(id), 'the roll-back is claimed')
  assert.equal(statusOf(await bed.get(id)), 'rolling back')
  assert.equal((await bed.store.finals([id])).length, 0)
  await bed.finish(id)
  assert.equal((await bed.get(id)).rollback?.state, 'completed')
}

export const rollbackPromises: Promises = {
  'a run that is stopped is rolled back, whatever it was doing, and ends with its stop record':
    async (bed) => {
      const ways: Readonly<Record<string, () => Promise<string>>> = {
        parked: () => parked(bed),
        waiting: async () => {
          const id = await held(bed)
          await report(bed, id, { ...receive, wakeInMs: null, ...rollsBack })
          return id
        },
        'waiting for its next try': async () => {
          const id = await held(bed)
          await report(bed, id, { type: 'fail', ...rollsBack })
          return id
        },
        handedBack: async () => {
          const id = await held(bed)
          await report(bed, id, { type: 'release', ...rollsBack })
          return id
        },
      }
      for (const [name, arrange] of Object.entries(ways)) {
        const id = await arrange()
        assert.equal(await stopped(bed, id), 'prevented', name)
        assert.equal(await stopped(bed, id), 'already-cancelled', name)
        await rollBack(bed, id)
        const { state, stop, rollback } = await bed.get(id)
        assert.deepEqual([state, stop?.mode, stop?.by], ['cancelled', 'prevented', 'who'], name)
        assert.deepEqual([rollback?.stop, rollback?.finishedAt], [null, bed.clock.at], name)
      }
    },

  'a running one is rolled back after the stop was observed, gentle or forced': async (bed) => {
    const ends: readonly (readonly [
      string,
      Record<string, unknown> & { type: 'stop' | 'complete' | 'fail' | 'release' },
    ])[] = [
      ['forced', { type: 'stop', mode: 'forced', proof: exit, ...rollsBack }],
      ['cooperative', { type: 'complete', deliveredAt: 5, ...rollsBack }],
      ['cooperative', { type: 'fail', deliveredAt: 5, ...rollsBack }],
      ['cooperative', { type: 'release', deliveredAt: 5, mode: 'cooperative', ...rollsBack }],
    ]
    for (const [mode, end] of ends) {
      const id = await held(bed)
      await stopped(bed, id)
      await report(bed, id, end)
      await rollBack(bed, id)
      const { state, stop } = await bed.get(id)
      assert.deepEqual([state, stop?.mode, stop?.confirmed], ['cancelled', mode, true], end.type)
    }
  },

  'one whose worker is lost while it stops is rolled back, as the worker said of its task': async (
    bed,
  ) => {
    const tasks = { work: { isolation: 'inline', maxCrashes: 3, ...rollsBack } }
    await bed.worker('w2', { tasks })
    const id = await bed.add()
    await bed.take(1, { workerId: 'w2' })
    await stopped(bed, id)
    await bed.pass(10_000)
    await bed.worker('w1')
    await rollBack(bed, id)
    const { state, stop } = await bed.get(id)
    assert.deepEqual([state, stop?.mode, stop?.confirmed], ['cancelled', 'forced', false])
  },

  'a run is rolled back when that is asked with its stop, whatever its task says': async (bed) => {
    const idle = await held(bed)
    await report(bed, idle, { type: 'release' })
    assert.equal(await stopped(bed, idle, { rollback: true }), 'prevented')
    await rollBack(bed, idle)
    const running = await held(bed)
    await stopped(bed, running, { rollback: true })
    await stopped(bed, running)
    await report(bed, running, { type: 'stop' })
    await rollBack(bed, running)
    const filtered = await held(bed)
    await report(bed, filtered, { type: 'release' })
    await bed.ask('cancel', { filter: { state: 'queued' } }, { rollback: true })
    await rollBack(bed, filtered)
  },

  'what never started is not rolled back': async (bed) => {
    for (const over of [{}, { due: { inMs: 5 } }]) {
      const id = await bed.add(over)
      await stopped(bed, id, { rollback: true })
      assert.deepEqual([await bed.state(id), (await bed.get(id)).rollback], ['cancelled', null])
    }
    const filtered = await bed.add()
    await bed.ask('cancel', { filter: { state: 'queued' } }, { rollback: true })
    assert.equal(await bed.state(filtered), 'cancelled')
  },

  'a run that was claimed, and whose handler was not called, is not rolled back': async (bed) => {
    await bed.worker()
    const id = await bed.add()
    await bed.take(1, { startsLater: true })
    assert.equal(await stopped(bed, id, { rollback: true }), 'requested')
    await report(bed, id, { type: 'stop', mode: 'prevented', ...rollsBack })
    const { state, stop, rollback } = await bed.get(id)
    assert.deepEqual([state, stop?.mode, rollback], ['cancelled', 'prevented', null])
  },

  'a run whose worker was lost while it was starting may have begun, and is rolled back': async (
    bed,
  ) => {
    await bed.worker()
    const id = await bed.add()
    await bed.take(1, { startsLater: true })
    await bed.pass(plainWorker.leaseMs)
    assert.deepEqual([await bed.state(id), (await bed.get(id)).crashes], ['queued', 0])
    await bed.worker('w2')
    await stopped(bed, id, { rollback: true })
    assert.equal((await bed.get(id)).rollback?.state, 'pending')
  },

  'a run that completes before the stop reached it is not rolled back': async (bed) => {
    const id = await held(bed)
    await bed.ask('revoke', { ids: [id] }, { rollback: true })
    await report(bed, id, { type: 'complete', deliveredAt: 5, ...rollsBack })
    assert.deepEqual([await bed.state(id), (await bed.get(id)).rollback], ['completed', null])
  },

  'after a failure for good it is rolled back where its task wants that, and ends failed': async (
    bed,
  ) => {
    const id = await held(bed)
    await report(bed, id, { type: 'fail', retry: lastTry, rollbackOn: ['failure'] })
    await rollBack(bed, id)
    const { state, error, stop } = await bed.get(id)
    assert.deepEqual([state, error, stop], ['failed', boom, null])
    const other = await held(bed)
    await report(bed, other, { type: 'fail', retry: lastTry, rollbackOn: ['stop'] })
    assert.equal(await bed.state(other), 'failed')
  },

  'the roll-back begins with the last checkpoint, the stop record, and may save its own': async (
    bed,
  ) => {
    const id = await parked(bed)
    await stopped(bed, id)
    const request = { workerId: 'w1', queues: ['default'], tasks: ['work'], limit: 1 }
    const [claimed] = await bed.store.claim(request)
    assert.deepEqual([claimed?.checkpoint, claimed?.rollback?.stop?.by], ['7', 'who'])
    await report(bed, id, { type: 'checkpoint', checkpoint: '8', signals: [] })
    await report(bed, id, { type: 'release' })
    assert.equal(await given(bed, id), '8')
  },

  'a roll-back that fails is tried again, counted apart, and says how it ended': async (bed) => {
    const id = await parked(bed)
    await stopped(bed, id)
    for (let turn = 1; turn <= 3; turn++) {
      assert.deepEqual(await bed.take(), [id])
      await report(bed, id, { type: 'fail' })
      if (turn < 3) {
        assert.equal(await bed.state(id), 'scheduled')
        await bed.pass(retry.delayMs)
      }
    }
    const { state, failures, rollback, stop, error } = await bed.get(id)
    assert.deepEqual([state, failures, stop?.by, error], ['cancelled', 0, 'who', null])
    assert.deepEqual([rollback?.state, rollback?.failures, rollback?.error], ['failed', 3, boom])
  },

  'a roll-back survives crashes, and workers that are lost, up to its limit': async (bed) => {
    const id = await parked(bed)
    await stopped(bed, id)
    await bed.take()
    await report(bed, id, { type: 'crash' })
    await bed.pass(retry.delayMs)
    await bed.take()
    await bed.pass(10_000)
    assert.deepEqual([await bed.state(id), (await bed.get(id)).rollback?.crashes], ['queued', 2])
    await bed.worker('w3')
    await bed.take(1, { workerId: 'w3' })
    await bed.pass(10_000)
    const { state, rollback, crashes } = await bed.get(id)
    assert.deepEqual(
      [state, rollback?.state, rollback?.crashes, crashes],
      ['cancelled', 'failed', 3, 0],
    )
  },

  'nothing but terminate ends a roll-back; pauses, signals and resumes come too late': async (
    bed,
  ) => {
    const idle = await parked(bed)
    await stopped(bed, idle)
    for (const verb of ['revoke', 'abort', 'cancel', 'pause'] as const)
      assert.equal(await bed.askOne(verb, idle), 'already-cancelled', verb)
    assert.equal(await bed.askOne('resume', idle), 'not-paused')
    assert.equal((await bed.signal(idle, 'hello')).answer, 'too-late')
    assert.equal(await bed.askOne('terminate', idle), 'prevented')
    const ended = await bed.get(idle)
    assert.deepEqual([ended.state, ended.stop?.verb], ['cancelled', 'cancel'])
    assert.equal(ended.rollback?.state, 'abandoned')
    const running = await parked(bed)
    await stopped(bed, running)
    await bed.take()
    assert.equal(await bed.askOne('cancel', running), 'already-cancelled')
    assert.equal(await bed.askOne('terminate', running), 'requested')
    await report(bed, running, { type: 'stop' })
    assert.deepEqual(
      [await bed.state(running), (await bed.get(running)).rollback?.state],
      ['cancelled', 'abandoned'],
    )
  },

  'a roll-back may wait, and its wait is over in time': async (bed) => {
    const id = await parked(bed)
    await stopped(bed, id)
    await bed.take()
    await report(bed, id, { ...sleep, wakeInMs: 5 })
    assert.equal(await bed.state(id), 'waiting')
    await bed.pass(5)
    assert.deepEqual(await bed.take(), [id])
    const other = await bed.add({ task: 'other' })
    await report(bed, id, { ...sleep, wakeInMs: null, waitsFor: other })
    await bed.askOne('cancel', other)
    assert.equal(await bed.state(id), 'queued')
  },

  'its key is held until the roll-back is over, and who replaces it waits for that': async (
    bed,
  ) => {
    await bed.worker()
    const id = await bed.add({ key: 'k' })
    await bed.take()
    await report(bed, id, { type: 'release', ...rollsBack })
    await bed.ask('cancel', { task: 'work', key: 'k' })
    const [skipped] = await bed.enqueue({ key: 'k' })
    assert.deepEqual([skipped?.outcome, skipped?.id], ['exists', id])
    const next = await bed.add({ key: 'k', onConflict: 'cancel-and-replace' })
    assert.equal(await bed.state(next), 'waiting')
    assert.deepEqual(await bed.take(), [id])
    await bed.finish(id)
    assert.deepEqual([await bed.state(id), await bed.state(next)], ['cancelled', 'queued'])
    await bed.take()
    await report(bed, next, { type: 'release', ...rollsBack })
    const last = await bed.add({ key: 'k', onConflict: 'cancel-and-replace' })
    assert.deepEqual(
      [await bed.state(next), (await bed.get(next)).rollback?.state, await bed.state(last)],
      ['queued', 'pending', 'waiting'],
    )
    await bed.take()
    await report(bed, next, { type: 'fail', retry: lastTry })
    assert.deepEqual([await bed.state(next), await bed.state(last)], ['cancelled', 'queued'])
  },

  'a claim that was taken back leaves no trace of a start': async (bed) => {
    const id = await bed.add({ tags: ['t'] })
    await bed.worker()
    assert.equal((await bed.get(id)).startedAt, null)
    const order = { ...plainRequest, verb: 'pause' as const, inFlight: 'finish' as const }
    await bed.store.hold({ ...order, callId: 'h', filter: { tag: 't' }, until: null })
    await bed.askOne('resume', id)
    assert.deepEqual(await bed.take(), [])
    const { state, attempt, startedAt, paused } = await bed.get(id)
    assert.deepEqual([state, attempt, startedAt, paused?.holdId], ['paused', 0, null, 'h'])
  },
}

export const deadlinePromises: Promises = {
  'what has not ended by its deadline is cancelled, whatever it waits for': async (bed) => {
    const deadline = { inMs: 100 }
    await bed.worker()
    const waits = await bed.add({ deadline })
    await bed.take()
    await report(bed, waits, { ...receive, wakeInMs: null })
    const queued = await bed.add({ deadline })
    const scheduled = await bed.add({ deadline, due: { inMs: 500 } })
    const paused = await bed.add({ deadline })
    await bed.askOne('pause', paused)
    assert.equal((await bed.store.housekeep()).nextInMs, 100)
    await bed.pass(99)
    assert.equal(await bed.state(queued), 'queued')
    assert.equal((await bed.pass(1)).expiredCount, 4)
    for (const id of [waits, queued, scheduled, paused]) {
      const { state, stop } = await bed.get(id)
      assert.deepEqual([state, stop?.verb, stop?.mode], ['cancelled', 'expire', 'prevented'])
      assert.match(stop?.reason ?? '', /deadline/)
    }
  },

  'a running run is asked to stop by its deadline, once, with a grace': async (bed) => {
    const id = await held(bed, { deadline: { inMs: 100 } })
    await bed.pass(100)
    const { state, intent, deadlineAt } = await bed.get(id)
    assert.deepEqual(
      [state, intent?.stop?.verb, intent?.stop?.graceMs, deadlineAt],
      ['running', 'cancel', 5000, null],
    )
    assert.equal((await bed.pass(100)).expiredCount, 0)
    await report(bed, id, { type: 'stop', mode: 'forced', deliveredAt: bed.clock.at })
    assert.match((await bed.get(id)).stop?.reason ?? '', /deadline/)
    assert.equal(await bed.state(id), 'cancelled')
  },

  'a run that ended before its deadline stays as it ended': async (bed) => {
    const id = await held(bed, { deadline: { inMs: 100 } })
    await bed.finish(id, plainEnd)
    const before = await bed.get(id)
    assert.equal((await bed.store.housekeep()).nextInMs, null)
    await bed.pass(100)
    assert.deepEqual(await bed.get(id), before)
  },

  'a deadline rolls back what has started, and does not stop the roll-back': async (bed) => {
    const id = await held(bed, { deadline: { inMs: 100 } })
    await report(bed, id, { type: 'release', ...rollsBack })
    await bed.pass(100)
    assert.equal((await bed.get(id)).rollback?.state, 'pending')
    await bed.pass(100)
    await rollBack(bed, id)
    assert.equal((await bed.get(id)).stop?.verb, 'expire')
    const running = await held(bed, { deadline: { inMs: 100 } })
    await bed.pass(100)
    await report(bed, running, { type: 'stop', ...rollsBack })
    await rollBack(bed, running)
    assert.equal(await bed.state(running), 'cancelled')
  },
}
