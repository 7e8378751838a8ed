/** Roll-backs, freezes and bulk operations whose processes are killed with -9. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUIDv7 } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FeedEntry, RunHandle } from '../../src/index.ts'
import { Bed, eventually, storeKinds, storeless, until } from '../support/bed.ts'
import { isDead } from '../support/processes.ts'
import { Fleet } from './fleet.ts'
import * as tasks from './reins-tasks.ts'

const modules = [new URL('./reins-tasks.ts', import.meta.url).href]
const quick = { modules, lease: 8000, poll: 100, spares: 0, concurrency: 2 } as const
const patience = { timeout: '60s' } as const
const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
const count = (feed: readonly FeedEntry[], type: FeedEntry['type']): number =>
  feed.filter((entry) => entry.type === type).length

/** The pid that a run reports. */
async function pidOf(run: RunHandle): Promise<number> {
  return Number((await until(run, ({ progress }) => typeof progress === 'number')).progress)
}

/** The attempt and the pid that a roll-back reports, of an attempt after another: on a slow machine a lease may lapse besides. */
async function attemptAfter(run: RunHandle, attempt: number): Promise<readonly [number, number]> {
  const { progress } = await until(
    run,
    ({ progress }) => Array.isArray(progress) && Number(progress[0]) > attempt,
  )
  return progress as [number, number]
}

for (const on of storeKinds)
  suite(`what is rolled back, on ${on}`, () => {
    /** A run that is asked to be rolled back, and what it writes. */
    async function begin(bed: Bed) {
      const [file, go] = [join(bed.folder, 'undone'), join(bed.folder, 'go')]
      const run = await bed.client.enqueue(tasks.undoes, { file, go })
      return { run, file, go, open: () => writeFileSync(go, '') }
    }

    test('is so to the end, once, where its attempt was killed', storeless(on), async () => {
      await using bed = await Bed.make({ on })
      await using fleet = new Fleet()
      const { run, file, open } = await begin(bed)
      await fleet.start({ url: bed.url, ...quick })
      const first = await pidOf(run)
      open()
      const stop = await run.terminate({ rollback: true, ...patience })
      assert.deepEqual([stop.mode, stop.confirmed], ['forced', true])
      assert.ok(isDead(first))
      assert.deepEqual(linesOf(file), ['begun 5 terminate', 'undone'])
    })

    test('is so to the end, once, where the worker was killed before it could stop the attempt', async () => {
      await using bed = await Bed.make({ on })
      await using fleet = new Fleet()
      const { run, file, open } = await begin(bed)
      const worker = await fleet.start({ url: bed.url, ...quick })
      await pidOf(run)
      worker.signal('SIGSTOP')
      await bed.client.cancel(run.id, { rollback: true })
      await worker.end('SIGKILL')
      await fleet.start({ url: bed.url, ...quick })
      open()
      await assert.rejects(run.result(patience), { code: 'RUN_CANCELLED' })
      const { stop, rollback } = await run.get()
      assert.deepEqual([stop?.confirmed, rollback?.state], [false, 'completed'])
      assert.deepEqual(linesOf(file), ['begun 5 cancel', 'undone'])
    })

    test(
      'is so to the end, once, where attempts and workers are killed while they undo it',
      storeless(on),
      async () => {
        await using bed = await Bed.make({ on })
        await using fleet = new Fleet()
        const { run, file, open } = await begin(bed)
        const worker = await fleet.start({ url: bed.url, ...quick })
        await pidOf(run)
        await bed.client.terminate(run.id, { rollback: true })
        const [second, pid] = await attemptAfter(run, 1)
        process.kill(pid, 'SIGKILL')
        const [third, next] = await attemptAfter(run, second)
        await worker.end('SIGKILL')
        await eventually(() => isDead(next), 'the attempt ends with its worker')
        await fleet.start({ url: bed.url, ...quick })
        await attemptAfter(run, third)
        open()
        await assert.rejects(run.result(patience), { code: 'RUN_CANCELLED' })
        const { rollback } = await run.get()
        assert.equal(rollback?.state, 'completed')
        assert.ok(rollback.crashes >= 2)
        const lines = linesOf(file)
        assert.deepEqual(
          lines.filter((line) => line === 'undone'),
          ['undone'],
        )
        assert.equal(lines.at(-1), 'undone')
      },
    )
  })

/** Clock ticks that a process has used. */
function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

suite('a run that is frozen', () => {
  async function spinning(bed: Bed, fleet: Fleet, lease = 4000) {
    const go = join(bed.folder, 'go')
    const run = await bed.client.enqueue(tasks.spinsUntil, { go })
    const worker = await fleet.start({ url: bed.url, ...quick, lease })
    return { run, worker, pid: await pidOf(run), open: () => writeFileSync(go, '') }
  }

  test('uses no processor, keeps its lease for twice as long, goes on and completes', async () => {
    await using bed = await Bed.make()
    await using fleet = new Fleet()
    const { run, pid, open } = await spinning(bed, fleet)
    assert.equal((await run.freeze()).status, 'frozen')
    const before = ticksOf(pid)
    const [held] = await bed.client.workers()
    for (let turn = 0; turn < 17; turn++) await pause(500)
    assert.equal(ticksOf(pid), before)
    assert.equal((await bed.client.workers())[0]?.id, held?.id, 'the same lease')
    assert.deepEqual([(await run.get()).status, (await run.get()).attempt], ['frozen', 1])
    await run.resume()
    open()
    assert.equal(await run.result(patience), 1)
  })

  test('is gone within the grace and a second when it is cancelled', async () => {
    await using bed = await Bed.make()
    await using fleet = new Fleet()
    const { run, pid } = await spinning(bed, fleet)
    assert.equal((await run.freeze()).status, 'frozen')
    const stop = await run.cancel({ grace: 300 })
    assert.deepEqual([stop.mode, stop.confirmed, isDead(pid)], ['forced', true, true])
  })

  test('is gone with its worker, stays paused, and goes on at another worker', async () => {
    await using bed = await Bed.make()
    await using fleet = new Fleet()
    const { run, worker, pid, open } = await spinning(bed, fleet)
    await run.freeze()
    worker.signal('SIGKILL')
    await eventually(() => isDead(pid), 'the frozen process is gone')
    await fleet.start({ url: bed.url, ...quick })
    await until(run, ({ state }) => state === 'paused')
    open()
    await run.resume()
    assert.equal(await run.result(patience), 2)
  })
})

suite('a verb on many runs', () => {
  const main = fileURLToPath(new URL('./bulk-main.ts', import.meta.url))
  for (const on of storeKinds)
    test(`is carried out to the last by others where whoever asked was killed half-way: ${on}`, async () => {
      const many = 10_000
      await using bed = await Bed.make({ on })
      const runs = Array.from({ length: many }, () => ({ input: { go: '' }, tags: ['t'] }))
      await bed.client.enqueueMany(tasks.spinsUntil, runs)
      const callId = randomUUIDv7()
      const look = () => bed.client.bulk(callId)
      const requester = spawn(process.execPath, [main, bed.url, callId], { stdio: 'inherit' })
      await eventually(async () => ((await look())?.doneCount ?? 0) > 0, 'some')
      requester.kill('SIGKILL')
      const half = await look()
      await using fleet = new Fleet()
      await fleet.start({ url: bed.url, ...quick, queues: ['another'] })
      await eventually(async () => (await look())?.finishedAt != null, 'the rest')
      const bulk = await look()
      assert.deepEqual(bulk?.counts, { prevented: many })
      assert.deepEqual([bulk.totalCount, bulk.doneCount], [many, many])
      assert.equal((await bed.client.counts()).cancelled, many)
      assert.ok((half?.doneCount ?? 0) <= many)
      const [first] = (await bed.client.list({ tag: 't' }, { limit: 1 })).runs
      const feed = await Array.fromAsync(bed.client.run(first?.id ?? '').events())
      assert.equal(count(feed, 'cancel'), 1)
    })
})
