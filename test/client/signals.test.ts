/** Talking to the handlers of runs, and what comes back. */
import assert from 'node:assert/strict'
import { randomUUIDv7 } from 'node:crypto'
import { suite, test } from 'node:test'
import { type CheckreinError, SignalFailedError } from '../../src/index.ts'
import { Bed, storeKinds, until } from '../support/bed.ts'
import * as tasks from './tasks.ts'

const modules = [new URL('tasks.ts', import.meta.url)]
const worker = { modules, poll: 100 }
const code =
  (wanted: string) =>
  (error: CheckreinError): boolean =>
    error.code === wanted

for (const on of storeKinds) {
  void suite(`signals, on ${on}`, () => {
    void test('a signal is kept until the run starts, and its sender gets the reply', async () => {
      await using bed = await Bed.make({ on })
      const run = await bed.client.enqueue(tasks.counter)
      const sent = await run.signal('add', 2, { by: 'ada', reason: 'two more' })
      assert.equal(sent.answer, 'sent')
      await bed.startWorker(worker)
      const { deliveredAt, attempt, by, reason } = await sent.delivered()
      assert.ok(deliveredAt)
      assert.deepEqual({ attempt, by, reason }, { attempt: 1, by: 'ada', reason: 'two more' })
      assert.equal(await sent.reply(), 2)
      const again = await run.signal('add', 3)
      assert.equal(await again.reply(), 5)
      await run.signal('finish')
      assert.equal((await run.result()).sum, 5)
      assert.equal(await again.reply(), 5, 'the reply is kept')
    })

    void test('signals to one run are dealt with in the order in which they were sent, each once', async () => {
      await using bed = await Bed.make({ on, worker })
      const run = await bed.client.enqueue(tasks.counter)
      const sent = await Promise.all(Array.from({ length: 100 }, () => run.signal('add', 1)))
      sent.sort((a, b) => Number(a.position) - Number(b.position))
      const replies = await Promise.all(sent.map((one) => one.reply<number>()))
      assert.deepEqual(
        replies,
        Array.from({ length: 100 }, (_, at) => at + 1),
      )
    })

    void test('what a task does not take is refused before it is sent, where the handle knows the task', async () => {
      await using bed = await Bed.make({ on })
      const enqueued = await bed.client.enqueue(tasks.counter)
      const run = bed.client.run(enqueued.id)
      const known = bed.client.run(tasks.counter as never, run.id) as typeof run
      await assert.rejects(known.signal('add', 'two'), (error: CheckreinError) => {
        assert.equal(error.code, 'SIGNAL_REJECTED')
        assert.match(error.message, /The payload of add does not fit what counter takes/)
        assert.equal((error.details['issues'] as unknown[]).length, 1)
        return true
      })
      await assert.rejects(known.signal('faster'), (error: CheckreinError) => {
        assert.equal(error.code, 'SIGNAL_REJECTED')
        assert.match(error.hint ?? '', /finish, add, fail/)
        return true
      })
      await assert.rejects(known.signal('toString'), code('SIGNAL_REJECTED'))
      await assert.rejects(run.signal('not a name'), code('USAGE'))
      await assert.rejects(run.signal('add', 1n), code('PAYLOAD_NOT_JSON'))
      assert.deepEqual(await run.signals(), [])
    })

    void test('what the worker finds unfit, and what the handler throws, comes back as an error', async () => {
      await using bed = await Bed.make({ on, worker })
      const { id } = await bed.client.enqueue(tasks.counter)
      const run = bed.client.run(id)
      const unfit = await run.signal('add', 'two')
      await assert.rejects(unfit.reply(), code('SIGNAL_REJECTED'))
      const failing = await run.signal('fail')
      await assert.rejects(failing.reply(), (error: SignalFailedError) => {
        assert.ok(error instanceof SignalFailedError)
        assert.deepEqual(
          [error.code, error.error?.message, error.signal.runId],
          ['SIGNAL_FAILED', 'it cannot', id],
        )
        return true
      })
      assert.ok((await failing.delivered()).deliveredAt, 'it was delivered all the same')
    })

    void test('a run that ends without having dealt with a signal leaves it unheard; one that has ended answers so', async () => {
      await using bed = await Bed.make({ on })
      const run = await bed.client.enqueue(tasks.counter)
      const sent = await run.signal('add', 1)
      const [reply, delivered] = [sent.reply(), sent.delivered()]
      const unheard = Promise.all([
        assert.rejects(reply, code('SIGNAL_UNHEARD')),
        assert.rejects(delivered, code('SIGNAL_UNHEARD')),
      ])
      await run.cancel()
      await unheard
      const late = await run.signal('add', 1)
      assert.equal(late.answer, 'too-late')
      await assert.rejects(late.reply(), code('SIGNAL_UNHEARD'))
      const missing = await bed.client.run('nobody').signal('add', 1)
      assert.deepEqual([missing.answer, missing.position], ['not-found', null])
      await assert.rejects(missing.reply(), code('RUN_NOT_FOUND'))
      const [nobody] = await bed.client.signal({ task: 'counter', key: 'none' }, 'add', 1)
      assert.deepEqual([nobody?.answer, nobody?.runId], ['not-found', null])
    })

    void test('waiting for a reply ends with its time, with its abort signal, and with its handle', async () => {
      await using bed = await Bed.make({ on })
      const run = await bed.client.enqueue(tasks.counter)
      const sent = await run.signal('add', 1)
      await assert.rejects(sent.reply({ timeout: 1 }), code('SIGNAL_TIMEOUT'))
      const abort = new AbortController()
      const waiting = sent.reply({ abortSignal: abort.signal })
      abort.abort(new Error('enough'))
      await assert.rejects(waiting, /enough/)
      const last = sent.delivered()
      await run[Symbol.asyncDispose]()
      await assert.rejects(last, code('STORE_CLOSED'))
    })

    void test('a signal to a filter reaches each of its runs, and each replies', async () => {
      await using bed = await Bed.make({ on, worker })
      const { client } = bed
      const options = { tags: ['t'] }
      const runs = await client.enqueueMany(tasks.counter, [
        { input: undefined, ...options },
        { input: undefined, ...options },
        { input: undefined },
      ])
      const sent = await client.signal({ filter: { tag: 't' } }, 'add', 7, { by: 'ada' })
      const meant = new Set(runs.slice(0, 2).map(({ id }) => id))
      assert.deepEqual(new Set(sent.map(({ runId }) => runId)), meant)
      assert.deepEqual(await Promise.all(sent.map((one) => one.reply())), [7, 7])
      assert.equal((await client.bulk(sent[0]?.callId ?? ''))?.counts.sent, 2)
    })

    void test('a signal that is sent again under the same id is the same signal', async () => {
      await using bed = await Bed.make({ on })
      const run = await bed.client.enqueue(tasks.counter)
      const callId = randomUUIDv7()
      const first = await run.signal('add', 1, { callId })
      const again = await run.signal('add', 1, { callId })
      assert.equal(again.position, first.position)
      assert.equal((await run.signals()).length, 1)
      await assert.rejects(run.signal('add', 1, { callId: 'mine' }), code('USAGE'))
    })

    void test('a run that waits without a slot says for what, and the signal wakes it', async () => {
      await using bed = await Bed.make({ on, worker })
      const run = await bed.client.enqueue(tasks.waiter)
      const waiting = await until(run, ({ state }) => state === 'waiting')
      assert.equal(waiting.waitingFor?.signal, 'word')
      assert.ok(waiting.waitingFor.until)
      const sent = await run.signal('word', 'go')
      assert.equal(await sent.reply(), 'heard go')
      assert.equal(await run.result(), 'go')
    })
  })
}
