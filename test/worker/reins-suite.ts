/** Pause, resume, signals, waits, limits and roll-back, through the client and a worker; on both stores. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { Bed, eventually, storeless, type StoreKind, until } from '../support/bed.ts'
import * as tasks from './reins-tasks.ts'
import { isolations } from '../../src/core/task/task-limits.ts'

const modules = [new URL('./reins-tasks.ts', import.meta.url)]
const patience = { timeout: '60s' } as const
let count = 0

export function reinsSuite(on: StoreKind): void {
  suite(`the reins of a worker on ${on}`, () => {
    let bed: Bed
    before(async () => {
      bed = await Bed.make({ on, by: 'ada', worker: { modules, concurrency: 4 } })
    })
    after(() => bed[Symbol.asyncDispose]())

    const newFile = (): string => join(bed.folder, `file-${++count}`)
    const linesOf = (file: string): string[] =>
      existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
    const saysSo = (file: string, line: string): Promise<void> =>
      eventually(() => linesOf(file).includes(line), line)

    // An isolate has no connection: what differs between them has nothing to do with the store.
    for (const isolation of on === 'sqlite' ? isolations : (['inline'] as const)) {
      test(`a paused run parks at its checkpoint, gives its slot back, and goes on there: ${isolation}`, async () => {
        const file = newFile()
        const run = await bed.client.enqueue(tasks.counting[isolation], {
          file,
          upTo: 40,
          everyMs: 5,
          stays: 20,
        })
        await saysSo(file, '1:5')
        const outcome = await run.pause({ reason: 'lunch' })
        assert.deepEqual([outcome.answer, outcome.state], ['paused', 'paused'])
        const paused = await run.get()
        assert.deepEqual([paused.paused?.by, paused.paused?.reason], ['ada', 'lunch'])
        assert.equal(paused.workerId, null)
        assert.equal((await run.pause()).answer, 'already-paused')
        await run.resume()
        const result = await run.result(patience)
        assert.deepEqual(result, { count: 40, attempt: 2 })
        const items = linesOf(file).map((line) => Number(line.split(':')[1]))
        assert.deepEqual(
          items,
          Array.from({ length: 40 }, (_, at) => at),
          'each item once',
        )
      })

      test(
        `a generator runs its finally blocks when it parks and when it is stopped: ${isolation}`,
        storeless(on),
        async () => {
          const file = newFile()
          const run = await bed.client.enqueue(tasks.generating[isolation], { file, upTo: 1000 })
          await saysSo(file, 'begun 1')
          await run.pause()
          assert.deepEqual(linesOf(file), ['begun 1', 'closed 1'])
          await run.resume()
          await saysSo(file, 'begun 2')
          const stop = await run.cancel({ grace: '20s' })
          assert.equal(stop.mode, 'cooperative')
          assert.deepEqual(linesOf(file).slice(2), ['begun 2', 'closed 2'])
          assert.ok(Number((stop.stop?.deliveredAt ?? 0) > 0))
        },
      )

      test(`signals are answered in order, and what they came to is on record: ${isolation}`, async () => {
        const run = await bed.client.enqueue(tasks.adding[isolation])
        const first = await run.signal('add', 1)
        const more = await Promise.all([run.signal('add', 20), run.signal('add', 300)])
        assert.equal(await first.reply(patience), 1)
        assert.deepEqual(await Promise.all(more.map((one) => one.reply(patience))), [21, 321])
        const bad = await run.signal('add', -1)
        await assert.rejects(bad.reply(patience), /less is no more/)
        await bed.client.signal(run.id, 'add', 'ten')
        await bed.client.signal(run.id, 'subtract', 1)
        await run.signal('finish')
        assert.equal(await run.result(patience), 321)
        const late = await run.signal('add', 5)
        assert.equal(late.answer, 'too-late')
        await assert.rejects(late.reply(), { code: 'SIGNAL_UNHEARD' })
        const record = await run.signals()
        const errors = record.map(({ name, error }) => [name, error?.code ?? null])
        assert.deepEqual(errors, [
          ['add', null],
          ['add', null],
          ['add', null],
          ['add', 'HANDLER_THREW'],
          ['add', 'SIGNAL_REJECTED'],
          ['subtract', 'SIGNAL_REJECTED'],
          ['finish', null],
          ['add', 'SIGNAL_UNHEARD'],
        ])
        assert.ok(record.slice(0, 7).every(({ completedAt }) => completedAt !== null))
      })

      test(`a run that waits for a signal holds no slot, and hears it when it comes: ${isolation}`, async () => {
        const run = await bed.client.enqueue(tasks.asking[isolation], {})
        const waiting = await until(run, ({ state }) => state === 'waiting')
        assert.equal(waiting.waitingFor?.signal, 'answer')
        const signal = await run.signal('answer', 'yes')
        assert.equal(await signal.reply(patience), 'heard yes')
        assert.deepEqual(await run.result(patience), { heard: 'yes', attempt: 2 })
      })

      test(`a signal that was sent before the run started is there when it starts: ${isolation}`, async () => {
        const run = await bed.client.enqueue(tasks.asking[isolation], {}, { delay: 50 })
        await run.signal('answer', 'early')
        assert.equal(((await run.result(patience)) as { heard: string }).heard, 'early')
      })

      test(`a wait that nothing ends is over when its time is: ${isolation}`, async () => {
        const run = await bed.client.enqueue(tasks.asking[isolation], { timeout: 100 })
        assert.deepEqual(await run.result(patience), { heard: null, attempt: 2 })
      })

      test(`long sleeps hold no slot, and each is slept once: ${isolation}`, async () => {
        const run = await bed.client.enqueue(tasks.napping[isolation])
        assert.equal(await run.result(patience), 3)
        const events = await Array.fromAsync(run.events())
        assert.equal(events.filter(({ type }) => type === 'wait').length, 2)
      })

      test(`what was stopped is rolled back from its last checkpoint, again until that is done: ${isolation}`, async () => {
        const file = newFile()
        const run = await bed.client.enqueue(tasks.undoing[isolation], { file, failures: 1 })
        await until(run, ({ progress }) => progress === 'saved')
        const stop = await run.cancel({ grace: '20s', timeout: '60s' })
        assert.deepEqual(
          [stop.state, stop.confirmed, stop.mode],
          ['cancelled', true, 'cooperative'],
        )
        const line = 'undo 7 cancel cooperative'
        assert.deepEqual(linesOf(file), [line, line])
        const { rollback } = await run.get()
        assert.deepEqual([rollback?.state, rollback?.failures], ['completed', 1])
      })

      test(`a roll-back that failed is tried again when its cause is mended: ${isolation}`, async () => {
        const file = newFile()
        const run = await bed.client.enqueue(tasks.mending[isolation], { file })
        await until(run, ({ progress }) => progress === 'saved')
        const stop = await run.cancel({ rollback: true, grace: '20s', timeout: '60s' })
        assert.equal(stop.rollback?.state, 'failed')
        writeFileSync(file, 'mended\n')
        const next = await run.retry({ rollback: true })
        await assert.rejects(next.result(patience), { code: 'RUN_CANCELLED' })
        assert.deepEqual(linesOf(file), ['mended', 'undo 7 cancel'])
        const { rollback, rollbackRetry, retriedAs } = await run.get()
        assert.deepEqual([rollback?.state, retriedAs], ['failed', next.id])
        assert.deepEqual(rollbackRetry, { id: next.id, state: 'completed' })
      })
    }

    test(
      'what was killed is rolled back, too, and says how it was stopped',
      storeless(on),
      async () => {
        const file = newFile()
        const run = await bed.client.enqueue(tasks.undoing.process, { file })
        await until(run, ({ progress }) => progress === 'saved')
        const stop = await run.terminate({ timeout: '60s' })
        assert.equal(stop.mode, 'forced')
        assert.deepEqual(linesOf(file), ['undo 7 terminate forced'])
        assert.equal((await run.get()).rollback?.state, 'completed')
      },
    )

    test('what was parked is rolled back, too', async () => {
      const file = newFile()
      const run = await bed.client.enqueue(tasks.countsInProcess, { file, upTo: 1000, everyMs: 5 })
      await saysSo(file, '1:3')
      await run.pause()
      const stop = await run.cancel({ rollback: true, timeout: '60s' })
      assert.equal(stop.mode, 'prevented')
      const { rollback, state } = await run.get()
      assert.deepEqual([state, rollback?.state], ['cancelled', 'failed'])
      assert.equal(rollback?.error?.code, 'ROLLBACK_MISSING', 'the run says so')
    })

    test(
      'a pause that meets no checkpoint is overdue, and may be taken back',
      storeless(on),
      async () => {
        const [file, signal] = [newFile(), newFile()]
        const run = await bed.client.enqueue(tasks.stuck, { file, until: signal })
        await saysSo(file, 'spinning')
        await assert.rejects(run.pause({ within: 50, timeout: 300 }), { code: 'PAUSE_PENDING' })
        await until(run, ({ status }) => status === 'pausing (overdue)')
        assert.equal((await run.resume()).answer, 'resumed')
        writeFileSync(signal, '')
        const { done, attempt } = await run.result(patience)
        assert.equal(done, 4)
        assert.ok(attempt <= 2, 'it may have parked before it heard, and then goes on at once')
      },
    )

    test('a pause that meets no checkpoint kills the attempt where that was asked, and the next goes on from the last checkpoint', async () => {
      const [file, signal] = [newFile(), newFile()]
      const run = await bed.client.enqueue(tasks.stuck, { file, until: signal })
      await saysSo(file, 'spinning')
      const outcome = await run.pause({ within: 50, otherwise: 'kill' })
      assert.equal(outcome.state, 'paused')
      await run.resume()
      assert.deepEqual(await run.result(patience), { done: 3, attempt: 2 })
    })

    test('a frozen run stands where it is, and goes on there', storeless(on), async () => {
      const [file, signal] = [newFile(), newFile()]
      const run = await bed.client.enqueue(tasks.stuck, { file, until: signal })
      await saysSo(file, 'spinning')
      const outcome = await run.freeze()
      assert.equal(outcome.status, 'frozen')
      writeFileSync(signal, '')
      const again = await run.get()
      assert.deepEqual([again.status, again.attempt], ['frozen', 1])
      await run.resume()
      assert.deepEqual(await run.result(patience), { done: 4, attempt: 1 })
    })

    test('a frozen run can be stopped: asked, and killed after the grace', async () => {
      const [file, signal] = [newFile(), newFile()]
      const run = await bed.client.enqueue(tasks.stuck, { file, until: signal })
      await saysSo(file, 'spinning')
      await run.freeze()
      const stop = await run.cancel({ grace: 200, timeout: '30s' })
      assert.deepEqual([stop.mode, stop.confirmed], ['forced', true])
      assert.match(stop.stop?.proof?.osSignal ?? '', /SIGTERM|SIGKILL/)
    })

    test(
      'a section that is shielded is ended before a stop reaches it',
      storeless(on),
      async () => {
        const file = newFile()
        const run = await bed.client.enqueue(tasks.shielded, { file })
        await until(run, ({ progress }) => progress === 'in')
        const stop = await run.cancel({ grace: '20s' })
        assert.equal(stop.mode, 'cooperative')
        assert.deepEqual(linesOf(file), ['in', 'out false'])
      },
    )

    test(
      'an attempt that gives no sign of life has failed; one that does goes on',
      storeless(on),
      async () => {
        const [quiet, lively] = await Promise.all([
          bed.client.enqueue(tasks.silent, 0),
          bed.client.enqueue(tasks.silent, 400),
        ])
        await assert.rejects(quiet.result(patience), /no sign of life for 4000 ms/)
        assert.equal((await quiet.get()).error?.code, 'HEARTBEAT_TIMEOUT')
        assert.equal(await lively.result(patience), 'done')
      },
    )

    test('a handler that asks for more time gets it', storeless(on), async () => {
      const [brief, long] = await Promise.all([
        bed.client.enqueue(tasks.extends_, 1),
        bed.client.enqueue(tasks.extends_, 30_000),
      ])
      await assert.rejects(brief.result(patience), /time limit of 1001 ms/)
      assert.equal(await long.result(patience), 'in time')
    })

    test('a run is stopped at its deadline, whether it runs or not', async () => {
      const deadline = new Date(bed.client.now() + 300)
      const [running, later] = await Promise.all([
        bed.client.enqueue(tasks.noRollback, undefined, { deadline }),
        bed.client.enqueue(tasks.noRollback, undefined, { deadline, delay: '1h' }),
      ])
      for (const run of [running, later])
        await assert.rejects(run.result(patience), { code: 'RUN_CANCELLED' })
      assert.match((await running.get()).stop?.reason ?? '', /deadline/)
      assert.equal((await later.get()).stop?.verb, 'expire')
    })

    test('a queue that is paused starts nothing until it is resumed', async () => {
      const { client } = bed
      await client.pause({ task: 'counts-inline' }, { reason: 'not now' })
      const run = await client.enqueue(tasks.countsInline, { file: newFile(), upTo: 1, everyMs: 1 })
      const other = await client.enqueue(tasks.asksInline, { timeout: 1 })
      await other.result(patience)
      assert.equal((await run.get()).state, 'queued')
      assert.equal((await client.holds()).length, 1)
      await client.resume({ task: 'counts-inline' })
      assert.equal(((await run.result(patience)) as { count: number }).count, 1)
    })

    test('a task that is paused with what is in flight parks it, and it goes on when the task does', async () => {
      const { client } = bed
      const file = newFile()
      const run = await client.enqueue(tasks.countsInThread, {
        file,
        upTo: 30,
        everyMs: 5,
        stays: 20,
      })
      await saysSo(file, '1:3')
      await client.pause({ task: 'counts-thread' }, { inFlight: 'park' })
      await until(run, ({ state }) => state === 'queued')
      await client.resume({ task: 'counts-thread' })
      assert.deepEqual(await run.result(patience), { count: 30, attempt: 2 })
    })

    test('nothing more of a tag starts while it is held, whenever it is enqueued', async () => {
      const { client } = bed
      const tags = [`tenant:${count++}`]
      const [tag] = tags
      const before = await client.enqueue(tasks.asksInline, {}, { tags, delay: '1h' })
      const hold = await client.hold({
        verb: 'cancel',
        filter: { tag: tag ?? '' },
        for: '1h',
        reason: 'unpaid',
      })
      const after = await client.enqueue(tasks.asksInline, {}, { tags })
      for (const run of [before, after]) {
        const { state, stop } = await run.get()
        assert.deepEqual([state, stop?.reason], ['cancelled', 'unpaid'])
      }
      await client.lift(hold.id)
      const free = await client.enqueue(tasks.asksInline, { timeout: 1 }, { tags })
      await free.result(patience)
    })
  })
}
