/** What every executor promises of checkpoints, pauses, signals and roll-backs. */
import assert from 'node:assert/strict'
import type { SignalOutcome } from '../../src/core/run/events.ts'
import type { Executor } from '../../src/executor/executor.ts'
import {
  Watched,
  cancelled,
  isRunning,
  orderFor,
  parked,
  returned,
  run,
  signalFor,
  threw,
} from '../executor/attempt.ts'

type Body = (executor: Executor) => Promise<void>

const none = { checkpoint: null, signals: [] }

export const reinPromises: Record<string, Body> = {
  'of a hundred thousand checkpoints the first is told at once and the newest at the end': async (
    executor,
  ) => {
    const watched = new Watched(executor, orderFor('many-checkpoints'))
    const end = await watched.end()
    assert.equal(returned(end), '100000')
    assert.deepEqual(watched.saves, [{ checkpoint: '1', signals: [] }])
    assert.deepEqual(end.saved, { checkpoint: '100000', signals: [] })
  },

  'the newest checkpoint is told within an interval, though the handler calls no more': async (
    executor,
  ) => {
    const watched = new Watched(executor, orderFor('two-checkpoints'))
    await watched.once(() => watched.saves.length === 2, 'the second checkpoint')
    assert.deepEqual(
      watched.saves.map(({ checkpoint }) => checkpoint),
      ['"first"', '"second"'],
    )
    watched.attempt.abort(cancelled)
    assert.deepEqual((await watched.end()).saved, none)
  },

  'a checkpoint is what the state was at the call': async (executor) => {
    const end = await run(executor, 'mutates')
    assert.equal(end.saved.checkpoint, '{"n":2}')
    assert.equal(returned(end), '{"n":2}')
  },

  'a checkpoint that is too large or no JSON is refused, and the one before stays': async (
    executor,
  ) => {
    const order = orderFor('bad-checkpoints', undefined, { checkpointLimit: 1000 })
    const watched = new Watched(executor, order)
    assert.deepEqual(JSON.parse(returned(await watched.end()) ?? ''), {
      large: 'PAYLOAD_TOO_LARGE',
      cycle: 'PAYLOAD_NOT_JSON',
      state: 'good',
    })
    assert.deepEqual(watched.saves, [{ checkpoint: '"good"', signals: [] }])
  },

  'a checkpoint of the largest size comes through whole, beside a result of the largest size':
    async (executor) => {
      const end = await run(executor, 'keeps-text', 524_287)
      assert.equal(returned(end)?.length, 1_048_576)
      assert.equal(end.saved.checkpoint, returned(end))
    },

  'a checkpoint that is to be saved waits until it is stored, or never will be': async (
    executor,
  ) => {
    const stored = new Watched(executor, orderFor('saves'))
    stored.store = (number, attempt) => attempt.saved(number, null)
    assert.equal(returned(await stored.end()), '"stored"')
    assert.deepEqual(
      stored.saves.map(({ checkpoint }) => checkpoint),
      ['1', '2'],
    )
    const refused = new Watched(executor, orderFor('saves'))
    refused.store = (number, attempt) =>
      attempt.saved(number, { name: 'CheckreinError', message: 'no', code: 'STORE_FULL' })
    assert.equal(returned(await refused.end()), '"STORE_FULL"')

    const waiting = new Watched(executor, orderFor('saves-for-ever'))
    await waiting.once(() => waiting.saves.length > 0, 'the checkpoint')
    waiting.attempt.abort(cancelled)
    assert.equal(returned(await waiting.end()), '"ATTEMPT_CANCELLED"')
  },

  'a loop of checkpoints lets the event loop turn': async (executor) => {
    returned(await run(executor, 'waits-in-loop'))
  },

  'the state is what was saved last, by an earlier attempt or by this one': async (executor) => {
    const order = orderFor('tells-state', undefined, { state: '{"n":1}' })
    const end = await new Watched(executor, order).end()
    assert.deepEqual(JSON.parse(returned(end) ?? ''), { before: { n: 1 }, after: { n: 2 } })
    assert.deepEqual(JSON.parse(returned(await run(executor, 'tells-state')) ?? ''), {
      after: { n: 2 },
    })
  },

  'a saved state goes through the schema of the task, and what does not fit fails for good': async (
    executor,
  ) => {
    const good = orderFor('checks-state', undefined, { state: '{"done":1}' })
    assert.equal(returned(await new Watched(executor, good).end()), '{"done":1,"isChecked":true}')
    assert.equal(returned(await run(executor, 'checks-state')), null)
    const bad = new Watched(executor, orderFor('checks-state', undefined, { state: '{"at":1}' }))
    const { error, isRetryable } = threw(await bad.end())
    assert.equal(error.code, 'INPUT_REJECTED')
    assert.match(error.message, /saved state does not fit.*done/)
    assert.equal(isRetryable, false)
    assert.deepEqual(bad.logs, [])
  },

  'a pause parks the attempt at its next checkpoint, with the state that was given there': async (
    executor,
  ) => {
    for (const awaitsTurns of [true, false]) {
      const watched = new Watched(executor, orderFor('walks', { awaitsTurns }))
      const { pid } = await watched.begun()
      watched.attempt.pause(true)
      const end = parked(await watched.end())
      const { n, code, isReason } = watched.logs[1]?.data ?? {}
      assert.deepEqual([code, isReason], ['ATTEMPT_PAUSED', true])
      assert.equal(end.wait, null)
      const newest = end.saved.checkpoint ?? watched.saves.at(-1)?.checkpoint
      assert.deepEqual(JSON.parse(newest ?? ''), { n })
      assert.deepEqual([end.deliveredAt, watched.deliveries], [null, []], 'it is no stop')
      if (executor.isolation === 'inline') continue
      assert.equal(end.proof?.pid, pid, 'its isolate has ended')
      if (executor.isolation === 'process') assert.equal(isRunning(pid ?? 0), false)
    }
  },

  'an attempt parks also where the reason of the pause was wrapped, or became an AbortError':
    async (executor) => {
      for (const ending of ['wrap', 'abort']) {
        const watched = new Watched(executor, orderFor('walks', { ending }))
        await watched.begun()
        watched.attempt.pause(true)
        parked(await watched.end())
      }
    },

  'an attempt parks also where nobody caught the reason of the pause': async (executor) => {
    const watched = new Watched(executor, orderFor('walks-in-background'))
    await watched.begun()
    watched.attempt.pause(true)
    parked(await watched.end())
  },

  'a handler that swallows a pause has returned, one that throws something else has thrown': async (
    executor,
  ) => {
    const isIsolated = executor.isolation !== 'inline'
    for (const ending of ['swallow', 'other']) {
      const watched = new Watched(executor, orderFor('walks', { ending }))
      await watched.begun()
      watched.attempt.pause(true)
      const end = await watched.end()
      if (ending === 'swallow') assert.equal(returned(end), '"swallowed"')
      else assert.equal(threw(end).error.message, 'something else')
      assert.equal(end.proof !== null, isIsolated, 'its isolate is not used again')
    }
  },

  'an abort is met at a checkpoint, which keeps its state first': async (executor) => {
    const watched = new Watched(executor, orderFor('walks', { awaitsTurns: true }))
    await watched.begun()
    watched.attempt.abort(cancelled)
    const end = threw(await watched.end())
    assert.equal(end.error.code, 'ATTEMPT_CANCELLED')
    assert.notEqual(end.deliveredAt, null)
    const newest = end.saved.checkpoint ?? watched.saves.at(-1)?.checkpoint
    assert.deepEqual(JSON.parse(newest ?? ''), { n: watched.logs[1]?.data?.['n'] })
  },

  'within a shield neither a pause nor an abort reaches the handler': async (executor) => {
    const watched = new Watched(executor, orderFor('shields'))
    await watched.begun()
    watched.attempt.pause(true)
    watched.attempt.abort(cancelled)
    watched.attempt.signal(signalFor(1, 'go'))
    const end = await watched.end()
    assert.deepEqual(JSON.parse(returned(end) ?? ''), { inside: false, code: 'ATTEMPT_CANCELLED' })
    assert.notEqual(end.deliveredAt, null)
    assert.equal(watched.saves.at(-1)?.checkpoint, '"still inside"')
  },

  'each value that a generator yields is a checkpoint, and what it returns the result': async (
    executor,
  ) => {
    const watched = new Watched(executor, orderFor('generator', 3))
    const end = await watched.end()
    assert.equal(returned(end), '"through"')
    assert.equal(end.saved.checkpoint, '{"n":3}')
  },

  'the finally blocks of a generator run when it parks, and when it is aborted': async (
    executor,
  ) => {
    for (const stop of ['pause', 'abort'] as const) {
      const watched = new Watched(executor, orderFor('generator', 1e9))
      await watched.begun()
      if (stop === 'pause') watched.attempt.pause(true)
      else watched.attempt.abort(cancelled)
      const end = await watched.end()
      if (stop === 'pause') parked(end)
      else assert.equal(threw(end).error.code, 'ATTEMPT_CANCELLED')
      assert.deepEqual(watched.logs.at(-1)?.message, 'finally')
      const newest = end.saved.checkpoint ?? watched.saves.at(-1)?.checkpoint
      assert.deepEqual(JSON.parse(newest ?? '').n, watched.logs.at(-1)?.data?.['state'])
    }
  },

  'signals are called back for in their order, and what comes of each is told': async (
    executor,
  ) => {
    const watched = new Watched(executor, orderFor('listens', { slow: true }))
    for (const n of [1, 2, 3, 4, 5]) watched.attempt.signal(signalFor(10 + n, 'ping', { n }))
    watched.attempt.signal(signalFor(11, 'ping', { n: 1 }))
    await watched.once(() => watched.outcomes.length === 5, 'five outcomes')
    const pings = watched.logs.filter(({ message }) => message === 'ping')
    assert.deepEqual(
      pings.map(({ data }) => data?.['n']),
      [1, 2, 3, 4, 5],
    )
    assert.deepEqual(watched.taken, [11, 12, 13, 14, 15])
    assert.deepEqual(watched.outcomes.map(short), [
      [11, '"one"', null],
      [12, null, 'USAGE'],
      [13, '"early"', null],
      [14, null, 'HANDLER_THREW'],
      [15, null, 'PAYLOAD_NOT_JSON'],
    ])
    assert.ok(
      watched.saves.every(({ checkpoint }) => checkpoint === null),
      'it keeps no state',
    )
    watched.attempt.abort(cancelled)
    assert.deepEqual((await watched.end()).saved, none)
  },

  'a signal that the task does not take, or that does not fit, is rejected at once': async (
    executor,
  ) => {
    const watched = new Watched(executor, orderFor('listens', { checkpoints: true }))
    await watched.begun()
    watched.attempt.signal(signalFor(1, 'what'))
    watched.attempt.signal(signalFor(2, 'ping', { n: 'many' }))
    await watched.once(() => watched.outcomes.length === 2, 'two outcomes')
    assert.deepEqual(watched.outcomes.map(short), [
      [1, null, 'SIGNAL_REJECTED'],
      [2, null, 'SIGNAL_REJECTED'],
    ])
    const issues = watched.outcomes[1]?.error?.details?.['issues'] as { path: string[] }[]
    assert.deepEqual(issues[0]?.path, ['n'])
    assert.deepEqual(watched.taken, [])
    watched.attempt.abort(cancelled)
    await watched.end()

    const plain = new Watched(executor, orderFor('polite'))
    plain.attempt.signal(signalFor(1, 'what'))
    await plain.once(() => plain.outcomes.length === 1, 'its outcome')
    assert.equal(plain.outcomes[0]?.error?.code, 'SIGNAL_REJECTED')
    plain.attempt.abort(cancelled)
    await plain.end()
  },

  'a signal that was dealt with is told of with the next checkpoint, and not before': async (
    executor,
  ) => {
    const watched = new Watched(executor, orderFor('listens', { checkpoints: true }))
    await watched.begun()
    watched.attempt.signal(signalFor(1, 'ping', { n: 1 }))
    watched.attempt.signal(signalFor(2, 'go'))
    await watched.once(() => watched.saves.length === 2, 'the second checkpoint')
    assert.deepEqual(watched.saves, [
      { checkpoint: '"begun"', signals: [] },
      { checkpoint: '"gone"', signals: [{ position: 1, reply: '"one"', error: null }] },
    ])
    watched.attempt.abort(cancelled)
    const { saved } = await watched.end()
    assert.deepEqual(saved, {
      checkpoint: null,
      signals: [{ position: 2, reply: null, error: null }],
    })
  },

  'a signal that was received is dealt with at the next checkpoint, or when the handler returns':
    async (executor) => {
      const watched = new Watched(executor, orderFor('receives'))
      watched.attempt.signal(signalFor(1, 'ping', { n: 1 }))
      watched.attempt.signal(signalFor(2, 'ping', { n: 2 }))
      await watched.once(() => watched.outcomes.length === 2, 'the checkpoint')
      assert.deepEqual(watched.saves, [
        { checkpoint: '0', signals: [] },
        {
          checkpoint: '2',
          signals: [
            { position: 1, reply: null, error: null },
            { position: 2, reply: '"two"', error: null },
          ],
        },
      ])
      await watched.said('timed out')
      watched.attempt.signal(signalFor(3, 'ping', { n: 3 }))
      const end = await watched.end()
      assert.deepEqual(JSON.parse(returned(end) ?? ''), {
        payloads: [{ n: 1 }, { n: 2 }, { n: 3 }],
        none: null,
        late: 'USAGE',
        by: 'ann',
      })
      assert.deepEqual(end.saved.signals.map(short), [[3, null, null]])
    },

  'of the signals of a handler that threw none counts after its last checkpoint, answered or not':
    async (executor) => {
      const watched = new Watched(executor, orderFor('receives-and-throws'))
      watched.attempt.signal(signalFor(1, 'ping', { n: 1 }))
      watched.attempt.signal(signalFor(2, 'ping', { n: 2 }))
      const end = threw(await watched.end())
      assert.deepEqual(watched.taken, [1, 2])
      assert.deepEqual([watched.outcomes, end.saved.signals], [[], []])
    },

  'a reply that no kept state came after is not told, and the next attempt gets the signal again':
    async (executor) => {
      for (const how of ['throw', 'park'] as const) {
        const watched = new Watched(executor, orderFor('replies-in-vain', how))
        watched.attempt.signal(signalFor(1, 'ping', { n: 1 }))
        await watched.begun()
        if (how === 'park') watched.attempt.pause(true)
        else watched.attempt.signal(signalFor(2, 'go'))
        const end = await watched.end()
        if (how === 'park') assert.equal(parked(end).wait, null)
        else assert.equal(threw(end).error.message, 'no more')
        assert.deepEqual([watched.outcomes, end.saved.signals], [[], []], how)
      }
    },

  'under a heartbeatTimeout a checkpoint without a state and a wait in the slot are signs of life':
    async (executor) => {
      const attempts = (['checkpoint', 'sleep', 'receive', 'iterate'] as const).map(
        (how) => new Watched(executor, orderFor('lives-on', how)),
      )
      await Promise.all(
        attempts.map((one) => one.once(() => one.saves.length >= 3, 'three signs of life')),
      )
      for (const { attempt, saves } of attempts) {
        assert.deepEqual(
          saves,
          saves.map(() => none),
        )
        attempt.abort(cancelled)
      }
      for (const one of attempts) threw(await one.end())
    },

  'a loop over signals takes them in order, each dealt with when it asks for the next': async (
    executor,
  ) => {
    const watched = new Watched(executor, orderFor('iterates', 2))
    watched.attempt.signal(signalFor(1, 'ping', { n: 1 }))
    await watched.once(() => watched.outcomes.length === 1, 'the first outcome')
    watched.attempt.signal(signalFor(2, 'ping', { n: 2 }))
    const end = await watched.end()
    assert.equal(returned(end), '[1,2]')
    assert.deepEqual(watched.outcomes.map(short), [[1, null, null]])
    assert.deepEqual(end.saved.signals.map(short), [[2, null, null]])
  },

  'an abort ends a loop over signals': async (executor) => {
    const watched = new Watched(executor, orderFor('iterates', 2))
    watched.attempt.signal(signalFor(1, 'ping', { n: 1 }))
    await watched.once(() => watched.outcomes.length === 1, 'the first outcome')
    watched.attempt.abort(cancelled)
    assert.equal(threw(await watched.end()).error.code, 'ATTEMPT_CANCELLED')
  },

  'a handler that asks for a signal which its task does not declare is told so': async (
    executor,
  ) => {
    const codes = JSON.parse(returned(await run(executor, 'asks-for-unknown')) ?? '') as unknown
    assert.deepEqual(codes, ['USAGE', 'USAGE', 'USAGE'])
  },

  'a roll-back gets the input, the state, and how the run ended': async (executor) => {
    const error = { name: 'Error', message: 'as expected', code: 'EXPECTED' }
    const rollback = { stop: null, error }
    const order = orderFor('undoes', { n: 3 }, { rollback, state: '{"n":1}' })
    const end = await new Watched(executor, order).end()
    const result = { n: 3, stop: null, error, state: { undone: 3 } }
    assert.deepEqual(JSON.parse(returned(end) ?? ''), result)
    assert.equal(returned(await run(executor, 'undoes', { n: 3 })), '"run"')
  },

  'a roll-back of a task that has none fails for good': async (executor) => {
    const rollback = { stop: null, error: null }
    const end = threw(await new Watched(executor, orderFor('nothing', null, { rollback })).end())
    assert.deepEqual([end.error.code, end.isRetryable], ['ROLLBACK_MISSING', false])
  },

  'a handler may ask for more time where its task allows that': async (executor) => {
    const watched = new Watched(executor, orderFor('extends-time'))
    returned(await watched.end())
    assert.deepEqual(watched.extensions, [2000])
    assert.equal(threw(await run(executor, 'cannot-extend')).error.code, 'USAGE')
  },
}

function short({ position, reply, error }: SignalOutcome): unknown[] {
  return [position, reply, error?.code ?? null]
}
