/** What every executor promises of a run that calls its handler for each of a list. */
import assert from 'node:assert/strict'
import type { AttemptOrder, Executor } from '../../src/executor/executor.ts'
import { Watched, cancelled, orderFor, returned, threw } from '../executor/attempt.ts'

type Body = (executor: Executor) => Promise<void>

const ns = (...all: readonly number[]): readonly { n: number }[] => all.map((n) => ({ n }))
const each = (input: unknown, more: Partial<AttemptOrder> = {}): AttemptOrder =>
  orderFor('halves', input, { isMapped: true, ...more })
const said = ({ logs }: Watched): unknown[] => logs.map(({ data }) => data)
const stop = { verb: 'cancel', reason: null, by: null } as never

export const eachPromises: Record<string, Body> = {
  'a run for each of a list comes to the list of the results': async (executor) => {
    const end = await new Watched(executor, each(ns(1, 2))).end()
    assert.equal(returned(end), '["1 1","2 1"]')
    const none = await new Watched(executor, each([])).end()
    assert.equal(returned(none), '[]')
    const order = orderFor('each-yields', [1, 5], { isMapped: true })
    assert.equal(returned(await new Watched(executor, order).end()), '[2,10]')
  },

  'a run for each goes on where it was: with the results before, and what was kept for the next':
    async (executor) => {
      const first = new Watched(executor, each(ns(1, 2, -3, 4)))
      await first.once(() => first.logs.length === 3, 'the third of them')
      first.attempt.abort(cancelled)
      threw(await first.end())
      const told = first.saves.map(({ checkpoint }) => JSON.parse(checkpoint ?? 'null') as unknown)
      assert.deepEqual(told, [{ results: [], state: 0.5 }, { results: ['1 1', '2 1', '-3 1'] }])

      const kept = JSON.stringify({ results: ['one', 'two'], state: 'half' })
      const second = new Watched(executor, each(ns(1, 2, 3, 4), { state: kept }))
      assert.equal(returned(await second.end()), '["one","two","3 1","4 1"]')
      assert.deepEqual(said(second), [
        { n: 3, kept: 'half' },
        { n: 4, kept: null },
      ])
    },

  'a run for each refuses what is no list, and a list with a member that does not fit': async (
    executor,
  ) => {
    for (const input of [undefined, 7, { n: 1 }, [{ n: 1 }, { n: 'two' }]]) {
      const watched = new Watched(executor, each(input))
      const { error, isRetryable } = threw(await watched.end())
      assert.deepEqual([error.code, isRetryable], ['INPUT_REJECTED', false])
      assert.deepEqual(said(watched), [], 'none of them is done')
    }
  },

  'a run for each of many keeps each of their results once': async (executor) => {
    const many = Array.from({ length: 20_000 }, (_, n) => n)
    const watched = new Watched(executor, orderFor('each-yields', many, { isMapped: true }))
    assert.equal(returned(await watched.end()), JSON.stringify(many.map((n) => n * 2)))
    const order = orderFor('each-yields', many, { isMapped: true, checkpointLimit: 100 })
    const { error } = threw(await new Watched(executor, order).end())
    assert.equal(error.code, 'PAYLOAD_TOO_LARGE')
  },

  'a run for each undoes what was begun, the last first': async (executor) => {
    const state = JSON.stringify({ results: ['one', 'two'], state: 'half' })
    const begun = new Watched(
      executor,
      each(ns(1, 2, 3, 4), { state, rollback: { stop, error: null } }),
    )
    await begun.end()
    assert.deepEqual(said(begun), [
      { n: 3, state: 'half', result: null },
      { n: 2, state: null, result: 'two' },
      { n: 1, state: null, result: 'one' },
    ])
    const undoes = { result: '["one","two"]' }
    const done = new Watched(executor, each(ns(1, 2), { rollback: { stop, error: null, undoes } }))
    await done.end()
    assert.deepEqual(said(done), [
      { n: 2, state: null, result: 'two' },
      { n: 1, state: null, result: 'one' },
    ])
  },

  'a step that has completed is undone with its result, and one that cannot be undone is no failure':
    async (executor) => {
      const rollback = { stop, error: null, undoes: { result: '"whole"' } }
      const watched = new Watched(executor, orderFor('halves', { n: 1 }, { rollback }))
      returned(await watched.end())
      assert.deepEqual(said(watched), [{ n: 1, state: null, result: 'whole' }])
      const nothing = new Watched(executor, orderFor('double', { n: 1 }, { rollback }))
      assert.equal(returned(await nothing.end()), null)
    },
}
