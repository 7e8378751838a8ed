import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  chain,
  isCheckreinError,
  RunCancelledError,
  RunFailedError,
  step,
} from '../../src/index.ts'
import { Bed, begun, eventually, storeless, until } from '../support/bed.ts'
import { isDead } from '../support/processes.ts'
import * as tasks from './tasks.ts'

const modules = [new URL('./tasks.ts', import.meta.url)]
const worker = { modules, concurrency: 4 }

suite('a worker', () => {
  test('runs tasks in every isolation, and their results come back typed', async () => {
    await using bed = await Bed.make({ worker })
    const { client } = bed
    const inline = await client.enqueue(tasks.add, { a: 1, b: 2 })
    const thread = await client.enqueue(tasks.addInThread, { a: 3, b: 4 })
    const isolated = await client.enqueue(
      tasks.addInProcess,
      { a: 5, b: 6 },
      { tags: ['tenant:9'] },
    )
    assert.equal(await inline.result(), 3)
    assert.equal(await thread.result(), 7)
    const { sum, pid, attempt, tags } = await isolated.result()
    assert.deepEqual({ sum, attempt, tags }, { sum: 11, attempt: 1, tags: ['tenant:9'] })
    assert.notEqual(pid, process.pid)
  })

  test('stores progress and log lines with the run', storeless(), async () => {
    await using bed = await Bed.make({ worker })
    const run = await bed.client.enqueue(tasks.addInProcess, { a: 1, b: 1 })
    await run.result()
    assert.equal((await run.get()).progress, 0.5)
    const feed = await Array.fromAsync(run.events())
    const log = feed.find(({ type }) => type === 'log')
    assert.deepEqual(log?.data, { message: 'adding', data: { a: 1, b: 1 } })
    assert.deepEqual(
      feed.map(({ type }) => type).filter((type) => type !== 'log' && type !== 'progress'),
      ['enqueue', 'claim', 'complete'],
    )
  })

  test(
    'checks the input again before the run, and gives the handler what the schema makes of it',
    storeless(),
    async () => {
      await using bed = await Bed.make({ worker })
      const good = await bed.client.enqueue(tasks.transforming, 'four')
      assert.deepEqual(await good.result(), { length: 4 })
      const bad = await bed.client.enqueueByName('transforming', 4)
      await assert.rejects(
        bad.result(),
        (error: RunFailedError) => error.error?.code === 'INPUT_REJECTED',
      )
      assert.equal((await bad.get()).attempt, 1)
    },
  )

  test(
    'tries again with a wait while attempts are left, and says why each failed',
    storeless(),
    async () => {
      await using bed = await Bed.make({ worker })
      const run = await bed.client.enqueue(tasks.failsUntil, { succeedsAt: 3 })
      assert.equal(await run.result(), 3)
      const fails = (await Array.fromAsync(run.events())).filter(({ type }) => type === 'fail')
      assert.deepEqual(
        fails.map(({ data, state }) => [state, (data['error'] as Error).message]),
        [
          ['scheduled', 'attempt 1 fails'],
          ['scheduled', 'attempt 2 fails'],
        ],
      )
      const lost = await bed.client.enqueue(tasks.failsUntil, { succeedsAt: 4 })
      await assert.rejects(lost.result(), RunFailedError)
      assert.equal((await lost.get()).failures, 3)
    },
  )

  test('does not try again after an error that says it is no use', storeless(), async () => {
    await using bed = await Bed.make({ worker })
    const run = await bed.client.enqueue(tasks.hopeless)
    await assert.rejects(run.result(), /no use/)
    const { attempt, error } = await run.get()
    assert.equal(attempt, 1)
    assert.equal(error?.cause?.message, 'the reason')
  })

  test(
    'ends a poisonous run as failed, and does not count its crashes as failures',
    storeless(),
    async () => {
      await using bed = await Bed.make({ worker })
      const run = await bed.client.enqueue(tasks.exits)
      await assert.rejects(run.result(), /exited with code 7/)
      const { attempt, crashes, failures, error } = await run.get()
      assert.deepEqual(
        { attempt, crashes, failures, code: error?.code },
        { attempt: 2, crashes: 2, failures: 0, code: 'ISOLATE_EXITED' },
      )
    },
  )

  test(
    'gives each attempt of a task an isolate of its own that wants one',
    storeless(),
    async () => {
      await using bed = await Bed.make({ worker })
      for (let n = 0; n < 2; n++)
        assert.equal(await (await bed.client.enqueue(tasks.alone)).result(), 1)
    },
  )

  test('leaves a task that it does not know to a worker that does', async () => {
    await using bed = await Bed.make({ worker })
    const unknown = await bed.client.enqueueByName('nobody-knows', {})
    const known = await bed.client.enqueue(tasks.add, { a: 1, b: 1 })
    await known.result()
    const { state, attempt } = await unknown.get()
    assert.deepEqual({ state, attempt }, { state: 'queued', attempt: 0 })
  })

  test('refuses results that cannot be stored, without trying again', storeless(), async () => {
    await using bed = await Bed.make({ worker })
    const large = await bed.client.enqueue(tasks.returnsTooMuch)
    await assert.rejects(
      large.result(),
      (error: RunFailedError) => error.error?.code === 'PAYLOAD_TOO_LARGE',
    )
    const bigint = await bed.client.enqueue(tasks.returnsBigInt)
    await assert.rejects(
      bigint.result(),
      (error: RunFailedError) => error.error?.code === 'PAYLOAD_NOT_JSON',
    )
  })

  for (const [module, code] of [
    ['throws-on-load.ts', 'TASK_MODULE_FAILED'],
    ['no-such-module.ts', 'TASK_MODULE_FAILED'],
    ['no-tasks.ts', 'TASK_UNKNOWN'],
    ['same-name.ts', 'TASK_INVALID'],
  ] as const) {
    test(`does not start on ${module}, and says ${code} with a hint`, storeless(), async () => {
      await using bed = await Bed.make()
      const start = bed.startWorker({ modules: [new URL(`./modules/${module}`, import.meta.url)] })
      await assert.rejects(
        start,
        (error) => isCheckreinError(error) && error.code === code && error.hint !== undefined,
      )
      assert.deepEqual(await bed.client.workers(), [])
    })
  }
})

suite('time limits', () => {
  test(
    'fire the abort signal with a typed reason, and a handler that throws then has failed',
    storeless(),
    async () => {
      await using bed = await Bed.make({ worker })
      const run = await bed.client.enqueue(tasks.timesOut)
      await assert.rejects(
        run.result(),
        (error: RunFailedError) => error.error?.code === 'ATTEMPT_TIMEOUT',
      )
      assert.equal((await run.get()).failures, 2)
    },
  )

  test('let a handler that returns in spite of them complete', storeless(), async () => {
    await using bed = await Bed.make({ worker })
    const run = await bed.client.enqueue(tasks.finishesAfterTimeout)
    assert.equal(await run.result(), 'ATTEMPT_TIMEOUT')
  })

  test(
    'kill an attempt that spins past the hard one, and it may be tried again',
    storeless(),
    async () => {
      await using bed = await Bed.make({ worker })
      const run = await bed.client.enqueue(tasks.spinsPastHardTimeout)
      await assert.rejects(run.result(), /killed after 200 ms/)
      const { failures, crashes, error } = await run.get()
      assert.deepEqual(
        { failures, crashes, code: error?.code },
        { failures: 2, crashes: 0, code: 'ATTEMPT_TIMEOUT' },
      )
    },
  )
})

suite('a running run', () => {
  test('that is cancelled hears who asked and why, and keeps what it returned as a partial result', async () => {
    await using bed = await Bed.make({ worker })
    const run = await bed.client.enqueue(tasks.polite)
    await begun(run)
    const stop = await run.cancel({ reason: 'closed the tab', by: 'ada' })
    assert.equal(stop.answer, 'requested')
    assert.equal(stop.mode, 'cooperative')
    assert.equal(stop.confirmed, true)
    const { result, stop: record } = await run.get()
    assert.deepEqual(result, {
      code: 'ATTEMPT_CANCELLED',
      details: { verb: 'cancel', reason: 'closed the tab', by: 'ada' },
    })
    assert.ok(record && record.deliveredAt !== null && record.requestedAt <= record.deliveredAt)
    await assert.rejects(run.result(), RunCancelledError)
  })

  test(
    'in a process is proved gone by the exit of its isolate, also where it ended politely',
    storeless(),
    async () => {
      await using bed = await Bed.make({ worker })
      const run = await bed.client.enqueue(tasks.politeInProcess)
      await until(run, ({ progress }) => progress === 'listening')
      const { stop } = await run.cancel()
      const pid = stop?.proof?.pid ?? 0
      assert.ok(pid > 0)
      assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
      assert.equal((await run.get()).result, 'as far as it got')
    },
  )

  test(
    'that throws the reason of its abort is cancelled, not failed, and is not tried again',
    storeless(),
    async () => {
      await using bed = await Bed.make({ worker })
      const run = await bed.client.enqueue(tasks.throwsOnAbort)
      await begun(run)
      assert.equal((await run.abort()).answer, 'requested')
      await assert.rejects(run.result(), RunCancelledError)
      const { attempt, error, stop } = await run.get()
      assert.deepEqual(
        { attempt, error, mode: stop?.mode, verb: stop?.verb },
        { attempt: 1, error: null, mode: 'cooperative', verb: 'abort' },
      )
    },
  )

  test('that is terminated dies at once, whatever its grace was', async () => {
    await using bed = await Bed.make({ worker })
    const run = await bed.client.enqueue(tasks.spin)
    await begun(run)
    await run.abort()
    const waiting = run.cancel({ grace: '10m', timeout: '20m' })
    const stop = await run.terminate({ reason: 'now' })
    assert.equal(stop.mode, 'forced')
    assert.equal(stop.stop?.verb, 'terminate')
    assert.equal((await waiting).stop?.verb, 'terminate')
  })

  test('inline, which cannot be killed, is asked by a terminate of every kind', async () => {
    await using bed = await Bed.make({ worker: { ...worker, concurrency: 5 } })
    const { client } = bed
    const ways = ['id', 'checkpoint', 'filter', 'hold'] as const
    const [byId, atCheckpoint, ...others] = await Promise.all(
      ways.map((tag) =>
        client.enqueue(tasks.heeds, { atCheckpoint: tag === 'checkpoint' }, { tags: [tag] }),
      ),
    )
    assert.ok(byId && atCheckpoint)
    const workflow = await client.startWorkflow(chain([step(tasks.heeds, {})]))
    const { runs } = await client.list({ workflow: workflow.id })
    const all = [byId, atCheckpoint, ...others, ...runs.map(({ id }) => client.run(id))]
    await Promise.all(all.map(begun))
    assert.equal((await byId.terminate()).mode, 'cooperative')
    assert.equal((await atCheckpoint.terminate()).mode, 'cooperative')
    await client.terminate({ filter: { tag: 'filter' } })
    await client.hold({ verb: 'terminate', filter: { tag: 'hold' } })
    await workflow.terminate()
    for (const run of all) {
      const { state, stop } = await until(run, ({ state }) => state !== 'running')
      const seen = { state, verb: stop?.verb, mode: stop?.mode, confirmed: stop?.confirmed }
      const asked = { state: 'cancelled', verb: 'terminate', mode: 'cooperative', confirmed: true }
      assert.deepEqual(seen, asked)
    }
  })

  test('that is revoked may finish, and no further attempt starts if it fails', async () => {
    await using bed = await Bed.make({ worker })
    const file = join(bed.folder, 'go')
    const ledger = join(bed.folder, 'ledger')
    const finishing = await bed.client.enqueue(tasks.waitsForFile, { ledger, file })
    await begun(finishing)
    assert.equal((await finishing.revoke()).answer, 'requested')
    writeFileSync(file, '')
    assert.equal(await finishing.result(), 1)
    assert.equal((await finishing.revoke()).answer, 'too-late')
  })

  test(
    'inline and deaf is shown as unresponsive, never as stopped, until it ends',
    storeless(),
    async () => {
      await using bed = await Bed.make({ worker })
      const file = join(bed.folder, 'end')
      const run = await bed.client.enqueue(tasks.deaf, { file })
      await begun(run)
      await assert.rejects(
        run.cancel({ grace: 10, timeout: 200 }),
        (error) => isCheckreinError(error) && error.code === 'STOP_PENDING',
      )
      assert.equal((await until(run, ({ status }) => status === 'unresponsive')).state, 'running')
      writeFileSync(file, '')
      const { state, stop } = await until(run, ({ state }) => state === 'cancelled')
      assert.equal(state, 'cancelled')
      assert.equal(stop?.mode, 'cooperative')
    },
  )
})

suite('a worker that is stopped', () => {
  test('takes nothing new and lets what runs finish', async () => {
    await using bed = await Bed.make({ worker })
    const file = join(bed.folder, 'go')
    const ledger = join(bed.folder, 'ledger')
    const run = await bed.client.enqueue(tasks.waitsForFile, { ledger, file })
    await begun(run)
    const stopped = bed.worker?.stop({ finish: '1m' })
    const late = await bed.client.enqueue(tasks.add, { a: 1, b: 1 })
    writeFileSync(file, '')
    await stopped
    assert.equal((await run.get()).state, 'completed')
    assert.equal((await late.get()).state, 'queued')
    assert.deepEqual(await bed.client.workers(), [])
  })

  test('asks what does not finish to end with the reason shutdown, hands it back, and that does not count', async () => {
    await using bed = await Bed.make({ worker })
    const polite = await bed.client.enqueue(tasks.throwsOnAbort)
    const spinning = await bed.client.enqueue(tasks.spin)
    await begun(polite)
    await begun(spinning)
    await bed.worker?.stop({ finish: 0, grace: 300 })
    for (const run of [polite, spinning]) {
      const { state, failures, crashes } = await run.get()
      assert.deepEqual({ state, failures, crashes }, { state: 'queued', failures: 0, crashes: 0 })
    }
    const modes = await Promise.all(
      [polite, spinning].map(async (run) => lastType(await run.get(), bed)),
    )
    assert.deepEqual(modes, ['release', 'release'])
  })

  test('goes to the kill at once when it is asked a second time', storeless(), async () => {
    await using bed = await Bed.make({ worker })
    const run = await bed.client.enqueue(tasks.spin)
    await begun(run)
    const first = bed.worker?.stop({ finish: '10m', grace: '10m' })
    await bed.worker?.stop()
    await first
    assert.equal((await run.get()).state, 'queued')
  })
})

async function lastType(run: { id: string }, bed: Bed): Promise<string | undefined> {
  const feed = await bed.client.store.feed({ runId: run.id, after: -1, limit: 100 })
  return feed.at(-1)?.type
}

test(
  'a process ends when its worker was stopped while an inline handler went on, and the handler has ended',
  storeless(),
  async () => {
    const script = fileURLToPath(new URL('./stop-while-busy.ts', import.meta.url))
    const child = spawn(process.execPath, [script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 120_000,
    })
    const [code, osSignal] = (await once(child, 'exit')) as [number | null, string | null]
    assert.deepEqual([code, osSignal], [0, null])
  },
)

test(
  'a client and a worker in one process leave nothing behind that keeps it alive',
  storeless(),
  async () => {
    const bed = await Bed.make({ worker })
    const run = await bed.client.enqueue(tasks.addInProcess, { a: 1, b: 1 })
    const { pid } = await run.result()
    await bed[Symbol.asyncDispose]()
    await eventually(() => isDead(pid), 'the isolate is gone')
  },
)
