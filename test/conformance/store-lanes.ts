/** What a store says of its queues and tasks as a whole. */
import assert from 'node:assert/strict'
import type { StoreBed } from '../store/bed.ts'
import type { LaneCounts } from '../../src/store/store.ts'
import type { Promises } from './promises.ts'

const none = { queued: 0, running: 0, scheduled: 0, waiting: 0, paused: 0 }

async function laneOf(bed: StoreBed, queue: string, task: string): Promise<LaneCounts> {
  const { lanes } = await bed.store.lanes()
  const lane = lanes.find((one) => one.queue === queue && one.task === task)
  assert.ok(lane, `${queue} ${task}`)
  return lane
}

export const lanePromises: Promises = {
  'an empty store has no lanes, and no tasks': async ({ store }) => {
    assert.deepEqual(await store.lanes(), { lanes: [], cut: [] })
    assert.deepEqual(await store.newestTasks(), [])
  },

  'each lane has its runs of each live state, and none that has ended': async (bed) => {
    const first = bed.clock.now()
    const over = await bed.add({ queue: 'a', priority: 9 })
    await bed.ask('cancel', { ids: [over] })
    await bed.add({ queue: 'a' })
    bed.clock.advance(10)
    await bed.add({ queue: 'a', priority: 5 })
    await bed.add({ queue: 'a', priority: -5 })
    await bed.add({ queue: 'a', task: 'rest' })
    await bed.add({ queue: 'b', due: { inMs: 1000 } })
    const paused = await bed.add({ queue: 'b' })
    await bed.ask('pause', { ids: [paused] })
    await bed.worker()
    await bed.add({ queue: 'c' })
    await bed.take(1, { queues: ['c'] })
    const { lanes, cut } = await bed.store.lanes()
    assert.deepEqual(cut, [])
    assert.deepEqual(lanes, [
      { queue: 'a', task: 'rest', counts: { ...none, queued: 1 }, oldestQueuedAt: first + 10 },
      { queue: 'a', task: 'work', counts: { ...none, queued: 3 }, oldestQueuedAt: first },
      {
        queue: 'b',
        task: 'work',
        counts: { ...none, scheduled: 1, paused: 1 },
        oldestQueuedAt: null,
      },
      { queue: 'c', task: 'work', counts: { ...none, running: 1 }, oldestQueuedAt: null },
    ])
  },

  'the oldest of a lane is found behind those of a higher priority': async (bed) => {
    const at = bed.clock.now()
    await bed.add({ priority: -3 })
    bed.clock.advance(1000)
    await bed.enqueue(...Array.from({ length: 50 }, (_, priority) => ({ priority })))
    const lane = await laneOf(bed, 'default', 'work')
    assert.deepEqual([lane.oldestQueuedAt, lane.counts.queued], [at, 51])
  },

  'a lane is counted to ten thousand, and the answer says that it is cut': async (bed) => {
    const many = Array.from({ length: 10_001 }, () => ({}))
    await bed.enqueue(...many.slice(1))
    assert.deepEqual((await bed.store.lanes()).cut, [])
    await bed.add()
    const { lanes, cut } = await bed.store.lanes()
    assert.deepEqual([lanes.length, lanes[0]?.counts.queued, cut], [1, 10_000, ['queued']])
    await bed.enqueue(...many.map(() => ({ due: { inMs: 1000 } })))
    assert.deepEqual((await bed.store.lanes()).cut, ['queued', 'scheduled'])
  },

  'the newest runs say which tasks there are, also when they have ended': async (bed) => {
    const over = await bed.add({ task: 'over' })
    await bed.ask('cancel', { ids: [over] })
    await bed.enqueue({ task: 'work' }, { task: 'work' })
    assert.deepEqual([...(await bed.store.newestTasks())].sort(), ['over', 'work'])
    await bed.enqueue(...Array.from({ length: 998 }, () => ({})))
    assert.deepEqual(await bed.store.newestTasks(), ['work'])
  },
}
