import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { FeedEntry, RunHandle } from '../../src/index.ts'
import { Bed, eventually, storeless, until } from '../support/bed.ts'
import { isDead } from '../support/processes.ts'
import * as tasks from './fleet-tasks.ts'
import { Fleet } from './fleet.ts'

const modules = [new URL('./fleet-tasks.ts', import.meta.url).href]
const quick = { modules, lease: 8000, poll: 100, spares: 0, concurrency: 2 } as const

suite('a worker that is killed with -9 while its child spins', () => {
  test('takes its child with it, and another worker takes the run up after the lease, once', async () => {
    await using bed = await Bed.make()
    await using fleet = new Fleet()
    const run = await bed.client.enqueue(tasks.spinOnce)
    const first = await fleet.start({ url: bed.url, ...quick })
    const [, pid] = (await until(run, ({ progress }) => progress !== undefined)).progress as [
      number,
      number,
    ]
    await fleet.start({ url: bed.url, ...quick })
    first.signal('SIGKILL')
    await eventually(() => isDead(pid), 'the child of the killed worker is gone')
    assert.equal(
      (await run.get()).attempt,
      1,
      'the child was gone before another worker had the run',
    )
    assert.equal(await run.result(), 2)
    const feed = await Array.fromAsync(run.events())
    assert.deepEqual(moves(feed), ['enqueue', 'claim', 'lapse', 'claim', 'complete'])
  })
})

suite('a worker that is stopped with SIGSTOP past its lease', () => {
  test('has no code running when another starts the run, and its late result is refused', async () => {
    await using bed = await Bed.make()
    await using fleet = new Fleet()
    const file = join(bed.folder, 'go')
    const spinning = await bed.client.enqueue(tasks.spinOnce)
    const waiting = await bed.client.enqueue(tasks.waitOnce, { file })
    const first = await fleet.start({ url: bed.url, ...quick })
    const pids = await Promise.all([spinning, waiting].map(pidOf))
    first.signal('SIGSTOP')
    writeFileSync(file, '')
    await fleet.start({ url: bed.url, ...quick })
    const seconds = await Promise.all(
      [spinning, waiting].map((run) => until(run, ({ attempt }) => attempt === 2)),
    )
    assert.deepEqual(pids.map(isDead), [true, true], 'the code of the first attempts is gone')
    assert.deepEqual(
      seconds.map(({ attempt }) => attempt),
      [2, 2],
    )
    assert.deepEqual([await spinning.result(), await waiting.result()], [2, 2])
    first.signal('SIGCONT')
    for (const { id } of [spinning, waiting]) {
      const late = await first.saw((event) => event.type === 'attempt-ended' && event.runId === id)
      assert.equal(late.type === 'attempt-ended' && late.answer, 'stale')
    }
    await first.saw(({ type }) => type === 'lease-lost')
    for (const run of [spinning, waiting]) {
      assert.deepEqual(moves(await Array.fromAsync(run.events())), [
        'enqueue',
        'claim',
        'lapse',
        'claim',
        'complete',
      ])
    }
  })

  test('goes on under a new id, and takes runs again', async () => {
    await using bed = await Bed.make()
    await using fleet = new Fleet()
    const worker = await fleet.start({ url: bed.url, ...quick })
    const before = (await bed.client.workers()).map(({ id }) => id)
    worker.signal('SIGSTOP')
    await eventually(
      async () => ((await bed.client.workers())[0]?.leaseLeftMs ?? 0) < 0,
      'its lease ran out',
    )
    worker.signal('SIGCONT')
    await worker.saw(({ type }) => type === 'lease-lost')
    const run = await bed.client.enqueue(tasks.waitOnce, { file: bed.folder })
    assert.equal(await run.result(), 1)
    assert.notEqual((await run.get()).workerId, before[0])
  })
})

suite('a run that was asked to stop while its worker was gone', () => {
  test('is cancelled when the lease has lapsed, and not confirmed', async () => {
    await using bed = await Bed.make()
    await using fleet = new Fleet()
    const run = await bed.client.enqueue(tasks.spin)
    const first = await fleet.start({ url: bed.url, ...quick })
    await pidOf(run)
    first.signal('SIGKILL')
    const stopping = run.cancel({ grace: 0, reason: 'too late for a confirmation' })
    await fleet.start({ url: bed.url, ...quick })
    const stop = await stopping
    assert.deepEqual([stop.state, stop.confirmed, stop.stop?.proof], ['cancelled', false, null])
    assert.equal((await run.get()).attempt, 1)
  })
})

test(
  'a run that was revoked before it started never starts, whatever restarts',
  storeless(),
  async () => {
    await using bed = await Bed.make()
    await using fleet = new Fleet()
    const revoked = await bed.client.enqueue(tasks.spin)
    assert.equal((await revoked.revoke({ reason: 'changed my mind' })).answer, 'prevented')
    const worker = await fleet.start({ url: bed.url, ...quick })
    await worker.end()
    await fleet.start({ url: bed.url, ...quick })
    const other = await bed.client.enqueue(tasks.waitOnce, { file: bed.folder })
    await other.result()
    const { state, attempt, stop } = await revoked.get()
    assert.deepEqual(
      { state, attempt, mode: stop?.mode },
      { state: 'cancelled', attempt: 0, mode: 'prevented' },
    )
  },
)

async function pidOf(run: RunHandle): Promise<number> {
  const { progress } = await until(run, ({ progress }) => progress !== undefined)
  return Array.isArray(progress) ? (progress[1] as number) : (progress as number)
}

function moves(feed: readonly FeedEntry[]): string[] {
  return feed.map(({ type }) => type).filter((type) => type !== 'progress')
}
