import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { task } from '../../src/index.ts'
import type { AttemptEnd } from '../../src/executor/executor.ts'
import type { StopLadder } from '../../src/worker/attempt/stop.ts'
import { verdict } from '../../src/worker/attempt/verdict.ts'

const proof = { pid: 7, exitCode: null, osSignal: 'SIGKILL' } as const
const error = { name: 'AbortError', message: 'The operation was aborted', code: 'ABORT_ERR' }
type Of<Kind> = Extract<AttemptEnd, { readonly kind: Kind }>
const saved = { checkpoint: null, signals: [] }
const threw: Of<'threw'> = {
  kind: 'threw',
  error,
  isRetryable: true,
  deliveredAt: 5,
  proof,
  saved,
}
const killed: Of<'exited'> = { kind: 'exited', wasKilled: true, deliveredAt: null, proof, saved }
const parked: Of<'parked'> = { kind: 'parked', wait: null, deliveredAt: null, proof, saved }
const limit = { code: 'ATTEMPT_TIMEOUT', message: 'time is up', details: {} } as const
const stop = {
  verb: 'cancel',
  reason: null,
  by: null,
  requestedAt: 1,
  graceMs: 0,
  deliveredAt: null,
  overdueAt: null,
  rollback: false,
} as const
const quiet = { intent: null, abortCause: null, killCause: null } as const

function typeOf(
  end: AttemptEnd,
  ladder: Partial<Pick<StopLadder, 'intent' | 'abortCause' | 'killCause'>>,
  hasBegun = true,
): string {
  const fence = { runId: 'run', attempt: 1, workerId: 'worker' }
  const definition = task({ name: 'any', run: () => undefined })
  const isLate = ladder.killCause === 'limit'
  return verdict({
    fence,
    task: definition,
    ladder: { ...quiet, ...ladder },
    limit: isLate ? limit : null,
    end,
    saved,
    hasBegun,
  }).type
}

suite('the end of an attempt', () => {
  test('that the worker interrupted is a release, not a failure: shutdown and lost lease alike', () => {
    assert.equal(typeOf(threw, { abortCause: 'shutdown' }), 'release')
    assert.equal(typeOf(threw, { abortCause: 'lease-lost' }), 'release')
    assert.equal(typeOf(killed, { killCause: 'shutdown' }), 'release')
    assert.equal(typeOf(killed, { killCause: 'lease-lost' }), 'release')
  })

  test('whose handler was never called hands the run back, unless the module failed to load', () => {
    const exited = { ...killed, wasKilled: false }
    const unknown = {
      ...threw,
      error: { ...threw.error, code: 'TASK_UNKNOWN' },
      isRetryable: false,
    }
    const failed = { ...threw, error: { ...threw.error, code: 'TASK_MODULE_FAILED' } }
    assert.equal(typeOf(exited, {}), 'crash')
    assert.equal(typeOf(exited, {}, false), 'release')
    assert.equal(typeOf(unknown, {}), 'fail')
    assert.equal(typeOf(unknown, {}, false), 'release')
    assert.equal(typeOf(failed, {}, false), 'fail')
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
    assert.equal(typeOf(hit, { killCause: 'limit' }), 'fail')
  })

  test('that the hard time limit forced after it was asked to stop is a stop', () => {
    assert.equal(typeOf(killed, { intent: stop, killCause: 'limit' }), 'stop')
  })

  test('that the hard time limit forced is a failure', () => {
    assert.equal(typeOf(killed, { killCause: 'limit' }), 'fail')
  })

  test('that parked is a park, or a wait, whatever ended its isolate afterwards', () => {
    const wait = { signal: 'go', wakeInMs: null, done: [], taken: [] }
    assert.equal(typeOf(parked, {}), 'park')
    assert.equal(typeOf({ ...parked, wait }, {}), 'wait')
    assert.equal(typeOf(parked, { killCause: 'pause' }), 'park')
    assert.equal(typeOf(parked, { killCause: 'limit' }), 'park')
    assert.equal(typeOf(parked, { intent: stop, killCause: 'stop' }), 'stop')
  })

  test('that a pause forced hands the run back, to go on from its checkpoint', () => {
    assert.equal(typeOf(killed, { killCause: 'pause' }), 'release')
  })

  test('that nobody forced is a crash', () => {
    assert.equal(typeOf({ ...killed, wasKilled: false }, {}), 'crash')
  })
})
