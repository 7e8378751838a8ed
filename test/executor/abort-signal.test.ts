import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import {
  type AbortEars,
  AbortListener,
  makeFlag,
  raiseAbort,
  raisePause,
} from '../../src/executor/wire/abort-flag.ts'
import { AttemptContext } from '../../src/executor/isolate/context.ts'
import { cancelled, orderFor } from './attempt.ts'

function open(seq: number) {
  const { port1, port2 } = new MessageChannel()
  const flag = makeFlag()
  const far: AbortEars = { flag, port: port1 }
  const aborts = new AbortListener({ flag, port: port2 }, { onAbort() {}, onPause() {} })
  const source = {
    isAborted: () => aborts.isAborted(seq),
    isPauseAsked: () => aborts.isPauseAsked(seq),
    reason: () => aborts.reason(),
  }
  const deliveries: number[] = []
  const delivered = (at: number) => void deliveries.push(at)
  const none = {
    onBegun() {},
    onProgress() {},
    onLog() {},
    onCheckpoint() {},
    onTaken() {},
    onQuestion() {},
    onExtend() {},
  }
  const listener = { ...none, onDelivered: delivered }
  const context = new AttemptContext(orderFor('nothing'), listener, source)
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
  held.context.close('returned')
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

void test('a pause is seen at the next checkpoint, and not before', async () => {
  using held = open(1)
  await held.context.checkpoint(1)
  raisePause(held.far, 1, true)
  assert.equal(held.context.abortSignal.aborted, false)
  await assert.rejects(held.context.checkpoint(2), { code: 'ATTEMPT_PAUSED' })
  assert.equal(held.context.abortSignal.aborted, true)
  assert.deepEqual(held.deliveries, [], 'nothing was asked to stop')
})

void test('a pause that is taken back, or is meant for another attempt, has no effect', async () => {
  using held = open(2)
  raisePause(held.far, 1, true)
  await held.context.checkpoint(1)
  raisePause(held.far, 2, true)
  raisePause(held.far, 1, false)
  raisePause(held.far, 2, false)
  await held.context.checkpoint(2)
  assert.equal(held.context.abortSignal.aborted, false)
})
