import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { task } from '../../src/index.ts'
import type { AttemptEnd } from '../../src/executor/executor.ts'
import type { StopLadder } from '../../src/worker/stop.ts'
import { verdict } from '../../src/worker/verdict.ts'

const proof = { pid: 7, exitCode: null, osSignal: 'SIGKILL' } as const
const error = { name: 'AbortError', message: 'The operation was aborted', code: 'ABORT_ERR' }
const threw: AttemptEnd = { kind: 'threw', error, isRetryable: true, deliveredAt: 5, proof }
const killed: AttemptEnd = { kind: 'exited', wasKilled: true, deliveredAt: null, proof }
const stop = {
  verb: 'cancel',
  reason: null,
  by: null,
  requestedAt: 1,
  graceMs: 0,
  deliveredAt: null,
  overdueAt: null,
} as const
const quiet = { intent: null, abortCause: null, killCause: null } as const

function typeOf(
  end: AttemptEnd,
  ladder: Partial<Pick<StopLadder, 'intent' | 'abortCause' | 'killCause'>>,
): string {
  const fence = { runId: 'run', attempt: 1, workerId: 'worker' }
  const definition = task({ name: 'any', run: () => undefined })
  return verdict({ fence, task: definition, ladder: { ...quiet, ...ladder }, end }).type
}

suite('the end of an attempt', () => {
  test('that the worker interrupted is a release, not a failure: shutdown and lost lease alike', () => {
    assert.equal(typeOf(threw, { abortCause: 'shutdown' }), 'release')
    assert.equal(typeOf(threw, { abortCause: 'lease-lost' }), 'release')
    assert.equal(typeOf(killed, { killCause: 'shutdown' }), 'release')
    assert.equal(typeOf(killed, { killCause: 'lease-lost' }), 'release')
  })

  test('that is no use to repeat is a failure, also while the worker shuts down', () => {
    assert.equal(typeOf({ ...threw, isRetryable: false }, { abortCause: 'shutdown' }), 'fail')
  })

  test('that came before the interruption reached it is what it is', () => {
    assert.equal(typeOf({ ...threw, deliveredAt: null }, { abortCause: 'shutdown' }), 'fail')
  })

  test('that a request to stop forced is a stop', () => {
    assert.equal(typeOf(killed, { intent: stop, killCause: 'stop' }), 'stop')
  })

  test('that threw because the OS signal of its kill reached it was forced all the same', () => {
    const hit: AttemptEnd = { ...threw, deliveredAt: null }
    assert.equal(typeOf(hit, { intent: stop, killCause: 'stop' }), 'stop')
    assert.equal(typeOf(hit, { killCause: 'shutdown' }), 'release')
    assert.equal(typeOf(hit, { killCause: 'lease-lost' }), 'release')
    assert.equal(typeOf(hit, { killCause: 'hard-timeout' }), 'fail')
  })

  test('that the hard time limit forced after it was asked to stop is a stop', () => {
    assert.equal(typeOf(killed, { intent: stop, killCause: 'hard-timeout' }), 'stop')
  })

  test('that the hard time limit forced is a failure', () => {
    assert.equal(typeOf(killed, { killCause: 'hard-timeout' }), 'fail')
  })

  test('that nobody forced is a crash', () => {
    assert.equal(typeOf({ ...killed, wasKilled: false }, {}), 'crash')
  })
})
