/** Handlers that enqueue runs of their own, through the client and a worker; on both stores. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { group, step } from '../../src/index.ts'
import { Bed, eventually, storeless, type StoreKind, until } from '../support/bed.ts'
import * as tasks from './children-tasks.ts'

const modules = [new URL('./children-tasks.ts', import.meta.url)]
const patience = { timeout: '60s' } as const

export function childrenSuite(on: StoreKind): void {
  suite(`children of runs, and a worker on ${on}`, () => {
    let bed: Bed
    before(async () => {
      bed = await Bed.make({ on, by: 'ada', worker: { modules, concurrency: 4 } })
    })
    after(() => bed[Symbol.asyncDispose]())

    const childrenOf = async (parent: string) =>
      (await bed.client.list({ parent }, { limit: 100 })).runs

    const { inlineAdds, threadAdds, processAdds } = tasks
    for (const adds of on === 'sqlite' ? [inlineAdds, threadAdds, processAdds] : [inlineAdds])
      test(`a run waits for its children without a slot, and hears what they came to: ${adds?.isolation}`, async () => {
        assert.ok(adds)
        const run = await bed.client.enqueue(adds, [1, -1, 3])
        const { results, attempt } = await run.result(patience)
        assert.deepEqual(results, [1, null, 9])
        assert.ok(attempt <= 2, 'it may not even have had to wait')
        assert.equal((await childrenOf(run.id)).length, 3)
      })

    const { inlineShares, threadShares, processShares } = tasks
    for (const shares of on === 'sqlite'
      ? [inlineShares, threadShares, processShares]
      : [inlineShares])
      test(`a run that wants a child whose key another run holds waits for that one: ${shares?.isolation}`, async () => {
        assert.ok(shares)
        const n = Math.floor(Math.random() * 1e6)
        const key = `square-${n}`
        const holder = await bed.client.enqueue(tasks.square, n, { key, delay: '1h' })
        const run = await bed.client.enqueue(shares, [n, 7])
        await until(run, ({ state }) => state === 'waiting')
        assert.equal((await childrenOf(run.id)).length, 1)
        const next = await bed.client.enqueue(tasks.square, n, { key, onConflict: 'replace' })
        const { ids, results } = await run.result(patience)
        assert.deepEqual([ids[0], results], [holder.id, [null, 49]])
        assert.equal(await next.result(patience), n * n)
      })

    test('an attempt after one that was killed gets the same children', async () => {
      const run = await bed.client.enqueue(tasks.dies)
      assert.equal(await run.result(patience), 2)
      assert.equal((await run.get()).crashes, 1)
      assert.equal((await childrenOf(run.id)).length, 2)
    })

    test('each step between two checkpoints has a child of its own', storeless(on), async () => {
      const run = await bed.client.enqueue(tasks.steps, 5)
      assert.equal(await run.result(patience), 55)
      assert.equal((await childrenOf(run.id)).length, 5)
    })

    for (const waits of [true, false])
      test(`a stop of a run that ${waits ? 'waits' : 'works'} is one of its children: they are asked, and the others never start`, async () => {
        const run = await bed.client.enqueue(tasks.leads, { count: 8, waits })
        await until(
          run,
          ({ progress, state }) => progress === 'begun' && (state === 'waiting') === waits,
        )
        await eventually(
          async () => (await childrenOf(run.id)).some(({ state }) => state === 'running'),
          'a child runs',
        )
        const stop = await run.cancel({ reason: 'enough', timeout: '60s' })
        assert.deepEqual([stop.state, stop.confirmed], ['cancelled', true])
        await eventually(
          async () => (await childrenOf(run.id)).every(({ state }) => state === 'cancelled'),
          'all are cancelled',
        )
        for (const { stop } of await childrenOf(run.id))
          assert.deepEqual([stop?.reason, stop?.by, stop?.confirmed], ['enough', 'ada', true])
      })

    test('a stop of a workflow is one of what its members have enqueued', async () => {
      const lead = step(tasks.leads, { count: 3, waits: true })
      const flow = await bed.client.startWorkflow(group([lead, lead]))
      const membersOf = async () => (await bed.client.list({ workflow: flow.id })).runs
      await eventually(
        async () => (await membersOf()).every(({ state }) => state === 'waiting'),
        'both wait',
      )
      const parents = (await membersOf()).map(({ id }) => id)
      await flow.cancel({ reason: 'enough' })
      for (const parent of parents)
        await eventually(async () => {
          const children = await childrenOf(parent)
          return children.length === 3 && children.every(({ state }) => state === 'cancelled')
        }, 'all are cancelled')
    })
  })
}
