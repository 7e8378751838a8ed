/** The record of a run: who asked what of it, also where that was asked of many, or came with another run. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Bed, storeKinds } from '../support/bed.ts'

for (const on of storeKinds)
  suite(`the record of a run on ${on}`, () => {
    test('has what was asked by a filter or by a hold, and no more', async () => {
      await using bed = await Bed.make({ on, by: 'ada' })
      const { client } = bed
      const [mine, other] = [
        await client.enqueueByName('any', 1, { tags: ['a'] }),
        await client.enqueueByName('any', 1, { tags: ['b'] }),
      ]
      await client.pause({ filter: { tag: 'a' } }, { reason: 'lunch' })
      await client.hold({ verb: 'cancel', filter: { tag: 'a' }, reason: 'unpaid' })
      await client.cancel({ filter: { tag: 'b' } })
      const { entries } = await client.audit({ runId: mine.id }, { order: 'oldest' })
      assert.deepEqual(
        entries.map(({ name, reason, by, kind }) => [name, reason, by, kind]),
        [
          ['pause', 'lunch', 'ada', 'bulk'],
          ['cancel', 'unpaid', 'ada', 'bulk'],
        ],
      )
      assert.ok(entries.every(({ origin }) => origin !== null))
      const others = await client.audit({ runId: other.id })
      assert.deepEqual(
        others.entries.map(({ name, kind }) => [name, kind]),
        [['cancel', 'bulk']],
      )
    })

    test('says from where each call came that names its origin', async () => {
      await using bed = await Bed.make({ on, origin: 'the service' })
      const { client } = bed
      const run = await client.enqueueByName('any', 1, { key: 'k' })
      const from = { origin: 'web 203.0.113.9' }
      await client.pause(run.id, from)
      await run.resume(from)
      await run.signal('hello', 1, from)
      await client.hold({ verb: 'revoke', filter: { tag: 'a' }, ...from })
      await client.lift({ verb: 'revoke', filter: { tag: 'a' } }, from)
      await client.resume({ queue: 'none' }, from)
      await client.cancelWorkflow('none', from)
      await client.cancel({ filter: { key: 'k' } }, from)
      const next = await client.enqueueByName('any', 1, { key: 'k' })
      const replaces = { key: 'k', onConflict: 'replace', ...from } as const
      await client.enqueueByName('any', 1, replaces)
      const { entries } = await client.audit({}, { order: 'oldest' })
      const held = ['revoke', 'revoke', 'revoke', 'pause']
      assert.deepEqual(
        entries.map(({ name }) => name),
        ['pause', 'resume', 'hello', ...held, 'cancel', 'cancel', 'cancel'],
      )
      for (const { origin, name } of entries) assert.equal(origin, 'web 203.0.113.9', name)
      assert.equal(entries.at(-1)?.runId, next.id)
      await client.cancel('nobody')
      assert.equal((await client.audit({}, { limit: 1 })).entries[0]?.origin, 'the service')
    })

    test('refuses an origin that cannot be kept, and does nothing', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      for (const origin of ['x'.repeat(2001), 7 as never, '\0'])
        await assert.rejects(client.cancel('some', { origin }), { code: 'USAGE' })
      assert.deepEqual((await client.audit()).entries, [])
    })

    test('says who took its key away, and that may have to be said', async () => {
      await using bed = await Bed.make({ on, requireBy: true })
      const { client } = bed
      const old = await client.enqueueByName('any', 1, { key: 'k' })
      const again = { key: 'k', onConflict: 'replace' } as const
      await assert.rejects(client.enqueueByName('any', 1, again), { code: 'BY_REQUIRED' })
      assert.equal((await old.get()).state, 'queued')
      await client.enqueueByName('any', 1, { ...again, by: 'bob' })
      const graph = { version: 1, nodes: [{ node: 1, step: { task: 'any' } }] } as const
      const flow = await client.startWorkflow(graph, { key: 'k' })
      await assert.rejects(client.startWorkflow(graph, again), { code: 'BY_REQUIRED' })
      const next = await client.startWorkflow(graph, { ...again, by: 'bob', origin: 'desk' })
      const asked = await client.audit({ callId: next.id })
      assert.deepEqual(
        asked.entries.map(({ name, by, origin, reason }) => [name, by, origin, reason]),
        [['cancel', 'bob', 'desk', `replaced by ${next.id}`]],
      )
      assert.equal((await flow.get()).stop?.by, 'bob')
      const { entries } = await client.audit({ runId: old.id })
      assert.deepEqual(
        entries.map(({ name, by, origin }) => [name, by, origin !== null]),
        [['cancel', 'bob', true]],
      )
      assert.equal((await old.get()).stop?.by, 'bob')
    })
  })
