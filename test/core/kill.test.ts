import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type StopIntent, strongerStop } from '../../src/core/run/intent.ts'
import {
  defaultKill,
  type KillChoice,
  killChoiceOf,
  type KillOptions,
  strongerKill,
  wayOf,
} from '../../src/core/run/kill.ts'
import { task } from '../../src/index.ts'
import { stopIntent } from './samples.ts'

const none = { osSignal: null, killAfterMs: null } as const
const slow: KillChoice = { osSignal: 'SIGINT', killAfterMs: 60_000 }
const quick: KillChoice = { osSignal: 'SIGUSR2', killAfterMs: 10 }
const atOnce: KillChoice = { osSignal: 'SIGKILL', killAfterMs: null }

suite('the way in which an attempt is killed', () => {
  test('is what the request says, then what the task says, then SIGTERM and 250 ms', () => {
    const own = { osSignal: 'SIGUSR2', killAfterMs: 5000 } as const
    assert.deepEqual(wayOf(undefined, defaultKill), { osSignal: 'SIGTERM', killAfterMs: 250 })
    assert.deepEqual(wayOf(undefined, own), own)
    assert.deepEqual(wayOf({ ...none, osSignal: 'SIGINT' }, own), { ...own, osSignal: 'SIGINT' })
    assert.deepEqual(wayOf({ ...none, killAfterMs: 9 }, own), { ...own, killAfterMs: 9 })
    const kill = { osSignal: 'SIGKILL', killAfterMs: 0 } as const
    assert.deepEqual(wayOf({ osSignal: 'SIGKILL', killAfterMs: 9000 }, own), kill)
    assert.deepEqual(wayOf(undefined, kill), kill)
    assert.equal(wayOf({ ...none, osSignal: 'SIGINT' }, kill).killAfterMs, 250)
  })

  test('meets both of two requests: SIGKILL before all, else the newer signal, and the shorter time', () => {
    assert.deepEqual(strongerKill(slow, quick), quick)
    assert.deepEqual(strongerKill(quick, slow), { osSignal: 'SIGINT', killAfterMs: 10 })
    for (const other of [slow, quick, undefined])
      assert.deepEqual([strongerKill(atOnce, other), strongerKill(other, atOnce)], [atOnce, atOnce])
    assert.equal(strongerKill(undefined, undefined), undefined)
  })

  test('is that of the task at most, where one of two requests leaves it to the task', () => {
    for (const kill of [strongerKill(slow, undefined), strongerKill(undefined, slow)]) {
      assert.equal(wayOf(kill, defaultKill).killAfterMs, 250)
      assert.equal(wayOf(kill, { osSignal: 'SIGTERM', killAfterMs: 90_000 }).killAfterMs, 60_000)
      assert.deepEqual(wayOf(strongerKill(kill, quick), defaultKill), quick)
    }
  })

  test('of a stop is met by a second request that kills, and not by one that is weaker', () => {
    const intent = (over: Partial<StopIntent>): StopIntent => ({ ...stopIntent, ...over })
    const first = intent({ verb: 'terminate', kill: slow })
    assert.deepEqual(strongerStop(first, intent({ verb: 'terminate', kill: atOnce })).kill, atOnce)
    assert.equal(strongerStop(first, intent({ verb: 'cancel', kill: atOnce })).kill, slow)
    assert.equal(strongerStop(first, intent({ verb: 'terminate', kill: slow })), first)
    const asked = intent({ verb: 'cancel', kill: atOnce })
    assert.deepEqual(strongerStop(asked, first).kill, atOnce)
    assert.deepEqual(strongerStop(intent({ verb: 'abort' }), first).kill, slow)
  })
})

suite('an OS signal and a time that cannot be', () => {
  const refused: readonly (readonly [given: unknown, hint: RegExp])[] = [
    ['SIGSTOP', /belong to `freeze`/],
    ['SIGCONT', /belong to `freeze`/],
    ['int', /Write it as 'SIGINT'/],
    ['sigterm', /Write it as 'SIGTERM'/],
    ['SIGNONE', /Choose one of SIGHUP, .*SIGKILL/],
    [9, /Choose one of/],
  ]
  for (const [given, hint] of refused) {
    test(`are refused with a hint: ${String(given)}`, () => {
      const options = { osSignal: given } as KillOptions
      assert.throws(() => killChoiceOf(options), { code: 'USAGE', hint })
      const run = (): void => {}
      assert.throws(() => task({ name: 'x', ...options, run }), { code: 'TASK_INVALID' })
    })
  }

  test('are refused past an hour', () => {
    assert.equal(killChoiceOf({ killAfter: '1h' })?.killAfterMs, 3_600_000)
    const hint = /long `grace`/
    assert.throws(() => killChoiceOf({ killAfter: '61m' }), { code: 'USAGE', hint })
    assert.throws(() => killChoiceOf({ killAfter: -1 }), { code: 'USAGE' })
  })
})
