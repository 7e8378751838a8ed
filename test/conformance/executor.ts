/** What every executor promises. Differences are skips, each with its reason. */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import type { ExecutorSettings } from '../../src/executor/create.ts'
import type { Executor } from '../../src/executor/executor.ts'
import {
  Watched,
  cancelled,
  childrenOf,
  inTime,
  isRunning,
  orderFor,
  returned,
  run,
  signalFor,
  threw,
  until,
} from '../executor/attempt.ts'
import { eachPromises } from './executor-each.ts'
import { reinPromises } from './executor-reins.ts'
import { childPromises } from './executor-children.ts'
import { waitPromises } from './executor-waits.ts'

export interface Skip {
  readonly test: string
  readonly reason: string
}

type Body = (executor: Executor) => Promise<void>
type Open = (settings: ExecutorSettings) => Executor

/** Runs the suite against one executor. @throws where a skip names no test. */
export function executorConformance(
  open: Open,
  { skip }: { readonly skip: readonly Skip[] },
): void {
  const all = { ...shared, ...promises }
  for (const { test: name } of skip) assert.ok(name in all, `a skip names no test: ${name}`)
  const how = (name: string): { skip: string | false } => ({
    skip: skip.find((one) => one.test === name)?.reason ?? false,
  })
  for (const [name, body] of Object.entries(promises))
    void test(name, how(name), async () => {
      await using executor = open({ capacity: 4, spares: 0 })
      await body(executor)
    })
  suite('handlers, one after the other in one executor', () => {
    let executor: Executor
    before(() => void (executor = open({ capacity: 4 })))
    after(() => executor[Symbol.asyncDispose]())
    for (const [name, body] of Object.entries(shared)) test(name, how(name), () => body(executor))
  })
}

/** What handlers are promised whoever came before them. */
const shared: Record<string, Body> = {
  ...reinPromises,
  ...waitPromises,
  ...childPromises,
  ...eachPromises,

  'a handler gets its input and its run, and its result comes back': async (executor) => {
    const end = await run(executor, 'double', { n: 21 })
    assert.equal(returned(end), '42')
    assert.equal(end.proof, null)
    const who = JSON.parse(returned(await run(executor, 'who-am-i')) ?? '') as { run: unknown }
    assert.deepEqual(who.run, orderFor('who-am-i').run)
  },

  'a handler that returns nothing has a null result': async (executor) => {
    assert.equal(returned(await run(executor, 'nothing')), null)
  },

  'a task is found inside a default export': async (executor) => {
    assert.equal(returned(await run(executor, 'in-array')), '"found"')
  },

  'what a handler throws comes back as a record and may be retried': async (executor) => {
    const end = threw(await run(executor, 'thrower'))
    assert.equal(end.error.message, 'as expected')
    assert.equal(end.error.code, 'EXPECTED')
    assert.match(end.error.stack ?? '', /tasks\.ts/)
    assert.equal(end.isRetryable, true)
  },

  'an error with details that are no JSON still ends the attempt': async (executor) => {
    assert.equal(threw(await run(executor, 'bad-details')).error.code, 'STORE_BUSY')
  },

  'a NonRetryableError may not be retried': async (executor) => {
    assert.equal(threw(await run(executor, 'hopeless')).isRetryable, false)
  },

  'input that does not fit the schema is rejected for good': async (executor) => {
    const { error, isRetryable } = threw(await run(executor, 'double', { n: 'many' }))
    assert.equal(error.code, 'INPUT_REJECTED')
    assert.equal(isRetryable, false)
    const issues = error.details?.['issues'] as { path: string[] }[]
    assert.deepEqual(issues[0]?.path, ['n'])
  },

  'a task that the module does not export is unknown': async (executor) => {
    const watched = new Watched(executor, orderFor('no-such-task'))
    const { error, isRetryable, proof } = threw(await watched.end())
    assert.equal(watched.begins, 0)
    if (executor.isolation !== 'inline') assert.notEqual(proof, null, 'it may be old')
    assert.equal(error.code, 'TASK_UNKNOWN')
    assert.match(error.hint ?? '', /double/)
    assert.equal(isRetryable, false)
  },

  'a module that throws while it loads fails the attempt with the cause': async (executor) => {
    const module = 'data:text/javascript,throw new Error("broken at load")'
    const watched = new Watched(executor, orderFor('any', null, { module }))
    const { error, proof, isRetryable } = threw(await watched.end())
    assert.deepEqual([watched.begins, isRetryable], [0, true])
    assert.equal(error.code, 'TASK_MODULE_FAILED')
    assert.equal(error.cause?.message, 'broken at load')
    if (executor.isolation !== 'inline')
      assert.notEqual(proof, null, 'half a module may be left in it')
    assert.equal(returned(await run(executor, 'double', { n: 1 })), '2')
  },

  'a result over the limit, or that is no JSON, fails for good': async (executor) => {
    const large = threw(
      await new Watched(executor, orderFor('large', 2000, { payloadLimit: 1000 })).end(),
    )
    assert.equal(large.error.code, 'PAYLOAD_TOO_LARGE')
    assert.equal(large.isRetryable, false)
    assert.equal(threw(await run(executor, 'not-json')).error.code, 'PAYLOAD_NOT_JSON')
  },

  'a result of the largest size comes back whole': async (executor) => {
    assert.equal(returned(await run(executor, 'large', 1_048_574))?.length, 1_048_576)
  },

  'of a hundred thousand progress calls the newest arrives, and few others; log lines arrive in order, cut to size':
    async (executor) => {
      const watched = new Watched(executor, orderFor('reporter'))
      returned(await watched.end())
      assert.equal(watched.progress.at(-1), '100000')
      assert.ok(watched.progress.length < 1000, `${watched.progress.length} were sent`)
      const [plain, withData, long] = watched.logs
      assert.deepEqual([plain?.message, plain?.data], ['plain', undefined])
      assert.deepEqual(withData?.data, { n: 1 })
      assert.equal(long?.message.length, 16_384)
      assert.match(String(long?.data?.['dropped']), /BigInt/)
    },

  'a log fails no run and loses no line, whatever it is given, and keeps what an error says':
    async (executor) => {
      const watched = new Watched(executor, orderFor('logger'))
      returned(await watched.end())
      const [message, ...lines] = watched.logs
      assert.equal(message?.message, 'a message that has no text')
      assert.deepEqual(
        lines.slice(0, 4).map(({ data }) => data),
        [{ value: 5 }, { value: null }, { value: 'text' }, { value: [1, 2] }],
      )
      const saying = (error: unknown) => {
        const { name, message: text } = error as Error
        return [name, text]
      }
      const [alone, beside, large] = lines.slice(4).map(({ data }) => data ?? {})
      assert.deepEqual(saying(alone?.['error']), ['TypeError', 'not found'])
      assert.deepEqual(saying(beside?.['error']), ['RangeError', 'too far'])
      assert.equal(beside?.['file'], 'a')
      assert.match(String(large?.['dropped']), /the limit is/)
    },

  'progress that is too large is the error of the handler': async (executor) => {
    assert.equal(threw(await run(executor, 'large-progress')).error.code, 'PAYLOAD_TOO_LARGE')
  },

  'what a handler reports after its end is dropped': async (executor) => {
    const watched = new Watched(executor, orderFor('late-reporter'))
    await watched.end()
    await run(executor, 'lingers', 50)
    assert.deepEqual([watched.progress, watched.logs], [[], []])
  },

  'an abort reaches a handler that waits, which may end politely': async (executor) => {
    const watched = new Watched(executor, orderFor('polite'))
    await watched.begun()
    const before = Date.now()
    watched.attempt.abort(cancelled)
    watched.attempt.abort({ ...cancelled, code: 'LEASE_LOST' })
    const end = await watched.end()
    assert.deepEqual(JSON.parse(returned(end) ?? ''), {
      code: cancelled.code,
      details: cancelled.details,
    })
    assert.ok(end.deliveredAt !== null && end.deliveredAt >= before - 5)
    assert.deepEqual(watched.deliveries, [end.deliveredAt])
  },

  'an abort that the handler throws on is its error': async (executor) => {
    const watched = new Watched(executor, orderFor('rethrower'))
    await watched.begun()
    watched.attempt.abort(cancelled)
    const end = threw(await watched.end())
    assert.equal(end.error.code, 'ATTEMPT_CANCELLED')
    assert.notEqual(end.deliveredAt, null)
  },

  'an aborted attempt ends with the exit of its isolate for proof': async (executor) => {
    const watched = new Watched(executor, orderFor('polite'))
    const { pid } = await watched.begun()
    watched.attempt.abort(cancelled)
    const { proof } = await watched.end()
    assert.equal(proof?.pid, pid)
    if (executor.isolation === 'process') assert.equal(isRunning(pid ?? 0), false)
    else assert.equal(typeof proof?.threadId, 'number')
  },

  'a loop that never yields sees the abort when it asks': async (executor) => {
    const loop = new Watched(executor, orderFor('watchful-loop'))
    await loop.begun()
    loop.attempt.abort(cancelled)
    const end = await loop.end()
    assert.deepEqual(JSON.parse(returned(end) ?? ''), { isHeard: true, code: 'ATTEMPT_CANCELLED' })
    assert.notEqual(end.deliveredAt, null)

    const thrower = new Watched(executor, orderFor('watchful-throw'))
    await thrower.begun()
    thrower.attempt.abort(cancelled)
    assert.equal(threw(await thrower.end()).error.code, 'ATTEMPT_CANCELLED')
  },
}

/** What is promised of isolates, and of an executor as a whole: each has one of its own. */
const promises: Record<string, Body> = {
  // In one that is warm it may be called by then, and hears the abort.
  'a handler is not called when its attempt was aborted while its isolate was starting': async (
    executor,
  ) => {
    const watched = new Watched(executor, orderFor('polite'))
    watched.attempt.abort(cancelled)
    const end = threw(await watched.end())
    assert.equal(end.error.code, 'ATTEMPT_CANCELLED')
    assert.deepEqual(watched.logs, [])
  },

  'an abort after the end has no effect on the next attempt': async (executor) => {
    const first = new Watched(executor, orderFor('double', { n: 1 }))
    await first.end()
    const second = new Watched(executor, orderFor('lingers', 100))
    await second.begun()
    first.attempt.abort(cancelled)
    const end = await second.end()
    assert.equal(returned(end), '"undisturbed"')
    assert.equal(end.deliveredAt, null)
    assert.equal(await first.attempt.kill(), 'dead')
  },

  'a busy loop is killed, with proof, and its neighbours run on': async (executor) => {
    const neighbour = new Watched(executor, orderFor('polite'))
    const victim = new Watched(executor, orderFor('cpu-loop'))
    await Promise.all([victim.begun(), neighbour.begun()])
    assert.equal(await inTime(victim.attempt.kill(), 'the kill'), 'dead')
    const end = await victim.end()
    assert.ok(end.kind === 'exited' && end.wasKilled)
    assert.equal(end.proof?.pid, victim.logs[0]?.data?.['pid'])
    assert.equal(await victim.attempt.kill(), 'dead')
    neighbour.attempt.abort(cancelled)
    assert.match(returned(await neighbour.end()) ?? '', /ATTEMPT_CANCELLED/)
  },

  'an attempt that is killed before its isolate is ready is dead': async (executor) => {
    const victim = new Watched(executor, orderFor('cpu-loop'))
    assert.equal(await inTime(victim.attempt.kill(), 'the kill'), 'dead')
    const end = await victim.end()
    assert.ok(end.kind === 'exited' && end.wasKilled)
    assert.deepEqual(victim.logs, [])
  },

  'nothing can be forced: a kill is unresponsive while the handler runs': async (executor) => {
    const watched = new Watched(executor, orderFor('polite'))
    await watched.begun()
    assert.equal(await watched.attempt.kill(), 'unresponsive')
    watched.attempt.abort(cancelled)
    await watched.end()
    assert.equal(await watched.attempt.kill(), 'dead')
  },

  'an isolate runs one attempt at a time, is used again, and never after an abort or a kill':
    async (executor) => {
      const counts = await Promise.all([1, 2, 3].map(() => run(executor, 'count-calls')))
      assert.deepEqual(counts.map(returned), ['1', '1', '1'])
      assert.equal(returned(await run(executor, 'count-calls')), '2')

      for (const stop of ['abort', 'kill'] as const) {
        const victim = new Watched(executor, orderFor('watchful-loop'))
        await victim.begun()
        if (stop === 'abort') victim.attempt.abort(cancelled)
        else await victim.attempt.kill()
        const { proof } = await victim.end()
        const others = await Promise.all([1, 2, 3, 4].map(() => run(executor, 'who-am-i')))
        const pids = others.map((end) => (JSON.parse(returned(end) ?? '') as { pid: number }).pid)
        if (executor.isolation === 'process') assert.ok(!pids.includes(proof?.pid ?? 0))
      }
    },

  'an isolate that exits by itself ends its attempt, and the next one gets another': async (
    executor,
  ) => {
    const end = await run(executor, 'exits')
    assert.ok(end.kind === 'exited' && !end.wasKilled)
    assert.equal(end.proof?.exitCode, 7)
    assert.equal(returned(await run(executor, 'double', { n: 2 })), '4')
  },

  'an idle isolate that exits is replaced': async (executor) => {
    await run(executor, 'leaves-exit')
    await run(executor, 'lingers', 50)
    assert.equal(returned(await run(executor, 'double', { n: 2 })), '4')
  },

  'an error that nobody caught ends its attempt as thrown, its isolate, and no neighbour': async (
    executor,
  ) => {
    const neighbour = new Watched(executor, orderFor('polite'))
    await neighbour.begun()
    const bad = ['uncaught', 'unhandled', 'deaf-to-itself']
    for (const end of (await Promise.all(bad.map((task) => run(executor, task)))).map(threw)) {
      assert.match(end.error.message, /nobody/)
      assert.equal(end.isRetryable, true)
      assert.equal(end.proof === null, executor.isolation === 'inline')
    }
    const stopped = new Watched(executor, orderFor('bad-listener'))
    await stopped.begun()
    stopped.attempt.abort(cancelled)
    const end = threw(await stopped.end())
    assert.equal(end.error.message, 'the listener threw')
    assert.notEqual(end.deliveredAt, null)
    neighbour.attempt.abort(cancelled)
    assert.match(returned(await neighbour.end()) ?? '', /ATTEMPT_CANCELLED/)
  },

  'an error that an attempt leaves behind fails no later one': async (executor) => {
    const file = join(mkdtempSync(join(tmpdir(), 'checkrein-left-')), 'now')
    assert.equal(returned(await run(executor, 'leaves-error', file)), null)
    assert.equal(returned(await run(executor, 'meets-error', file)), '"undisturbed"')
    assert.equal(returned(await run(executor, 'double', { n: 2 })), '4')
  },

  'garbage on the wire is ignored': async (executor) => {
    await executor.warmUp()
    const fd = executor.isolation === 'process' ? 3 : 5
    const watched = new Watched(executor, orderFor('scribbler', fd))
    assert.equal(returned(await watched.end()), '"true"')
    assert.deepEqual(watched.logs, [])
    assert.equal(returned(await run(executor, 'double', { n: 2 })), '4')
  },

  'a report that nobody could store is ignored': async (executor) => {
    await executor.warmUp()
    const fd = executor.isolation === 'process' ? 3 : 5
    const lines = [
      ['delivered', 1, 0.5],
      ['progress', 1, 'not json'],
      ['log', 1, { at: 1e300, message: 'late' }],
      ['checkpoint', 1, 1, 'x{'],
      ['checkpoint', 1, 2, '"\0"'],
      ['handled', 1, { position: 1, reply: 'y{', error: null }],
      ['taken', 1, 1, -1],
      ['extend', 1, 1e300],
    ]
    const watched = new Watched(executor, orderFor('liar', { fd, lines }))
    watched.attempt.signal(signalFor(1, 'go'))
    const end = await watched.end()
    assert.equal(returned(end), '"honest"')
    assert.deepEqual([watched.deliveries, watched.progress, watched.extensions], [[], [], []])
    assert.deepEqual([watched.taken, watched.saves, watched.logs.length], [[1], [], 1])
    assert.deepEqual(end.saved.signals, [{ position: 1, reply: null, error: null }])
  },

  'an end that nobody could store is one that was thrown, and costs the isolate': async (
    executor,
  ) => {
    await executor.warmUp()
    const fd = executor.isolation === 'process' ? 3 : 5
    const lines = [['returned', 1, 'z{', null, false]]
    const watched = new Watched(executor, orderFor('liar', { fd, lines }))
    watched.attempt.signal(signalFor(1, 'go'))
    const { error, isRetryable, proof, saved } = threw(await watched.end())
    assert.deepEqual([error.code, isRetryable], ['INTERNAL', true])
    assert.notEqual(proof, null)
    assert.deepEqual(saved, { checkpoint: null, signals: [] })
  },

  'a line without an end costs the isolate, not the memory of the worker': async (executor) => {
    await executor.warmUp()
    const fd = executor.isolation === 'process' ? 3 : 5
    const end = await run(executor, 'flooder', fd)
    assert.ok(end.kind === 'exited' && !end.wasKilled)
    assert.notEqual(end.proof, null)
  },

  'more attempts than the capacity are refused': async (executor) => {
    const running = [1, 2, 3, 4].map(() => new Watched(executor, orderFor('polite')))
    await Promise.all(running.map((one) => one.begun()))
    assert.throws(() => executor.start(orderFor('nothing'), running[0] as Watched), {
      code: 'INTERNAL',
    })
    for (const one of running) one.attempt.abort(cancelled)
    await Promise.all(running.map((one) => one.end()))
    assert.equal(returned(await run(executor, 'double', { n: 2 })), '4')
  },

  'closing ends what runs and leaves no process behind': async (executor) => {
    const before = childrenOf()
    const watched = new Watched(executor, orderFor('polite'))
    await watched.begun()
    await inTime(executor[Symbol.asyncDispose](), 'the close')
    const end = await watched.end()
    if (executor.isolation === 'inline') assert.equal(end.kind, 'returned')
    else assert.ok(end.kind === 'exited' && end.wasKilled && end.proof !== null)
    await until(() => childrenOf().every((pid) => before.includes(pid)), 'no children')
    assert.throws(() => executor.start(orderFor('nothing'), watched), { code: 'STORE_CLOSED' })
  },
}
