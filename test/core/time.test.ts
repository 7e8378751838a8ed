import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { backoffMs, retryPolicy } from '../../src/core/backoff.ts'
import { type Duration, durationMs, humanDuration } from '../../src/core/duration.ts'
import { isUsage } from './errors-of.ts'

suite('a duration', () => {
  test('is milliseconds, or a number with a unit', () => {
    const good: readonly (readonly [Duration, number])[] = [
      [0, 0],
      [1.4, 1],
      ['250ms', 250],
      ['2s', 2000],
      ['1.5h', 5_400_000],
      ['5m', 300_000],
      ['7d', 604_800_000],
    ]
    for (const [text, ms] of good) assert.equal(durationMs(text, 'grace'), ms)
  })

  test('that is not one is refused, and the error names the setting', () => {
    const bad = [
      '',
      '5',
      '5 minutes',
      '-1s',
      '1e3s',
      -1,
      Number.NaN,
      Infinity,
      '999999d',
      null,
      {},
      5n,
      [1],
    ]
    for (const value of bad) {
      assert.throws(() => durationMs(value as never, 'grace'), isUsage(/^grace: /), String(value))
    }
  })

  test('reads well', () => {
    const read = [340, 1500, 180_000, 7_200_000, 172_800_000].map(humanDuration)
    assert.deepEqual(read, ['340 ms', '1.5 s', '3.0 min', '2.0 h', '2.0 d'])
  })
})

suite('a retry policy', () => {
  test('has one attempt and three crashes where nothing is said', () => {
    assert.deepEqual(retryPolicy(), {
      attempts: 1,
      crashes: 3,
      kind: 'exponential',
      delayMs: 1000,
      maxMs: 3_600_000,
      jitter: 0.5,
    })
  })

  test('refuses what cannot be meant', () => {
    const bad: unknown[] = [
      { attempts: 0 },
      { attempts: 1.5 },
      { attempts: '3' },
      { crashes: -1 },
      { backoff: { jitter: 1.1 } },
      { backoff: { jitter: Number.NaN } },
      { backoff: { delay: 'soon' } },
      { backoff: { kind: 'linear' } },
    ]
    for (const retry of bad) {
      assert.throws(() => retryPolicy(retry as never), isUsage(/retry\./), JSON.stringify(retry))
    }
  })
})

suite('the wait before the next attempt', () => {
  const policy = retryPolicy({ attempts: 99, backoff: { delay: '1s', max: '1m', jitter: 0 } })

  test('doubles each time, up to the longest', () => {
    const waits = [1, 2, 3, 6, 7, 1000].map((failures) => backoffMs(policy, failures, 0.9))
    assert.deepEqual(waits, [1000, 2000, 4000, 32_000, 60_000, 60_000])
  })

  test('stays the same where it is fixed', () => {
    assert.equal(backoffMs({ ...policy, kind: 'fixed' }, 9, 0.5), 1000)
  })

  test('is shortened by chance, by no more than the jitter', () => {
    const half = { ...policy, jitter: 0.5 }
    assert.equal(backoffMs(half, 1, 0), 1000)
    assert.equal(backoffMs(half, 1, 0.5), 750)
    assert.ok(backoffMs(half, 1, 0.999_999) >= 500)
    assert.ok(backoffMs({ ...policy, jitter: 1 }, 1, 0.999_999) >= 0)
  })
})
