/** The OS signal of a stop that is asked while no worker hears. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Bed, storeKinds, until } from '../support/bed.ts'
import * as tasks from '../worker/kill-tasks.ts'
import { Fleet } from './fleet.ts'

const modules = [new URL('../worker/kill-tasks.ts', import.meta.url).href]
const quick = { modules, lease: 120_000, poll: 100, spares: 0, concurrency: 2 } as const

for (const on of storeKinds)
  void test(`a worker that hears of nothing for a while follows the signal and the time that were asked meanwhile: ${on}`, async () => {
    await using bed = await Bed.make({ on })
    await using fleet = new Fleet()
    const worker = await fleet.start({ url: bed.url, ...quick })
    const file = join(bed.folder, 'heard')
    const run = await bed.client.enqueue(tasks.listens, { file, does: 'exits' })
    await until(run, ({ progress }) => progress === 'ready')
    worker.signal('SIGSTOP')
    await bed.client.terminate(run.id, { osSignal: 'SIGINT', killAfter: '1h' })
    worker.signal('SIGCONT')
    const { stop } = await until(run, ({ state }) => state === 'cancelled')
    assert.deepEqual(readFileSync(file, 'utf8').trim().split('\n'), [
      'handler SIGINT',
      'handler is done',
    ])
    assert.deepEqual(
      stop?.sent?.map(({ osSignal }) => osSignal),
      ['SIGINT'],
    )
  })
