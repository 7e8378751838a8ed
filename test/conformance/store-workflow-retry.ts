/** Workflows that are run again from one of their nodes. */
import assert from 'node:assert/strict'
import { chain, chord, group, step } from '../../src/core/workflow/canvas.ts'
import type { StepLike } from '../../src/core/workflow/parts.ts'
import { FlowBed, tasks } from '../store/flow-bed.ts'
import type { Promises } from './promises.ts'

const { a, b, c, sum, clause } = tasks
const from = (n: number) => step(a, n)

/** Plays a workflow to its end. @returns its id. */
async function played(flow: FlowBed, steps: StepLike): Promise<string> {
  const id = await flow.start(steps)
  await flow.play()
  return id
}

interface Again {
  readonly id: string
  /** The tasks that were run, with their inputs, in order. */
  readonly ran: readonly (readonly [task: string, input: unknown])[]
  readonly result: unknown
}

/** Runs a workflow again from a node, and plays that to its end. */
async function again(flow: FlowBed, id: string, node: number): Promise<Again> {
  const { id: next, outcome } = await flow.client.retryWorkflow(id, { from: node })
  assert.equal(outcome, 'enqueued')
  const ran: (readonly [string, unknown])[] = []
  for (;;) {
    const claimed = await flow.claim()
    if (claimed.length === 0) break
    for (const { task, input } of claimed) ran.push([task, JSON.parse(input ?? 'null')])
    await flow.end(claimed)
  }
  const { state, result, retryOf, retryFrom } = await flow.get(next)
  assert.deepEqual([state, retryOf, retryFrom], ['completed', id, node])
  return { id: next, ran, result }
}

export const againPromises: Promises = {
  'a chain that completed is run again from a step, which gets what the step before it gave':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const id = await played(flow, chain([from(1), b, a, b]))
      flow.plays['b'] = (input) => Number(input) + 100
      const { ran, result } = await again(flow, id, 2)
      assert.deepEqual(ran, [
        ['b', 2],
        ['a', 102],
        ['b', 103],
      ])
      assert.equal(result, 203)
      assert.equal((await flow.get(id)).result, 210, 'the old workflow is as it was')
      assert.deepEqual((await again(flow, id, 1)).ran[0], ['a', 1])
    },

  'a member of a group is run again with what comes after the group; the other members keep their results':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const id = await played(flow, chain([from(0), group([a, chain([b, a, b]), a]), sum, a]))
      // 1 a, 2 group: 3 a, 4 b, 5 a, 6 b, 7 a; 8 sum, 9 a
      const { ran, result, id: next } = await again(flow, id, 5)
      assert.deepEqual(ran, [
        ['a', 10],
        ['b', 11],
        ['sum', [2, 110, 2]],
        ['a', 114],
      ])
      assert.equal(result, 115)
      const fresh = await again(flow, next, 6)
      assert.deepEqual(
        fresh.ran.map(([task]) => task),
        ['b', 'sum', 'a'],
      )
    },

  'a group is run again with all of its members, in groups and chains within groups': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const inner = chain([from(1), group([a, b]), sum])
    const id = await played(flow, chain([group([inner, from(5)]), sum]))
    // 1 group: 2 a, 3 group: 4 a, 5 b; 6 sum; 7 a; 8 sum
    const { ran, result } = await again(flow, id, 3)
    assert.deepEqual(ran, [
      ['a', 2],
      ['b', 2],
      ['sum', [3, 20]],
      ['sum', [23, 6]],
    ])
    assert.equal(result, 29)
    assert.deepEqual((await again(flow, id, 4)).ran, [
      ['a', 2],
      ['sum', [3, 20]],
      ['sum', [23, 6]],
    ])
    assert.equal((await again(flow, id, 1)).ran.length, 6)
  },

  'a step behind a clause is run again with the result before it, and so is the clause': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const id = await played(flow, chain([from(1), a, b], { pauseWhen: clause }))
    const shown = (await bed.store.workflowNodes(id, { after: 0, limit: 10 })).map(
      ({ node, role }) => [node, role] as const,
    )
    const clauses = shown.filter(([, role]) => role === 'clause').map(([node]) => node)
    const last = shown.at(-1)?.[0] ?? 0
    assert.deepEqual((await again(flow, id, last)).ran, [['b', 3]])
    assert.deepEqual((await again(flow, id, clauses.at(-1) ?? 0)).ran, [
      ['clause', 3],
      ['b', 3],
    ])
    const { ran } = await again(flow, id, clauses.at(-2) ?? 0)
    assert.deepEqual(
      ran.filter(([task]) => task !== 'clause'),
      [
        ['a', 2],
        ['b', 3],
      ],
    )
  },

  'what did not complete beside the node is run again, too': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await played(flow, chord([chain([from(1), b]), c, from(3)], sum))
    assert.equal(await flow.status(id), 'failed')
    flow.plays['c'] = () => 7
    // 1 group: 2 a, 3 b; 4 c; 5 a; 6 sum
    const { ran } = await again(flow, id, 3)
    assert.deepEqual(ran, [
      ['b', 2],
      ['c', null],
      ['sum', [20, 7, 4]],
    ])
  },

  'an empty group is settled again in its place': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await played(flow, chain([from(1), group([]), sum]))
    assert.deepEqual((await again(flow, id, 2)).ran, [['sum', []]])
    assert.deepEqual((await again(flow, id, 1)).ran, [
      ['a', 1],
      ['sum', []],
    ])
  },

  'a member of a group that takes every outcome is run again, and those that did not complete are':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const fates = group([from(1), c, chain([from(2), b])], { policy: 'allSettled' })
      flow.plays['b'] = (input) => (input === null || Array.isArray(input) ? 0 : Number(input) * 10)
      const id = await played(flow, chain([fates, b]))
      const { ran } = await again(flow, id, 5)
      assert.deepEqual(
        ran.map(([task]) => task),
        ['c', 'b', 'b'],
      )
    },

  'the same retry again is the same workflow, and one from another node waits for its end': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const id = await played(flow, chain([from(1), b, a]))
    const handle = flow.client.workflow(id)
    const first = await handle.retry({ from: 2, reason: 'new figures', by: 'ada' })
    assert.equal(first.enqueued?.outcome, 'enqueued')
    const second = await handle.retry({ from: 2 })
    assert.deepEqual([second.id, second.enqueued?.outcome], [first.id, 'exists'])
    await assert.rejects(handle.retry({ from: 3 }), {
      code: 'WORKFLOW_ACTIVE',
      hint: new RegExp(`Workflow ${first.id} runs it again`),
    })
    await flow.play()
    assert.equal((await handle.retry({ from: 2 })).id, first.id)
    const third = await handle.retry({ from: 3 })
    assert.equal(third.enqueued?.outcome, 'enqueued')
    assert.equal((await handle.get()).retriedBy, third.id)
    const { entries } = await flow.client.audit({})
    const noted = entries.filter(({ name }) => name === 'retry')
    const told = noted.map(({ by, reason, target }) => [by, reason, target?.['from']])
    assert.ok(
      told.some(([by, reason, node]) => by === 'ada' && reason === 'new figures' && node === 2),
    )
  },

  'a node that does not exist, or whose turn never came, is refused with a word on why': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), c, a]))
    await assert.rejects(flow.client.retryWorkflow(id, { from: 1 }), { code: 'WORKFLOW_ACTIVE' })
    await flow.play()
    const refused = async (node: unknown, message: RegExp, of = id): Promise<void> => {
      const options = { from: node } as { from: number }
      await assert.rejects(flow.client.retryWorkflow(of, options), { code: 'USAGE', message })
    }
    await refused(9, /has no node 9/)
    await refused(3, /from node 3: the nodes before it have not completed/)
    for (const none of [0, -1, 1.5, NaN, '2', null, 100_001])
      await refused(none, /from must be the number of a node, a whole number from 1 to 100,000/)
    assert.equal((await flow.get(id)).retriedBy, null, 'nothing was stored')
    flow.plays['c'] = () => 5
    const { id: next } = await again(flow, id, 2)
    const kept = await played(flow, chain([group([from(1), from(2)]), sum]))
    const rest = await again(flow, kept, 3)
    await refused(2, new RegExp(`has kept of workflow ${kept}`), rest.id)
    await refused(1, /has no node 1/, next)
  },

  'members that were rolled back are done again from the first, and from no other node': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), b, a]))
    await flow.round()
    await flow.ask('cancel', id, { rollback: true })
    await flow.calm()
    await flow.play()
    assert.equal(await flow.status(id), 'cancelled')
    await assert.rejects(flow.client.retryWorkflow(id, { from: 2 }), { code: 'USAGE' })
    assert.equal((await again(flow, id, 1)).ran.length, 3)
  },

  'a retry that meets its key held starts nothing, and may be asked again': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), b]), { key: 'k' })
    await flow.play()
    const holder = await flow.start(a, { key: 'k', input: 3 })
    const met = await flow.client.retryWorkflow(id, { from: 2 })
    assert.deepEqual([met.id, met.outcome], [holder, 'exists'])
    assert.equal((await flow.get(id)).retriedBy, null)
    await flow.play()
    assert.deepEqual((await again(flow, id, 2)).ran, [['b', 2]])
  },
}
