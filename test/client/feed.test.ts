import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedOf } from '../../src/client/waits/feed.ts'
import type { FeedEntry } from '../../src/core/run/events.ts'

test('a feed does not end before an entry that was written while it looked whether the run is over', async () => {
  const last = { position: 7, type: 'complete' } as FeedEntry
  const written: FeedEntry[] = []
  const store = {
    feed: async ({ after }: { after: number }) =>
      written.filter(({ position }) => position > after),
    onChange: () => ({ [Symbol.dispose]: () => undefined }),
  }
  const isOver = async (): Promise<boolean> => {
    written.push(last)
    return true
  }
  const { signal: abortSignal } = new AbortController()
  const feed = feedOf(store, { runId: 'run', after: -1, abortSignal, isOver })
  assert.deepEqual((await Array.fromAsync(feed)).slice(0, 1), [last])
})
