import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Client } from 'pg'
import { FeedHorizon } from '../../src/store/postgres/news/horizon.ts'
import { openStore } from '../../src/store/open.ts'
import { dropSchema, freshSchema, testDatabase } from '../support/database.ts'
import { plainRun } from './bed.ts'

const entries = (...positions: readonly number[]) => positions.map((position) => ({ position }))
const shown = (horizon: FeedHorizon, positions: readonly number[], after = -1) =>
  horizon.shown(entries(...positions), after).map(({ position }) => position)

suite('how far the feed can be read', () => {
  test('an entry is not shown while one below it may still come', () => {
    const horizon = new FeedHorizon()
    horizon.note({ position: 2, writers: null }, horizon.begin())
    horizon.note({ position: 5, writers: '3/10 4/11' }, horizon.begin())
    assert.deepEqual(shown(horizon, [1, 2, 3, 5]), [1, 2, 3])
    horizon.note({ position: 6, writers: '4/11 3/12' }, horizon.begin())
    assert.deepEqual(shown(horizon, [5, 6], 3), [])
    horizon.note({ position: 6, writers: '3/12 4/13' }, horizon.begin())
    assert.deepEqual(shown(horizon, [5, 6], 3), [5, 6])
    assert.deepEqual(shown(horizon, [8], 6), [])
  })

  test('a gap that nothing can fill any more is passed', () => {
    const horizon = new FeedHorizon()
    horizon.note({ position: 9, writers: null }, horizon.begin())
    assert.deepEqual(shown(horizon, [1, 4, 9]), [1, 4, 9])
  })

  test('an answer that comes late settles nothing that came after it was asked for', () => {
    const horizon = new FeedHorizon()
    const older = horizon.begin()
    horizon.note({ position: 20, writers: '3/7' }, horizon.begin())
    horizon.note({ position: 10, writers: null }, older)
    assert.equal(horizon.settled, 10)
  })

  test('a writer that is prepared for a second phase is still a writer', () => {
    const horizon = new FeedHorizon()
    horizon.note({ position: 20, writers: '3/7' }, horizon.begin())
    horizon.note({ position: 20, writers: '-1/99' }, horizon.begin())
    assert.equal(horizon.settled, 0)
    horizon.note({ position: 20, writers: null }, horizon.begin())
    assert.equal(horizon.settled, 20)
  })

  test('the first entries are shown while others are written', () => {
    const horizon = new FeedHorizon()
    horizon.note({ position: 2, writers: '3/10' }, horizon.begin())
    assert.deepEqual(shown(horizon, [1, 2, 4]), [1, 2])
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
      await late.query('BEGIN; CREATE TEMPORARY TABLE elsewhere (n int)')
      await store.enqueue([run('last')])
      const last = await store.feed({ runId: null, after: after.at(-1)?.position ?? 0, limit: 10 })
      assert.deepEqual(
        last.map(({ runId }) => runId),
        ['last'],
        'what others write elsewhere holds up nothing',
      )
      await late.query('COMMIT')
    } finally {
      await late.end()
      await store[Symbol.asyncDispose]()
      await dropSchema(url, schema)
    }
  })
})
