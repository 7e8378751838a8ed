import assert from 'node:assert/strict'
import { has } from '../core/errors-of.ts'
import type { StoreBed } from '../store/bed.ts'
import type { Promises } from './promises.ts'

const texts = ['plain', "it's", 'a"b', 'ünï ✓ 🦄', '%_\\', 'a\nb', ' ', '$.x', '{"a":1}', 'null']

export const enqueuePromises: Promises = {
  'a run is stored as it was handed in': async (bed) => {
    const over = {
      id: 'mine',
      task: 'mail',
      queue: 'slow',
      priority: -3,
      key: 'k',
      tags: ['tenant:9', 'b'],
      input: '{"to":"ada"}',
      ttlMs: 5000,
    }
    assert.deepEqual(await bed.enqueue(over), [
      { id: 'mine', outcome: 'enqueued', replacedId: null },
    ])
    const run = await bed.get('mine')
    const { id, task, queue, priority, key, tags, input, expiresAt, createdAt, state, attempt } =
      run
    assert.deepEqual(
      { id, task, queue, priority, key, tags, input, expiresAt, createdAt, state, attempt },
      {
        id: 'mine',
        task: 'mail',
        queue: 'slow',
        priority: -3,
        key: 'k',
        tags: ['tenant:9', 'b'],
        input: '{"to":"ada"}',
        expiresAt: bed.clock.at + 5000,
        createdAt: bed.clock.at,
        state: 'queued',
        attempt: 0,
      },
    )
  },

  'a run that tries another one again says which': async (bed) => {
    await bed.enqueue(
      { id: 'first' },
      { id: 'again', retryOf: 'first' },
      { id: 'keyed', key: 'k', retryOf: 'first' },
    )
    const said = await Promise.all(
      ['first', 'again', 'keyed'].map(async (id) => (await bed.get(id)).retryOf),
    )
    assert.deepEqual(said, [null, 'first', 'first'])
  },

  'any text does for ids, keys, tags and inputs': async (bed) => {
    for (const text of texts) {
      await bed.enqueue({ id: text, key: text, tags: [text], input: JSON.stringify({ text }) })
      const run = await bed.get(text)
      assert.deepEqual(
        [run.id, run.key, run.tags, run.input],
        [text, text, [text], JSON.stringify({ text })],
      )
      for (const filter of [{ tag: text }, { key: text }, { input: { text } }]) {
        const { runs } = await bed.store.list(filter, { limit: 9, cursor: null, order: 'newest' })
        assert.deepEqual(
          runs.map(({ id }) => id),
          [text],
        )
      }
      assert.equal(await bed.askOne('revoke', text), 'prevented')
      assert.equal((await bed.store.finals([text])).length, 1)
    }
  },

  'a batch is answered in its order, and started in it': async (bed) => {
    await bed.worker()
    const ids = Array.from({ length: 2500 }, (_, at) => `r${at}`)
    const enqueued = await bed.enqueue(...ids.map((id) => ({ id })))
    assert.deepEqual(
      enqueued.map(({ id }) => id),
      ids,
    )
    assert.deepEqual(await bed.take(5000), ids)
  },

  'a batch of nothing is nothing': async (bed) => {
    assert.deepEqual(await bed.enqueue(), [])
  },

  'a batch is stored whole or not at all': async (bed) => {
    await bed.add({ id: 'taken', task: 'other' })
    await assert.rejects(
      bed.enqueue({ id: 'a', tags: ['t'] }, { id: 'taken' }, { id: 'b' }),
      has('RUN_ID_TAKEN'),
    )
    assert.equal(await bed.store.get('a'), null)
    assert.equal(await bed.store.get('b'), null)
  },

  'the same call made twice is one run': async (bed) => {
    await bed.add({ id: 'once', input: '1' })
    assert.deepEqual(await bed.enqueue({ id: 'once', input: '2' }), [
      { id: 'once', outcome: 'exists', replacedId: null },
    ])
    assert.equal((await bed.get('once')).input, '1')
    const twice = await bed.enqueue({ id: 'both' }, { id: 'both' })
    assert.deepEqual(
      twice.map(({ outcome }) => outcome),
      ['enqueued', 'exists'],
    )
    assert.equal((await bed.store.counts({})).queued, 2)
  },

  'an id that another task has is refused': async (bed) => {
    await bed.add({ id: 'a', task: 'one' })
    await assert.rejects(bed.enqueue({ id: 'a', task: 'two' }), has('RUN_ID_TAKEN'))
    await assert.rejects(
      bed.enqueue({ id: 'b', task: 'one' }, { id: 'b', task: 'two' }),
      has('RUN_ID_TAKEN'),
    )
    assert.equal(await bed.store.get('b'), null)
  },

  'a run with a delay, or an instant to come, is scheduled; one in the past is queued': async (
    bed,
  ) => {
    const inMs = await bed.get(await bed.add({ due: { inMs: 500 } }))
    assert.deepEqual([inMs.state, inMs.runAt], ['scheduled', bed.clock.at + 500])
    const at = await bed.get(await bed.add({ due: { at: bed.clock.at + 1 } }))
    assert.deepEqual([at.state, at.runAt], ['scheduled', bed.clock.at + 1])
    for (const due of [{ inMs: 0 }, { at: bed.clock.at }, { at: 5 }]) {
      const run = await bed.get(await bed.add({ due }))
      assert.deepEqual([run.state, run.runAt], ['queued', null])
    }
  },
}

/** Enqueues a run with the key; what was answered. */
async function withKey(
  bed: StoreBed,
  onConflict: 'skip' | 'replace' | 'cancel-and-replace',
  id?: string,
) {
  const [enqueued] = await bed.enqueue({
    key: 'k',
    onConflict,
    ...(id === undefined ? {} : { id }),
  })
  assert.ok(enqueued)
  return enqueued
}

export const keyPromises: Promises = {
  'a key that is held skips the new run': async (bed) => {
    const id = await bed.add({ key: 'k' })
    assert.deepEqual(await withKey(bed, 'skip'), { id, outcome: 'exists', replacedId: null })
    assert.equal((await bed.store.counts({})).queued, 1)
  },

  'a key is free again when its run is final': async (bed) => {
    await bed.worker()
    const ends = {
      completed: async (id: string) => bed.finish(id),
      cancelled: async (id: string) => bed.askOne('revoke', id),
    }
    for (const end of Object.values(ends)) {
      const id = await bed.add({ key: 'k' })
      await bed.take()
      await end(id)
      if ((await bed.state(id)) === 'running') await bed.finish(id)
      const next = await withKey(bed, 'skip')
      assert.equal(next.outcome, 'enqueued')
      assert.equal(await bed.askOne('revoke', next.id), 'prevented')
    }
  },

  'a key belongs to its task': async (bed) => {
    await bed.add({ key: 'k', task: 'one' })
    const [other] = await bed.enqueue({ key: 'k', task: 'two' })
    assert.equal(other?.outcome, 'enqueued')
  },

  'replace cancels a run that has not started': async (bed) => {
    for (const over of [{}, { due: { inMs: 1000 } }]) {
      const old = await bed.add({ key: 'k', onConflict: 'replace', ...over })
      const next = await withKey(bed, 'replace')
      assert.deepEqual(next, { id: next.id, outcome: 'enqueued', replacedId: old })
      const { state, stop } = await bed.get(old)
      assert.deepEqual(
        [state, stop?.mode, stop?.reason],
        ['cancelled', 'prevented', `replaced by ${next.id}`],
      )
      assert.equal(await bed.state(next.id), 'queued')
    }
  },

  'replace lets a running run go on, and takes its key': async (bed) => {
    await bed.worker()
    const old = await bed.add({ key: 'k' })
    await bed.take()
    const next = await withKey(bed, 'replace')
    assert.equal(next.replacedId, old)
    assert.deepEqual([await bed.state(old), await bed.state(next.id)], ['running', 'queued'])
    assert.equal(await bed.finish(old), 'done')
    assert.equal(await bed.state(old), 'completed')
    assert.deepEqual(await withKey(bed, 'skip'), {
      id: next.id,
      outcome: 'exists',
      replacedId: null,
    })
  },

  'cancel-and-replace starts when the stop of a running run is confirmed, and no earlier': async (
    bed,
  ) => {
    await bed.worker()
    const old = await bed.add({ key: 'k' })
    await bed.take()
    const next = await withKey(bed, 'cancel-and-replace')
    assert.equal(next.replacedId, old)
    assert.equal((await bed.get(old)).intent?.stop?.verb, 'cancel')
    assert.deepEqual([await bed.state(next.id), await bed.take()], ['waiting', []])
    await bed.finish(old, { deliveredAt: bed.clock.at })
    assert.deepEqual([await bed.state(old), await bed.state(next.id)], ['cancelled', 'queued'])
    assert.deepEqual(await bed.take(), [next.id])
  },

  'cancel-and-replace waits for the lease where the old worker cannot be reached': async (bed) => {
    await bed.worker()
    await bed.add({ key: 'k' })
    await bed.take()
    const next = await withKey(bed, 'cancel-and-replace')
    await bed.pass(60_000)
    assert.equal(await bed.state(next.id), 'queued')
  },

  'a second cancel-and-replace waits for the same end as the first': async (bed) => {
    await bed.worker()
    const old = await bed.add({ key: 'k' })
    await bed.take()
    const second = await withKey(bed, 'cancel-and-replace')
    const third = await withKey(bed, 'cancel-and-replace')
    assert.equal(third.replacedId, second.id)
    assert.deepEqual(
      [await bed.state(second.id), await bed.state(third.id)],
      ['cancelled', 'waiting'],
    )
    assert.deepEqual(await bed.take(), [], 'the old run is still running')
    await bed.finish(old)
    assert.deepEqual(await bed.take(), [third.id])
  },

  'the same call to replace made twice replaces nothing the second time': async (bed) => {
    await withKey(bed, 'replace', 'a')
    const second = await withKey(bed, 'replace', 'b')
    assert.equal(second.replacedId, 'a')
    const again = await withKey(bed, 'replace', 'a')
    assert.equal(again.outcome, 'exists')
    assert.equal(
      await bed.state('b'),
      'queued',
      'the call that came late does not end its successor',
    )
    const once = await withKey(bed, 'cancel-and-replace', 'b')
    assert.deepEqual([once.outcome, await bed.state('b')], ['exists', 'queued'])
  },

  'within one batch the last run has the key, and the others were never started': async (bed) => {
    const batch = ['a', 'b', 'c'].map((id) => ({ id, key: 'k', onConflict: 'replace' as const }))
    const enqueued = await bed.enqueue(...batch)
    assert.deepEqual(
      enqueued.map(({ replacedId }) => replacedId),
      [null, 'a', 'b'],
    )
    assert.deepEqual(await Promise.all(['a', 'b', 'c'].map((id) => bed.state(id))), [
      'cancelled',
      'cancelled',
      'queued',
    ])
  },

  'of many who ask for one key at once, from several stores, one gets a run': async (bed) => {
    const stores = [bed.store, await bed.place.open(), await bed.place.open()]
    const asked = stores.flatMap((store) =>
      Array.from({ length: 20 }, () => store.enqueue([bed.newRun({ key: 'k' })])),
    )
    const answers = (await Promise.all(asked)).flat()
    assert.equal(answers.filter(({ outcome }) => outcome === 'enqueued').length, 1)
    assert.equal(new Set(answers.map(({ id }) => id)).size, 1)
  },

  'a run that waits, and was paused meanwhile, is queued when it is resumed': async (bed) => {
    await bed.worker()
    const old = await bed.add({ key: 'k' })
    await bed.take()
    const next = await withKey(bed, 'cancel-and-replace')
    await bed.askOne('pause', next.id)
    await bed.finish(old)
    assert.equal(await bed.state(next.id), 'paused')
    assert.equal(await bed.askOne('resume', next.id), 'resumed')
    assert.equal(await bed.state(next.id), 'queued')
  },

  'a run that waits for another is woken when that completes': async (bed) => {
    await bed.worker()
    const [goes, waits] = [await bed.add(), await bed.add()]
    await bed.take()
    await bed.apply(waits, {
      type: 'wait',
      fence: await bed.fence(waits),
      signal: null,
      wakeInMs: null,
      done: [],
      waitsFor: goes,
    })
    assert.equal(await bed.state(waits), 'waiting')
    await bed.finish(goes)
    assert.equal(await bed.state(waits), 'queued')
  },

  'a run that begins to wait for one that is over already is woken at once': async (bed) => {
    await bed.worker()
    const over = await bed.add()
    const waits = await bed.add()
    await bed.take()
    await bed.finish(over)
    await bed.apply(waits, {
      type: 'wait',
      fence: await bed.fence(waits),
      signal: null,
      wakeInMs: null,
      done: [],
      waitsFor: over,
    })
    assert.equal(await bed.state(waits), 'queued')
  },

  'a replaced run that was delayed waits for its own time after the end of the old': async (
    bed,
  ) => {
    await bed.worker()
    const old = await bed.add({ key: 'k' })
    await bed.take()
    const [next] = await bed.enqueue({
      key: 'k',
      onConflict: 'cancel-and-replace',
      due: { inMs: 1000 },
    })
    await bed.finish(old)
    assert.equal(await bed.state(next?.id ?? ''), 'scheduled')
    await bed.pass(1000)
    assert.equal(await bed.state(next?.id ?? ''), 'queued')
  },
}
