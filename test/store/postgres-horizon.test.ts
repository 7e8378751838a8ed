import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Client } from 'pg'
import { FeedHorizon } from '../../src/store/postgres/horizon.ts'
import { openStore } from '../../src/store/open.ts'
import { dropSchema, freshSchema, testDatabase } from '../support/database.ts'
import { plainRun } from './bed.ts'

const entries = (...positions: readonly number[]) => positions.map((position) => ({ position }))
const shown = (horizon: FeedHorizon, positions: readonly number[], after = -1) =>
  horizon.shown(entries(...positions), after).map(({ position }) => position)

suite('how far the feed can be read', () => {
  test('an entry is not shown while one below it may still come', () => {
    const horizon = new FeedHorizon()
    horizon.note({ position: 2, xmin: '10', xmax: '10' })
    horizon.note({ position: 5, xmin: '10', xmax: '12' })
    assert.deepEqual(shown(horizon, [1, 2, 3, 5]), [1, 2, 3])
    horizon.note({ position: 6, xmin: '11', xmax: '13' })
    assert.deepEqual(shown(horizon, [5, 6], 3), [])
    horizon.note({ position: 6, xmin: '12', xmax: '13' })
    assert.deepEqual(shown(horizon, [5, 6], 3), [5, 6])
  })

  test('a gap that nothing can fill any more is passed', () => {
    const horizon = new FeedHorizon()
    horizon.note({ position: 9, xmin: '20', xmax: '20' })
    assert.deepEqual(shown(horizon, [1, 4, 9]), [1, 4, 9])
  })

  test('a reader of all runs misses nothing that was begun before and committed after what it has read', async () => {
    const url = await testDatabase()
    const schema = freshSchema('horizon')
    const store = await openStore(url, { schema })
    const late = new Client(url)
    try {
      await late.connect()
      await late.query('BEGIN')
      const run = (id: string) => ({ ...plainRun, id, due: { inMs: 60_000 } })
      await store.within(late).enqueue([run('late')])
      await store.enqueue([run('early')])
      const before = await store.feed({ runId: null, after: -1, limit: 10 })
      assert.deepEqual(before, [])
      await late.query('COMMIT')
      const after = await store.feed({ runId: null, after: -1, limit: 10 })
      assert.deepEqual(
        after.map(({ runId }) => runId),
        ['late', 'early'],
      )
    } finally {
      await late.end()
      await store[Symbol.asyncDispose]()
      await dropSchema(url, schema)
    }
  })
})
