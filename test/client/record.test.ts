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

    test('says who took its key away, and that may have to be said', async () => {
      await using bed = await Bed.make({ on, requireBy: true })
      const { client } = bed
      const old = await client.enqueueByName('any', 1, { key: 'k' })
      const again = { key: 'k', onConflict: 'replace' } as const
      await assert.rejects(client.enqueueByName('any', 1, again), { code: 'BY_REQUIRED' })
      assert.equal((await old.get()).state, 'queued')
      await client.enqueueByName('any', 1, { ...again, by: 'bob' })
      const { entries } = await client.audit({ runId: old.id })
      assert.deepEqual(
        entries.map(({ name, by, origin }) => [name, by, origin !== null]),
        [['cancel', 'bob', true]],
      )
      assert.equal((await old.get()).stop?.by, 'bob')
    })
  })
