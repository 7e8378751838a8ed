/** What every store promises of roll-backs that are tried again. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { statusOf } from '../../src/core/run/run.ts'
import { chain } from '../../src/core/workflow/canvas.ts'
import type { ClaimedRun, Retried, RetryOfRun } from '../../src/store/store.ts'
import { boom, retry as policy } from '../core/samples.ts'
import { plainEnd, type StoreBed } from '../store/bed.ts'
import { FlowBed, tasks, Thrown } from '../store/flow-bed.ts'
import type { Promises } from './promises.ts'

let lastId = 0

const callOf = (id: string, over: Partial<RetryOfRun> = {}): RetryOfRun => ({
  id,
  newId: `undo-${++lastId}`,
  rollback: true,
  asked: { callId: randomUUID(), reason: 'why', by: 'who', origin: 'here' },
  ...over,
})

async function retry(bed: StoreBed, id: string): Promise<Retried> {
  const [answer] = await bed.store.retry([callOf(id)])
  assert.ok(answer)
  return answer
}

/** The id of the run that tries the roll-back of another again. */
async function retried(bed: StoreBed, id: string): Promise<string> {
  const { answer, newId } = await retry(bed, id)
  assert.equal(answer, 'retried')
  return newId ?? ''
}

/** The attempt of a run fails for good. */
async function fails(bed: StoreBed, id: string, rollbackOn: readonly 'failure'[] = []) {
  const fence = await bed.fence(id)
  const failure = { error: boom, isRetryable: false, retry: policy, random: 0, rollbackOn }
  await bed.apply(id, { type: 'fail', fence, ...failure, ...plainEnd })
}

async function saves(bed: StoreBed, id: string, checkpoint: string): Promise<void> {
  const fence = await bed.fence(id)
  await bed.apply(id, { type: 'checkpoint', fence, checkpoint, signals: [] })
}

/** A run that was cancelled, or has failed, and whose roll-back failed, too. */
async function notUndone(bed: StoreBed, isFailure = false): Promise<string> {
  await bed.worker()
  const id = await bed.add({ key: 'k', input: '{"n":1}', tags: ['t'], priority: 2 })
  await bed.take()
  await saves(bed, id, '7')
  if (isFailure) await fails(bed, id, ['failure'])
  else {
    await bed.ask('cancel', { ids: [id] }, { rollback: true, reason: 'enough' })
    await bed.finish(id, { deliveredAt: bed.clock.at })
  }
  assert.deepEqual(await bed.take(), [id])
  await fails(bed, id)
  assert.equal((await bed.get(id)).rollback?.state, 'failed')
  return id
}

/** What a worker gets that claims now. */
async function claim(bed: StoreBed): Promise<ClaimedRun> {
  const request = { workerId: 'w1', queues: ['default'], tasks: ['work'], limit: 9 }
  const [run, ...others] = await bed.store.claim(request)
  assert.ok(run)
  assert.deepEqual(others, [])
  bed.places.set(run.id, run.seq)
  return run
}

export const rollbackRetryPromises: Promises = {
  'the new run does nothing but roll back, with the state and the stop of the old one, and ends as that did':
    async (bed) => {
      const id = await notUndone(bed)
      const before = await bed.get(id)
      const next = await retried(bed, id)
      assert.equal(statusOf(await bed.get(next)), 'rolling back')
      const holder = await bed.add({ key: 'k' })
      assert.notEqual(holder, id)
      await bed.ask('pause', { ids: [holder] })
      const run = await claim(bed)
      assert.deepEqual([run.id, run.checkpoint, run.input], [next, '7', '{"n":1}'])
      assert.deepEqual([run.key, run.tags, run.priority], ['k', ['t'], 2])
      assert.deepEqual([run.rollback?.stop, run.rollback?.failures], [before.stop, 0])
      await bed.finish(next)
      const ended = await bed.get(next)
      assert.deepEqual([ended.state, ended.stop], ['cancelled', before.stop])
      assert.deepEqual([ended.rollback?.state, ended.retryOf], ['completed', id])
      const { rollback, ...rest } = await bed.get(id)
      const { rollback: old, ...same } = before
      assert.deepEqual(rest, same, 'the old run stays as it was')
      assert.deepEqual(rollback, { ...old, retriedAs: next })
      assert.equal(await bed.store.retriedAs(id), next)
    },

  'after a failure it gets the error, and has failed in the end': async (bed) => {
    const next = await retried(bed, await notUndone(bed, true))
    const run = await claim(bed)
    assert.deepEqual([run.error, run.rollback?.stop], [boom, null])
    await bed.finish(next)
    const { state, error, stop } = await bed.get(next)
    assert.deepEqual([state, error, stop], ['failed', boom, null])
  },

  'where it fails, too, the next one goes on from what it saved, whichever run is named; never are there two':
    async (bed) => {
      const id = await notUndone(bed)
      const next = await retried(bed, id)
      for (const one of [id, next])
        assert.deepEqual(await retry(bed, one), { id: one, answer: 'rolling-back', newId: null })
      await bed.take()
      await saves(bed, next, '8')
      await fails(bed, next)
      const last = await retried(bed, id)
      assert.equal((await retry(bed, next)).answer, 'rolling-back')
      assert.equal((await claim(bed)).checkpoint, '8')
      await bed.finish(last)
      for (const one of [id, next, last])
        assert.equal((await retry(bed, one)).answer, 'rolled-back')
      assert.equal((await bed.get(last)).retryOf, next)
    },

  'one that was given up is tried again, and so is one that is given up again': async (bed) => {
    const id = await notUndone(bed)
    const next = await retried(bed, id)
    assert.equal(await bed.askOne('cancel', next), 'already-cancelled')
    assert.equal(await bed.askOne('terminate', next), 'prevented')
    assert.equal((await bed.get(next)).rollback?.state, 'abandoned')
    assert.notEqual(await retried(bed, id), next)
  },

  'the same call again answers the same new run, also at once and from two processes': async (
    bed,
  ) => {
    const id = await notUndone(bed)
    const other = await bed.place.open()
    const call = callOf(id)
    const calls = ['x', 'y', 'z'].map((newId) => ({ ...call, newId }))
    const [mine, theirs, foreign] = await Promise.all([
      bed.store.retry(calls.slice(0, 2)),
      other.retry(calls.slice(2)),
      other.retry([callOf(id)]),
    ])
    const made = new Set([...mine, ...theirs].flatMap(({ newId }) => newId ?? []))
    const all = [...mine, ...theirs, ...foreign].map(({ answer }) => answer)
    assert.equal((await bed.store.counts({})).queued, 1)
    assert.ok(made.size <= 1)
    assert.ok(all.includes('retried'))
    const records = await bed.store.signals({ runId: id, names: ['retry'] }, { limit: 9 })
    assert.equal(records.length, 1)
  },

  'what has nothing to roll back is refused, each with its word': async (bed) => {
    await bed.worker()
    const ended = await bed.add()
    await bed.askOne('cancel', ended)
    const queued = await bed.add()
    const answers = await bed.store.retry([ended, queued, 'none'].map((id) => callOf(id)))
    assert.deepEqual(
      answers.map(({ id, answer, newId }) => [id, answer, newId]),
      [
        [ended, 'no-rollback', null],
        [queued, 'not-final', null],
        ['none', 'not-found', null],
      ],
    )
    assert.deepEqual(await bed.store.signals({ names: ['retry'] }, { limit: 9 }), [])
    const mixed = await bed.store.retry([callOf(ended, { rollback: false }), callOf(ended)])
    assert.deepEqual(
      mixed.map(({ answer }) => answer),
      ['retried', 'no-rollback'],
    )
  },

  'a child whose roll-back failed is rolled back again, too': async (bed) => {
    await bed.worker()
    const parent = await bed.add()
    await bed.take()
    const call = { fence: await bed.fence(parent), place: 'a', run: bed.newRun() }
    const [child] = await bed.store.enqueueChildren([call])
    assert.ok(child)
    await bed.take()
    await bed.ask('cancel', { ids: [child] }, { rollback: true })
    await bed.finish(child, { deliveredAt: bed.clock.at })
    await bed.take()
    await fails(bed, child)
    const next = await retried(bed, child)
    assert.equal((await bed.get(next)).parent, null)
    assert.equal((await claim(bed)).id, next)
  },

  'neither a hold of its lane nor one of runs like it keeps it back': async (bed) => {
    const id = await notUndone(bed)
    const hold = { verb: 'pause', reason: null, by: null, origin: 'here', until: null } as const
    const how = { rollback: false, inFlight: 'finish', graceMs: 0 } as const
    const pause = { withinMs: 0, otherwise: 'wait' } as const
    for (const filter of [{ task: 'work' }, { tag: 't' }])
      await bed.store.hold({ ...hold, ...how, pause, filter, callId: randomUUID() })
    const next = await retried(bed, id)
    assert.equal((await claim(bed)).id, next)
  },

  'members of a workflow are undone one after the other, as the workflow would have, with what they gave':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const id = await flow.start(chain([tasks.a, tasks.a, tasks.a]), { input: 1 })
      for (let turn = 0; turn < 2; turn++) {
        await flow.round()
        bed.clock.advance(1)
      }
      const running = await flow.claim()
      await flow.ask('cancel', id, { rollback: true, grace: 0 })
      await flow.end(running)
      flow.plays['a'] = () => {
        throw new Thrown('not now')
      }
      await flow.play()
      assert.equal((await flow.get(id)).rollback?.failed, 3)
      const failed = (await flow.runs(id)).filter(({ state }) => state === 'cancelled')
      const members = await Promise.all(failed.map(({ id }) => bed.get(id)))
      const undoing = members.filter(({ rollback }) => rollback?.state === 'failed')
      const calls = undoing.toReversed().map(({ id }) => callOf(id))
      const answers = await bed.store.retry(calls)
      assert.ok(answers.every(({ answer }) => answer === 'retried'))
      flow.plays['a'] = () => null
      const order: unknown[] = []
      for (let runs = await flow.claim(); runs.length > 0; runs = await flow.claim()) {
        assert.equal(runs.length, 1, 'one after the other')
        order.push([runs[0]?.input, runs[0]?.rollback?.undoes?.result, runs[0]?.workflow])
        await flow.end(runs)
      }
      assert.deepEqual(order, [
        ['3', '4', null],
        ['2', '3', null],
        ['1', '2', null],
      ])
      assert.equal((await retry(bed, undoing[0]?.id ?? '')).answer, 'rolled-back')
    },
}
