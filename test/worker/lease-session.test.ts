import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { workerSettings } from '../../src/worker/options.ts'
import { Registry } from '../../src/worker/registry.ts'
import { LeaseSession } from '../../src/worker/claiming/lease-session.ts'
import { Serving } from '../../src/worker/claiming/serving.ts'
import { Bed, storeKinds, until } from '../support/bed.ts'
import * as tasks from './tasks.ts'

const modules = [new URL('./tasks.ts', import.meta.url)]

for (const on of storeKinds)
  suite(`${on}: what a worker holds and does not know`, () => {
    async function begin(
      bed: Bed,
      { lease = 30_000, onLost = (): void => assert.fail('the lease was lost') } = {},
    ): Promise<LeaseSession> {
      const settings = workerSettings({ modules, spares: 0, concurrency: 2, lease })
      const registry = await Registry.load(modules)
      const none = (): void => undefined
      return LeaseSession.begin({
        store: bed.client.store,
        registry,
        serving: new Serving({ registry, onTrouble: none, onRecovered: none }),
        settings,
        queues: ['default'],
        onLost,
        onFree: () => undefined,
        onError: (error) => assert.fail(String(error)),
      })
    }
    const claimBy = ({ id: workerId }: LeaseSession) => ({
      workerId,
      queues: ['default'],
      tasks: [tasks.polite.name],
      limit: 1,
    })

    test('goes back', async () => {
      await using bed = await Bed.make({ on })
      const { store } = bed.client
      const run = await bed.client.enqueue(tasks.polite)
      const leaseSession = await begin(bed)
      await store.claim(claimBy(leaseSession))
      leaseSession.refuseUnknown(await store.held(leaseSession.id))
      await until(run, ({ state }) => state === 'queued')
      await leaseSession.end()
    })

    test('starts nothing that it has claimed after it stood still past its lease', async () => {
      await using bed = await Bed.make({ on })
      await bed.client.enqueue(tasks.polite)
      const leaseSession = await begin(bed, { lease: 1000, onLost: () => undefined })
      const [claimed] = await bed.client.store.claim(claimBy(leaseSession))
      assert.ok(claimed)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1100)
      leaseSession.take(claimed)
      assert.equal(leaseSession.heldCount, 0, 'another worker may have the run by now')
      leaseSession.leave()
      await leaseSession.close()
    })

    test('is never an attempt that runs, also where an earlier one of the same run is just being written', async () => {
      await using bed = await Bed.make({ on })
      const { store } = bed.client
      const run = await bed.client.enqueue(tasks.polite)
      const leaseSession = await begin(bed)
      const [first] = await store.claim(claimBy(leaseSession))
      assert.ok(first)
      leaseSession.refuse([first])
      let second = (await store.claim(claimBy(leaseSession)))[0]
      while (!second) second = (await store.claim(claimBy(leaseSession)))[0]
      leaseSession.take(second)
      await until(run, ({ state }) => state === 'running')
      for (let n = 0; n < 5; n++) leaseSession.refuseUnknown(await store.held(leaseSession.id))
      await store.enqueue([]) // and what was handed back would be written by now
      const { state, attempt } = await run.get()
      assert.deepEqual([state, attempt], ['running', 2])
      leaseSession.abortAll({ code: 'ATTEMPT_SHUTDOWN', message: 'enough', details: {} })
      await leaseSession.unwritten.settled()
      await leaseSession.end()
    })
  })
