import assert from 'node:assert/strict'
import { mock, suite, test } from 'node:test'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { machineClock } from '../../src/store/sqlite/machine-clock.ts'
import type { Store } from '../../src/store/store.ts'
import { eventOf, retry } from '../core/samples.ts'
import { plainCall, plainRun, plainWorker, sqlitePlace } from '../store/bed.ts'

const hour = 3_600_000

suite('an administrator who sets the clock', () => {
  for (const [what, jump] of [
    ['forward', hour],
    ['back', -hour],
  ] as const) {
    test(`${what} neither ends a lease nor makes it longer`, async () => {
      await using place = await sqlitePlace()
      const before = await place.open()
      await before.registerWorker({ ...plainWorker, id: 'w1', leaseMs: 60_000 })
      const realNow = Date.now
      using _ = { [Symbol.dispose]: () => mock.restoreAll() }
      mock.method(Date, 'now', () => realNow() + jump)
      const after = await place.open()
      for (const store of [before, after]) {
        assert.deepEqual((await store.housekeep()).lapsed, [])
        const [worker] = await store.workers()
        const left = worker?.leaseLeftMs ?? Number.NaN
        assert.ok(left > 30_000 && left <= 60_000, `${left} ms are left`)
      }
      assert.equal(await after.renewLease('w1'), true)
      const [renewed] = await before.workers()
      assert.ok((renewed?.leaseLeftMs ?? 0) <= 60_000 && (renewed?.leaseLeftMs ?? 0) > 30_000)
    })
  }
})

/** Sets the time of day of this process back, or forward, until it is disposed of. */
function setClock(jumpMs: number): Disposable {
  const realNow = Date.now
  mock.method(Date, 'now', () => realNow() + jumpMs)
  return { [Symbol.dispose]: () => mock.restoreAll() }
}

/** The instants of a run, relative to now, in whole minutes. */
async function minutesOf(store: Store, id: string): Promise<object> {
  const { runAt, wakeAt, expiresAt, deadlineAt } = (await store.get(id)) ?? assert.fail()
  const left = (at: number | null): number | null =>
    at === null ? null : Math.round((at - Date.now()) / 60_000)
  return {
    run: left(runAt),
    wake: left(wakeAt),
    expires: left(expiresAt),
    deadline: left(deadlineAt),
  }
}

suite('an administrator who sets the clock back by an hour', () => {
  test('delays nothing that is due after a length of time, and brings no date forward', async () => {
    await using place = await sqlitePlace()
    const before = await place.open()
    const inHalf = { inMs: hour / 2 }
    const later = { at: Date.now() + 3 * hour }
    const runs = [
      { ...plainRun, id: 'lengths', due: inHalf, deadline: { inMs: 2 * hour }, ttlMs: hour },
      { ...plainRun, id: 'dates', due: later, deadline: { at: Date.now() + 4 * hour } },
      { ...plainRun, id: 'tried' },
      { ...plainRun, id: 'paused', due: inHalf },
      { ...plainRun, id: 'asleep' },
    ]
    await before.enqueue(runs)
    await before.registerWorker({ ...plainWorker, id: 'w1', leaseMs: 60_000 })
    await before.control({ ...plainCall(), verb: 'pause', target: { ids: ['paused'] } })
    const request = { workerId: 'w1', queues: ['default'], tasks: ['work'], limit: 9 }
    for (const { id, attempt } of await before.claim(request)) {
      const fence = { runId: id, attempt, workerId: 'w1' }
      const event =
        id === 'tried'
          ? { ...eventOf('fail', fence), retry: { ...retry, delayMs: hour / 2, maxMs: hour } }
          : { ...eventOf('wait', fence), waitsFor: null, signal: null, wakeInMs: hour / 2 }
      await before.apply([{ runId: id, event }])
    }
    const none = { run: null, wake: null, expires: null, deadline: null }
    const expected = {
      lengths: { ...none, run: 30, expires: 60, deadline: 120 },
      dates: { ...none, run: 180, deadline: 240 },
      tried: { ...none, run: 30 },
      paused: { ...none, run: 30 },
      asleep: { ...none, wake: 30 },
    }
    for (const [id, minutes] of Object.entries(expected))
      assert.deepEqual(await minutesOf(before, id), minutes, id)
    using _ = setClock(-hour)
    const other = await place.open()
    await Promise.all([
      other.enqueue([{ ...plainRun, id: 'young', due: inHalf }]),
      before.enqueue([{ ...plainRun, id: 'young too', due: inHalf }]),
    ])
    const now = {
      ...expected,
      dates: { ...none, run: 240, deadline: 300 },
      young: { ...none, run: 30 },
      'young too': { ...none, run: 30 },
    }
    for (const [id, minutes] of Object.entries(now))
      assert.deepEqual(await minutesOf(other, id), minutes, id)
  })

  test('moves nothing twice, and a clock that is set right again moves nothing', async () => {
    await using place = await sqlitePlace()
    const store = await place.open()
    await store.enqueue([{ ...plainRun, id: 'one', due: { inMs: 5 * hour } }])
    for (const [jump, left] of [
      [-hour, 300],
      [-2 * hour, 300],
      [0, 180],
    ] as const) {
      using _ = setClock(jump)
      for (let turn = 0; turn < 2; turn++) await (await place.open()).housekeep()
      await store.housekeep()
      assert.equal(((await minutesOf(store, 'one')) as { run: number }).run, left, `${jump}`)
    }
  })
})

test('processes in other time namespaces read the same clock for their leases', async () => {
  const there = mkdtempSync(join(tmpdir(), 'proc-'))
  mkdirSync(join(there, 'sys/kernel/random'), { recursive: true })
  mkdirSync(join(there, 'self/ns'), { recursive: true })
  writeFileSync(join(there, 'sys/kernel/random/boot_id'), 'boot-1\n')
  const say = (offsets: string, children: string): void => {
    rmSync(join(there, 'self/ns'), { recursive: true })
    mkdirSync(join(there, 'self/ns'))
    writeFileSync(join(there, 'self/timens_offsets'), offsets)
    symlinkSync('time:[1]', join(there, 'self/ns/time'))
    symlinkSync(`time:[${children}]`, join(there, 'self/ns/time_for_children'))
  }
  say('monotonic         -86400 500000000\nboottime 0 0\n', '1')
  assert.deepEqual(machineClock(there), { boot: 'boot-1', aheadMs: -86_399_500 })
  say('monotonic 0 0\n', '2')
  assert.throws(() => machineClock(there), { code: 'SQLITE_UNSAFE' })
  rmSync(there, { recursive: true })
  assert.equal(machineClock(there), null, 'a system that names no boot')
})

const isRoot = process.getuid?.() === 0
test(
  'a lease is not ended by a process whose monotonic clock is a day ahead',
  { skip: !isRoot && 'a time namespace can only be made by root' },
  async () => {
    await using place = await sqlitePlace()
    const store = await place.open()
    await store.registerWorker({ ...plainWorker, id: 'w1', leaseMs: 60_000 })
    const program = `
      const { openStore } = await import(process.argv[1])
      await using store = await openStore(process.argv[2])
      const { lapsed } = await store.housekeep()
      console.log(JSON.stringify([lapsed, (await store.workers()).map((worker) => Math.round(worker.leaseLeftMs / 10_000))]))`
    const open = new URL('../../src/store/open.ts', import.meta.url).href
    const node = ['--input-type=module', '-e', program, open, `sqlite:${place.file}`]
    const there = ['--time', '--monotonic', '86400', '--fork', process.execPath, ...node]
    const { stdout } = await promisify(execFile)('unshare', there)
    assert.match(stdout, /^\[\[\],\[[56]\]\]/)
  },
)
