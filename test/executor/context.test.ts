import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import { z } from 'zod'
import type { Saved } from '../../src/core/run/events.ts'
import type { Context, Signal, AnyTask } from '../../src/core/task/context.ts'
import { task } from '../../src/core/task/task.ts'
import {
  AbortListener,
  makeFlag,
  raiseAbort,
  raisePause,
} from '../../src/executor/wire/abort-flag.ts'
import { AttemptContext } from '../../src/executor/isolate/context.ts'
import type { AttemptOrder } from '../../src/executor/executor.ts'
import { cancelled, orderFor, signalFor } from './attempt.ts'

const plain = task({
  name: 'plain',
  checkpointEvery: '1h',
  parkAfter: '1h',
  signals: { ping: z.number(), pong: z.number(), any: z.any() },
  run: () => {},
})

/**
 * Lets what was sent arrive. The mailbox lets the event loop turn after a signal when 10 ms are over, which on a machine under load
 * they may be after each, so it takes as many turns as there are signals; no test sends more than this at once.
 */
async function turn(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await eventLoopTurn()
}

/** A context whose handler is the test. */
async function open(definition: unknown = plain, more: Partial<AttemptOrder> = {}) {
  const { port1, port2 } = new MessageChannel()
  const far = { flag: makeFlag(), port: port1 }
  const near = { flag: far.flag, port: port2 }
  const aborts: AbortListener = new AbortListener(near, {
    onAbort: (_, reason) => context.abort(reason),
    onPause: () => context.wake(),
  })
  const source = {
    isAborted: () => aborts.isAborted(1),
    isPauseAsked: () => aborts.isPauseAsked(1),
    reason: () => aborts.reason(),
  }
  const saves: Saved[] = []
  const deliveries: number[] = []
  const taken: number[] = []
  const context = new AttemptContext(
    orderFor('plain', undefined, { payloadLimit: 1000, ...more }),
    {
      onDelivered: (at) => void deliveries.push(at),
      onProgress() {},
      onLog() {},
      onCheckpoint: (saved) => void saves.push(saved),
      onTaken: (position) => void taken.push(position),
      onQuestion() {},
      onExtend() {},
    },
    source,
  )
  await context.open(definition as AnyTask)
  return {
    context,
    ctx: context as Context,
    saves,
    deliveries,
    taken,
    abort: () => raiseAbort(far, 1, cancelled),
    pause: (isAsked: boolean) => raisePause(far, 1, isAsked),
    send: (position: number, name: string, payload?: unknown) =>
      context.deliver(signalFor(position, name, payload)),
    [Symbol.dispose]: () => port2.close(),
  }
}

void test('a shield hides an abort to its end, and then it is there at once', async () => {
  using held = await open()
  const { ctx } = held
  let isHeard = false
  ctx.abortSignal.addEventListener('abort', () => (isHeard = true))
  const value = await ctx.shield(async () => {
    await ctx.shield(() => held.abort())
    await turn()
    await ctx.checkpoint('within')
    assert.deepEqual([ctx.abortSignal.aborted, isHeard, held.deliveries.length], [false, false, 0])
    return 'whole'
  })
  assert.equal(value, 'whole')
  assert.deepEqual([isHeard, held.deliveries.length], [true, 1])
  await assert.rejects(ctx.checkpoint('after'), { code: 'ATTEMPT_CANCELLED' })
})

void test('a shield that throws lets the abort through, and its error', async () => {
  using held = await open()
  const { ctx } = held
  const failing = ctx.shield(() => {
    held.abort()
    throw new Error('within')
  })
  await assert.rejects(failing, { message: 'within' })
  assert.equal(ctx.abortSignal.aborted, true)
})

void test('a pause waits for the first checkpoint after the shield', async () => {
  using held = await open()
  const { ctx } = held
  await ctx.shield(async () => {
    held.pause(true)
    await ctx.checkpoint('within')
  })
  assert.equal(ctx.abortSignal.aborted, false, 'what was done since that checkpoint would be lost')
  await assert.rejects(ctx.checkpoint('after'), { code: 'ATTEMPT_PAUSED' })
  assert.deepEqual(held.context.close('parked'), { checkpoint: '"after"', signals: [] })
})

void test('what parks goes on rejecting, and an abort that comes later changes nothing', async () => {
  using held = await open()
  const { ctx } = held
  held.pause(true)
  await assert.rejects(ctx.checkpoint(1), { code: 'ATTEMPT_PAUSED' })
  held.abort()
  const { reason } = ctx.abortSignal
  for (const call of [
    () => ctx.checkpoint(2),
    () => ctx.checkpoint(2, { save: true }),
    () => ctx.sleep(1),
    () => ctx.receive('ping'),
    () => ctx.signals('ping')[Symbol.asyncIterator]().next(),
  ])
    await assert.rejects(call, (error) => error === reason)
  assert.deepEqual(held.deliveries, [])
  assert.equal(held.context.close('parked').checkpoint, '2')
})

void test('an abort at a checkpoint tells at once what was kept, and only once', async () => {
  using held = await open()
  const { ctx } = held
  await ctx.checkpoint(1)
  held.abort()
  await assert.rejects(ctx.checkpoint(2))
  await assert.rejects(ctx.checkpoint(3))
  assert.deepEqual(
    held.saves.map(({ checkpoint }) => checkpoint),
    ['1', '2'],
  )
  assert.equal(held.context.close('threw').checkpoint, '3')
})

void test('a checkpoint without a state is a safe place and keeps what there was', async () => {
  using held = await open(plain, { state: '{"done":1}' })
  const { ctx } = held
  await ctx.checkpoint(undefined)
  assert.deepEqual(ctx.state, { done: 1 })
  held.pause(true)
  await assert.rejects(ctx.checkpoint(undefined), { code: 'ATTEMPT_PAUSED' })
  assert.equal(held.context.close('parked').checkpoint, null)
})

void test('texts that grow in JSON are measured as JSON', async () => {
  using held = await open(plain, { checkpointLimit: 20 })
  const { ctx } = held
  await ctx.checkpoint('"'.repeat(9))
  await assert.rejects(ctx.checkpoint('"'.repeat(10)), { code: 'PAYLOAD_TOO_LARGE' })
  await assert.rejects(ctx.checkpoint('é'.repeat(10)), { code: 'PAYLOAD_TOO_LARGE' })
  await assert.rejects(ctx.checkpoint(Number.MAX_SAFE_INTEGER + '1234'), {
    code: 'PAYLOAD_TOO_LARGE',
  })
  assert.equal(ctx.state, '"'.repeat(9))
})

void test('a number that JSON does not know is kept as JSON has it', async () => {
  using held = await open()
  await held.ctx.checkpoint(Number.NaN)
  assert.deepEqual(held.saves, [{ checkpoint: 'null', signals: [] }])
})

void test('after the end of the attempt a checkpoint is refused and nothing is told', async () => {
  using held = await open()
  const { ctx } = held
  held.context.close('returned')
  for (const call of [() => ctx.checkpoint(1), () => ctx.sleep(1), () => ctx.receive('ping')])
    await assert.rejects(call, { code: 'USAGE' })
  held.send(1, 'what')
  await turn()
  assert.deepEqual(held.saves, [])
})

void test('of two waits at once neither parks; the next one does', async () => {
  using held = await open()
  const { ctx } = held
  const waits = [ctx.receive('ping'), ctx.receive('pong')]
  held.pause(true)
  await turn()
  await turn()
  held.send(2, 'pong', 2)
  assert.equal((await waits[1])?.payload, 2)
  held.send(1, 'ping', 1)
  assert.equal((await waits[0])?.payload, 1)
  assert.equal(ctx.abortSignal.aborted, false)
  await assert.rejects(ctx.receive('ping'), { code: 'ATTEMPT_PAUSED' })
  assert.deepEqual(held.context.parkedWait, {
    signal: 'ping',
    wakeInMs: null,
    done: [1, 2],
    taken: [],
  })
})

void test('a wait during which a checkpoint was met does not park: the handler does something else', async () => {
  using held = await open()
  const { ctx } = held
  const waiting = ctx.receive('ping')
  await ctx.checkpoint(1)
  held.pause(true)
  await turn()
  await turn()
  assert.equal(ctx.abortSignal.aborted, false)
  await assert.rejects(ctx.checkpoint(2), { code: 'ATTEMPT_PAUSED' })
  await assert.rejects(waiting, { code: 'ATTEMPT_PAUSED' })
  assert.equal(held.context.parkedWait, null)
})

void test('a loop of waits without time lets the event loop turn', async () => {
  using held = await open()
  let isOver = false
  setImmediate(() => (isOver = true))
  while (!isOver) await held.ctx.sleep(0)
})

void test('signals are taken in the order of their positions, also where they arrived otherwise', async () => {
  using held = await open()
  const { ctx } = held
  for (const position of [3, 1, 2, 1]) held.send(position, 'ping', position)
  await turn()
  const payloads: (number | undefined)[] = []
  for (let n = 0; n < 3; n++) payloads.push((await ctx.receive('ping'))?.payload as number)
  assert.deepEqual(payloads, [1, 2, 3])
  assert.equal(await ctx.receive('ping', { timeout: 0 }), null)
})

void test('a signal waits for somebody who asks for it; a receive goes before a listener', async () => {
  using held = await open()
  const { ctx } = held
  held.send(1, 'ping', 1)
  held.send(2, 'pong', 2)
  await turn()
  assert.deepEqual(held.taken, [])
  const heard: unknown[] = []
  const waiting = ctx.receive('any')
  using _listener = ctx.on('any', (payload) => heard.push(payload))
  held.send(3, 'any', 'for the receive')
  assert.equal((await waiting)?.payload, 'for the receive')
  held.send(4, 'any', 'for the listener')
  await turn()
  await turn()
  assert.deepEqual(heard, ['for the listener'])
  assert.deepEqual(held.taken, [3, 4])
})

void test('who is going to keep a state is through with no signal before the first', async () => {
  const keeps = task({
    name: 'keeps',
    checkpointEvery: '1h',
    signals: { ping: z.number() },
    state: z.object({ heard: z.number() }),
    run: () => {},
  })
  using held = await open(keeps)
  const { ctx } = held
  using _listener = ctx.on('ping', () => 'heard')
  held.send(1, 'ping', 1)
  await turn()
  await turn()
  assert.deepEqual(held.taken, [1])
  assert.deepEqual(held.saves, [], 'should the attempt end now, the next one hears it, too')
  await ctx.checkpoint({ heard: 1 })
  const signals = [{ position: 1, reply: '"heard"', error: null }]
  assert.deepEqual(held.saves, [{ checkpoint: '{"heard":1}', signals }])
})

void test('a name has one listener at a time, which can be taken back', async () => {
  using held = await open()
  const { ctx } = held
  const first = ctx.on('ping', () => assert.fail('it was taken back'))
  assert.throws(() => ctx.on('ping', () => {}), { code: 'USAGE' })
  first[Symbol.dispose]()
  held.send(1, 'ping', 1)
  await turn()
  await turn()
  using _second = ctx.on('ping', () => 'second')
  await turn()
  await turn()
  assert.deepEqual(
    held.saves.flatMap(({ signals }) => signals),
    [{ position: 1, reply: '"second"', error: null }],
  )
})

void test('a listener that a pause interrupts is not through with its signal', async () => {
  using held = await open()
  const { ctx } = held
  await ctx.checkpoint(0)
  using _listener = ctx.on('ping', async () => await ctx.checkpoint(1))
  held.pause(true)
  held.send(1, 'ping', 1)
  held.send(2, 'ping', 2)
  await turn()
  await turn()
  assert.equal((ctx.abortSignal.reason as { code: string }).code, 'ATTEMPT_PAUSED')
  assert.deepEqual(held.taken, [1], 'nothing more is handed to a handler that winds up')
  assert.deepEqual(held.context.close('parked'), { checkpoint: '1', signals: [] })
})

void test('a signal is answered once, and what is no JSON is told to who answers', async () => {
  using held = await open()
  const { ctx } = held
  held.send(1, 'ping', 1)
  const signal = (await ctx.receive('ping')) as Signal
  assert.throws(() => signal.reply(1n), { code: 'PAYLOAD_NOT_JSON' })
  assert.throws(() => signal.reply('x'.repeat(2000)), { code: 'PAYLOAD_TOO_LARGE' })
  signal.reply('well')
  assert.throws(() => signal.reply('again'), { code: 'USAGE' })
  assert.throws(() => signal.reject(new Error('no')), { code: 'USAGE' })
  assert.deepEqual(held.context.close('returned').signals, [
    { position: 1, reply: '"well"', error: null },
  ])
})

void test('a handler that throws leaves a signal open that the next attempt will meet again', async () => {
  using held = await open(plain, { waits: [1] })
  const { ctx } = held
  held.send(1, 'ping', 1)
  held.send(2, 'ping', 2)
  for (let n = 0; n < 2; n++) (await ctx.receive('ping'))?.reply('well')
  assert.deepEqual(held.context.close('threw').signals, [])
})

void test('what a listener answered since the last checkpoint counts only where the handler returns', async () => {
  for (const kind of ['threw', 'parked', 'returned'] as const) {
    using held = await open()
    const { ctx } = held
    await ctx.checkpoint({ todo: [] })
    using _listener = ctx.on('ping', () => 'noted')
    held.send(1, 'ping', 1)
    await turn()
    await turn()
    await ctx.checkpoint({ todo: [1] })
    held.send(2, 'ping', 2)
    await turn()
    await turn()
    assert.deepEqual(held.taken, [1, 2])
    assert.deepEqual(positionsOf(held.saves), [1])
    const { signals } = held.context.close(kind)
    assert.equal(signals.length, kind === 'returned' ? 1 : 0, kind)
  }
})

void test('what was answered before the checkpoint at which an attempt parks is told with that', async () => {
  using held = await open()
  const { ctx } = held
  await ctx.checkpoint(0)
  using _listener = ctx.on('ping', () => 'noted')
  held.send(1, 'ping', 1)
  await turn()
  await turn()
  held.pause(true)
  await assert.rejects(ctx.checkpoint(1), { code: 'ATTEMPT_PAUSED' })
  assert.deepEqual(held.context.close('parked'), {
    checkpoint: '1',
    signals: [{ position: 1, reply: '"noted"', error: null }],
  })
})

void test('whoever left a loop over signals may answer the last one until the next checkpoint', async () => {
  using held = await open()
  const { ctx } = held
  await ctx.checkpoint(0)
  for (const position of [1, 2]) held.send(position, 'ping', position)
  const found: Signal[] = []
  for (let n = 0; n < 2; n++)
    for await (const signal of ctx.signals('ping')) {
      found.push(signal)
      break
    }
  found[0]?.reply('late')
  await ctx.checkpoint(1)
  assert.throws(() => found[1]?.reply('too late'), { code: 'USAGE' })
  assert.deepEqual(
    held.saves.flatMap(({ signals }) => signals),
    [
      { position: 1, reply: '"late"', error: null },
      { position: 2, reply: null, error: null },
    ],
  )
})

void test('a listener that waits itself does not keep a wait that is over from returning', async () => {
  using held = await open(plain, { waits: ['slept', 'slept'] })
  const { ctx } = held
  using _listener = ctx.on('ping', async () => await ctx.sleep(1))
  held.send(1, 'ping', 1)
  await ctx.sleep(20)
})

void test('a receive without any time takes a signal that was sent before the attempt began', async () => {
  using held = await open(plain, { signalled: 7 })
  const received = held.ctx.receive('ping', { timeout: 0 })
  await turn()
  held.send(7, 'ping', 5)
  held.context.caughtUp(7)
  assert.equal((await received)?.payload, 5)
  assert.equal(await held.ctx.receive('ping', { timeout: 0 }), null)
})

void test('a wait that is over waits for the mailbox, and an abort ends that', async () => {
  using held = await open(plain, { waits: ['slept'], signalled: 7 })
  const { ctx } = held
  let isOver = false
  const sleeping = ctx.sleep('1h').finally(() => (isOver = true))
  await turn()
  assert.equal(isOver, false)
  held.abort()
  await assert.rejects(sleeping, { code: 'ATTEMPT_CANCELLED' })
})

void test('a pause does not park a handler that sleeps while its listener is being called', async () => {
  using held = await open()
  const { ctx } = held
  const { promise, resolve } = Promise.withResolvers<void>()
  using _listener = ctx.on('ping', () => promise)
  const sleeping = ctx.sleep('30m')
  held.send(1, 'ping', 1)
  await turn()
  await turn()
  held.pause(true)
  await turn()
  await turn()
  assert.equal(ctx.abortSignal.aborted, false)
  resolve()
  await assert.rejects(sleeping, { code: 'ATTEMPT_PAUSED' })
})

void test('the longest wait is told in whole milliseconds that the store can count', async () => {
  const longestMs = 100 * 365 * 86_400_000
  for (let n = 0; n < 100; n++) {
    using held = await open()
    held.pause(true)
    await assert.rejects(held.ctx.sleep(longestMs), { code: 'ATTEMPT_PAUSED' })
    const { wakeInMs } = held.context.parkedWait ?? {}
    assert.ok(Number.isSafeInteger(wakeInMs) && (wakeInMs ?? 0) <= longestMs, `${wakeInMs}`)
  }
})

void test('thousands of signals are heard in their order, and the event loop turns meanwhile', async () => {
  using held = await open()
  const { ctx } = held
  const many = 30_000
  let turns = 0
  const interval = setInterval(() => turns++, 1)
  const heard: number[] = []
  using _listener = ctx.on('ping', (payload) => {
    const n = Number(payload)
    heard.push(n)
    if (n === 1) held.send(many + 1, 'pong', 0)
    // As long as a handler may take for what it does with one.
    if (n % 100 === 0) for (const from = performance.now(); performance.now() < from + 1;);
  })
  for (let n = 1; n <= many; n++) held.send(n, 'ping', n)
  while (heard.length < many) await turn()
  clearInterval(interval)
  assert.deepEqual(heard.slice(0, 3), [1, 2, 3])
  assert.ok(heard.every((n, at) => n === at + 1))
  assert.ok(turns > 5, `${turns}`)
  assert.equal((await ctx.receive('pong'))?.payload, 0)
})

void test('a signal that was taken before is for the same wait, and for nobody else', async () => {
  using held = await open(plain, { waits: [1] })
  const { ctx } = held
  held.send(1, 'ping', 1)
  using _listener = ctx.on('ping', () => assert.fail('it is for the receive'))
  await turn()
  await turn()
  assert.equal((await ctx.receive('ping'))?.payload, 1)
  assert.deepEqual(held.taken, [1])
})

void test('a loop over signals passes over the one that a wait will take again', async () => {
  using held = await open(plain, { waits: [1] })
  const { ctx } = held
  const loop = ctx.signals('ping')[Symbol.asyncIterator]()
  const first = loop.next()
  held.send(1, 'ping', 1)
  held.send(2, 'ping', 2)
  assert.equal(((await first).value as Signal).payload, 2)
  assert.equal((await ctx.receive('ping'))?.payload, 1)
})

void test('a wait that finds the signal of another name puts it back', async () => {
  using held = await open(plain, { waits: [1] })
  const { ctx } = held
  held.send(1, 'ping', 1)
  held.send(2, 'pong', 2)
  assert.equal((await ctx.receive('pong'))?.payload, 2)
  assert.equal((await ctx.receive('ping'))?.payload, 1)
})

void test('a schema that fails by itself rejects the signal and no more', async () => {
  const broken = task({
    ...definition(),
    signals: {
      ping: z.number().refine(() => {
        throw new Error('no database')
      }),
    },
  })
  using held = await open(broken)
  held.send(1, 'ping', 1)
  await turn()
  const [outcome] = held.saves.flatMap(({ signals }) => signals)
  assert.equal(outcome?.error?.code, 'SIGNAL_REJECTED')
  assert.match(outcome.error.message, /no database/)
})

function positionsOf(saves: readonly Saved[]): number[] {
  return saves.flatMap(({ signals }) => signals.map(({ position }) => position))
}

function definition() {
  return {
    name: 'plain',
    checkpointEvery: '1h',
    signals: { ping: z.number(), pong: z.number() },
    run: () => {},
  } as const
}
