/** A worker that knows a task and cannot run it: for each isolation, with causes that come and go. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { workerChannel, type WorkerEvent, type RunHandle } from '../../src/index.ts'
import { Bed, eventually, type StoreKind } from '../support/bed.ts'

const index = new URL('../../src/index.ts', import.meta.url).href

/** A module that loads as its folder says: `broken`, `gone` and `stuck` are files that make it fail in an isolate. */
const moduleText = (isolation: string): string => `
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { task } from '${index}'
const is = (name) => existsSync(join(import.meta.dirname, name))
if (is('broken')) throw new Error('broken for now')
if (is('stuck')) await new Promise(() => {})
const isolation = '${isolation}'
const retry = { attempts: 20, crashes: 1, backoff: { kind: 'fixed', delay: 50 } }
export const add = is('gone') ? null : task({ name: 'add', isolation, retry, run: ([a, b]) => a + b })
export const litter = task({ name: 'litter', isolation, run: () => void setImmediate(() => { for (;;); }) })
export const leave = task({ name: 'leave', isolation, retry, run: () => process.exit(7) })
`

/** What becomes of runs whose handler cannot be called. */
export function servingPromises(on: StoreKind, isolation: 'process' | 'thread'): void {
  suite(`${on}, ${isolation}: a worker that cannot run a task that it knows`, () => {
    let bed: Bed
    const events: WorkerEvent[] = []
    const arrivals = new EventTarget()
    const onEvent = (event: unknown): void => {
      events.push(event as WorkerEvent)
      arrivals.dispatchEvent(new Event('event'))
    }

    before(async () => {
      bed = await Bed.make({ on })
      const module = join(bed.folder, 'tasks.mjs')
      writeFileSync(module, moduleText(isolation))
      await bed.startWorker({ modules: [module], concurrency: 1, spares: 0, startTimeout: '3s' })
      subscribe(workerChannel, onEvent)
    })
    after(async () => {
      unsubscribe(workerChannel, onEvent)
      await bed[Symbol.asyncDispose]()
    })

    /** Fulfils with the next event of the type; rejects after a minute. */
    async function next<T extends WorkerEvent['type']>(
      type: T,
    ): Promise<Extract<WorkerEvent, { readonly type: T }>> {
      const signal = AbortSignal.timeout(60_000)
      for (;;) {
        const at = events.findIndex((event) => event.type === type)
        if (at !== -1)
          return events.splice(0, at + 1)[at] as Extract<WorkerEvent, { readonly type: T }>
        await once(arrivals as never, 'event', { signal })
      }
    }

    async function whileThereIs(name: string, body: () => Promise<void>): Promise<void> {
      const path = join(bed.folder, name)
      writeFileSync(path, '')
      try {
        await body()
      } finally {
        rmSync(path)
      }
    }

    const add = (): Promise<RunHandle> => bed.client.enqueueByName('add', [1, 2])

    async function countsOf(run: RunHandle): Promise<object> {
      assert.equal(await run.result(), 3)
      const { failures, crashes } = await run.get()
      return { failures, crashes }
    }

    /** Has the isolate that is warm end, so that the next is made as things are now. */
    async function withoutIsolate(): Promise<void> {
      await assert.rejects((await bed.client.enqueueByName('leave')).result(), /exited/)
      events.length = 0
    }

    test('gives a run that meets an isolate blocked by what the last one left behind to another isolate, uncounted', async () => {
      await (await bed.client.enqueueByName('litter')).result()
      const run = await add()
      assert.equal((await next('cannot-serve')).error.code, 'ISOLATE_EXITED')
      assert.deepEqual(await countsOf(run), { failures: 0, crashes: 0 })
      await next('serves-again')
    })

    test('counts a module that fails to load as a failure, waits longer each time, and serves it again when it is mended', async () => {
      await withoutIsolate()
      let run!: RunHandle
      await whileThereIs('broken', async () => {
        run = await add()
        const pauses: number[] = []
        while (pauses.length < 3) {
          const event = await next('cannot-serve')
          assert.equal(event.task, 'add')
          pauses.push(event.pauseMs)
          assert.equal(event.error.code, 'TASK_MODULE_FAILED')
        }
        assert.deepEqual(pauses, [250, 500, 1000])
      })
      const { failures, crashes } = (await countsOf(run)) as { failures: number; crashes: number }
      assert.ok(failures >= 2 && failures <= 4, `${failures} failures`)
      assert.equal(crashes, 0)
      await next('serves-again')
    })

    test('leaves a task that its module has lost to others, and nothing counts', async () => {
      await withoutIsolate()
      const runs: RunHandle[] = []
      await whileThereIs('gone', async () => {
        for (let n = 0; n < 5; n++) runs.push(await add())
        assert.equal((await next('cannot-serve')).error.code, 'TASK_UNKNOWN')
        await next('cannot-serve')
      })
      for (const run of runs) assert.deepEqual(await countsOf(run), { failures: 0, crashes: 0 })
    })

    test('replaces an isolate that does not get ready in time, and nothing counts', async () => {
      await withoutIsolate()
      let run!: RunHandle
      await whileThereIs('stuck', async () => {
        run = await add()
        await eventually(
          async () => (await run.get()).status === 'starting',
          'the run is shown as starting while its isolate hangs',
        )
        await next('cannot-serve')
        await next('cannot-serve')
        assert.equal((await run.get()).startedAt, null, 'no handler was called')
      })
      assert.deepEqual(await countsOf(run), { failures: 0, crashes: 0 })
      const { startedAt, finishedAt } = await run.get()
      assert.ok(startedAt !== null && finishedAt !== null && startedAt <= finishedAt)
    })

    const spared = isolation === 'thread' && 'a thread needs no process of its own'
    test('hands runs back uncounted while no isolate can be made', { skip: spared }, async () => {
      await withoutIsolate()
      const node = process.execPath
      const runs: RunHandle[] = []
      process.execPath = '/nowhere/node'
      try {
        for (let n = 0; n < 3; n++) runs.push(await add())
        await next('cannot-serve')
        await next('cannot-serve')
      } finally {
        process.execPath = node
      }
      for (const run of runs) assert.deepEqual(await countsOf(run), { failures: 0, crashes: 0 })
    })
  })
}
