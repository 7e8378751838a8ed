import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { endOfGrace, type StopIntent, strongerStop } from '../../src/core/run/intent.ts'
import { stopVerbs } from '../../src/core/run/transitions.ts'
import { now, stopIntent } from './samples.ts'

const intent = (over: Partial<StopIntent>): StopIntent => ({ ...stopIntent, ...over })

suite('an intent to stop', () => {
  test('never sinks: of any two requests, in any order, the stronger verb holds', () => {
    stopVerbs.forEach((first, at) => {
      stopVerbs.forEach((second, later) => {
        const { verb } = strongerStop(intent({ verb: first }), intent({ verb: second }))
        assert.equal(verb, stopVerbs[Math.max(at, later)], `${first}, then ${second}`)
      })
    })
  })

  test('never gives the handler more time than it had', () => {
    const old = intent({ requestedAt: now, graceMs: 5000 })
    const longer = intent({ requestedAt: now + 100, graceMs: 5000, reason: 'later' })
    assert.equal(strongerStop(old, longer), old)
    const shorter = strongerStop(old, intent({ requestedAt: now + 100, graceMs: 1000 }))
    assert.equal(endOfGrace(shorter), now + 1100)
  })

  test('is the first request where a second of the same strength comes', () => {
    for (const verb of ['revoke', 'abort', 'terminate'] as const) {
      const old = intent({ verb })
      assert.equal(strongerStop(old, intent({ verb, reason: 'again', requestedAt: now })), old)
    }
  })

  test('remembers that the handler heard of it when it grows stronger', () => {
    const old = intent({ verb: 'abort', deliveredAt: now, overdueAt: now + 1 })
    const grown = strongerStop(old, intent({ verb: 'terminate', reason: 'now' }))
    assert.deepEqual(
      [grown.verb, grown.reason, grown.deliveredAt, grown.overdueAt],
      ['terminate', 'now', now, now + 1],
    )
  })

  test('forces nothing where it is a revoke or an abort', () => {
    assert.equal(endOfGrace(intent({ verb: 'revoke' })), null)
    assert.equal(endOfGrace(intent({ verb: 'abort' })), null)
    assert.equal(endOfGrace(intent({ verb: 'terminate', requestedAt: now })), now)
  })
})
