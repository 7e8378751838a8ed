/** What every store promises of runs that are tried again. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { chain } from '../../src/core/workflow/canvas.ts'
import type { Retried, RetryOfRun } from '../../src/store/store.ts'
import type { StoreBed } from '../store/bed.ts'
import { FlowBed, tasks } from '../store/flow-bed.ts'
import type { Promises } from './promises.ts'

let lastId = 0

const callOf = (id: string, over: Partial<RetryOfRun> = {}): RetryOfRun => ({
  id,
  newId: `again-${++lastId}`,
  asked: { callId: randomUUID(), reason: 'why', by: 'who', origin: 'here' },
  ...over,
})

async function retry(
  bed: StoreBed,
  id: string,
  over: Partial<RetryOfRun> = {},
): Promise<Retried | undefined> {
  const [answer] = await bed.store.retry([callOf(id, over)])
  return answer
}

/** A run that has ended. */
async function ended(bed: StoreBed, over: Parameters<StoreBed['add']>[0] = {}): Promise<string> {
  const id = await bed.add(over)
  await bed.askOne('cancel', id)
  return id
}

const work = { queue: 'slow', priority: 3, tags: ['a', 'b'], key: 'k', input: '{"n":1}' }

export const retryPromises: Promises = {
  'a new run does the same from the start, and each knows of the other': async (bed) => {
    const id = await ended(bed, work)
    assert.equal(await bed.store.retriedAs(id), null)
    const answer = await retry(bed, id)
    assert.equal(answer?.answer, 'retried')
    const newId = answer?.newId ?? ''
    const { task, queue, priority, tags, key, input, retryOf, state, attempt } =
      await bed.get(newId)
    assert.deepEqual(
      { queue, priority, tags: tags.toSorted(), key, input },
      { ...work, tags: ['a', 'b'] },
    )
    assert.deepEqual([task, retryOf, state, attempt], ['work', id, 'queued', 0])
    assert.equal(await bed.store.retriedAs(id), newId)
    assert.equal((await bed.get(id)).state, 'cancelled', 'the old run stays as it is')
    const second = await retry(bed, id, { input: '{"n":2}' })
    const next = await bed.get(second?.newId ?? '')
    assert.deepEqual([next.input, next.key], ['{"n":2}', null], 'the key stays with its holder')
    assert.equal(await bed.store.retriedAs(id), next.id)
    assert.equal((await bed.get(newId)).key, 'k')
    const listed = await bed.store.list({ tag: 'a' }, { limit: 9, cursor: null, order: 'oldest' })
    assert.deepEqual(
      listed.runs.map(({ retryOf }) => retryOf),
      [null, id, id],
    )
    assert.equal((await retry(bed, id, { input: null }))?.answer, 'retried')
  },

  'the same call again answers the same new run, also at once and from two processes': async (
    bed,
  ) => {
    const id = await ended(bed)
    const other = await bed.place.open()
    const call = callOf(id)
    const calls = ['x', 'y', 'z'].map((newId) => ({ ...call, newId }))
    const answers = await Promise.all([
      bed.store.retry(calls.slice(0, 2)),
      other.retry(calls.slice(2)),
      bed.store.retry([call]),
    ])
    const made = new Set(answers.flat().map(({ newId }) => newId))
    assert.equal(made.size, 1)
    assert.equal((await bed.store.counts({})).queued, 1)
    const [again] = await bed.store.retry([{ ...call, newId: 'late' }])
    assert.ok(made.has(again?.newId ?? ''))
    const records = await bed.store.signals({ runId: id, names: ['retry'] }, { limit: 9 })
    assert.deepEqual(
      records.map(({ kind, by, reason, answer, reply }) => [kind, by, reason, answer, reply]),
      [['control', 'who', 'why', 'done', JSON.stringify(again?.newId)]],
    )
    assert.ok(records[0]?.completedAt)
  },

  'a run that is not final, a member, a child and an id of none are refused, each with its word':
    async (bed) => {
      const running = await bed.add()
      const flow = await FlowBed.on(bed)
      await bed.take(1)
      const fence = await bed.fence(running)
      const [child = ''] = (await bed.store.enqueueChildren([
        { fence, place: 'a', run: bed.newRun() },
      ])) as string[]
      const workflow = await flow.start(chain([tasks.a]))
      const page = { limit: 9, cursor: null, order: 'oldest' } as const
      const [member] = (await bed.store.list({ workflow }, page)).runs
      const ids = [running, child, member?.id ?? '', 'none']
      const answers = await bed.store.retry(ids.map((id) => callOf(id)))
      assert.deepEqual(
        answers.map(({ id, answer, newId }) => [id, answer, newId]),
        [
          [running, 'not-final', null],
          [child, 'is-child', null],
          [member?.id, 'is-member', null],
          ['none', 'not-found', null],
        ],
      )
      assert.deepEqual(await bed.store.signals({ names: ['retry'] }, { limit: 9 }), [])
    },

  'many are tried again at once, of those with one key the first gets it': async (bed) => {
    const ids: string[] = []
    for (let at = 0; at < 3; at++) ids.push(await ended(bed, { key: 'k', tags: ['t'] }))
    const asked = { callId: randomUUID(), reason: null, by: null, origin: 'here' }
    const answers = await bed.store.retry(ids.map((id) => callOf(id, { asked })))
    const runs = await Promise.all(answers.map(({ newId }) => bed.get(newId ?? '')))
    assert.deepEqual(
      runs.map(({ key, retryOf, tags }) => [key, retryOf, tags]),
      ids.map((id, at) => [at === 0 ? 'k' : null, id, ['t']]),
    )
  },
}
