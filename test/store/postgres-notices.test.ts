import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Change } from '../../src/store/store.ts'
import { Notices } from '../../src/store/postgres/news/notices.ts'
import type { Session } from '../../src/store/postgres/connection/session.ts'

/** Notices that nobody hears, and what of them was sent by itself. */
function silent(): { notices: Notices; sent: Change[] } {
  const sent: Change[] = []
  const notices = new Notices({
    channel: 'checkrein',
    connect: async () => null,
    send: async (change) => void sent.push(change),
    look: async () => '',
    lookMs: 60_000,
  })
  return { notices, sent }
}

/** A session on which it is noted what is sent behind a write. */
function session(isPipelined: boolean): {
  session: Pick<Session, 'isPipelined' | 'rows'>
  behind: unknown[]
} {
  const behind: unknown[] = []
  const rows = async (_: string, [, change]: readonly unknown[]): Promise<[]> => {
    behind.push(change)
    return []
  }
  return { session: { isPipelined, rows }, behind }
}

suite('what is told of a write', () => {
  test('goes behind it on its connection, and not again', () => {
    const { notices, sent } = silent()
    const one = session(true)
    const news = notices.about(['control', 'end', 'news'])
    news.behind(one.session)
    news.isDone()
    assert.deepEqual([one.behind, sent], [['end', 'news'], []])
  })

  test('waits where the same was told just now', () => {
    const { notices, sent } = silent()
    const one = session(true)
    notices.about(['end']).behind(one.session)
    const news = notices.about(['end', 'news'])
    news.behind(one.session)
    news.isDone()
    assert.deepEqual([one.behind, sent], [['end', 'news'], []])
  })

  test('goes again behind a write that was sent again', () => {
    const { notices, sent } = silent()
    const [lost, next] = [session(true), session(true)]
    const news = notices.about(['work'])
    news.behind(lost.session)
    news.behind(next.session)
    news.isDone()
    assert.deepEqual([next.behind, sent], [['work'], []])
  })

  test('goes by itself where nothing was sent behind: a connection may be somebody else’s by then', () => {
    const { notices, sent } = silent()
    const theirs = session(false)
    const news = notices.about(['end', 'news'])
    news.behind(theirs.session)
    news.isDone()
    assert.deepEqual([theirs.behind, sent], [[], ['end', 'news']])
  })
})
