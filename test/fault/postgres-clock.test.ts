import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { suite, test } from 'node:test'
import { Bed } from '../support/bed.ts'
import * as tasks from './fleet-tasks.ts'
import { Fleet, type Spawn } from './fleet.ts'

const modules = [new URL('./fleet-tasks.ts', import.meta.url).href]
const leap = `--import=${new URL('./leaping-clock.ts', import.meta.url).href}`
const spawnLeaping: Spawn = ([program = '', ...args]) =>
  spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: leap },
  })

suite('a worker whose time of day leaps by hours each second', () => {
  test('keeps its lease, loses no run, and starts what is due when the database says so', async () => {
    await using bed = await Bed.make({ on: 'postgres' })
    await using fleet = new Fleet()
    const settings = { url: bed.url, modules, lease: 15_000, poll: 100, spares: 0, concurrency: 2 }
    const worker = await fleet.start(settings, spawnLeaping)
    const before = (await bed.client.workers()).map(({ id }) => id)
    const long = await bed.client.enqueue(tasks.exclusive, { folder: bed.folder, ms: 4000 })
    const soon = await bed.client.enqueue(
      tasks.exclusive,
      { folder: bed.folder, ms: 1 },
      { delay: 2500 },
    )
    const { runAt } = await soon.get()
    assert.deepEqual([await soon.result(), await long.result()], [1, 1])
    const { startedAt } = await soon.get()
    assert.ok(Number(startedAt) >= Number(runAt), 'not before its time')
    const after = (await bed.client.workers()).map(({ id }) => id)
    assert.deepEqual(after, before)
    assert.ok(!worker.events.some(({ type }) => type === 'lease-lost' || type === 'runs-lapsed'))
  })
})
