/** What every executor promises of waits that give their slot back. */
import assert from 'node:assert/strict'
import type { AttemptOrder, Executor } from '../../src/executor/executor.ts'
import {
  Watched,
  cancelled,
  orderFor,
  parked,
  returned,
  signalFor,
  threw,
} from '../executor/attempt.ts'

type Body = (executor: Executor) => Promise<void>

const hourMs = 3_600_000
const unanswered = { position: 9, reply: null, error: null }

function start(executor: Executor, how: object, more: Partial<AttemptOrder> = {}): Watched {
  return new Watched(executor, orderFor('waits', how, more))
}

export const waitPromises: Record<string, Body> = {
  'a short wait goes on in its place; a long one parks, and says how those before it ended': async (
    executor,
  ) => {
    const watched = new Watched(executor, orderFor('waits-in-place', { ms: 1 }))
    await watched.said('slept')
    watched.attempt.signal(signalFor(9, 'ping', { n: 1 }))
    const end = parked(await watched.end())
    assert.deepEqual([end.wait?.signal, end.wait?.done], [null, ['slept', 9]])
    assert.deepEqual(end.saved.signals, [], 'the next attempt needs it again')

    const late = new Watched(executor, orderFor('waits-in-place', { timeout: 1 }))
    assert.deepEqual(parked(await late.end()).wait?.done, ['slept', 'timeout'])
  },

  'a receive without a timeout parks until there is a signal': async (executor) => {
    const watched = start(executor, {})
    const end = parked(await watched.end())
    assert.deepEqual(end.wait, { signal: 'ping', wakeInMs: null, done: ['slept'], taken: [] })
    assert.deepEqual(watched.saves, [{ checkpoint: '"before"', signals: [] }])
    assert.deepEqual(end.saved, { checkpoint: null, signals: [] })
    assert.equal(end.deliveredAt, null)
  },

  'a receive with a timeout parks for what is left of it': async (executor) => {
    const end = parked(await start(executor, { timeout: hourMs }).end())
    assert.equal(end.wait?.signal, 'ping')
    const { wakeInMs } = end.wait ?? {}
    assert.ok(wakeInMs !== null && wakeInMs !== undefined)
    assert.ok(wakeInMs <= hourMs && wakeInMs > hourMs - 60_000, `${wakeInMs}`)
  },

  'a receive whose signal did not fit keeps the end of its timeout': async (executor) => {
    const goesOn = (signal: string, leftMs: number): Watched => {
      const begun = { waits: ['slept'], begunWait: { signal, leftMs } } as const
      return new Watched(executor, orderFor('replays', { ms: hourMs }, begun))
    }
    const { wait } = parked(await goesOn('ping', hourMs).end())
    assert.deepEqual([wait?.signal, wait?.done], ['ping', ['slept']])
    const { wakeInMs } = wait ?? {}
    assert.ok(wakeInMs != null && wakeInMs <= hourMs && wakeInMs > hourMs - 60_000, `${wakeInMs}`)
    const late = parked(await goesOn('ping', 0).end())
    assert.deepEqual(late.wait?.done, ['slept', 'timeout'])
    const other = parked(await goesOn('another', hourMs).end())
    assert.deepEqual([other.wait?.signal, other.wait?.wakeInMs], ['ping', null])
  },

  'a signal that came in time is received, also where the time is over by now': async (
    executor,
  ) => {
    const begun = { waits: ['slept'], begunWait: { signal: 'ping', leftMs: 0 } } as const
    const order = orderFor('replays', { ms: hourMs }, { ...begun, signalled: 9 })
    const watched = new Watched(executor, order)
    watched.attempt.signal(signalFor(9, 'ping', { n: 9 }))
    watched.attempt.caughtUp(9)
    assert.deepEqual(parked(await watched.end()).wait?.done, ['slept', 9])
  },

  'a sleep parks with its time': async (executor) => {
    const watched = start(executor, { ms: hourMs })
    const { wait } = parked(await watched.end())
    assert.deepEqual([wait?.signal, wait?.done], [null, []])
    assert.ok((wait?.wakeInMs ?? 0) > hourMs - 60_000)
    assert.deepEqual(watched.logs, [])
  },

  'waits that are over are over for the next attempt, which may not have met a checkpoint since':
    async (executor) => {
      const watched = start(executor, { ms: hourMs }, { waits: ['slept', 'timeout'], state: '1' })
      // The handler keeps a state first, and so begins its waits anew.
      assert.deepEqual(parked(await watched.end()).wait?.done, [])
    },

  'a wait takes the signal again that it took before, and parks where it went on to wait': async (
    executor,
  ) => {
    const order = orderFor('replays', { ms: hourMs }, { waits: ['slept', 9] })
    const watched = new Watched(executor, order)
    watched.attempt.signal(signalFor(4, 'ping', { n: 4 }))
    watched.attempt.signal(signalFor(9, 'ping', { n: 9 }))
    const { wait, saved } = parked(await watched.end())
    assert.deepEqual(
      watched.logs.map(({ data }) => data?.['n']),
      [9],
    )
    assert.deepEqual([wait?.signal, wait?.done], [null, ['slept', 9]])
    assert.deepEqual(saved.signals, [], 'answered or not, the next attempt needs it again')
  },

  'a handler whose waits are all over goes on, and is then through with their signals': async (
    executor,
  ) => {
    const order = orderFor('replays', { ms: hourMs }, { waits: ['slept', 9, 'slept'] })
    const watched = new Watched(executor, order)
    watched.attempt.signal(signalFor(9, 'ping', { n: 9 }))
    const end = await watched.end()
    assert.equal(returned(end), '9')
    assert.deepEqual(end.saved.signals, [{ ...unanswered, reply: '"thanks"' }])
  },

  'a handler that goes another way than before waits anew': async (executor) => {
    const order = orderFor('replays', { ms: hourMs }, { waits: ['timeout', 9] })
    const watched = new Watched(executor, order)
    const { wait } = parked(await watched.end())
    assert.deepEqual([wait?.signal, wait?.done], [null, []])
  },

  'a pause parks a handler that waits, with what it waits for': async (executor) => {
    for (const what of ['sleep', 'receive'] as const) {
      const watched = new Watched(executor, orderFor('waits-long', what))
      await watched.begun()
      watched.attempt.pause(true)
      const { wait } = parked(await watched.end())
      assert.equal(wait?.signal, what === 'sleep' ? null : 'ping')
      assert.ok((wait?.wakeInMs ?? 0) > hourMs / 2 - 60_000)
      assert.ok((wait?.wakeInMs ?? 0) <= hourMs / 2)
    }
  },

  'an abort ends a wait': async (executor) => {
    for (const what of ['sleep', 'receive'] as const) {
      const watched = new Watched(executor, orderFor('waits-long', what))
      await watched.begun()
      watched.attempt.abort(cancelled)
      assert.equal(threw(await watched.end()).error.code, 'ATTEMPT_CANCELLED')
    }
  },

  'a handler that sleeps hears what was sent before it slept, and what came while it did': async (
    executor,
  ) => {
    const first = new Watched(executor, orderFor('sleeps-and-listens', null, { signalled: 2 }))
    for (const n of [1, 2]) first.attempt.signal(signalFor(n, 'ping', { n }))
    first.attempt.caughtUp(2)
    const end = parked(await first.end())
    assert.equal(end.wait?.signal, null)
    assert.deepEqual(
      first.outcomes.map(({ position, reply }) => [position, reply]),
      [
        [1, '1'],
        [2, '2'],
      ],
    )

    const slept = { signalled: 4, waits: ['slept'] } as const
    const next = new Watched(executor, orderFor('sleeps-and-listens', null, slept))
    for (const n of [3, 4]) next.attempt.signal(signalFor(n, 'ping', { n }))
    next.attempt.caughtUp(4)
    assert.equal(returned(await next.end()), '[3,4]')
  },

  'a wait without a slot says which signals the handler has and is not through with': async (
    executor,
  ) => {
    const watched = new Watched(executor, orderFor('breaks-and-receives'))
    watched.attempt.signal(signalFor(5, 'ping', { n: 5 }))
    const { wait, saved } = parked(await watched.end())
    assert.deepEqual([wait?.signal, wait?.done, wait?.taken], ['ping', [], [5]])
    assert.deepEqual(saved.signals, [], 'the next attempt begins before it, and needs it again')

    const order = orderFor('breaks-and-receives', null, { waits: ['timeout'], state: '1' })
    const next = new Watched(executor, order)
    next.attempt.signal(signalFor(5, 'ping', { n: 5 }))
    assert.deepEqual(parked(await next.end()).wait?.taken, [5])
  },

  'a wait within a shield does not park': async (executor) => {
    const watched = new Watched(executor, orderFor('waits-shielded'))
    await watched.begun()
    watched.attempt.pause(true)
    watched.attempt.signal(signalFor(1, 'ping', { n: 1 }))
    assert.equal(returned(await watched.end()), '1')
  },
}
