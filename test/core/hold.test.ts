import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { checkedHoldFilter, filterText, isHeldBy, isOfLanes } from '../../src/core/hold.ts'
import { isUsage } from './errors-of.ts'

const run = { task: 'work', queue: 'default', key: 'k', tags: ['t'], input: '{"a":{"b":[1]}}' }

suite('a standing filter', () => {
  test('names only what a run has from the start', () => {
    const filter = { task: 'a', queue: 'q', tag: 't', key: 'k', input: { 'a.b': 1 } } as const
    assert.deepEqual(checkedHoldFilter(filter), filter)
    for (const bad of [{ state: 'queued' }, { createdAfter: 1 }, { tag: undefined }, { tgas: 't' }])
      assert.throws(() => checkedHoldFilter(bad as never), isUsage())
  })

  test('is the same one, whatever the order of its parts', () => {
    const one = filterText({ task: 'a', queue: 'q', input: { b: 1, a: '1' } })
    assert.equal(filterText({ input: { a: '1', b: 1 }, queue: 'q', task: 'a' }), one)
    assert.notEqual(filterText({ task: 'a', queue: 'q', input: { b: 1, a: 1 } }), one)
  })

  test('is of lanes where it pauses by task and queue alone', () => {
    for (const filter of [{}, { task: 'a' }, { queue: 'q' }, { task: 'a', queue: 'q' }]) {
      assert.ok(isOfLanes({ verb: 'pause', filter }))
      assert.ok(!isOfLanes({ verb: 'cancel', filter }))
    }
    assert.ok(!isOfLanes({ verb: 'pause', filter: { task: 'a', tag: 't' } }))
  })

  test('holds a run that fits every part, and no other', () => {
    const fits = [{}, { task: 'work', queue: 'default', key: 'k', tag: 't' }]
    for (const filter of fits) assert.ok(isHeldBy(filter, run), JSON.stringify(filter))
    const others = [
      { task: 'other' },
      { task: 'work', queue: 'far' },
      { key: 'K' },
      { tag: 'T' },
      { input: { a: 1 } },
      { input: { 'a.b': '[1]' } },
      { input: { 'a.b.0': 1 } },
      { input: { 'a.b.length': 1 } },
    ]
    for (const filter of others) assert.ok(!isHeldBy(filter, run), JSON.stringify(filter))
    assert.ok(!isHeldBy({ input: { a: 1 } }, { ...run, input: null }))
  })
})
