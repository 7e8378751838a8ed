import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { RunFilter } from '../../src/core/filter.ts'
import type { Store } from '../../src/store/store.ts'
import { has } from '../core/errors-of.ts'
import { eventOf } from '../core/samples.ts'
import { plainCall, plainEnd, type StoreBed } from '../store/bed.ts'
import type { Promises } from './promises.ts'

const page = { limit: 50, cursor: null, order: 'oldest' } as const

async function idsOf(bed: StoreBed, filter: RunFilter): Promise<string[]> {
  const { runs } = await bed.store.list(filter, page)
  return runs.map(({ id }) => id)
}

/** Every page of a list, in order. */
async function* pages(store: Store, order: 'newest' | 'oldest', filter: RunFilter = {}) {
  let cursor: string | null = null
  do {
    const listed = await store.list(filter, { limit: 7, cursor, order })
    yield listed.runs.map(({ id }) => id)
    cursor = listed.cursor
  } while (cursor !== null)
}

export const listPromises: Promises = {
  'a row whose input is nested too deep to be read breaks no filter on others': async (bed) => {
    const deep = `{"a":${'['.repeat(1500)}${']'.repeat(1500)},"id":9}`
    const odd = await bed.add({ input: deep })
    const a = await bed.add({ input: '{"id":9}' })
    const found = await idsOf(bed, { input: { id: 9 } })
    assert.deepEqual(
      found.filter((id) => id !== odd),
      [a],
    )
    assert.deepEqual(await idsOf(bed, { input: { id: true } }), [])
    assert.equal((await bed.store.counts({ input: { id: 8 } })).queued, 0)
  },

  'each part of a filter says which runs are meant': async (bed) => {
    await bed.worker()
    const first = bed.clock.at
    const a = await bed.add({
      task: 'work',
      queue: 'q1',
      tags: ['x'],
      key: 'k',
      input: '{"user":{"id":9,"ok":true}}',
    })
    bed.clock.advance(10)
    const b = await bed.add({
      task: 'rest',
      queue: 'q2',
      tags: ['x', 'y'],
      input: '{"user":{"id":"9"}}',
    })
    bed.clock.advance(10)
    const c = await bed.add({ task: 'work', queue: 'q2', due: { inMs: 5 }, input: '[1]' })
    const cases: readonly (readonly [RunFilter, string[]])[] = [
      [{}, [a, b, c]],
      [{ task: 'work' }, [a, c]],
      [{ queue: 'q2' }, [b, c]],
      [{ tag: 'x' }, [a, b]],
      [{ tag: 'y' }, [b]],
      [{ tag: 'none' }, []],
      [{ key: 'k' }, [a]],
      [{ state: 'queued' }, [a, b]],
      [{ state: ['scheduled', 'running'] }, [c]],
      [{ state: ['waiting', 'paused', 'failed', 'cancelled'] }, []],
      [{ createdAfter: first }, [b, c]],
      [{ createdBefore: new Date(first + 20) }, [a, b]],
      [{ createdAfter: first, createdBefore: first + 20 }, [b]],
      [{ input: { 'user.id': 9 } }, [a]],
      [{ input: { 'user.id': '9' } }, [b]],
      [{ input: { 'user.ok': true } }, [a]],
      [{ input: { 'user.ok': false } }, []],
      [{ input: { 'user.none': 1 } }, []],
      [{ task: 'work', queue: 'q2', state: 'scheduled' }, [c]],
      [{ task: 'rest', queue: 'q1' }, []],
    ]
    for (const [filter, ids] of cases) {
      assert.deepEqual(await idsOf(bed, filter), ids, JSON.stringify(filter))
      const counts = await bed.store.counts(filter)
      assert.equal(
        Object.values(counts).reduce((sum, n) => sum + n),
        ids.length,
        JSON.stringify(filter),
      )
    }
  },

  'a list is read page by page, each run once': async (bed) => {
    const ids = Array.from({ length: 30 }, (_, at) => `r${at}`)
    await bed.enqueue(...ids.map((id) => ({ id })))
    const oldest = await Array.fromAsync(pages(bed.store, 'oldest'))
    assert.deepEqual(
      oldest.map((one) => one.length),
      [7, 7, 7, 7, 2],
    )
    assert.deepEqual(oldest.flat(), ids)
    assert.deepEqual((await Array.fromAsync(pages(bed.store, 'newest'))).flat(), ids.toReversed())
  },

  'a list has the payloads of its runs, or leaves them unread': async (bed) => {
    await bed.worker()
    const id = await bed.add({ input: '{"a":1}', tags: ['t'] })
    await bed.take()
    const fence = await bed.fence(id)
    await bed.apply(id, { type: 'checkpoint', fence, checkpoint: '{"done":1}', signals: [] })
    await bed.finish(id)
    const [whole] = (await bed.store.list({ tag: 't' }, { ...page, payloads: true })).runs
    assert.deepEqual(whole, await bed.get(id))
    assert.deepEqual(
      [whole?.input, whole?.result, whole?.checkpoint],
      ['{"a":1}', '"done"', '{"done":1}'],
    )
    const without = { input: null, result: null, checkpoint: null }
    for (const order of ['oldest', 'newest'] as const)
      assert.deepEqual(
        (await bed.store.list({ tag: 't' }, { ...page, order, payloads: false })).runs,
        [{ ...whole, ...without }],
      )
  },

  'a last page that is just full has no cursor': async (bed) => {
    await bed.enqueue(...Array.from({ length: 14 }, () => ({})))
    const all = await Array.fromAsync(pages(bed.store, 'newest'))
    assert.deepEqual(
      all.map((one) => one.length),
      [7, 7],
    )
    assert.equal((await bed.store.list({ tag: 'none' }, page)).cursor, null)
  },

  'no run is missed or seen twice while others come and go': async (bed) => {
    const ids = Array.from({ length: 30 }, (_, at) => `r${at}`)
    await bed.enqueue(...ids.map((id) => ({ id })))
    for (const order of ['newest', 'oldest'] as const) {
      const seen: string[] = []
      for await (const some of pages(bed.store, order)) {
        seen.push(...some)
        await bed.enqueue({}, {})
        await bed.askOne('revoke', some[0] ?? '')
      }
      assert.equal(new Set(seen).size, seen.length)
      const known = seen.filter((id) => ids.includes(id))
      assert.deepEqual(known, order === 'oldest' ? ids : ids.toReversed())
    }
  },

  'a page of nonsense is refused': async (bed) => {
    for (const bad of [
      { limit: 0 },
      { limit: 1001 },
      { limit: 1.5 },
      { cursor: 'x' },
      { cursor: '-1' },
    ]) {
      await assert.rejects(
        bed.store.list({}, { ...page, ...bad }),
        has('USAGE'),
        JSON.stringify(bad),
      )
    }
  },

  'counts name every state': async (bed) => {
    await bed.worker()
    const none = {
      scheduled: 0,
      queued: 0,
      running: 0,
      waiting: 0,
      paused: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
    }
    assert.deepEqual(await bed.store.counts({}), none)
    const [done, failed, lost] = [await bed.add(), await bed.add(), await bed.add({ key: 'k' })]
    await bed.take()
    await bed.finish(done)
    await bed.apply(failed, { ...eventOf('fail', await bed.fence(failed)), isRetryable: false })
    await bed.add({ key: 'k', onConflict: 'cancel-and-replace' })
    await bed.enqueue({}, { due: { inMs: 9 } })
    await bed.askOne('pause', await bed.add())
    await bed.askOne('revoke', await bed.add())
    assert.ok(lost)
    const one = {
      scheduled: 1,
      queued: 1,
      running: 1,
      waiting: 1,
      paused: 1,
      completed: 1,
      failed: 1,
      cancelled: 1,
    }
    assert.deepEqual(await bed.store.counts({}), one)
    assert.deepEqual(await bed.store.counts({ task: 'work' }), one)
    assert.deepEqual(await bed.store.counts({ state: 'failed' }), { ...none, failed: 1 })
  },

  'finals are those of the runs that have ended': async (bed) => {
    const [a, b] = [await bed.add(), await bed.add()]
    await bed.askOne('revoke', a)
    assert.deepEqual(
      (await bed.store.finals([a, b, 'nobody'])).map(({ id }) => id),
      [a],
    )
    assert.deepEqual(await bed.store.finals([]), [])
    assert.equal(await bed.store.get('nobody'), null)
  },
}

const wholeFeed = (bed: StoreBed, runId: string | null, after = -1) =>
  bed.store.feed({ runId, after, limit: 10_000 })

export const feedPromises: Promises = {
  'a feed tells the whole life of a run, in order': async (bed) => {
    await bed.worker()
    const id = await bed.add({ due: { inMs: 5 } })
    await bed.pass(5)
    await bed.take()
    await bed.store.log([
      { runId: id, attempt: 1, line: { at: 7, message: 'hello', data: { n: 1 } } },
    ])
    await bed.askOne('pause', id)
    await bed.finish(id)
    const feed = await wholeFeed(bed, id)
    assert.deepEqual(
      feed.map(({ type, state, attempt }) => [type, state, attempt]),
      [
        ['enqueue', 'scheduled', 0],
        ['due', 'queued', 0],
        ['claim', 'running', 1],
        ['log', 'running', 1],
        ['pause', 'running', 1],
        ['complete', 'completed', 1],
      ],
    )
    assert.deepEqual([feed[3]?.at, feed[3]?.data], [7, { message: 'hello', data: { n: 1 } }])
    assert.ok(feed.every(({ runId }) => runId === id))
  },

  'a run that was simply queued has that as its first entry': async (bed) => {
    const id = await bed.add()
    const [entry, ...rest] = await wholeFeed(bed, id)
    assert.deepEqual(
      [entry?.type, entry?.state, entry?.at, rest.length],
      ['enqueue', 'queued', bed.clock.at, 0],
    )
    assert.deepEqual(await wholeFeed(bed, id, entry?.position), [])
    assert.deepEqual(await wholeFeed(bed, 'nobody'), [])
  },

  'positions grow, and a reader goes on from where it was': async (bed) => {
    await bed.worker()
    const ids = [await bed.add({ due: { inMs: 1 } }), await bed.add()]
    await bed.pass(1)
    await bed.take()
    for (const id of ids) await bed.finish(id)
    for (const runId of [null, ...ids]) {
      const all = await wholeFeed(bed, runId)
      const positions = all.map(({ position }) => position)
      assert.deepEqual(
        positions,
        [...new Set(positions)].sort((a, b) => a - b),
      )
      const read = []
      let after = -1
      for (;;) {
        const some = await bed.store.feed({ runId, after, limit: 2 })
        if (some.length === 0) break
        read.push(...some)
        after = some.at(-1)?.position ?? after
      }
      assert.deepEqual(read, all)
    }
    assert.equal(await bed.store.feedEnd(), (await wholeFeed(bed, null)).at(-1)?.position)
  },

  'the end of an empty feed is before every position': async (bed) => {
    assert.equal(await bed.store.feedEnd(), -1)
  },

  'the last thousand lines of a log and the last reports of progress are kept': async (bed) => {
    await bed.worker()
    const [id, other] = [await bed.add(), await bed.add()]
    await bed.take()
    const line = (n: number) => ({ runId: id, attempt: 1, line: { at: n, message: `line ${n}` } })
    await bed.store.log([{ ...line(-1), runId: other }])
    for (let start = 0; start < 1500; start += 300) {
      await bed.store.log(Array.from({ length: 300 }, (_, at) => line(start + at)))
    }
    const fence = await bed.fence(id)
    const report = (n: number) =>
      ({ runId: id, event: { type: 'progress', fence, progress: `${n}` } }) as const
    await bed.store.apply(Array.from({ length: 250 }, (_, at) => report(at)))
    const feed = await wholeFeed(bed, id)
    const lines = feed.filter(({ type }) => type === 'log')
    assert.deepEqual(
      [lines.length, lines[0]?.data['message'], lines.at(-1)?.data['message']],
      [1000, 'line 500', 'line 1499'],
    )
    assert.equal(feed.filter(({ type }) => type === 'progress').length, 100)
    assert.deepEqual(
      feed.slice(0, 2).map(({ type }) => type),
      ['enqueue', 'claim'],
    )
    assert.equal((await wholeFeed(bed, other)).filter(({ type }) => type === 'log').length, 1)
    assert.equal((await bed.get(id)).progress, '249')
  },

  'a line for a run that has ended, or that does not exist, is dropped': async (bed) => {
    await bed.worker()
    const id = await bed.add()
    await bed.take()
    await bed.finish(id)
    const line = { at: 1, message: 'late' }
    await bed.store.log([
      { runId: id, attempt: 1, line },
      { runId: 'nobody', attempt: 1, line },
    ])
    assert.deepEqual(
      (await wholeFeed(bed, id)).map(({ type }) => type),
      ['enqueue', 'claim', 'complete'],
    )
  },
}

const keepNothing = { completed: 0, failed: 0, cancelled: 0, audit: null }

export const prunePromises: Promises = {
  'what is past its retention goes, with everything of it': async (bed) => {
    await bed.worker()
    const live = await bed.add({ tags: ['t'], due: { inMs: 1e9 } })
    const id = await bed.add({ tags: ['t'] })
    await bed.take()
    await bed.store.log([{ runId: id, attempt: 1, line: { at: 1, message: 'x' } }])
    await bed.finish(id)
    bed.clock.advance(1)
    assert.equal(await bed.store.prune(keepNothing, 100), 1)
    assert.equal(await bed.store.get(id), null)
    assert.deepEqual(await wholeFeed(bed, id), [])
    assert.ok((await wholeFeed(bed, null)).every(({ runId }) => runId === live))
    assert.deepEqual(await idsOf(bed, { tag: 't' }), [live])
    assert.equal(await bed.store.prune(keepNothing, 100), 0)
    assert.deepEqual(await bed.enqueue({ id }), [{ id, outcome: 'enqueued', replacedId: null }])
    assert.deepEqual(
      await idsOf(bed, { tag: 't' }),
      [live],
      'a new run has none of the old ones tags',
    )
  },

  'each final state has a retention of its own, and null keeps for ever': async (bed) => {
    await bed.worker()
    const [done, failed, stopped] = [
      await bed.add(),
      await bed.add(),
      await bed.add({ due: { inMs: 1e9 } }),
    ]
    await bed.take()
    await bed.finish(done)
    await bed.apply(failed, { ...eventOf('fail', await bed.fence(failed)), isRetryable: false })
    await bed.askOne('revoke', stopped)
    const retention = { completed: 100, failed: null, cancelled: 200, audit: null }
    bed.clock.advance(100)
    assert.equal(await bed.store.prune(retention, 100), 0)
    bed.clock.advance(1)
    assert.equal(await bed.store.prune(retention, 100), 1)
    bed.clock.advance(1e9)
    assert.equal(await bed.store.prune(retention, 100), 1)
    assert.deepEqual(await idsOf(bed, {}), [failed])
  },

  'no more go at once than asked for, the oldest first': async (bed) => {
    for (let at = 0; at < 5; at++) {
      await bed.askOne('revoke', await bed.add({ id: `r${at}` }))
      bed.clock.advance(1)
    }
    assert.equal(await bed.store.prune(keepNothing, 2), 2)
    assert.deepEqual(await idsOf(bed, {}), ['r2', 'r3', 'r4'])
    assert.equal(await bed.store.prune(keepNothing, 100), 3)
  },

  'runs that are not final stay, however old': async (bed) => {
    await bed.worker()
    await bed.enqueue({}, { due: { inMs: 1e12 } })
    await bed.take(1)
    await bed.askOne('pause', await bed.add())
    bed.clock.advance(1e11)
    assert.equal(await bed.store.prune(keepNothing, 100), 0)
    assert.equal((await idsOf(bed, {})).length, 3)
  },

  'a position is never given twice, also after everything was pruned': async (bed) => {
    let highest = -1
    for (let turn = 0; turn < 4; turn++) {
      const id = await bed.add()
      await bed.askOne('revoke', id)
      const [entry] = await wholeFeed(bed, null, highest)
      assert.ok(entry, `turn ${turn}: a reader that goes on from ${highest} sees the next entry`)
      assert.equal(entry.runId, id)
      highest = entry.position
      bed.clock.advance(1)
      await bed.store.prune(keepNothing, 100)
      assert.deepEqual(await wholeFeed(bed, null), [])
      assert.equal(await bed.store.feedEnd(), highest)
      await bed.store.prune(keepNothing, 100)
    }
  },

  'what somebody prunes is on record, once for all of its steps, and what keepers do is not':
    async (bed) => {
      const who = { callId: randomUUID(), reason: 'space', by: 'ada', origin: null }
      await bed.store.prune(keepNothing, 1)
      const kept = { completed: 7, failed: null, cancelled: null, audit: null }
      for (let step = 0; step < 3; step++) await bed.store.prune(kept, 1, who)
      const [entry, ...others] = await bed.store.signals({}, { after: -1, limit: 9 })
      assert.deepEqual(
        [entry?.kind, entry?.by, entry?.reason, entry?.target, entry?.answer],
        ['prune', 'ada', 'space', { completed: 7 }, 'done'],
      )
      assert.deepEqual(others, [])
    },

  'tombstones that have ended go too': async (bed) => {
    await bed.ask('cancel', { ids: ['a'] }, { tombstoneMs: 10 })
    await bed.ask('cancel', { ids: ['b'] }, { tombstoneMs: 99 })
    bed.clock.advance(10)
    await bed.store.prune(keepNothing, 100)
    assert.equal(await bed.liftTombstone({ id: 'a' }), false)
    assert.equal(await bed.liftTombstone({ id: 'b' }), true)
  },
}

/** Fulfils when the store says that something may have changed. */
async function changed(store: Store, cause: () => Promise<unknown>): Promise<void> {
  const target = new EventTarget()
  using _ = store.onChange(() => void target.dispatchEvent(new Event('change')))
  const heard = once(target, 'change', { signal: AbortSignal.timeout(5000) })
  await cause()
  await heard
}

export const sharingPromises: Promises = {
  'a change is heard of in this store and in another': async (bed) => {
    const other = await bed.place.open()
    await changed(bed.store, () => bed.add())
    for (let turn = 0; turn < 3; turn++) await changed(other, () => bed.add())
    await changed(bed.store, () => other.enqueue([bed.newRun()]))
  },

  'a listener that was taken off hears no more': async (bed) => {
    let count = 0
    const listening = bed.store.onChange(() => void count++)
    await bed.add()
    assert.ok(count > 0)
    listening[Symbol.dispose]()
    const before = count
    await bed.add()
    assert.equal(count, before)
  },

  'what one store has acknowledged another one sees': async (bed) => {
    const other = await bed.place.open()
    for (let turn = 0; turn < 20; turn++) {
      const id = await bed.add()
      assert.equal((await other.get(id))?.state, 'queued')
      await other.control({
        ...plainCall(),
        verb: 'revoke',
        target: { ids: [id] },
      })
      assert.equal(await bed.state(id), 'cancelled')
    }
  },

  'each of many calls made at once gets its own answer': async (bed) => {
    await bed.worker()
    const calls = Array.from({ length: 300 }, (_, at) =>
      bed.enqueue(...Array.from({ length: 1 + (at % 3) }, (_, n) => ({ id: `c${at}-${n}` }))),
    )
    const answers = await Promise.all(calls)
    answers.forEach((answer, at) => {
      const ids = Array.from({ length: 1 + (at % 3) }, (_, n) => `c${at}-${n}`)
      assert.deepEqual(
        answer.map(({ id }) => id),
        ids,
      )
    })
    const taken = await bed.take()
    assert.deepEqual(
      taken,
      answers.flat().map(({ id }) => id),
      'and they took effect in their order',
    )
    const fences = await Promise.all(taken.map((id) => bed.fence(id)))
    const ends = await Promise.all(
      fences.flatMap((fence) => {
        const event = { type: 'complete', fence, result: `"${fence.runId}"`, ...plainEnd } as const
        return [bed.apply(fence.runId, event), bed.apply(fence.runId, event)]
      }),
    )
    assert.deepEqual(
      ends,
      taken.flatMap(() => ['done', 'stale']),
    )
    for (const id of taken.slice(0, 20)) assert.equal((await bed.get(id)).result, `"${id}"`)
  },

  'a write that is bad fails its own caller, and nobody else': async (bed) => {
    await bed.add({ id: 'taken', task: 'other' })
    const good = Array.from({ length: 50 }, (_, at) => bed.add({ id: `good-${at}` }))
    const bad = bed.add({ id: 'taken' })
    const badPriority = bed.add({ priority: 'high' as never })
    const more = Array.from({ length: 50 }, (_, at) => bed.add({ id: `more-${at}` }))
    const settled = await Promise.allSettled([bad, badPriority, ...good, ...more])
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['rejected', 'rejected', ...Array.from({ length: 100 }, () => 'fulfilled')],
    )
    await assert.rejects(bad, has('RUN_ID_TAKEN'))
    assert.equal((await bed.store.counts({ task: 'work' })).queued, 100)
  },

  'a claim without a lease does not spoil the writes beside it': async (bed) => {
    const [claim, ...others] = await Promise.allSettled([
      bed.take(1, { workerId: 'nobody' }),
      bed.add(),
      bed.worker().then(() => bed.take()),
    ])
    assert.equal(claim.status, 'rejected')
    assert.deepEqual(
      others.map(({ status }) => status),
      ['fulfilled', 'fulfilled'],
    )
  },

  'what was called before the close is written, and nothing after': async (bed) => {
    const store = await bed.place.open()
    const last = store.enqueue([bed.newRun({ id: 'last' })])
    await store[Symbol.asyncDispose]()
    assert.equal((await last)[0]?.outcome, 'enqueued')
    await assert.rejects(store.enqueue([bed.newRun()]), has('STORE_CLOSED'))
    assert.equal(await bed.state('last'), 'queued')
  },

  'a healthy store finds nothing wrong with itself': async (bed) => {
    const findings = await bed.store.findings()
    assert.ok(findings.length > 0)
    // How the server of the tests cleans up is not the store's affair.
    const wrong = findings.filter(({ name, level }) => level !== 'ok' && name !== 'vacuum')
    assert.deepEqual(wrong, [])
  },
}
