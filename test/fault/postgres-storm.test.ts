import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Bed, until } from '../support/bed.ts'
import * as tasks from './storm-tasks.ts'
import { Fleet } from './fleet.ts'

const modules = [new URL('./storm-tasks.ts', import.meta.url).href]
const workerCount = 3
const runCount = 100
const requestCount = 10_000

suite('a storm of 10,000 requests', () => {
  test('is delivered, and no heartbeat is late', async (t) => {
    await using bed = await Bed.make({ on: 'postgres' })
    await using fleet = new Fleet()
    const settings = {
      url: bed.url,
      modules,
      queues: ['default'],
      lease: 6000,
      spares: 0,
      concurrency: { inline: runCount },
    }
    for (let n = 0; n < workerCount; n++) await fleet.start(settings)
    const inputs = Array.from({ length: runCount }, () => ({ input: undefined }))
    const running = await bed.client.enqueueMany(tasks.patient, inputs)
    for (const run of running) await until(run, ({ state }) => state === 'running')
    const queued = await bed.client.enqueueMany(
      tasks.nobodys,
      Array.from({ length: requestCount - runCount }, () => ({ input: undefined })),
    )

    const startedAt = performance.now()
    const asked = await Promise.all([...queued, ...running].map(({ id }) => bed.client.abort(id)))
    const seconds = (performance.now() - startedAt) / 1000
    t.diagnostic(`${Math.round(requestCount / seconds)} requests a second`)

    const answers = asked.flat().map(({ answer }) => answer)
    assert.equal(answers.filter((answer) => answer === 'prevented').length, queued.length)
    assert.equal(answers.filter((answer) => answer === 'requested').length, running.length)
    for (const run of running) {
      const { state, stop } = await until(run, ({ state }) => state === 'cancelled')
      assert.deepEqual([state, stop?.mode], ['cancelled', 'cooperative'])
    }
    const events = fleet.workers.flatMap(({ events }) => events)
    assert.deepEqual(
      events.filter(({ type }) => type === 'lease-lost' || type === 'store-error'),
      [],
    )
  })
})
