import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { type AbortEars, AbortListener, raiseAbort } from '../../src/executor/abort-signal.ts'
import { AttemptContext } from '../../src/executor/context.ts'
import { cancelled, orderFor } from './attempt.ts'

function open(seq: number) {
  const { port1, port2 } = new MessageChannel()
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const far: AbortEars = { flag, port: port1 }
  const aborts = new AbortListener({ flag, port: port2 }, () => {})
  const source = { isRaised: () => aborts.isRaised(seq), reason: () => aborts.reason() }
  const deliveries: number[] = []
  const sink = { delivered: (at: number) => void deliveries.push(at), progress() {}, log() {} }
  const context = new AttemptContext(orderFor('nothing').run, sink, source)
  return { far, port: port2, context, deliveries, [Symbol.dispose]: () => port2.close() }
}

void test('a raised flag fires the signal in the middle of a turn, with its reason and listeners', () => {
  using held = open(1)
  const { abortSignal } = held.context
  let heard: unknown
  abortSignal.addEventListener('abort', () => (heard = abortSignal.reason))
  assert.equal(abortSignal.aborted, false)
  raiseAbort(held.far, 1, cancelled)
  assert.equal(abortSignal.aborted, true)
  assert.equal((heard as { code: string }).code, 'ATTEMPT_CANCELLED')
  assert.throws(() => abortSignal.throwIfAborted(), { code: 'ATTEMPT_CANCELLED' })
  assert.equal(held.deliveries.length, 1)
})

void test('an abort that was meant for the attempt before never hits this one', () => {
  using held = open(2)
  raiseAbort(held.far, 1, cancelled)
  assert.equal(held.context.abortSignal.aborted, false)
  raiseAbort(held.far, 2, { ...cancelled, code: 'LEASE_LOST' })
  assert.equal(held.context.abortSignal.aborted, true)
  assert.equal((held.context.abortSignal.reason as { code: string }).code, 'LEASE_LOST')
})

void test('the reason is found also where its event came before the attempt asked', async () => {
  using held = open(1)
  raiseAbort(held.far, 1, cancelled)
  await once(held.port, 'message')
  assert.throws(() => held.context.throwIfAborted(), { code: 'ATTEMPT_CANCELLED' })
})

void test('an abort after the end of the attempt is not delivered', () => {
  using held = open(1)
  const { abortSignal } = held.context
  held.context.close()
  raiseAbort(held.far, 1, cancelled)
  assert.equal(abortSignal.aborted, false)
  assert.deepEqual(held.deliveries, [])
})

void test('AbortSignal.any and listeners of others work with the signal', () => {
  using held = open(1)
  const any = AbortSignal.any([held.context.abortSignal, AbortSignal.timeout(60_000)])
  raiseAbort(held.far, 1, cancelled)
  assert.equal(held.context.abortSignal.aborted, true)
  assert.equal(any.aborted, true)
  assert.equal(any.reason, held.context.abortSignal.reason)
})
