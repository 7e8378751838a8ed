/** Runs that are tried again, as a program asks for it. */
import assert from 'node:assert/strict'
import { randomUUIDv7 } from 'node:crypto'
import { suite, test } from 'node:test'
import { chain, type CheckreinError } from '../../src/index.ts'
import { Bed, storeKinds, until } from '../support/bed.ts'
import * as tasks from './tasks.ts'

const modules = [new URL('./tasks.ts', import.meta.url)]

for (const on of storeKinds)
  suite(`a retry on ${on}`, () => {
    test('of one run gives the handle of the new one, with the input of the old one or another', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      const run = await client.enqueue(tasks.typed, 1, { tags: ['t'], key: 'k' })
      await assert.rejects(run.retry(), (error: { code: string; details: object }) => {
        assert.deepEqual(
          [error.code, error.details],
          ['USAGE', { id: run.id, answer: 'not-final' }],
        )
        return true
      })
      await client.cancel(run.id)
      assert.equal((await run.get()).retriedAs, null)
      const next = await run.retry({ reason: 'once more', by: 'ada' })
      const { retryOf, input, key, state } = await next.get()
      assert.deepEqual([retryOf, input, key, state], [run.id, 1, 'k', 'queued'])
      assert.equal((await run.get()).retriedAs, next.id)
      assert.equal((await client.get(run.id))?.retriedAs, next.id)
      await assert.rejects(run.retry({ input: 'text' }), { code: 'INPUT_REJECTED' })
      const other = await run.retry({ input: 2 })
      assert.deepEqual((await other.get()).input, 2)
      assert.equal((await run.get()).retriedAs, other.id)
      const { runs } = await client.list({ tag: 't' }, { order: 'oldest' })
      assert.deepEqual(
        runs.map(({ retryOf }) => retryOf),
        [null, run.id, run.id],
      )
      const { entries } = await client.audit({ runId: run.id, name: 'retry' }, { order: 'oldest' })
      assert.deepEqual(
        entries.map(({ kind, by, reason, reply }) => [kind, by, reason, reply]),
        [
          ['control', 'ada', 'once more', next.id],
          ['control', null, null, other.id],
        ],
      )
      await assert.rejects(client.run('none').retry(), { code: 'RUN_NOT_FOUND' })
    })

    test('of a filter is of all that are final, page by page, and none is made of what it has made', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      const many = Array.from({ length: 520 }, () => ({ tags: ['t'] }))
      await client.enqueueManyByName('any', many)
      await client.cancel({ filter: { tag: 't' } })
      const live = await client.enqueueByName('any', 1, { tags: ['t'] })
      const callId = randomUUIDv7()
      const filter = { tag: 't' }
      const answers = await client.retry({ filter }, { callId })
      assert.equal(answers.length, 520)
      assert.ok(answers.every(({ answer }) => answer === 'retried'))
      assert.ok(!answers.some(({ id }) => id === live.id))
      await client.cancel({ filter })
      const again = await client.retry(
        { filter: { ...filter, state: ['cancelled', 'queued'] } },
        { callId },
      )
      const pairs = (all: typeof answers): string[] =>
        all.map(({ id, newId }) => `${id} ${newId}`).toSorted()
      const known = again.filter(({ id }) => id !== live.id)
      assert.deepEqual(pairs(known), pairs(answers))
      assert.equal((await client.counts(filter)).queued, 1, 'the run that had not ended before')
      assert.deepEqual(await client.retry({ filter: { state: 'queued' } }), [])
    })

    test('of roll-backs is of those alone that came to nothing, by a filter, and the same call finds them again', async () => {
      await using bed = await Bed.make({ on, worker: { modules } })
      const { client } = bed
      const run = await client.enqueue(tasks.undoable, undefined, { tags: ['t'] })
      const well = await client.enqueue(tasks.undone, undefined, { tags: ['t'] })
      const never = await client.enqueueByName('any', 1, { tags: ['t'] })
      for (const one of [run, well]) await until(one, ({ checkpointAt }) => checkpointAt !== null)
      await client.cancel({ filter: { tag: 't' } }, { rollback: true })
      for (const one of [run, well, never]) await one.result().catch(() => null)
      const filter = { tag: 't' }
      const callId = randomUUIDv7()
      const answers = await client.retry({ filter }, { rollback: true, callId })
      assert.deepEqual(
        answers.map(({ id, answer }) => [id, answer]),
        [[run.id, 'retried']],
      )
      assert.deepEqual(await client.retry({ filter }, { rollback: true, callId }), answers)
      const next = client.run(answers[0]?.newId ?? '')
      await next.result().catch(() => null)
      assert.deepEqual((await run.get()).rollbackRetry, { id: next.id, state: 'failed' })
      const again = await client.retry({ filter }, { rollback: true })
      assert.deepEqual(
        again.map(({ id, answer }) => [id, answer]),
        [[next.id, 'retried']],
      )
    })

    test('of a roll-back is refused where there is nothing to undo, and takes no input', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      const run = await client.enqueue(tasks.undone)
      await run.cancel()
      await assert.rejects(run.retry({ rollback: true }), (error: CheckreinError) => {
        assert.deepEqual([error.code, error.details?.['answer']], ['USAGE', 'no-rollback'])
        assert.match(error.hint ?? '', /Only a roll-back that failed or was given up/)
        return true
      })
      await assert.rejects(client.retry(run.id, { rollback: true, input: 1 }), { code: 'USAGE' })
      const other = await client.enqueue(tasks.counter)
      await other.cancel()
      await assert.rejects(other.retry({ rollback: true }), { code: 'ROLLBACK_MISSING' })
    })

    test('is refused of a member and of a key, with a hint, and a new input of many', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      const { id } = await client.startWorkflow(chain([tasks.counter]))
      const [member] = (await client.list({ workflow: id })).runs
      const [answer] = await client.retry([member?.id ?? ''])
      assert.equal(answer?.answer, 'is-member')
      assert.match(answer?.hint ?? '', /Retry its workflow/)
      const usage = { code: 'USAGE' }
      await assert.rejects(client.retry({ task: 'a', key: 'k' } as never), usage)
      await assert.rejects(client.retry(['a', 'b'], { input: 1 }), usage)
      await assert.rejects(client.retry({ filter: {} }, { input: 1 }), usage)
      await assert.rejects(client.retry('a', { tombstone: '1h' } as never), usage)
    })
  })
