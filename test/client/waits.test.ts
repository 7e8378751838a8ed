/** Waits: how long they last, what they ask, and what they say where the time is up. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { chain, group, type CheckreinError, Client, type RunHandle } from '../../src/index.ts'
import type { SignalQuery } from '../../src/store/store.ts'
import { Bed, begun, eventually, storeKinds, until } from '../support/bed.ts'
import * as tasks from './tasks.ts'

const modules = [new URL('tasks.ts', import.meta.url)]
const worker = { modules, poll: 100 }

const late =
  (code: string, says: RegExp) =>
  (error: CheckreinError): boolean => {
    assert.equal(error.code, code)
    assert.match(error.hint ?? '', says)
    return true
  }

void test('a wait of more than 24.8 days does not end at once', async () => {
  await using bed = await Bed.make()
  const run = await bed.client.enqueue(tasks.counter)
  const sent = await run.signal('add', 1)
  const fates = [run.result({ timeout: '30d' }), sent.reply({ timeout: '30d' })].map((one) =>
    one.catch((error: CheckreinError) => error.code),
  )
  assert.equal(await Promise.race([...fates, wait(50, 'waiting')]), 'waiting')
  await run.cancel()
  assert.deepEqual(await Promise.all(fates), ['RUN_CANCELLED', 'SIGNAL_UNHEARD'])
})

for (const on of storeKinds)
  void test(`a wait of no time gives what is there already, on ${on}`, async () => {
    await using bed = await Bed.make({ on, worker })
    const { client } = bed
    const run = await client.enqueue(tasks.counter)
    await run.cancel()
    await assert.rejects(run.result({ timeout: 0 }), { code: 'RUN_CANCELLED' })
    const flow = await client.startWorkflow(group([]))
    await flow.result()
    assert.deepEqual(await flow.result({ timeout: 0 }), [])
    await assert.rejects((await client.enqueue(tasks.counter)).result({ timeout: 0 }), {
      code: 'RESULT_TIMEOUT',
    })
  })

for (const on of storeKinds)
  void test(`a wait for a run that was pruned before it could be seen to end rejects, on ${on}`, async () => {
    await using bed = await Bed.make({ on })
    // Each question comes too late: the end is there after one, and gone before the next.
    const blind = new Proxy(bed.client.store, {
      get(target, name) {
        if (name === 'finals' || name === 'endedWorkflows') return async () => []
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    const client = new Client(blind)
    const run = await client.enqueue(tasks.counter)
    const flow = await client.startWorkflow(chain([tasks.counter]))
    const fates = [run.result(), flow.result()].map((one) =>
      one.then(
        () => 'completed',
        (error: CheckreinError) => error.code,
      ),
    )
    await run.get()
    await bed.client.terminate(run.id)
    await bed.client.cancelWorkflow(flow.id)
    await eventually(async () => {
      await bed.client.prune({ cancelled: 0 })
      return (await bed.client.list()).runs.length === 0
    }, 'everything is pruned')
    assert.deepEqual(await Promise.all(fates), ['RUN_NOT_FOUND', 'WORKFLOW_NOT_FOUND'])
  })

void suite('waiting for the reply of one of many', () => {
  void test('reads the row of that run alone', async () => {
    await using bed = await Bed.make()
    const asked: SignalQuery[] = []
    const { store } = bed.client
    const spied = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          if (name === 'signals') asked.push(args[0] as SignalQuery)
          return (value as (...args: unknown[]) => unknown).apply(target, args)
        }
      },
    })
    const client = new Client(spied)
    await client.enqueueMany(
      tasks.counter,
      [1, 2, 3].map(() => ({ input: undefined })),
    )
    const [first] = await client.signal({ filter: {} }, 'add', 1)
    await assert.rejects(first?.reply({ timeout: 50 }) ?? Promise.resolve(), {
      code: 'SIGNAL_TIMEOUT',
    })
    assert.ok(asked.length > 0)
    for (const { callIds, runIds } of asked)
      assert.deepEqual([callIds, runIds], [[first?.callId], [first?.runId]])
  })
})

for (const on of storeKinds) {
  void suite(`a wait that is too long, on ${on}`, () => {
    void test('for a roll-back says that it goes on, and what terminate would do', async () => {
      await using bed = await Bed.make({ on, worker })
      const run = await bed.client.enqueue(tasks.undone)
      await until(run, ({ checkpointAt }) => checkpointAt !== null)
      await run.pause()
      await bed.worker?.stop()
      await assert.rejects(
        run.cancel({ rollback: true, timeout: 50 }),
        late('STOP_PENDING', /rolled back, and that goes on.*`terminate` gives the roll-back up/),
      )
    })

    void test('for a stop says how to force it, unless that was asked', async () => {
      await using bed = await Bed.make({ on })
      const run = await claimed(bed, 60_000)
      await assert.rejects(
        run.cancel({ timeout: 1 }),
        late('STOP_PENDING', /or use `terminate` to force it/),
      )
      await assert.rejects(
        run.terminate({ timeout: 1 }),
        late('STOP_PENDING', /will be carried out; look again with `get`\.$/),
      )
    })

    void test('for a pause says what comes of it, as it was asked', async () => {
      await using bed = await Bed.make({ on, worker })
      const run = await bed.client.enqueue(tasks.deaf)
      await begun(run)
      await assert.rejects(
        run.pause({ timeout: 1 }),
        late('PAUSE_PENDING', /parks at its next checkpoint, and `otherwise: 'kill'`/),
      )
      await assert.rejects(
        run.pause({ timeout: 1, otherwise: 'kill' }),
        late('PAUSE_PENDING', /is killed where it meets none in 30\.0 s/),
      )
      await assert.rejects(
        run.pause({ timeout: 1, within: 0, otherwise: 'kill' }),
        late('PAUSE_PENDING', /killed/),
      )
      await until(run, ({ status }) => status === 'pausing (overdue)')
      await assert.rejects(
        run.parked({ timeout: 1 }),
        late('PAUSE_PENDING', /cannot be killed, so it parks at its next one/),
      )
    })

    void test('for a pause says where the worker is lost', async () => {
      await using bed = await Bed.make({ on })
      const run = await claimed(bed, 100)
      const isLost = async (): Promise<boolean> => {
        const [lost] = await bed.client.workers()
        return lost !== undefined && lost.leaseLeftMs <= 0
      }
      await eventually(isLost, 'the lease lapses')
      await assert.rejects(run.pause({ timeout: 1 }), late('PAUSE_PENDING', /its worker is lost/))
    })
  })
}

/** A run that a worker holds which does nothing. */
async function claimed({ client }: Bed, leaseMs: number): Promise<RunHandle> {
  const run = await client.enqueue(tasks.deaf)
  const known = { deaf: { isolation: 'inline', maxCrashes: 3 } }
  const who = { id: 'idle', host: 'here', pid: 1, version: '0' }
  await client.store.registerWorker({ ...who, queues: ['default'], tasks: known, leaseMs })
  const request = { workerId: 'idle', queues: ['default'], tasks: ['deaf'], limit: 1 }
  assert.equal((await client.store.claim(request)).length, 1)
  return run
}
