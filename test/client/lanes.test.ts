/** What a client says of queues and tasks as a whole, and of what was asked of one run. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Bed } from '../support/bed.ts'

void suite('queues and tasks', () => {
  test('a lane names the workers that serve it, and the verbs that stand on all of it', async () => {
    await using bed = await Bed.make({ by: 'ada' })
    const { client } = bed
    const worker = { host: 'here', pid: 1, version: '0', leaseMs: 60_000 }
    const work = { isolation: 'inline', maxCrashes: 3 }
    const kill = { osSignal: 'SIGINT', killAfterMs: 5000 } as const
    const newer = { isolation: 'process', maxCrashes: 3, rollbackOn: ['stop'], kill } as const
    const register = client.store.registerWorker.bind(client.store)
    await register({ ...worker, id: 'w1', queues: ['default', 'media'], tasks: { work } })
    await register({ ...worker, id: 'w2', queues: ['default'], tasks: { work: newer, idle: work } })
    await client.enqueueByName('work')
    await client.enqueueByName('work', 1, { queue: 'media' })
    await client.enqueueByName('lost', 1, { queue: 'media', tags: ['a'] })
    await client.pause({ queue: 'media' }, { reason: 'disk is full' })
    await client.hold({ verb: 'revoke', filter: { tag: 'a' } })
    await client.hold({ verb: 'pause', filter: { task: 'work', queue: 'default' } })

    const { lanes, cut } = await client.lanes()
    assert.deepEqual(cut, [])
    assert.deepEqual(
      lanes.map(({ queue, task, counts, workerIds, holds }) => [
        `${queue} ${task} ${counts.queued}`,
        [...workerIds].sort(),
        holds.map(({ verb, reason }) => `${verb} ${reason}`),
      ]),
      [
        ['default work 1', ['w1', 'w2'], ['pause null']],
        ['media work 1', ['w1'], ['pause disk is full']],
      ],
    )
    const { tasks } = await client.tasks()
    assert.deepEqual(
      tasks.map(({ name, queues, definitions, counts }) => ({
        is: `${name} in ${queues.join(', ')}: ${counts.queued}`,
        as: definitions.map(({ isolation, workerIds }) => `${isolation} ${workerIds.join(' ')}`),
      })),
      [
        { is: 'idle in default: 0', as: ['inline w2'] },
        { is: 'lost in : 0', as: [] },
        { is: 'work in default, media: 2', as: ['inline w1', 'process w2'] },
      ],
    )
    assert.deepEqual(tasks[2]?.definitions[1]?.rollbackOn, ['stop'])
    assert.deepEqual(
      tasks[2].definitions.map((one) => one.kill),
      [{ osSignal: 'SIGTERM', killAfterMs: 250 }, kill],
    )
  })

  test('a worker whose lease has lapsed serves nothing', async () => {
    let at = 1_750_000_000_000
    await using bed = await Bed.make({ now: () => at })
    const worker = { host: 'here', pid: 1, version: '0', leaseMs: 1000, queues: ['default'] }
    const tasks = { work: { isolation: 'inline', maxCrashes: 3 } }
    await bed.client.store.registerWorker({ ...worker, id: 'w1', tasks })
    assert.equal((await bed.client.tasks()).tasks.length, 1)
    at += 2000
    await bed.client.enqueueByName('work')
    assert.deepEqual((await bed.client.lanes()).lanes[0]?.workerIds, [])
    assert.deepEqual((await bed.client.tasks()).tasks[0]?.definitions, [])
  })
})

void suite('the signals of a run', () => {
  test('are read page by page, oldest first, also when the run was pruned', async () => {
    await using bed = await Bed.make()
    const { client } = bed
    const run = await client.enqueueByName('work')
    for (const n of [1, 2, 3]) await run.signal('hello', n)
    await run.cancel()
    const first = await client.signals(run.id, { limit: 3 })
    assert.deepEqual(
      first.entries.map(({ payload }) => payload),
      [1, 2, 3],
    )
    assert.ok(first.cursor)
    const { entries } = await client.signals(run.id, { limit: 3, cursor: first.cursor })
    assert.deepEqual(
      entries.map(({ kind, name, answer }) => [kind, name, answer]),
      [['control', 'cancel', 'prevented']],
    )
    const [newest] = (await client.signals(run.id, { limit: 1, order: 'newest' })).entries
    assert.equal(newest?.name, 'cancel')
    await client.prune({ cancelled: 0 })
    assert.equal(await client.get(run.id), null)
    assert.equal((await client.signals(run.id)).entries[0]?.name, 'cancel')
  })

  test('of a run that never was are an error, as is an option that does not exist', async () => {
    await using bed = await Bed.make()
    const { client } = bed
    await assert.rejects(client.signals('nobody'), { code: 'RUN_NOT_FOUND' })
    const run = await client.enqueueByName('work')
    assert.deepEqual((await client.signals(run.id)).entries, [])
    const wrong = { size: 3 } as object
    await assert.rejects(client.signals(run.id, wrong), { code: 'USAGE' })
    await assert.rejects(client.signals(run.id, { limit: 0 }), { code: 'USAGE' })
  })
})
