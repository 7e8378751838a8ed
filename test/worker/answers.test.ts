import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CheckreinError } from '../../src/core/errors.ts'
import type { ChildRequest, StoreQuestion } from '../../src/executor/executor.ts'
import type { NewChild } from '../../src/store/store.ts'
import { answerTo, type AnswerParts } from '../../src/worker/attempt/answers.ts'

const fence = { runId: 'parent', attempt: 1, workerId: 'w' }
const plain: ChildRequest = {
  task: 'work',
  queue: 'default',
  input: '1',
  callKey: 'x:0',
  options: {},
}
const enqueue = (over: Partial<ChildRequest> = {}): StoreQuestion => ({
  ask: 'enqueue',
  ...plain,
  ...over,
})

/** A store that fails so often before it does what it is asked. */
function asked(errors: CheckreinError[], over: Partial<AnswerParts> = {}) {
  const calls: NewChild[] = []
  const store: AnswerParts['store'] = {
    now: () => 0,
    children: () => Promise.resolve([]),
    enqueueChildren: async (children) => {
      calls.push(...children)
      const error = errors.shift()
      if (error) throw error
      return children.map(({ run }) => run.id)
    },
  }
  const stored = (): undefined => undefined
  return { calls, parts: { store, fence, stored, isOver: () => false, ...over } }
}

void test('what the store cannot do now is asked again, at the same place', async () => {
  const { calls, parts } = asked([
    new CheckreinError('STORE_BUSY'),
    new CheckreinError('STORE_FULL'),
  ])
  const answer = await answerTo(enqueue(), parts)
  assert.deepEqual(answer, { value: calls[2]?.run.id })
  assert.deepEqual(new Set(calls.map(({ place }) => place)), new Set(['x:0']))
})

void test('nobody asks for one whose attempt is over, nor again for what is hopeless', async () => {
  const over = asked([new CheckreinError('STORE_BUSY')], { isOver: () => true })
  assert.partialDeepStrictEqual(await answerTo(enqueue(), over.parts), {
    error: { code: 'STORE_BUSY' },
  })
  const lost = asked([new CheckreinError('LEASE_LOST')])
  assert.partialDeepStrictEqual(await answerTo(enqueue(), lost.parts), {
    error: { code: 'LEASE_LOST' },
  })
  assert.equal(lost.calls.length, 1)
})

void test('options are checked as those of any enqueue, and a child has no id of its own; whoever takes a key is on record', async () => {
  const { calls, parts } = asked([])
  for (const options of [
    { priority: 'high' },
    { id: 'k' },
    { delay: 'soon' },
    { key: '' },
    { onConflict: 'no' },
  ])
    assert.partialDeepStrictEqual(await answerTo(enqueue({ options }), parts), {
      error: { code: 'USAGE' },
    })
  assert.equal(calls.length, 0)
  await answerTo(enqueue({ options: { tags: ['t'], priority: 3, ttl: '1m', key: 'k' } }), parts)
  assert.partialDeepStrictEqual(calls[0]?.run, {
    ...{ tags: ['t'], priority: 3, ttlMs: 60_000, key: 'k' },
    origin: `run ${parts.fence.runId}`,
  })
})

void test('who is no child is said to be none, and what is no question is refused', async () => {
  const { parts } = asked([])
  assert.partialDeepStrictEqual(await answerTo({ ask: 'ends', ids: ['stranger'] }, parts), {
    error: { code: 'CHILD_UNKNOWN', details: { id: 'stranger' } },
  })
  assert.partialDeepStrictEqual(await answerTo({ ask: 'nothing' }, parts), {
    error: { code: 'USAGE' },
  })
})
