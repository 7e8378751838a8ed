import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { DatabaseClock } from '../../src/store/postgres/clock.ts'

/** With a clock of the machine that is told what time it is. */
class Held {
  at = 1000
  readonly clock = new DatabaseClock(() => this.at)
}

suite('the clock of the database', () => {
  test('goes on with the monotonic clock between two answers', () => {
    const held = new Held()
    held.clock.heard(50_000)
    held.at += 250
    assert.equal(held.clock.now(), 50_250)
    assert.equal(held.clock.leaseNow(), 50_250)
  })

  test('is never put back by an answer that took long', () => {
    const held = new Held()
    held.clock.heard(50_000)
    held.at += 400
    held.clock.heard(50_100)
    assert.equal(held.clock.now(), 50_400)
  })

  test('follows the database when no answer has been as fast for a while', () => {
    const held = new Held()
    held.clock.heard(50_000)
    held.at += 11_000
    held.clock.heard(60_900)
    assert.equal(held.clock.now(), 60_900)
  })

  test('ends no lease because another server is ahead, and believes it after a minute', () => {
    const held = new Held()
    held.clock.heard(50_000)
    held.at += 1000
    held.clock.heard(3_651_000)
    assert.equal(held.clock.now(), 3_651_000)
    assert.equal(held.clock.leaseNow(), 51_000)
    held.at += 30_000
    held.clock.heard(3_681_000)
    assert.equal(held.clock.leaseNow(), 81_000)
    held.at += 31_000
    held.clock.heard(3_712_000)
    assert.equal(held.clock.leaseNow(), 3_712_000)
  })
})
