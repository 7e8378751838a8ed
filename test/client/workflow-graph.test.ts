/** Workflows that are started from JSON, by a program that has none of their tasks. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { chain, connect, group, step, type WorkflowGraph, workflowGraph } from '../../src/index.ts'
import { Bed, storeKinds } from '../support/bed.ts'
import * as tasks from './tasks.ts'

const code = (wanted: string) => ({ code: wanted })
const json = (workflow: Parameters<typeof workflowGraph>[0]): WorkflowGraph =>
  JSON.parse(JSON.stringify(workflowGraph(workflow))) as WorkflowGraph
const words = { version: 1, nodes: [{ node: 1, step: { task: 'waiter' } }] } as const

for (const on of storeKinds) {
  suite(`a workflow from JSON, on ${on}`, () => {
    test('is the same as from its steps, and workers execute it', async () => {
      const modules = [new URL('tasks.ts', import.meta.url)]
      await using bed = await Bed.make({ on, worker: { modules, poll: 100 } })
      const { client } = bed
      const shape = chain([group([tasks.waiter, tasks.waiter]), step(tasks.waiter)])
      const flow = await client.startWorkflow<unknown>(json(shape), { tags: ['t'], name: 'both' })
      const { total, tags, name } = await flow.get()
      assert.deepEqual([total, tags, name], [3, ['t'], 'both'])
      await flow.signal('word', 'one')
      const { outcome } = await client.waitForWorkflow(flow.id, { timeout: 0 })
      assert.equal(outcome, 'pending')
      await flow.cancel()
    })

    test('is stored once by its id, or while it holds its key', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      const named = { ...words, workflow: { id: 'report', key: 'july', tags: ['a'] } }
      const first = await client.startWorkflow(named)
      assert.deepEqual([first.id, first.enqueued?.outcome], ['report', 'enqueued'])
      assert.equal((await client.startWorkflow(named)).enqueued?.outcome, 'exists')
      const other = await client.startWorkflow(words, { key: 'july' })
      assert.deepEqual([other.id, other.enqueued?.outcome], ['report', 'exists'])
      const { key, tags } = await first.get()
      assert.deepEqual([key, tags], ['july', ['a']])
      assert.equal((await client.list({ workflow: 'report' })).runs.length, 1)
    })

    test('is the same for all who start it with one key at once', async () => {
      await using bed = await Bed.make({ on })
      await using other = await connect(bed.url)
      const starts = Array.from({ length: 12 }, (_, n) =>
        (n % 2 ? bed.client : other).startWorkflow(words, { key: 'one' }),
      )
      const ids = (await Promise.all(starts)).map(({ id }) => id)
      assert.equal(new Set(ids).size, 1)
    })

    test('meets the stop that waits for it, and gives each step its id', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      await client.cancelWorkflow('late')
      const late = await client.startWorkflow(words, { id: 'late' })
      const { outcome } = await client.waitForWorkflow(late.id, { until: 'stopped' })
      assert.equal(outcome, 'reached')
      const own = {
        version: 1,
        nodes: [{ node: 1, step: { task: 'waiter', id: 'mine' } }],
      } as const
      await client.startWorkflow(own)
      assert.equal((await client.get('mine'))?.task, 'waiter')
      await assert.rejects(client.startWorkflow(own), code('RUN_ID_TAKEN'))
    })
  })
}

void suite('the JSON of a workflow', () => {
  test('takes the input of the call where a first step is given none', async () => {
    await using bed = await Bed.make()
    const { id } = await bed.client.startWorkflow(words, { input: { a: 1 } })
    const { runs } = await bed.client.list({ workflow: id })
    assert.deepEqual((await bed.client.get(runs[0]?.id ?? ''))?.input, { a: 1 })
  })

  test('is refused whole where any part is wrong', async () => {
    await using bed = await Bed.make({ payloadLimit: 100 })
    const { client } = bed
    const start = (step: object, more: object = {}): Promise<unknown> =>
      client.startWorkflow({ version: 1, nodes: [{ node: 1, step }], ...more } as WorkflowGraph)
    await assert.rejects(start({}), code('WORKFLOW_INVALID'))
    await assert.rejects(start({ task: 'a', priority: 1e9 }), code('USAGE'))
    await assert.rejects(start({ task: 'a', id: '' }), code('USAGE'))
    const bound = JSON.stringify('x'.repeat(200))
    await assert.rejects(start({ task: 'a', bound }), code('PAYLOAD_TOO_LARGE'))
    await assert.rejects(start({ task: 'a' }, { nodes: 7 }), code('WORKFLOW_INVALID'))
    await assert.rejects(client.startWorkflow({} as WorkflowGraph), code('WORKFLOW_INVALID'))
    const unknown = { byy: 'ada' } as object
    await assert.rejects(client.startWorkflow(words, unknown), code('USAGE'))
    assert.deepEqual((await client.workflows()).workflows, [])
  })
})
