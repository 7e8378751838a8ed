import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isCheckreinError, type RunHandle } from '../../src/index.ts'
import { Bed, storeKinds, until } from '../support/bed.ts'
import { livingFamily } from '../support/processes.ts'
import {
  inJavaScript,
  inNativeCode,
  kinds,
  neighbour,
  processVictim,
  threadVictim,
} from './victims.ts'

const modules = [new URL('./victims.ts', import.meta.url)]
const neighbours = 2
const steps = 800
const expectedSum = (steps * (steps + 1) * (2 * steps + 1)) / 6

// How a process or a thread ends has nothing to do with the store; requests to stop are tested on each with the client.
suite('cancel with a grace of 1 s', () => {
  test('ends every kind of stuck process run, leaves no pid of its group, and its neighbours never notice', async () => {
    const concurrency = { process: kinds.length + neighbours }
    await using bed = await Bed.make({ worker: { modules, concurrency } })
    const { client } = bed
    const working = await client.enqueueMany(
      neighbour,
      Array.from({ length: neighbours }, () => ({ input: { n: steps } })),
    )
    const stuck = await client.enqueueMany(
      processVictim,
      kinds.map((kind) => ({ input: { kind } })),
    )
    const pids = (await Promise.all(stuck.map(begun))).flat()
    assert.equal(pids.length, kinds.length + 2)
    const stops = await Promise.all(
      stuck.map((run) => run.cancel({ grace: '1s', reason: 'a test' })),
    )
    for (const [at, stop] of stops.entries()) {
      assert.equal(stop.confirmed, true, kinds[at])
      assert.equal(stop.mode, 'forced', kinds[at])
      assert.equal(
        stop.stop?.proof?.pid,
        pids.find((pid) => pid === stop.stop?.proof?.pid),
        kinds[at],
      )
    }
    assert.deepEqual(pids.flatMap(livingFamily), [])
    for (const run of working) {
      assert.equal(await run.result(), expectedSum)
      assert.equal((await run.get()).attempt, 1)
    }
  })

  test('ends a thread that is stuck in JavaScript', async () => {
    const stuckKinds = Object.keys(inJavaScript)
    await using bed = await Bed.make({ worker: { modules, concurrency: stuckKinds.length } })
    const stuck = await bed.client.enqueueMany(
      threadVictim,
      stuckKinds.map((kind) => ({ input: { kind } })),
    )
    await Promise.all(stuck.map(begun))
    const stops = await Promise.all(stuck.map((run) => run.cancel({ grace: '1s' })))
    assert.deepEqual(
      stops.map(({ mode, confirmed }) => [mode, confirmed]),
      stuckKinds.map(() => ['forced', true]),
    )
  })

  test('says unresponsive of a thread in a native call, recycles its host, and a neighbour process goes on', async () => {
    const stuckKinds = Object.keys(inNativeCode)
    await using bed = await Bed.make({ worker: { modules, concurrency: stuckKinds.length } })
    const { client } = bed
    const working = await client.enqueue(neighbour, { n: steps })
    const stuck = await client.enqueueMany(
      threadVictim,
      stuckKinds.map((kind) => ({ input: { kind } })),
    )
    const hosts = (await Promise.all(stuck.map(begun))).flat()
    const statuses = stuck.map((run) => seenStatuses(run))
    const stops = await Promise.all(stuck.map((run) => run.cancel({ grace: '1s' })))
    for (const seen of await Promise.all(statuses))
      assert.ok(seen.includes('overdue'), seen.join(' '))
    for (const stop of stops) {
      assert.deepEqual([stop.mode, stop.confirmed], ['forced', true])
      assert.ok(hosts.includes(stop.stop?.proof?.pid ?? 0))
    }
    assert.deepEqual(hosts.flatMap(livingFamily), [])
    assert.equal(await working.result(), expectedSum)
  })
})

/** Fulfils with the pids that a victim names when it has begun. */
async function begun(run: RunHandle): Promise<number[]> {
  const { input } = await run.get()
  const wanted = (input as { kind: string }).kind.includes('grandchildren') ? 3 : 1
  const { progress } = await until(
    run,
    ({ progress }) => Array.isArray(progress) && progress.length === wanted,
  )
  return progress as number[]
}

async function seenStatuses(run: RunHandle): Promise<string[]> {
  return (await Array.fromAsync(run.events())).map(({ type }) => type)
}

for (const on of storeKinds)
  test(`a stop that cannot be confirmed in time says so, and stays on record, on ${on}`, async () => {
    await using bed = await Bed.make({ on })
    const run = await bed.client.enqueue(processVictim, { kind: 'a CPU loop' })
    await bed.client.store.registerWorker({
      id: 'gone',
      host: 'elsewhere',
      pid: 1,
      queues: ['default'],
      tasks: {},
      version: '0',
      leaseMs: 6e4,
    })
    await bed.client.store.claim({
      workerId: 'gone',
      queues: ['default'],
      tasks: ['process-victim'],
      limit: 1,
    })
    await assert.rejects(
      run.cancel({ timeout: 50 }),
      (error) => isCheckreinError(error) && error.code === 'STOP_PENDING',
    )
    assert.equal((await run.get()).status, 'cancelling')
  })
