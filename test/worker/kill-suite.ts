/** The OS signal by which a run is killed, and the time until SIGKILL, through the client and a worker; on both stores. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type RunHandle, step } from '../../src/index.ts'
import { Bed, eventually, storeless, type StoreKind, until } from '../support/bed.ts'
import * as tasks from './kill-tasks.ts'

const modules = [new URL('./kill-tasks.ts', import.meta.url)]
const patience = { timeout: '120s' } as const
const never = '1h'
let count = 0

export function killSuite(on: StoreKind): void {
  suite(`the OS signal of a stop on ${on}`, () => {
    let bed: Bed
    before(async () => {
      bed = await Bed.make({ on, by: 'ada', worker: { modules, concurrency: 4 } })
    })
    after(() => bed[Symbol.asyncDispose]())

    const newFile = (): string => join(bed.folder, `file-${++count}`)
    const linesOf = (file: string): string[] =>
      existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []

    async function listening(
      over: Partial<tasks.Ears>,
      task = tasks.listens,
    ): Promise<{ readonly run: RunHandle; readonly file: string }> {
      const file = newFile()
      const run = await bed.client.enqueue(task, { file, does: 'exits', ...over })
      await until(run, ({ progress }) => progress === 'ready')
      return { run, file }
    }

    for (const osSignal of ['SIGINT', 'SIGUSR2', 'SIGTERM'] as const) {
      test(
        `every process of a run gets ${osSignal} and has its time to clean up`,
        storeless(on),
        async () => {
          const { run, file } = await listening({ hasChildren: true })
          const { mode, stop } = await run.terminate({ osSignal, killAfter: never, ...patience })
          assert.equal(mode, 'forced')
          assert.deepEqual(linesOf(file).toSorted(), [
            `child ${osSignal}`,
            `handler ${osSignal}`,
            'handler is done',
            `stray ${osSignal}`,
          ])
          assert.deepEqual(
            [stop?.sent?.map((one) => one.osSignal), stop?.proof?.exitCode],
            [[osSignal], 0],
          )
        },
      )
    }

    test('a run that is killed by SIGKILL hears nothing before it', async () => {
      const { run, file } = await listening({ hasChildren: true })
      const { mode, stop } = await run.terminate({ osSignal: 'SIGKILL', killAfter: never })
      assert.deepEqual([mode, stop?.proof?.osSignal], ['forced', 'SIGKILL'])
      assert.deepEqual(
        stop?.sent?.map((one) => one.osSignal),
        ['SIGKILL'],
      )
      assert.deepEqual(linesOf(file), [])
    })

    test('a run that goes on after its signal gets SIGKILL when its time is over', async () => {
      const { run, file } = await listening({ does: 'goes on' })
      const { stop } = await run.terminate({ osSignal: 'SIGINT', killAfter: 50 })
      assert.deepEqual(
        [stop?.sent?.map((one) => one.osSignal), stop?.proof?.osSignal],
        [['SIGINT', 'SIGKILL'], 'SIGKILL'],
      )
      assert.deepEqual(linesOf(file), ['handler SIGINT'])
    })

    test('where nothing is chosen, SIGTERM is sent, and SIGKILL a moment later', async () => {
      const { run, file } = await listening({ does: 'goes on' })
      const { stop } = await run.terminate()
      assert.deepEqual(
        stop?.sent?.map((one) => one.osSignal),
        ['SIGTERM', 'SIGKILL'],
      )
      const [term, kill] = stop.sent ?? []
      assert.ok(Number(kill?.at) - Number(term?.at) >= 200)
      assert.deepEqual(linesOf(file), ['handler SIGTERM'])
    })

    for (const [what, second, sent] of [
      ['SIGKILL', { osSignal: 'SIGKILL' }, ['SIGINT', 'SIGKILL']],
      ['a shorter time', { osSignal: 'SIGINT', killAfter: 10 }, ['SIGINT', 'SIGKILL']],
      ['another signal', { osSignal: 'SIGUSR2', killAfter: 10 }, ['SIGINT', 'SIGUSR2', 'SIGKILL']],
    ] as const) {
      test(`a second terminate with ${what} takes effect while the first gives time`, async () => {
        const { run, file } = await listening({ does: 'goes on' })
        const first = run.terminate({ osSignal: 'SIGINT', killAfter: never, ...patience })
        await eventually(() => linesOf(file).includes('handler SIGINT'), 'the first signal')
        await bed.client.terminate(run.id, second)
        const { stop } = await first
        assert.deepEqual(
          stop?.sent?.map((one) => one.osSignal),
          sent,
        )
      })
    }

    test('a second terminate that gives more time does not lengthen the first', async () => {
      const { run, file } = await listening({ does: 'goes on' })
      const first = run.terminate({ killAfter: 1000, ...patience })
      await eventually(() => linesOf(file).length > 0, 'the first signal')
      await bed.client.terminate(run.id, { killAfter: never })
      assert.equal((await first).stop?.proof?.osSignal, 'SIGKILL')
    })

    test('a cancel asks first, and sends its signal after the grace', async () => {
      const { run, file } = await listening({})
      const how = { grace: 10, osSignal: 'SIGUSR2', killAfter: never, ...patience } as const
      const { mode, stop } = await run.cancel(how)
      assert.deepEqual([mode, stop?.sent?.map((one) => one.osSignal)], ['forced', ['SIGUSR2']])
      assert.deepEqual(linesOf(file), ['handler SIGUSR2', 'handler is done'])
    })

    test('a handler that returns after the signal was asked and has ended: its result is kept', async () => {
      const { run } = await listening({ does: 'returns' })
      const { mode, stop } = await run.terminate({
        osSignal: 'SIGINT',
        killAfter: never,
        ...patience,
      })
      assert.equal(mode, 'cooperative')
      assert.deepEqual(
        [stop?.deliveredAt, stop?.sent?.[0]?.osSignal],
        [stop?.sent?.[0]?.at, 'SIGINT'],
      )
      const { state, result } = await run.get()
      assert.deepEqual([state, result], ['cancelled', 'cleaned up'])
    })

    test('a task has its own signal and time, and a request goes before them', async () => {
      const { run, file } = await listening({}, tasks.listensByItself)
      const { stop } = await run.terminate(patience)
      assert.deepEqual(linesOf(file), ['handler SIGUSR2', 'handler is done'])
      assert.deepEqual(
        stop?.sent?.map((one) => one.osSignal),
        ['SIGUSR2'],
      )
      const [worker] = await bed.client.workers()
      const kill = { osSignal: 'SIGUSR2', killAfterMs: 3_600_000 }
      assert.deepEqual(worker?.tasks['listens-by-itself']?.kill, kill)
      const other = await listening({ does: 'goes on' }, tasks.listensByItself)
      await other.run.terminate({ osSignal: 'SIGINT', killAfter: 20 })
      assert.deepEqual(linesOf(other.file), ['handler SIGINT'])
    })

    test(
      'a frozen run is let go on to hear the signal that was chosen',
      storeless(on),
      async () => {
        const { run, file } = await listening({})
        await run.freeze()
        await run.terminate({ osSignal: 'SIGINT', killAfter: never, ...patience })
        assert.deepEqual(linesOf(file), ['handler SIGINT', 'handler is done'])
      },
    )

    for (const isolation of ['thread', 'inline'] as const) {
      test(`the record of a stop says that no OS signal was sent: ${isolation}`, async () => {
        const run = await bed.client.enqueue(tasks.waiting[isolation])
        await until(run, ({ progress }) => progress === 'ready')
        const { stop } = await run.terminate({ osSignal: 'SIGINT', killAfter: '1s' })
        assert.deepEqual(stop?.sent, [])
      })
    }

    test('the members of a workflow are killed as it was asked of the workflow', async () => {
      const file = newFile()
      const flow = await bed.client.startWorkflow(step(tasks.listens, { file, does: 'exits' }))
      const { runs } = await bed.client.list({ workflow: flow.id })
      const run = bed.client.run(String(runs[0]?.id))
      await until(run, ({ progress }) => progress === 'ready')
      await flow.terminate({ osSignal: 'SIGUSR2', killAfter: never, ...patience })
      assert.deepEqual(linesOf(file), ['handler SIGUSR2', 'handler is done'])
    })

    test('the runs that a hold stops are killed as it says', async () => {
      const file = newFile()
      const input = { file, does: 'exits' } as const
      const run = await bed.client.enqueue(tasks.listens, input, { tags: ['held'] })
      await until(run, ({ progress }) => progress === 'ready')
      const how = { osSignal: 'SIGINT', killAfter: never } as const
      const hold = await bed.client.hold({ verb: 'terminate', filter: { tag: 'held' }, ...how })
      await until(run, ({ state }) => state === 'cancelled')
      assert.deepEqual(linesOf(file), ['handler SIGINT', 'handler is done'])
      await bed.client.lift(hold)
    })
  })
}
