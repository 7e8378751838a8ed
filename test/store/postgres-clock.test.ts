import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { DatabaseClock } from '../../src/store/postgres/connection/clock.ts'

/** With a clock of the machine that is told what time it is. */
class Held {
  at = 1000
  readonly clock = new DatabaseClock(() => this.at)

  /** An answer that was under way for some ms. */
  hear(databaseMs: number, underWayMs = 1): void {
    this.clock.heard(databaseMs, this.at - underWayMs)
  }

  /** The database's time, heard every second for a while. */
  pass(ms: number, offset: number): void {
    for (const end = this.at + ms; this.at < end; this.at += 1000) this.hear(this.at + offset)
  }
}

suite('the clock of the database', () => {
  test('goes on with the monotonic clock between two answers', () => {
    const held = new Held()
    held.hear(50_000)
    held.at += 250
    const { clock } = held
    assert.deepEqual([clock.now(), clock.leaseNow(), clock.grantNow()], [50_250, 50_250, 50_250])
  })

  test('is never put back by an answer that took long, however old the last one is', () => {
    const held = new Held()
    held.hear(50_000)
    held.at += 400
    held.hear(50_100, 300)
    assert.equal(held.clock.now(), 50_400)
    held.at += 20_000
    held.hear(60_000, 4500)
    assert.equal(held.clock.now(), 70_400)
  })

  test('follows the database, drifting with it', () => {
    const held = new Held()
    held.pass(30_000, 49_000)
    held.pass(90_000, 48_990)
    assert.equal(held.clock.now(), held.at + 48_990)
    assert.equal(held.clock.leaseNow(), held.at + 48_990)
    assert.equal(held.clock.grantNow(), held.at + 48_990)
  })

  for (const leapMs of [120_000, -20_000]) {
    test(`ends no lease that any process holds, when the server's clock leaps by ${leapMs / 1000} s`, () => {
      const leaseMs = 15_000
      const offset = 49_000
      for (const lateMs of [0, 1000, 4000, 9000]) {
        const holder = new Held()
        const judge = new Held()
        holder.pass(60_000, offset)
        judge.pass(60_000, offset)
        let until = holder.clock.grantNow() + leaseMs
        for (let ms = 0; ms < 200_000; ms += 1000) {
          for (const [held, hearsAfter] of [
            [holder, lateMs],
            [judge, 9000 - lateMs],
          ] as const) {
            held.at += 1000
            held.hear(held.at + offset + (ms >= hearsAfter ? leapMs : 0))
          }
          if (ms % 5000 === 0) until = Math.max(until, holder.clock.grantNow() + leaseMs)
          assert.ok(judge.clock.leaseNow() < until, `after ${ms} ms, heard ${lateMs} ms late`)
        }
        assert.equal(judge.clock.leaseNow(), judge.at + offset + leapMs)
      }
    })
  }
})
