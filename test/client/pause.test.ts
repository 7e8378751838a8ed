/** Pausing and resuming runs, whole tasks and queues, and what stands. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { CheckreinError, Run } from '../../src/index.ts'
import { Bed, begun, storeKinds, until } from '../support/bed.ts'
import * as tasks from './tasks.ts'

const modules = [new URL('tasks.ts', import.meta.url)]
const worker = { modules, poll: 100 }
const hour = 3_600_000
const code =
  (wanted: string) =>
  (error: CheckreinError): boolean =>
    error.code === wanted

const isPastCheckpoint = (run: Run): boolean => run.checkpointAt !== null

for (const on of storeKinds) {
  void suite(`pausing, on ${on}`, () => {
    void test('a paused run says by whom, why and until when, and is queued again when resumed', async () => {
      await using bed = await Bed.make({ on })
      const run = await bed.client.enqueue(tasks.counter)
      const outcome = await run.pause({ by: 'ada', reason: 'disk is full', for: '1h' })
      assert.deepEqual(outcome, { id: run.id, answer: 'paused', state: 'paused', status: 'paused' })
      const { paused } = await run.get()
      assert.ok(paused)
      const { by, reason, at, until: end, holdId } = paused
      assert.deepEqual({ by, reason, holdId }, { by: 'ada', reason: 'disk is full', holdId: null })
      assert.equal(end, at + hour)
      assert.equal((await run.pause({ until: new Date(end ?? 0) })).answer, 'already-paused')
      assert.equal((await run.pause({ for: '2h' })).answer, 'moved')
      assert.equal((await run.resume()).answer, 'resumed')
      assert.equal((await run.resume()).answer, 'not-paused')
      const after = await run.get()
      assert.deepEqual([after.state, after.paused], ['queued', null])
    })

    void test('pause fulfils when the run has parked, and the next attempt begins at its checkpoint', async () => {
      await using bed = await Bed.make({ on, worker })
      const run = await bed.client.enqueue(tasks.counter)
      await until(run, isPastCheckpoint)
      const { answer, status } = await run.pause()
      assert.deepEqual({ answer, status }, { answer: 'paused', status: 'paused' })
      const { checkpoint, workerId } = await run.get()
      assert.equal(workerId, null)
      await run.resume()
      await run.signal('finish')
      const { from } = await run.result()
      assert.deepEqual({ done: from }, checkpoint)
    })

    void test('a pause that meets no checkpoint is pending, stays on record, and can be taken back', async () => {
      await using bed = await Bed.make({ on, worker })
      const run = await bed.client.enqueue(tasks.deaf)
      await begun(run)
      await assert.rejects(run.pause({ timeout: 1, by: 'ada' }), code('PAUSE_PENDING'))
      const pausing = await run.get()
      assert.deepEqual([pausing.status, pausing.pausing?.by], ['pausing', 'ada'])
      const parked = run.parked()
      await run.resume()
      const { answer, status } = await parked
      assert.deepEqual({ answer, status }, { answer: 'resumed', status: 'running' })
    })

    void test('a run that meets no checkpoint in time is shown as overdue', async () => {
      await using bed = await Bed.make({ on, worker })
      const run = await bed.client.enqueue(tasks.deaf)
      await begun(run)
      await assert.rejects(run.pause({ within: 0, timeout: 1 }), code('PAUSE_PENDING'))
      await until(run, ({ status }) => status === 'pausing (overdue)')
    })

    void test('a pause of a run that is stopped meanwhile is too late', async () => {
      await using bed = await Bed.make({ on, worker })
      const run = await bed.client.enqueue(tasks.deaf)
      await begun(run)
      const paused = run.pause()
      await until(run, ({ pausing }) => pausing !== null)
      await run.cancel()
      const { answer, state } = await paused
      assert.deepEqual({ answer, state }, { answer: 'too-late', state: 'cancelled' })
      assert.equal((await run.pause()).answer, 'already-cancelled')
    })

    void test('a run that hears nothing is frozen where it stands, and can be stopped there', async () => {
      await using bed = await Bed.make({ on, worker })
      const run = await bed.client.enqueue(tasks.spinning)
      await begun(run)
      const { answer, state, status } = await run.freeze()
      assert.deepEqual([answer, state, status], ['paused', 'running', 'frozen'])
      const stop = await run.cancel({ grace: 50 })
      assert.deepEqual([stop.state, stop.mode], ['cancelled', 'forced'])
    })

    void test('a queue is held with what comes, until it is resumed', async () => {
      await using bed = await Bed.make({ on, worker: { ...worker, queues: ['default', 'media'] } })
      const { client } = bed
      const hold = await client.pause({ queue: 'media' }, { by: 'ada', for: '1h' })
      assert.deepEqual([hold.verb, hold.filter, hold.by], ['pause', { queue: 'media' }, 'ada'])
      assert.equal(hold.until, hold.createdAt + hour)
      const held = await client.enqueue(tasks.counter, undefined, { queue: 'media' })
      const free = await client.enqueue(tasks.counter)
      for (const run of [held, free]) await run.signal('finish')
      await free.result()
      assert.equal((await held.get()).state, 'queued')
      assert.deepEqual(await client.holds(), [hold])
      assert.deepEqual(await client.resume({ queue: 'media' }), hold)
      assert.equal(await client.resume({ queue: 'media' }), null)
      await held.result()
    })

    void test('a queue that is held with `park` gives back what runs, and `resume` lets it go on', async () => {
      await using bed = await Bed.make({ on, worker })
      const run = await bed.client.enqueue(tasks.counter)
      await until(run, isPastCheckpoint)
      await bed.client.pause({ all: true }, { inFlight: 'park' })
      await until(run, ({ state }) => state === 'queued')
      await bed.client.resume({ all: true })
      await run.signal('finish')
      assert.notEqual((await run.result()).from, 0)
    })

    void test('runs of a filter are paused and resumed, with an answer for each', async () => {
      await using bed = await Bed.make({ on })
      const runs = await bed.client.enqueueMany(tasks.counter, [
        { input: undefined, tags: ['t'] },
        { input: undefined, tags: ['t'], key: 'k' },
        { input: undefined },
      ])
      const paused = await bed.client.pause({ filter: { tag: 't' } })
      assert.deepEqual(paused.map(({ answer }) => answer).sort(), ['paused', 'paused'])
      const [one] = await bed.client.resume({ task: 'counter', key: 'k' })
      assert.deepEqual([one?.id, one?.answer], [runs[1]?.id, 'resumed'])
      const states = await Promise.all(runs.map(async (run) => (await run.get()).state))
      assert.deepEqual(states, ['paused', 'queued', 'queued'])
    })

    void test('a hold catches what comes, and lifting it resumes what it has paused, and nothing else', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      const options = { tags: ['t'] }
      const before = await client.enqueue(tasks.counter, undefined, options)
      const own = await client.enqueue(tasks.counter, undefined, options)
      await own.pause({ by: 'bob' })
      const hold = await client.hold({ verb: 'pause', filter: { tag: 't' }, reason: 'quota' })
      const after = await client.enqueue(tasks.counter, undefined, options)
      const of = async (): Promise<unknown[]> =>
        Promise.all([before, own, after].map(async (run) => (await run.get()).paused?.holdId))
      assert.deepEqual(await of(), [hold.id, null, hold.id])
      assert.equal((await client.lift(hold.id))?.id, hold.id)
      assert.deepEqual(await of(), [undefined, null, undefined])
      assert.equal(await client.lift({ verb: 'pause', filter: { tag: 't' } }), null)
    })

    void test('a standing cancel prevents what comes', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      await client.hold({ verb: 'cancel', filter: { task: 'counter' }, by: 'ada' })
      const run = await client.enqueue(tasks.counter)
      assert.equal(run.enqueued?.outcome, 'prevented')
      assert.equal((await run.get()).stop?.by, 'ada')
    })

    void test('a stop with a roll-back fulfils when the run is rolled back, and says what came of it', async () => {
      await using bed = await Bed.make({ on, worker })
      const { client } = bed
      const [well, ill] = [await client.enqueue(tasks.undone), await client.enqueue(tasks.undoable)]
      for (const run of [well, ill]) await until(run, isPastCheckpoint)
      const outcome = await well.cancel({ rollback: true })
      assert.deepEqual(
        [outcome.state, outcome.mode, outcome.rollback],
        ['cancelled', 'cooperative', { state: 'completed', error: null }],
      )
      await ill.pause()
      const { answer, state, rollback } = await ill.terminate({ rollback: true })
      assert.deepEqual([answer, state, rollback?.state], ['prevented', 'cancelled', 'failed'])
      assert.equal(rollback?.error?.message, 'it stays done')
      assert.equal((await ill.get()).rollback?.failures, 1)
    })
  })
}
