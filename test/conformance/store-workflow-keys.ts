/** Workflows that take the key of another. */
import assert from 'node:assert/strict'
import { chain, group, step } from '../../src/core/workflow/canvas.ts'
import { workflowGraph } from '../../src/client/requests/workflow-graph.ts'
import type { StepLike } from '../../src/core/workflow/parts.ts'
import type { WorkflowOptions } from '../../src/client/options/options.ts'
import { FlowBed, tasks } from '../store/flow-bed.ts'
import type { StoreBed } from '../store/bed.ts'
import type { Promises } from './promises.ts'

const { a, b, sum, hook } = tasks
const from = (n: number) => step(a, n)

/** The end of a run that was asked to stop. */
async function stopped(bed: StoreBed, id: string): Promise<void> {
  const fence = await bed.fence(id)
  await bed.apply(id, { type: 'stop', fence, mode: 'forced', deliveredAt: null, proof: null })
}

/** Starts a workflow with the key `k`. */
async function keyed(
  flow: FlowBed,
  steps: StepLike,
  options: WorkflowOptions = {},
): Promise<readonly [id: string, outcome: string | undefined, replacedId: string | null]> {
  const { id, enqueued } = await flow.client.startWorkflow(
    steps as never,
    {
      key: 'k',
      ...options,
    } as never,
  )
  await flow.calm()
  return [id, enqueued?.outcome, enqueued?.replacedId ?? null]
}

const replace = { onConflict: 'replace' } as const
const cancelled = { onConflict: 'cancel-and-replace' } as const

export const flowKeyPromises: Promises = {
  'replace cancels a workflow none of whose members has started, and takes its key': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const members = [hook, from(1), step(a, 1, { delay: '1h' })]
    const [old] = await keyed(flow, chain([group(members), b]))
    await flow.client.pauseWorkflow(old)
    const next = await keyed(flow, from(1), { ...replace, id: 'next', by: 'ada' })
    assert.deepEqual(next, ['next', 'enqueued', old])
    const { status, stop } = await flow.get(old)
    assert.deepEqual(
      [status, stop?.verb, stop?.reason, stop?.by],
      ['cancelled', 'cancel', 'replaced by next', 'ada'],
    )
    await flow.play()
    assert.equal(await flow.status('next'), 'completed')
    assert.equal(await flow.states(old), 'hook cancelled, a cancelled, a cancelled, b cancelled')
  },

  'replace lets a workflow go on that has started, and takes its key': async (bed) => {
    const flow = await FlowBed.on(bed)
    const [old] = await keyed(flow, chain([from(1), b]))
    await flow.claim()
    const next = await keyed(flow, from(5), replace)
    assert.deepEqual(next.slice(1), ['enqueued', old])
    assert.equal(await flow.status(old), 'running')
    assert.deepEqual((await keyed(flow, a))[0], next[0], "the key is the new one's")
    await flow.play()
    assert.equal(await flow.status(next[0]), 'completed')
    const [running] = await flow.runs(old)
    await bed.apply(running?.id ?? '', {
      type: 'complete',
      fence: await bed.fence(running?.id ?? ''),
      result: '2',
      output: null,
    } as never)
    await flow.play()
    assert.equal((await flow.get(old)).result, 20, 'also where its steps between have not started')
  },

  'cancel-and-replace cancels the old workflow, and begins when that has ended, and no earlier':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const [old] = await keyed(flow, chain([from(1), b]))
      const [running] = await flow.claim()
      assert.ok(running)
      const steps = chain([group([from(1), chain([from(2), b]), group([])]), b])
      flow.plays['b'] = (input) =>
        Array.isArray(input) ? JSON.stringify(input) : Number(input) * 10
      const [next, outcome, replacedId] = await keyed(flow, steps, { ...cancelled, grace: 0 })
      assert.deepEqual([outcome, replacedId], ['enqueued', old])
      assert.equal(await flow.status(old), 'cancelling')
      const { status, waitsFor } = await flow.get(next)
      assert.deepEqual([status, waitsFor], ['waiting', old])
      assert.deepEqual(await flow.claim(), [], 'nothing of it starts')
      await stopped(bed, running.id)
      await flow.calm()
      assert.equal(await flow.status(old), 'cancelled')
      assert.deepEqual(
        [await flow.status(next), (await flow.get(next)).waitsFor],
        ['running', null],
      )
      await flow.play()
      assert.equal((await flow.get(next)).result, '[2,30,[]]')
    },

  'cancel-and-replace of a workflow that has not started begins, too': async (bed) => {
    const flow = await FlowBed.on(bed)
    const [old] = await keyed(flow, chain([from(1), b]))
    const [next] = await keyed(flow, from(2), cancelled)
    await flow.play()
    assert.deepEqual([await flow.status(old), (await flow.get(next)).result], ['cancelled', 3])
    assert.equal(flow.seen['a']?.length, 1)
  },

  'the one that waits begins also where the old one completes after all, and after a roll-back':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const [old] = await keyed(flow, from(1))
      const running = await flow.claim()
      const [next] = await keyed(flow, from(2), cancelled)
      await flow.end(running)
      assert.equal(await flow.status(old), 'completed')
      await flow.round()
      assert.equal(await flow.status(next), 'completed')
      const [third] = await keyed(flow, chain([from(1), b]))
      await flow.round()
      await flow.ask('cancel', third, { rollback: true })
      await flow.calm()
      const [fourth] = await keyed(flow, from(3), cancelled)
      assert.deepEqual(
        [await flow.status(third), await flow.status(fourth)],
        ['rolling back', 'waiting'],
      )
      await flow.round()
      assert.deepEqual(
        [await flow.status(third), await flow.status(fourth)],
        ['cancelled', 'running'],
      )
    },

  'a workflow that waits may be replaced, and the next one waits for the same end': async (bed) => {
    const flow = await FlowBed.on(bed)
    await keyed(flow, from(1))
    const [running] = await flow.claim()
    const [second] = await keyed(flow, from(2), cancelled)
    const [third, , replacedId] = await keyed(flow, from(3), cancelled)
    assert.equal(replacedId, second)
    assert.deepEqual(
      [await flow.status(second), await flow.status(third)],
      ['cancelled', 'waiting'],
    )
    await stopped(bed, running?.id ?? '')
    await flow.play()
    assert.deepEqual(flow.seen['a'], [1, 3])
    assert.deepEqual(
      [await flow.status(second), await flow.status(third)],
      ['cancelled', 'completed'],
    )
  },

  'a workflow that waits is paused and resumed, stopped, and its members cancelled, as any': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    await keyed(flow, from(1))
    const [running] = await flow.claim()
    const [next] = await keyed(flow, group([step(b, 1, { id: 'one' }), step(b, 2)]), cancelled)
    assert.equal((await flow.client.workflow(next).pause()).status, 'paused')
    await stopped(bed, running?.id ?? '')
    assert.deepEqual([await flow.claim(), await flow.status(next)], [[], 'paused'])
    await flow.client.resumeWorkflow(next)
    await flow.calm()
    const again = await flow.claim()
    assert.equal(again.length, 2)
    const [third] = await keyed(
      flow,
      group([step(b, 7, { id: 'two' }), b], { policy: 'allSettled' }),
      cancelled,
    )
    await flow.client.run('two').cancel({ reason: 'not this' })
    const [fourth] = await keyed(flow, b, { key: 'other' })
    for (const { id } of again) await stopped(bed, id)
    await flow.play()
    const { result } = await flow.get(third)
    assert.deepEqual(
      (result as { state: string }[]).map(({ state }) => state),
      ['cancelled', 'completed'],
    )
    assert.equal(await flow.status(fourth), 'completed')
  },

  'a workflow that is cancelled while it waits never begins': async (bed) => {
    const flow = await FlowBed.on(bed)
    await keyed(flow, from(1))
    const [running] = await flow.claim()
    const [next] = await keyed(flow, from(2), cancelled)
    await flow.ask('cancel', next)
    await flow.calm()
    assert.deepEqual(
      [await flow.status(next), (await flow.get(next)).waitsFor],
      ['cancelled', null],
    )
    await stopped(bed, running?.id ?? '')
    await flow.play()
    assert.deepEqual(flow.seen['a'], [1])
  },

  'the same call again replaces nothing, and a tombstone takes the key from nobody': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const [old] = await keyed(flow, from(1))
    const first = await keyed(flow, from(2), { ...replace, id: 'w' })
    const second = await keyed(flow, from(2), { ...replace, id: 'w' })
    assert.deepEqual(
      [first.slice(1), second.slice(1)],
      [
        ['enqueued', old],
        ['exists', null],
      ],
    )
    await flow.client.cancelWorkflow('late')
    assert.deepEqual((await keyed(flow, from(3), { ...cancelled, id: 'late' })).slice(1), [
      'prevented',
      null,
    ])
    assert.equal(await flow.status('w'), 'running')
    assert.deepEqual((await keyed(flow, a))[0], 'w')
    await assert.rejects(keyed(flow, a, { onConflict: 'steal' as 'skip' }), { code: 'USAGE' })
  },

  'JSON and an import take a key in the same ways': async (bed) => {
    const flow = await FlowBed.on(bed)
    const graph = workflowGraph(chain([from(1), b]))
    const start = async (onConflict: 'replace' | 'cancel-and-replace') => {
      const { id, enqueued } = await flow.client.startWorkflow(graph, { key: 'k', onConflict })
      await flow.calm()
      return [id, enqueued?.replacedId ?? null] as const
    }
    const [first] = await start('replace')
    const [second, before] = await start('cancel-and-replace')
    assert.equal(before, first)
    await flow.client.pauseWorkflow(second)
    const rest = await flow.client.exportWorkflow(second)
    const moved = await flow.client.importWorkflow(rest, { onConflict: 'cancel-and-replace' })
    await flow.calm()
    assert.equal(moved.enqueued?.replacedId, second)
    await flow.play()
    assert.equal((await moved.get()).result, 20)
    assert.equal(await flow.status(second), 'cancelled')
  },

  'many that take one key at once, from several stores, leave one that holds it, and none that overlap':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      await keyed(flow, from(0))
      const starts = Array.from({ length: 8 }, (_, at) =>
        flow.client.startWorkflow(step(a, at + 1), { key: 'k', ...cancelled }),
      )
      const handles = await Promise.all(starts)
      await flow.calm()
      await flow.play()
      const states = await Promise.all(handles.map(({ id }) => flow.status(id)))
      assert.equal(states.filter((state) => state === 'completed').length, 1, states.join())
      assert.equal(states.filter((state) => state === 'cancelled').length, 7)
      assert.equal(flow.seen['a']?.length, 1)
    },

  'an import of a workflow that was half done waits as any, and begins where that one stood':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const inner = (n: number) => chain([group([from(n), chain([from(n + 1), b])]), sum])
      const id = await flow.start(group([inner(1), inner(10), group([from(30), group([])])]))
      const claimed = await flow.claim()
      await flow.end(claimed.filter(({ input }) => ['1', '2', '10'].includes(String(input))))
      await flow.ask('pause', id)
      for (const run of claimed.filter(({ input }) => ['11', '30'].includes(String(input))))
        await bed.apply(run.id, {
          type: 'park',
          fence: await bed.fence(run.id),
          saved: { checkpoint: null, signals: [] },
        })
      await flow.calm()
      const rest = await flow.client.exportWorkflow(id)
      await keyed(flow, step(hook))
      const [running] = await flow.claim()
      const moved = await flow.client.importWorkflow(rest, { key: 'k', ...cancelled })
      await flow.calm()
      assert.deepEqual([await flow.status(moved.id), await flow.claim()], ['waiting', []])
      await stopped(bed, running?.id ?? '')
      await flow.play()
      assert.deepEqual((await flow.get(moved.id)).result, [32, 131, [31, []]])
    },

  'a thousand members of a workflow that waited begin at once': async (bed) => {
    const flow = await FlowBed.on(bed)
    await keyed(flow, from(1))
    const members = Array.from({ length: 1000 }, () => from(1))
    const [next] = await keyed(flow, chain([group(members), sum]), cancelled)
    await flow.play()
    assert.equal((await flow.get(next)).result, 2000)
  },
}
