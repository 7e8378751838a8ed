/** What every store promises of the runs that handlers enqueue. */
import assert from 'node:assert/strict'
import type { RunFacts } from '../../src/core/run/run.ts'
import { noPause } from '../../src/store/port/requests.ts'
import type { NewRun } from '../../src/store/store.ts'
import { boom, retry } from '../core/samples.ts'
import { plainEnd, type StoreBed } from '../store/bed.ts'
import type { Promises } from './promises.ts'

/** A run that is held by a worker, and has enqueued children. */
class Parent {
  readonly bed: StoreBed
  readonly id: string

  static async on(bed: StoreBed, over: Partial<NewRun> = {}): Promise<Parent> {
    const id = await bed.add(over)
    return Parent.of(bed, id)
  }

  static async of(bed: StoreBed, id: string): Promise<Parent> {
    if ((await bed.store.workers()).length === 0) await bed.worker()
    assert.deepEqual(await bed.take(1), [id])
    return new Parent(bed, id)
  }

  private constructor(bed: StoreBed, id: string) {
    this.bed = bed
    this.id = id
  }

  /** Enqueues a child at each of the places. @returns their ids. */
  async enqueue(
    places: readonly string[],
    over: Partial<NewRun> = {},
    keys?: readonly (string | null)[],
  ): Promise<(string | null)[]> {
    const fence = await this.bed.fence(this.id)
    const calls = places.map((place, at) => {
      const key = keys?.[at] ?? over.key ?? null
      return { fence, place, run: this.bed.newRun({ ...over, key }) }
    })
    return [...(await this.bed.store.enqueueChildren(calls))]
  }

  /** The handler waits for children, and gives its slot back. */
  async wait(children: readonly (string | null)[], wakeInMs: number | null = null): Promise<void> {
    const ids = children.map(String)
    const event = { type: 'wait', waitsFor: null, signal: null, wakeInMs, done: [] } as const
    await this.bed.apply(this.id, {
      ...event,
      children: ids,
      fence: await this.bed.fence(this.id),
    })
  }

  facts(): Promise<RunFacts> {
    return this.bed.get(this.id)
  }

  async state(): Promise<string> {
    return this.bed.state(this.id)
  }
}

async function states(
  bed: StoreBed,
  ids: readonly (string | null | undefined)[],
): Promise<string[]> {
  return Promise.all(ids.map((id) => bed.state(String(id))))
}

/** Until what was begun beside has been carried out. */
async function calm(bed: StoreBed): Promise<void> {
  for (let tries = 0; tries < 5000; tries++) {
    const bulks = await bed.store.bulks(null)
    if (bulks.every(({ finishedAt }) => finishedAt !== null)) return
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  assert.fail('bulk operations end')
}

async function finishAll(bed: StoreBed, ids: readonly (string | null)[]): Promise<void> {
  for (const id of ids) {
    await bed.take()
    await bed.finish(String(id))
  }
}

export const childPromises: Promises = {
  'a child knows its parent, and is found by it': async (bed) => {
    const parent = await Parent.on(bed)
    const [child, other] = await parent.enqueue(['a', 'b'], { tags: ['t'] })
    assert.equal((await bed.get(String(child))).parent, parent.id)
    const page = { limit: 10, cursor: null, order: 'oldest' } as const
    const { runs } = await bed.store.list({ parent: parent.id }, page)
    assert.deepEqual(
      runs.map(({ id, state, tags }) => [id, state, tags]),
      [
        [child, 'queued', ['t']],
        [other, 'queued', ['t']],
      ],
    )
    assert.equal((await bed.store.counts({ parent: parent.id })).queued, 2)
    const ends = await bed.store.children(parent.id, [String(child), parent.id])
    assert.deepEqual(
      ends.map(({ id }) => id),
      [child],
      'and nobody else is one',
    )
  },

  'the same place is the same child, until a state is saved': async (bed) => {
    const parent = await Parent.on(bed)
    const [one, two] = await parent.enqueue(['a', 'b'])
    assert.deepEqual(
      await parent.enqueue(['b', 'c', 'b', 'c']).then(([b, , again]) => [b, again]),
      [two, two],
    )
    const fence = await bed.fence(parent.id)
    await bed.apply(parent.id, { type: 'checkpoint', fence, checkpoint: '1', signals: [] })
    const [anew] = await parent.enqueue(['a'])
    assert.notEqual(anew, one)
    await bed.apply(parent.id, { type: 'checkpoint', fence, checkpoint: null, signals: [] })
    assert.deepEqual(await parent.enqueue(['a']), [anew], 'there was none in that one')
  },

  'an attempt after a lost one gets the same children': async (bed) => {
    const parent = await Parent.on(bed)
    const children = await parent.enqueue(['a', 'b'])
    const stale = await bed.fence(parent.id)
    await finishAll(bed, children.slice(0, 1))
    await bed.pass(20_000)
    await bed.worker('w2')
    await bed.take(10, { workerId: 'w2' })
    const run = bed.newRun()
    assert.deepEqual(await bed.store.enqueueChildren([{ fence: stale, place: 'z', run }]), [null])
    assert.equal(await bed.store.get(run.id), null, 'the old one enqueues nothing')
    assert.deepEqual(await parent.enqueue(['a', 'b']), children)
  },

  'what did not complete is enqueued anew once its parent has failed, and not before': async (
    bed,
  ) => {
    const parent = await Parent.on(bed)
    const [good, bad] = await parent.enqueue(['a', 'b'])
    await bed.askOne('cancel', String(bad))
    await finishAll(bed, [good ?? null])
    assert.deepEqual(await parent.enqueue(['a', 'b']), [good, bad], 'it is told what became of it')
    const policy = { ...retry, attempts: 5, delayMs: 0 }
    const fail = async (): Promise<void> => {
      const fence = await bed.fence(parent.id)
      const failure = { error: boom, isRetryable: true, retry: policy, random: 0 }
      await bed.apply(parent.id, { type: 'fail', fence, ...failure, ...plainEnd })
      await bed.pass(10)
      assert.deepEqual(await bed.take(1), [parent.id])
    }
    await fail()
    const [first, second] = await parent.enqueue(['a', 'b'])
    assert.equal(first, good)
    assert.notEqual(second, bad)
    await fail()
    assert.deepEqual(await parent.enqueue(['a', 'b']), [good, second], 'it still goes on')
  },

  'a run that waits for children is woken by the end of the last, however each ends': async (
    bed,
  ) => {
    const parent = await Parent.on(bed)
    const children = await parent.enqueue(['a', 'b', 'c'])
    await parent.wait(children)
    assert.equal(await parent.state(), 'waiting')
    await bed.askOne('cancel', String(children[1]))
    assert.equal(await parent.state(), 'waiting')
    await finishAll(bed, children.slice(2))
    assert.equal(await parent.state(), 'waiting')
    await bed.finish(String(children[0]))
    const { state, wait, waitsFor } = await parent.facts()
    assert.deepEqual([state, wait, waitsFor], ['queued', { signal: null, done: ['ended'] }, null])
    assert.deepEqual(await bed.take(), [parent.id])
  },

  'nobody waits for what has ended already': async (bed) => {
    const parent = await Parent.on(bed)
    const children = await parent.enqueue(['a', 'b'])
    await finishAll(bed, children)
    await parent.wait(children)
    const { state, wait } = await parent.facts()
    assert.deepEqual([state, wait?.done], ['queued', ['ended']])
  },

  'who waits for one of its children is not woken by another': async (bed) => {
    const parent = await Parent.on(bed)
    const [one, two] = await parent.enqueue(['a', 'b'])
    await parent.wait([two ?? null])
    await finishAll(bed, [one ?? null])
    assert.equal(await parent.state(), 'waiting')
    await bed.finish(String(two))
    assert.equal(await parent.state(), 'queued')
  },

  'a wait for children ends when its time does': async (bed) => {
    const parent = await Parent.on(bed)
    const children = await parent.enqueue(['a'])
    await parent.wait(children, 100)
    await bed.pass(101)
    const { state, wait, waitsFor } = await parent.facts()
    assert.deepEqual([state, wait?.done, waitsFor], ['queued', ['timeout'], null])
    await finishAll(bed, children)
    assert.equal(await parent.state(), 'running')
  },

  'a paused run hears of the end of its children, and goes on when it is resumed': async (bed) => {
    const parent = await Parent.on(bed)
    const children = await parent.enqueue(['a', 'b'])
    await parent.wait(children)
    await bed.askOne('pause', parent.id)
    await finishAll(bed, children)
    const { state, pausedFrom } = await parent.facts()
    assert.deepEqual([state, pausedFrom], ['paused', 'queued'])
    await bed.askOne('resume', parent.id)
    assert.equal(await parent.state(), 'queued')
  },

  'of two children with one key the second is the first, also for an attempt that comes to the call later':
    async (bed) => {
      const parent = await Parent.on(bed)
      const [one, two] = await parent.enqueue(['a', 'b'], { key: 'k' })
      assert.equal(one, two)
      const { key, parent: of } = await bed.get(String(one))
      assert.deepEqual([key, of], ['k', parent.id])
      await finishAll(bed, [one ?? null])
      assert.deepEqual(await parent.enqueue(['a', 'b'], { key: 'k' }), [one, one])
      const [next] = await parent.enqueue(['c'], { key: 'k' })
      assert.notEqual(next, one, 'the key is free')
      assert.equal((await bed.store.counts({ parent: parent.id })).queued, 1)
    },

  'a child whose key another run holds is that run: it is waited for, and none of its parent otherwise':
    async (bed) => {
      const parent = await Parent.on(bed)
      const holder = await bed.add({ key: 'k', priority: -1 })
      const [child, own] = await parent.enqueue(['a', 'b'], {}, ['k', null])
      assert.equal(child, holder)
      assert.equal((await bed.get(holder)).parent, null)
      const children = [child ?? null, own ?? null]
      await parent.wait(children)
      await finishAll(bed, [own ?? null])
      assert.equal(await parent.state(), 'waiting')
      await finishAll(bed, [holder])
      assert.equal(await parent.state(), 'queued')
      assert.deepEqual(await bed.take(), [parent.id])
      assert.deepEqual(await parent.enqueue(['a', 'b'], {}, ['k', null]), children, 'not anew')
      const ends = await bed.store.children(parent.id, children.map(String))
      assert.deepEqual(
        new Set(ends.map(({ id, state }) => `${id} ${state}`)),
        new Set(children.map((id) => `${id} completed`)),
      )
      bed.clock.advance(1000)
      const retention = { completed: 10, failed: 10, cancelled: 10, audit: null }
      assert.equal(await bed.store.prune(retention, 100), 0, 'it is kept for its parent')
      await bed.finish(parent.id)
      bed.clock.advance(1000)
      assert.equal(await bed.store.prune(retention, 100), 3)
    },

  'a stop of its parent is none of a run that only holds the key': async (bed) => {
    const parent = await Parent.on(bed)
    const holder = await bed.add({ key: 'k' })
    await parent.enqueue(['a'], { key: 'k' })
    await bed.askOne('cancel', parent.id)
    await calm(bed)
    assert.equal(await bed.state(holder), 'queued')
  },

  'a child may take its key from another run, or end it first': async (bed) => {
    const parent = await Parent.on(bed)
    const taken = await bed.add({ key: 'k' })
    const [child] = await parent.enqueue(['a'], { key: 'k', onConflict: 'replace' })
    assert.deepEqual(
      [await bed.state(taken), await bed.state(String(child))],
      ['cancelled', 'queued'],
    )
    assert.deepEqual(await bed.take(), [child])
    const [next] = await parent.enqueue(['b'], { key: 'k', onConflict: 'cancel-and-replace' })
    assert.equal((await bed.get(String(child))).intent?.stop?.reason, `replaced by ${next}`)
    assert.equal((await bed.get(String(next))).waitsFor, child)
    assert.equal((await bed.get(String(next))).parent, parent.id)
    const again = { key: 'k', onConflict: 'cancel-and-replace' } as const
    assert.deepEqual(await parent.enqueue(['b'], again), [next], 'the same call replaces nothing')
  },

  'a child that would wait for its own parent, or for the parent of that, is refused': async (
    bed,
  ) => {
    const parent = await Parent.on(bed, { key: 'k' })
    const [id] = await parent.enqueue(['a'])
    const child = await Parent.of(bed, String(id))
    for (const one of [parent, child])
      for (const onConflict of ['skip', 'cancel-and-replace'] as const)
        await assert.rejects(one.enqueue(['x'], { key: 'k', onConflict }), { code: 'USAGE' })
    const [taker] = await child.enqueue(['x'], { key: 'k', onConflict: 'replace' })
    assert.equal((await bed.get(String(taker))).key, 'k')
  },

  'a tombstone for its key cancels a child before it has begun': async (bed) => {
    const parent = await Parent.on(bed)
    await bed.ask('revoke', { task: 'work', key: 'k' })
    const [child] = await parent.enqueue(['a'], { key: 'k' })
    assert.equal(await bed.state(String(child)), 'cancelled')
    assert.deepEqual(await parent.enqueue(['a'], { key: 'k' }), [child])
  },

  'the children of a run are kept for as long as it may ask for them': async (bed) => {
    const parent = await Parent.on(bed)
    const children = await parent.enqueue(['a'])
    await finishAll(bed, children)
    bed.clock.advance(1000)
    const retention = { completed: 10, failed: 10, cancelled: 10, audit: null }
    assert.equal(await bed.store.prune(retention, 100), 0)
    await bed.finish(parent.id)
    bed.clock.advance(1000)
    assert.equal(await bed.store.prune(retention, 100), 2)
  },
}

export const childStopPromises: Promises = {
  'a stop of a run is asked of its children, and of theirs': async (bed) => {
    const parent = await Parent.on(bed)
    const children = await parent.enqueue(['a', 'b'])
    const child = await Parent.of(bed, String(children[0]))
    const grandchildren = await child.enqueue(['a', 'b'])
    const stranger = await bed.add()
    await child.wait(grandchildren)
    assert.equal((await bed.take(1))[0], children[1])
    await bed.ask('cancel', { ids: [parent.id] }, { reason: 'enough', by: 'ann' })
    await calm(bed)
    assert.equal((await parent.facts()).intent?.stop?.verb, 'cancel')
    assert.deepEqual(await states(bed, children), ['cancelled', 'running'])
    assert.deepEqual(await states(bed, grandchildren), ['cancelled', 'cancelled'])
    const { stop } = await bed.get(String(grandchildren[0]))
    assert.deepEqual([stop?.verb, stop?.reason, stop?.by], ['cancel', 'enough', 'ann'])
    assert.equal((await bed.get(String(children[1]))).intent?.stop?.reason, 'enough')
    assert.equal(await bed.state(stranger), 'queued')
  },

  'with detach children go on, and so do those that come': async (bed) => {
    const parent = await Parent.on(bed)
    const children = await parent.enqueue(['a'])
    await bed.ask('cancel', { ids: [parent.id] }, { children: 'detach' })
    const more = await parent.enqueue(['b'])
    await calm(bed)
    assert.deepEqual(await states(bed, [...children, ...more]), ['queued', 'queued'])
    await bed.ask('cancel', { ids: [parent.id] })
    await calm(bed)
    assert.deepEqual(await states(bed, [...children, ...more]), ['cancelled', 'cancelled'])
  },

  'with wait children that run may finish, and the others never start': async (bed) => {
    const parent = await Parent.on(bed)
    const children = await parent.enqueue(['a', 'b'])
    assert.deepEqual(await bed.take(1), [children[0]])
    await bed.ask('terminate', { ids: [parent.id] }, { children: 'wait' })
    await calm(bed)
    assert.deepEqual(await states(bed, children), ['running', 'cancelled'])
    assert.equal((await bed.get(String(children[0]))).intent?.stop?.verb, 'revoke')
    await bed.finish(String(children[0]))
    assert.deepEqual(await states(bed, children), ['completed', 'cancelled'])
  },

  'children are killed in the way that was chosen for their parent, also by a second request':
    async (bed) => {
      const parent = await Parent.on(bed)
      const [child] = await parent.enqueue(['a'])
      assert.deepEqual(await bed.take(1), [child])
      const seen: unknown[] = []
      for (const kill of [
        { osSignal: 'SIGINT', killAfterMs: 60_000 },
        { osSignal: 'SIGKILL', killAfterMs: null },
      ] as const) {
        await bed.ask('terminate', { ids: [parent.id] }, { kill })
        await calm(bed)
        seen.push((await bed.get(String(child))).intent?.stop?.kill)
      }
      assert.deepEqual(seen, [
        { osSignal: 'SIGINT', killAfterMs: 60_000 },
        { osSignal: 'SIGKILL', killAfterMs: null },
      ])
    },

  'a second cancel with a shorter grace reaches the children, too': async (bed) => {
    const parent = await Parent.on(bed)
    const [child] = await parent.enqueue(['a'])
    assert.deepEqual(await bed.take(1), [child])
    for (const graceMs of [60_000, 10]) {
      await bed.ask('cancel', { ids: [parent.id] }, { graceMs })
      await calm(bed)
      assert.equal((await bed.get(String(child))).intent?.stop?.graceMs, graceMs)
    }
  },

  'what a run enqueues that is being stopped never starts': async (bed) => {
    const parent = await Parent.on(bed)
    await bed.ask('cancel', { ids: [parent.id] }, { reason: 'enough' })
    const [child] = await parent.enqueue(['a'])
    const { state, stop } = await bed.get(String(child))
    assert.deepEqual([state, stop?.mode, stop?.reason], ['cancelled', 'prevented', 'enough'])
    await parent.wait([child ?? null])
    assert.equal(await parent.state(), 'cancelled')
  },

  'a stop of many that wait is asked of the children of each': async (bed) => {
    const parents = []
    for (let n = 0; n < 3; n++) {
      const parent = await Parent.on(bed, { tags: ['many'] })
      const children = await parent.enqueue(['a', 'b'], { queue: 'elsewhere' })
      await parent.wait(children)
      parents.push({ parent, children })
    }
    await bed.ask('cancel', { filter: { tag: 'many' } })
    await calm(bed)
    for (const { parent, children } of parents)
      assert.deepEqual(await states(bed, [parent.id, ...children]), Array(3).fill('cancelled'))
  },

  'a deadline is one of the children, too': async (bed) => {
    const parent = await Parent.on(bed, { deadline: { inMs: 500 } })
    const children = await parent.enqueue(['a'])
    await parent.wait(children)
    await bed.pass(501)
    await calm(bed)
    assert.deepEqual(await states(bed, [parent.id, ...children]), ['cancelled', 'cancelled'])
    assert.match((await bed.get(String(children[0]))).stop?.reason ?? '', /deadline/)
  },

  'children outlive a run that ends by itself': async (bed) => {
    const parent = await Parent.on(bed)
    const children = await parent.enqueue(['a'])
    await bed.finish(parent.id)
    await bed.askOne('cancel', parent.id)
    await calm(bed)
    assert.deepEqual(await states(bed, children), ['queued'])
  },

  'a pause with its children is one of theirs too, and all go on with it': async (bed) => {
    const parent = await Parent.on(bed)
    const [running, queued, own] = await parent.enqueue(['a', 'b', 'c'])
    const inner = await Parent.of(bed, String(running))
    const [grandchild] = await inner.enqueue(['d'])
    const other = await bed.add()
    await bed.askOne('pause', String(own))
    const how = { ...noPause, withinMs: 30_000, children: 'pause' } as const
    const who = { reason: 'lunch', by: 'ada' }
    await bed.ask('pause', { ids: [parent.id] }, { pause: how, ...who })
    await calm(bed)
    const asked = (await bed.get(inner.id)).intent?.pause
    assert.deepEqual([asked?.parentId, asked?.by, asked?.children], [parent.id, 'ada', 'pause'])
    assert.equal((await bed.get(String(queued))).paused?.parentId, parent.id)
    assert.equal((await bed.get(String(grandchild))).paused?.parentId, inner.id)
    assert.deepEqual(await bed.take(), [other])
    for (const id of [parent.id, inner.id])
      await bed.apply(id, { type: 'park', fence: await bed.fence(id) })
    const all = [parent.id, running, queued, grandchild, own]
    assert.deepEqual(await states(bed, all), ['paused', 'paused', 'paused', 'paused', 'paused'])
    await bed.store.housekeep()
    assert.equal(await parent.state(), 'paused', 'and stays so')
    await bed.askOne('resume', parent.id)
    await calm(bed)
    assert.deepEqual(await states(bed, all), ['queued', 'queued', 'queued', 'queued', 'paused'])
  },

  'what a run enqueues that is being paused with its children is paused, and goes on with it':
    async (bed) => {
      const parent = await Parent.on(bed)
      await bed.ask('pause', { ids: [parent.id] }, { pause: { ...noPause, children: 'pause' } })
      const [child] = await parent.enqueue(['a'])
      const { state, paused, pausedFrom } = await bed.get(String(child))
      assert.deepEqual([state, paused?.parentId, pausedFrom], ['paused', parent.id, 'queued'])
      await bed.askOne('resume', parent.id)
      await calm(bed)
      assert.equal(await bed.state(String(child)), 'queued')
    },

  'children that were paused with a run go on when that has ended, however it did': async (bed) => {
    for (const end of ['complete', 'detach'] as const) {
      const parent = await Parent.on(bed)
      const [child] = await parent.enqueue(['a'])
      await bed.ask('pause', { ids: [parent.id] }, { pause: { ...noPause, children: 'pause' } })
      await calm(bed)
      assert.equal(await bed.state(String(child)), 'paused')
      if (end === 'detach') await bed.ask('terminate', { ids: [parent.id] }, { children: 'detach' })
      await bed.finish(parent.id)
      await calm(bed)
      for (let round = 0; round < 2; round++) await bed.store.housekeep()
      assert.equal(await bed.state(String(child)), 'queued', end)
      await finishAll(bed, [String(child)])
    }
  },

  'a pause of a run leaves its children alone where nobody asks for more': async (bed) => {
    const parent = await Parent.on(bed)
    const [child] = await parent.enqueue(['a'])
    await bed.askOne('pause', parent.id)
    await calm(bed)
    assert.equal(await bed.state(String(child)), 'queued')
  },
}
