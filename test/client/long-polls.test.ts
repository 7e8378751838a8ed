/** Waits as operations: they answer in the time given, with what is true by then. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { chain, step } from '../../src/index.ts'
import { Bed, eventually } from '../support/bed.ts'
import * as tasks from './tasks.ts'

const modules = [new URL('tasks.ts', import.meta.url)]
const worker = { modules, poll: 100 }
const code = (wanted: string) => ({ code: wanted })

void suite('waiting for a run', () => {
  test('answers at its end, or when the time is over with the run as it is', async () => {
    await using bed = await Bed.make({ worker })
    const { client } = bed
    const run = await client.enqueue(tasks.counter)
    const early = await client.waitForRun(run.id, { timeout: 0 })
    assert.deepEqual([early.outcome, early.run.finishedAt], ['pending', null])
    const late = await client.waitForRun(run.id, { timeout: 20 })
    assert.equal(late.outcome, 'pending')
    const ending = client.waitForRun(run.id, { timeout: '60s' })
    await run.signal('finish')
    const { outcome, run: ended } = await ending
    assert.deepEqual([outcome, ended.state], ['reached', 'completed'])
    assert.deepEqual((ended.result as { sum: number }).sum, 0)
  })

  test('says when a stop is confirmed, and that none will be where none was asked for', async () => {
    await using bed = await Bed.make({ worker })
    const { client } = bed
    const run = await client.enqueue(tasks.deaf)
    assert.equal((await client.waitForRun(run.id, { until: 'stopped' })).outcome, 'missed')
    await eventually(async () => (await run.get()).state === 'running', 'it runs')
    await client.abort(run.id)
    const { outcome, run: ended } = await client.waitForRun(run.id, { until: 'stopped' })
    assert.deepEqual([outcome, ended.stop?.confirmed], ['reached', true])
    const other = await client.enqueue(tasks.counter)
    await other.signal('finish')
    await other.result()
    assert.equal((await client.waitForRun(other.id, { until: 'stopped' })).outcome, 'missed')
  })

  test('says when a pause has taken effect', async () => {
    await using bed = await Bed.make({ worker })
    const { client } = bed
    const run = await client.enqueue(tasks.counter)
    await eventually(async () => (await run.get()).checkpointAt !== null, 'a checkpoint')
    assert.equal((await client.waitForRun(run.id, { until: 'paused' })).outcome, 'missed')
    await client.pause(run.id)
    const { outcome, run: paused } = await client.waitForRun(run.id, { until: 'paused' })
    assert.deepEqual([outcome, paused.state], ['reached', 'paused'])
    await run.cancel()
    assert.equal((await client.waitForRun(run.id, { until: 'paused' })).outcome, 'missed')
  })

  test('is refused where there is no such run, or nothing of that name to wait for', async () => {
    await using bed = await Bed.make()
    const { client } = bed
    await assert.rejects(client.waitForRun('nobody'), code('RUN_NOT_FOUND'))
    const { id } = await client.enqueue(tasks.counter)
    const until = 'frozen' as 'paused'
    await assert.rejects(client.waitForRun(id, { until }), code('USAGE'))
    await assert.rejects(client.waitForRun(id, { timeOut: 1 } as object), code('USAGE'))
    const abort = new AbortController()
    const waiting = client.waitForRun(id, { abortSignal: abort.signal })
    abort.abort(new Error('enough'))
    await assert.rejects(waiting, /enough/)
  })
})

void suite('waiting for a signal', () => {
  test('answers with the reply, and says why there will be none', async () => {
    await using bed = await Bed.make()
    const { client } = bed
    const run = await client.enqueue(tasks.counter)
    const [sent] = await client.signal(run.id, 'add', 2)
    const { callId } = sent ?? assert.fail()
    const pending = await client.waitForSignal(run.id, { callId, timeout: 20 })
    assert.deepEqual([pending.outcome, pending.signal.deliveredAt], ['pending', null])
    await bed.startWorker(worker)
    const { outcome, signal } = await client.waitForSignal(run.id, { callId })
    assert.deepEqual([outcome, signal.reply], ['reached', 2])
    const delivered = await client.waitForSignal(run.id, { callId, until: 'delivered' })
    assert.equal(delivered.outcome, 'reached')
    const failing = await run.signal('fail')
    const failed = await client.waitForSignal(run.id, { callId: failing.callId })
    assert.equal(failed.outcome, 'missed')
    assert.match(failed.signal.error?.message ?? '', /it cannot/)
    await run.cancel()
    const late = await run.signal('add', 1)
    const missed = await client.waitForSignal(run.id, { callId: late.callId, until: 'delivered' })
    assert.equal(missed.outcome, 'missed')
    await assert.rejects(client.waitForSignal(run.id, { callId: 'none' }), code('RUN_NOT_FOUND'))
    await assert.rejects(client.waitForSignal('nobody', { callId }), code('RUN_NOT_FOUND'))
  })
})

void suite('waiting for a workflow', () => {
  test('answers at its end, when it is at rest, and when its stop is confirmed', async () => {
    await using bed = await Bed.make({ worker })
    const { client } = bed
    const flow = await client.startWorkflow(chain([step(tasks.waiter), step(tasks.waiter)]))
    const early = await client.waitForWorkflow(flow.id, { timeout: 20 })
    assert.deepEqual([early.outcome, early.workflow.status], ['pending', 'running'])
    assert.equal((await client.waitForWorkflow(flow.id, { until: 'paused' })).outcome, 'missed')
    assert.equal((await client.waitForWorkflow(flow.id, { until: 'stopped' })).outcome, 'missed')
    const ending = client.waitForWorkflow(flow.id, { until: 'ended' })
    await client.pauseWorkflow(flow.id)
    const paused = await client.waitForWorkflow(flow.id, { until: 'paused' })
    assert.deepEqual([paused.outcome, paused.workflow.status], ['reached', 'paused'])
    await client.cancelWorkflow(flow.id)
    const stopped = await client.waitForWorkflow(flow.id, { until: 'stopped' })
    assert.deepEqual([stopped.outcome, stopped.workflow.state], ['reached', 'cancelled'])
    assert.equal((await ending).outcome, 'reached')
    await assert.rejects(client.waitForWorkflow('none'), code('WORKFLOW_NOT_FOUND'))
  })
})
