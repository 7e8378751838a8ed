/** Errors of users' code in the worker's own process that nobody catches. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { RunFailedError, workerChannel, type WorkerEvent } from '../../src/index.ts'
import { Bed, begun, eventually } from '../support/bed.ts'
import { innocent, slips, slipsLater, throwsWhenStopped } from './uncaught-tasks.ts'

const modules = [new URL('./uncaught-tasks.ts?as-the-worker-loads-it', import.meta.url)]

void test('an error that nobody catches fails the inline run it belongs to, or is published, and neither the worker nor a neighbour pays', async () => {
  const uncaught: Extract<WorkerEvent, { type: 'uncaught-error' }>[] = []
  const hear = (event: unknown): void => {
    if ((event as WorkerEvent).type === 'uncaught-error')
      uncaught.push(event as (typeof uncaught)[number])
  }
  const throwing = (): void => {
    throw new Error('the subscriber threw')
  }
  const warned = once(process, 'warning')
  subscribe(workerChannel, throwing)
  subscribe(workerChannel, hear)
  try {
    await using bed = await Bed.make({ worker: { modules } })
    const { client } = bed
    const neighbour = await client.enqueue(innocent)
    await begun(neighbour)

    for (const how of ['timer', 'rejection', 'await'] as const) {
      const run = await client.enqueue(slips, how)
      const failure = await run.result().then(
        () => assert.fail(how),
        (error: unknown) => error,
      )
      assert.ok(failure instanceof RunFailedError, how)
      assert.equal(failure.error?.message, `slipped in ${how}`)
      const { attempt, failures, crashes } = await run.get()
      assert.deepEqual({ attempt, failures, crashes }, { attempt: 2, failures: 2, crashes: 0 })
    }

    const stopped = await client.enqueue(throwsWhenStopped)
    await begun(stopped)
    await stopped.cancel()
    const { state, stop } = await stopped.get()
    assert.deepEqual([state, stop?.mode, stop?.confirmed], ['cancelled', 'cooperative', true])

    const late = await client.enqueue(slipsLater)
    await late.result()
    for (const { id } of [stopped, late])
      await eventually(() => uncaught.some(({ runId }) => runId === id), 'the late error')
    const { task, attempt, module } = uncaught.find(({ runId }) => runId === late.id) ?? {}
    assert.deepEqual({ task, attempt, module }, { task: 'slips-later', attempt: 1, module: null })

    const ofModule = uncaught.find(({ module }) => module !== null)
    assert.equal(ofModule?.error.message, 'the module has slipped')
    assert.equal(ofModule.module, String(modules[0]))
    assert.match(
      String((await warned)[0]),
      /A subscriber of checkrein:worker threw: the subscriber/,
    )

    await neighbour.signal('end', null)
    assert.equal(await neighbour.result(), 1)
  } finally {
    unsubscribe(workerChannel, throwing)
    unsubscribe(workerChannel, hear)
  }
})
