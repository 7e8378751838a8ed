/** What every executor promises of the runs that handlers enqueue, and wait for. */
import assert from 'node:assert/strict'
import type { AttemptOrder, Executor, StoreQuestion } from '../../src/executor/executor.ts'
import {
  cancelled,
  orderFor,
  parked,
  returned,
  signalFor,
  threw,
  Watched,
} from '../executor/attempt.ts'

type Body = (executor: Executor) => Promise<void>

const ids = ['k1', 'k2', 'k3'].map((value) => ({ value }))
const completed = { state: 'completed', result: 7 }

function start(executor: Executor, how: object, more: Partial<AttemptOrder> = {}): Watched {
  const watched = new Watched(executor, orderFor('enqueues', how, more))
  watched.answers = [...ids]
  return watched
}

const callKeysOf = (questions: readonly StoreQuestion[]): readonly string[] =>
  questions.flatMap((one) => (one.ask === 'enqueue' ? [one.callKey] : []))

export const childPromises: Record<string, Body> = {
  'a handler enqueues children, after what it has kept is told': async (executor) => {
    const watched = start(executor, {})
    assert.equal(returned(await watched.end()), '["k1","k2","k3"]')
    const [one, two] = watched.questions
    const plain = { ask: 'enqueue', task: 'child', queue: 'kids', input: '1', options: {} }
    assert.deepEqual(one, { ...plain, callKey: callKeysOf(watched.questions)[0] })
    assert.ok(two?.ask === 'enqueue')
    assert.deepEqual(two.options, { tags: ['t'], runAt: 5 })
    assert.deepEqual(
      watched.saves.map(({ checkpoint }) => checkpoint),
      ['"first"', '"second"', '"third"'],
      'each state from which something counts',
    )
  },

  'children that are alike are told apart, and known again': async (executor) => {
    const [first, again] = [start(executor, {}), start(executor, {})]
    await Promise.all([first.end(), again.end()])
    const [one, two, three] = callKeysOf(first.questions)
    assert.notEqual(one, two)
    assert.equal(three, one, 'counted since the last checkpoint')
    assert.deepEqual(callKeysOf(again.questions), [one, two, three])
  },

  'who waits for children that go on gives the slot back at once': async (executor) => {
    const watched = start(executor, { wait: true })
    watched.answers.push({ value: null })
    const { wait } = parked(await watched.end())
    const waiting = { signal: null, children: ['k1', 'k3'], wakeInMs: null, done: [], taken: [] }
    assert.deepEqual(wait, waiting)
    assert.deepEqual(watched.questions.at(-1), { ask: 'ends', ids: ['k1', 'k3'] })

    const late = start(executor, { wait: true, timeout: 3_600_000 })
    late.answers.push({ value: null })
    const { wakeInMs } = parked(await late.end()).wait ?? {}
    assert.ok(wakeInMs != null && wakeInMs > 3_500_000 && wakeInMs <= 3_600_000, `${wakeInMs}`)
  },

  'who waits for children that have ended goes on': async (executor) => {
    for (const waits of [[], ['ended']] as const) {
      const watched = start(executor, { wait: true }, { waits })
      watched.answers.push({ value: [completed, completed] })
      assert.deepEqual(JSON.parse(returned(await watched.end()) ?? ''), [completed, completed])
    }
  },

  'what the store says of an enqueue is what the handler hears': async (executor) => {
    const watched = new Watched(executor, orderFor('enqueues-badly'))
    const error = { name: 'CheckreinError', message: 'full', code: 'STORE_FULL' }
    watched.answers = [{ error }]
    const codes = ['INPUT_REJECTED', 'USAGE', 'STORE_FULL', 'USAGE', 'USAGE']
    assert.deepEqual(JSON.parse(returned(await watched.end()) ?? ''), codes)
  },

  "who waits for somebody else's run has failed for good": async (executor) => {
    const watched = start(executor, { wait: true })
    const error = { name: 'CheckreinError', message: 'no child', code: 'CHILD_UNKNOWN' }
    watched.answers.push({ error })
    const end = threw(await watched.end())
    assert.deepEqual([end.error.code, end.isRetryable], ['CHILD_UNKNOWN', false])
  },

  'a wait for children keeps the slot beside another, and looks again': async (executor) => {
    const watched = new Watched(executor, orderFor('waits-for-two'))
    const looks = [null, null, [completed]].map((value) => ({ value }))
    watched.answers = [{ value: 'k1' }, ...looks]
    await watched.once(() => watched.questions.length === 4, 'the third look')
    watched.attempt.signal(signalFor(9, 'ping', { n: 1 }))
    assert.deepEqual(JSON.parse(returned(await watched.end()) ?? ''), [completed])
  },

  'a stop reaches who waits for children, and ends what is asked for': async (executor) => {
    const watched = start(executor, { wait: true })
    await watched.once(() => watched.questions.length === 4, 'the look')
    watched.attempt.abort(cancelled)
    assert.equal(threw(await watched.end()).error.code, 'ATTEMPT_CANCELLED')
  },

  'a roll-back enqueues nothing': async (executor) => {
    const rollback = { stop: null, error: null }
    const watched = new Watched(executor, orderFor('undoes-with-child', undefined, { rollback }))
    assert.equal(returned(await watched.end()), null)
    assert.deepEqual(watched.logs[0]?.data, { code: 'USAGE' })
    assert.deepEqual(watched.questions, [])
  },
}
