import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Place, tasksModule } from '../cli/cli.ts'
import { plainRun, sqlitePlace } from '../store/bed.ts'
import { Other } from './store-process.ts'

/** Counts the turns of the event loop while a promise is pending, and the longest between two. */
async function turnsDuring(
  promise: Promise<unknown>,
): Promise<{ turns: number; longestMs: number; tookMs: number }> {
  const start = performance.now()
  let isOver = false
  let turns = 0
  let longestMs = 0
  let last = start
  void promise.then(
    () => (isOver = true),
    () => (isOver = true),
  )
  while (!isOver) {
    await pause(1)
    const now = performance.now()
    longestMs = Math.max(longestMs, now - last)
    last = now
    turns++
  }
  return { turns, longestMs, tookMs: performance.now() - start }
}

suite('a process that holds the write lock', () => {
  test('delays writers, who do not block their event loop, and fails them all after their patience', async () => {
    const busyMs = 3000
    await using place = await sqlitePlace({ busyMs })
    const store = await place.open()
    await store.enqueue([{ ...plainRun, id: 'before' }])
    await using holder = new Other('store-holder.ts', place.file)
    await holder.said(1)

    const writes = Array.from({ length: 20 }, (_, at) =>
      store.enqueue([{ ...plainRun, id: `late-${at}` }]),
    )
    const settled = Promise.allSettled(writes)
    const { turns, longestMs, tookMs } = await turnsDuring(settled)
    for (const one of await settled) {
      assert.equal(one.status === 'rejected' && (one.reason as { code: string }).code, 'STORE_BUSY')
    }
    const isTogether = tookMs >= busyMs && tookMs < 5 * busyMs
    assert.ok(isTogether, `failed after ${tookMs} ms: together, not one after the other`)
    assert.ok(turns > 20, `${turns} turns`)
    assert.ok(longestMs < busyMs / 2, `the event loop stood still for ${longestMs} ms`)
    assert.ok(await store.get('before'), 'readers are not in its way')
    assert.equal(await store.get('late-0'), null)
  })

  test('that lets go in time has only delayed them', async () => {
    await using place = await sqlitePlace({ busyMs: 20_000 })
    const store = await place.open()
    await using holder = new Other('store-holder.ts', place.file)
    await holder.said(1)
    const write = store.enqueue([{ ...plainRun, id: 'late' }])
    assert.equal(await store.get('late'), null)
    holder.child.stdin.end()
    assert.equal((await write)[0]?.outcome, 'enqueued')
    assert.equal(await holder.ended(), 0)
  })

  test('keeps no worker from ending, which says what it could not write; the lease lapses', async () => {
    await using place = await Place.make('sqlite')
    const file = place.path('checkrein.db')
    for (const isBusy of [false, true]) {
      const worker = await place.worker('--finish', '10ms', '--grace', '10ms', '--lease', '12s')
      const id = isBusy ? await place.begun('stubborn') : null
      await using holder = new Other('store-holder.ts', file)
      await holder.said(1)
      worker.signal('SIGTERM')
      const { code, stderr } = await worker.ended
      assert.equal(code, 75, stderr)
      assert.match(
        stderr,
        /error STORE_BUSY: The store did not take the last writes of the worker \S+ within 5\.0 s/,
      )
      assert.match(stderr, /hint: .*other workers take back what it held/)
      assert.equal(stderr.includes(`the ends of the attempts ${id}#1`), isBusy, stderr)
      holder.child.stdin.end()
      await holder.ended()
    }
    const next = await place.worker('--lease', '1s')
    await next.says(/worker \S+ is lost; 1 of its runs were taken back/)
  })

  test('is what a worker says that it may wait for, where it does not start', async () => {
    await using place = await Place.make('sqlite')
    await place.does('enqueue', 'add', '{"a":1,"b":2}')
    await using holder = new Other('store-holder.ts', place.path('checkrein.db'))
    await holder.said(1)
    const worker = place.start(['worker', tasksModule])
    await worker.says(/not started yet: the store is locked or away, a module/)
    holder.child.stdin.end()
    await worker.says(/worker \S+ started/)
  })
})
