import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { checkedFilter, statesOf } from '../../src/core/filter.ts'
import { isUsage } from './errors-of.ts'

suite('a filter', () => {
  test('may have any of its parts', () => {
    const filter = {
      task: 'a',
      queue: 'q',
      tag: 't',
      key: 'k',
      state: ['queued', 'running'],
      createdAfter: 0,
      createdBefore: new Date(0),
      input: { 'user.id': 9 },
    } as const
    assert.deepEqual(checkedFilter(filter), { ...filter, createdBefore: 0 })
    assert.deepEqual(checkedFilter({}), {})
    assert.deepEqual(statesOf({ state: 'queued' }), ['queued'])
    assert.deepEqual(statesOf({}), [])
  })

  test('that is mistyped never means all runs', () => {
    const bad: unknown[] = [
      { tags: 'a' },
      { tag: undefined },
      { state: 'canceled' },
      { state: [] },
      { state: ['queued', 'done'] },
      { input: {} },
      { input: { "a'b": 1 } },
      { input: { '': 1 } },
      { input: { a: NaN } },
      { input: { a: 'half \ud83d' } },
      { input: { a: 'nul \0' } },
      { input: { 'a..b': 1 } },
      { input: { a: { b: 1 } } },
      { input: { a: undefined } },
      { createdAfter: new Date('tomorrow') },
      { createdBefore: Number.NaN },
      { createdBefore: Number.POSITIVE_INFINITY },
      { createdAfter: Number.NEGATIVE_INFINITY },
    ]
    for (const filter of bad) {
      assert.throws(() => checkedFilter(filter as never), isUsage(), JSON.stringify(filter))
    }
  })
})
