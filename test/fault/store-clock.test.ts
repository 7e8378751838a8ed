import assert from 'node:assert/strict'
import { mock, suite, test } from 'node:test'
import { plainWorker, sqlitePlace } from '../store/bed.ts'

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
