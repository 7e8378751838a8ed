/** Rows that a transaction of somebody else holds for long. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { testDatabase } from '../support/database.ts'
import { plainCall, plainEnd, plainRun, plainWorker, postgresPlace } from './bed.ts'

const workerId = 'w1'
const rounds = [0, 1, 2]

test("a run that a caller's transaction holds delays the writes of no other run, and its own are done after the commit", async () => {
  await using place = await postgresPlace()
  const [worker, caller] = [await place.open(), await place.open()]
  await worker.registerWorker({ ...plainWorker, id: workerId, leaseMs: 60_000 })
  const others = rounds.map((at) => `other-${at}`)
  await worker.enqueue(['held', ...others].map((id) => ({ ...plainRun, id })))
  await worker.claim({ workerId, queues: ['default'], tasks: ['work'], limit: 10 })
  const fenceOf = (runId: string) => ({ runId, attempt: 1, workerId })
  const checkpoint = { type: 'checkpoint', checkpoint: '1', signals: [] } as const
  const saved = () =>
    worker.apply([{ runId: 'held', event: { ...checkpoint, fence: fenceOf('held') } }])

  const client = new Client(await testDatabase())
  await client.connect()
  try {
    await client.query('BEGIN')
    const target = { ids: ['held'] }
    await caller.within(client).control({ ...plainCall(), verb: 'cancel', target })
    for (const runId of others) {
      const waits = saved().then(
        () => 'saved',
        (error: unknown) => (error as { code: string }).code,
      )
      const event = { type: 'complete', fence: fenceOf(runId), result: '1', ...plainEnd } as const
      const [answer] = await Promise.race([
        worker.apply([{ runId, event }]),
        waits.then((x) => [x]),
      ])
      assert.equal(answer, 'done', 'the other run does not wait until the held one gives up')
      assert.equal(await waits, 'STORE_BUSY')
    }
    const last = saved()
    await client.query('COMMIT')
    assert.deepEqual(await last, ['done'])
  } finally {
    await client.end()
  }
})
