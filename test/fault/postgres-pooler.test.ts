import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { storeConformance } from '../conformance/store.ts'
import { reusedPlace } from '../store/bed.ts'
import { Bed, until } from '../support/bed.ts'
import { dropUsedSchemas, testDatabase } from '../support/database.ts'
import { findPgBouncer, PgBouncer } from '../support/pgbouncer.ts'
import { PostgresServer } from '../support/postgres-server.ts'
import * as tasks from './fleet-tasks.ts'
import { Fleet } from './fleet.ts'
import { Load } from './load.ts'

const skip =
  findPgBouncer() === null ? 'PgBouncer is not installed: apt-get install pgbouncer' : false
const modules = [new URL('./fleet-tasks.ts', import.meta.url).href]

let pooler: PgBouncer
let direct: string

/** The database of a URL, by way of the pooler. */
function pooled(url: string): string {
  const way = new URL(url)
  way.port = String(pooler.port)
  return way.href
}

suite('through PgBouncer, which hands out connections by transaction', { skip }, () => {
  before(async () => {
    direct = await testDatabase()
    pooler = await PgBouncer.make(direct, { maxClientConn: 200, defaultPoolSize: 10 })
  })
  after(async () => {
    await dropUsedSchemas()
    await pooler[Symbol.asyncDispose]()
  })

  for (const way of ['without a connection to listen on', 'with a listenUrl'] as const)
    test(`${way}, runs are worked and stopped`, async () => {
      await using bed = await Bed.make({ on: 'postgres' })
      await using fleet = new Fleet()
      const listen = way === 'with a listenUrl' ? { listenUrl: bed.url } : {}
      const settings = { url: pooled(bed.url), modules, spares: 0, concurrency: 2, ...listen }
      await fleet.start(settings)
      const done = await bed.client.enqueue(tasks.exclusive, { folder: bed.folder, ms: 1 })
      assert.equal(await done.result(), 1)
      const spinning = await bed.client.enqueue(tasks.spin)
      await until(spinning, ({ progress }) => progress !== undefined)
      const stop = await spinning.cancel({ grace: 10 })
      assert.deepEqual([stop.state, stop.confirmed], ['cancelled', true])
    })

  test('a server that is killed with -9 behind it and started again costs no run, no request, and no attempt', async (t) => {
    await using server = await PostgresServer.make()
    await using bouncer = await PgBouncer.make(server.url)
    await using bed = await Bed.make({ on: 'postgres', at: bouncer.url })
    await using fleet = new Fleet()
    await fleet.start({ url: bed.url, modules, spares: 0, concurrency: 2 })
    const load = new Load({ client: bed.client, folder: bed.folder, seed: 1 })
    const harming = async (): Promise<void> => {
      await load.reaches(30)
      await server.kill()
      await server.start()
    }
    await Promise.all([load.enqueue(60), load.cancel(6), harming()])
    const totals = await load.check()
    t.diagnostic(JSON.stringify(totals))
    assert.equal(totals.lapses + totals.crashes + load.refused.length, 0)
  })

  if (skip === false)
    storeConformance(
      'postgres through PgBouncer',
      async ({ now }) => reusedPlace({ now }, pooled(direct)),
      {
        skip: [
          {
            test: 'a healthy store finds nothing wrong with itself',
            reason: 'the doctor says that nothing can listen through such a pooler, and is right',
          },
        ],
      },
    )
})
