/** Verbs on workflows, pauses and what is exported of them, retries and roll-backs. */
import assert from 'node:assert/strict'
import { chain, chord, group, step } from '../../src/core/workflow/canvas.ts'
import { previous } from '../../src/core/workflow/parts.ts'
import { FlowBed, tasks, Thrown } from '../store/flow-bed.ts'
import { sqlitePlace, type StoreBed } from '../store/bed.ts'
import { StoreBed as Bed } from '../store/bed.ts'
import type { Promises } from './promises.ts'

const { a, b, c, sum, hook, clause } = tasks
const from = (n: number) => step(a, n)

/** The end of a run that was asked to stop. */
async function stopped(bed: StoreBed, id: string): Promise<void> {
  const fence = await bed.fence(id)
  await bed.apply(id, { type: 'stop', fence, mode: 'forced', deliveredAt: null, proof: null })
}

export const storedPromises: Promises = {
  'a workflow is stored whole, or nothing of it is': async (bed) => {
    const flow = await FlowBed.on(bed)
    await bed.add({ id: 'taken' })
    const steps = chain([from(1), step(a, 2), step(a, 3, { id: 'taken' })])
    await assert.rejects(flow.start(steps, { id: 'w' }), { code: 'RUN_ID_TAKEN' })
    assert.equal(await flow.client.getWorkflow('w'), null)
    assert.deepEqual(await flow.claim(), [])
    assert.deepEqual(await bed.store.workflowNodes('w', { after: 0, limit: 10 }), [])
  },

  'its nodes are read with the payloads of their runs, or without them': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([group([from(1), from(2)]), sum]))
    await flow.round()
    const page = { after: 0, limit: 10 }
    const whole = await bed.store.workflowNodes(id, page)
    assert.deepEqual(
      whole.map(({ run, result }) => [run?.input ?? null, run?.result ?? null, result]),
      [
        [null, null, '[2,3]'],
        ['1', '2', null],
        ['2', '3', null],
        ['[2,3]', null, null],
      ],
    )
    const slim = await bed.store.workflowNodes(id, { ...page, payloads: false })
    assert.deepEqual(
      slim.map(({ run, result }) => [run?.input ?? null, run?.result ?? null, result]),
      whole.map(() => [null, null, null]),
    )
    const without = { input: null, result: null }
    const [, bare] = slim
    assert.deepEqual(bare?.run, { ...whole[1]?.run, ...without })
  },

  'the same id is the same workflow, and a key is held until the end': async (bed) => {
    const flow = await FlowBed.on(bed)
    const one = await flow.client.startWorkflow(from(1), { id: 'w', key: 'k' })
    assert.equal(one.enqueued?.outcome, 'enqueued')
    const same = await flow.client.startWorkflow(from(2), { id: 'w' })
    const held = await flow.client.startWorkflow(from(2), { key: 'k' })
    assert.deepEqual(
      [same, held].map(({ id, enqueued }) => [id, enqueued?.outcome]),
      [
        ['w', 'exists'],
        ['w', 'exists'],
      ],
    )
    await flow.play()
    const next = await flow.client.startWorkflow(from(2), { key: 'k' })
    assert.equal(next.enqueued?.outcome, 'enqueued')
  },

  'workflows are listed by name, key, tag and state, and their runs by the workflow': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const one = await flow.start(group([from(1), from(2)]), { name: 'import', tags: ['t', 'u'] })
    await flow.play()
    const two = await flow.start(chain([from(1), a]), { name: 'import', key: 'k' })
    const ids = async (
      ...args: Parameters<typeof flow.client.workflows>
    ): Promise<readonly string[]> =>
      (await flow.client.workflows(...args)).workflows.map(({ id }) => id)
    assert.deepEqual(await ids({ name: 'import' }), [two, one])
    assert.deepEqual(await ids({ tag: 'u' }), [one])
    assert.deepEqual(await ids({ key: 'k' }), [two])
    assert.deepEqual(await ids({ state: ['completed', 'failed'] }), [one])
    const first = await flow.client.workflows({}, { limit: 1 })
    assert.deepEqual(await ids({}, { limit: 1, cursor: first.cursor }), [one])
    const { runs } = await flow.client.list({ workflow: two })
    assert.deepEqual(
      runs.map(({ state, workflow }) => [state, workflow?.id, workflow?.node]),
      [
        ['waiting', two, 2],
        ['queued', two, 1],
      ],
    )
    await assert.rejects(flow.client.workflows({ nam: 'x' } as never), { code: 'USAGE' })
  },

  'members of a workflow that goes on are kept, and a workflow goes with its nodes': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), a]))
    await flow.round()
    bed.clock.advance(1000)
    const retention = { completed: 10, failed: 10, cancelled: 10, audit: null }
    assert.equal(await bed.store.prune(retention, 100), 0)
    await flow.play()
    bed.clock.advance(1000)
    assert.equal(await bed.store.prune(retention, 100), 2)
    assert.equal(await flow.client.getWorkflow(id), null)
    assert.deepEqual(await bed.store.workflowNodes(id, { after: 0, limit: 10 }), [])
  },

  'the feed of a workflow has the entries of its runs, from its beginning': async (bed) => {
    const flow = await FlowBed.on(bed)
    await bed.add()
    const id = await flow.start(chain([from(1), a]))
    await flow.play()
    const entries = await Array.fromAsync(flow.client.workflow(id).events({ follow: false }))
    assert.deepEqual(
      entries.map(({ type }) => type),
      ['claim', 'complete', 'wake', 'claim', 'complete'],
    )
    assert.ok(entries.every(({ workflow }) => workflow === id))
  },

  'the feed of a member begins with what it was when it was stored': async (bed) => {
    const flow = await FlowBed.on(bed)
    const pair = group([chain([from(1), a]), from(2)])
    const id = await flow.start(chain([pair, group([sum, chain([sum, a])])]))
    const begun = async (): Promise<readonly string[]> => {
      const feeds = (await flow.runs(id)).map(({ id }) =>
        bed.store.feed({ runId: id, after: -1, limit: 1 }),
      )
      return (await Promise.all(feeds)).map(([entry]) => `${entry?.type} ${entry?.state}`)
    }
    const [now, later] = ['enqueue queued', 'enqueue waiting']
    const expected = [now, later, now, later, later, later]
    assert.deepEqual(await begun(), expected)
    await flow.ask('cancel', id)
    assert.deepEqual(await begun(), expected)
  },
}

export const stopPromises: Promises = {
  'what was stopped has not completed, also where its last members may settle as they are': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(group([from(1), from(2)], { policy: 'allSettled' }))
    const [claimed] = await flow.claim(1)
    await flow.ask('cancel', id)
    await stopped(bed, claimed?.id ?? '')
    await flow.calm()
    assert.equal((await flow.get(id)).state, 'cancelled')
  },

  'a stop that was left for its id, unseen by each other, is found before a member starts': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([group([from(1), from(2)]), sum]))
    // As one that was left while the workflow was being stored.
    const [left] = await bed.ask('cancel', { ids: [id] }, { reason: 'too late' })
    assert.ok(left?.tombstoneUntil)
    assert.deepEqual(await flow.claim(), [])
    await flow.calm()
    const { state, stop, counts } = await flow.get(id)
    assert.deepEqual([state, stop?.reason, counts.cancelled], ['cancelled', 'too late', 3])
    assert.deepEqual(await bed.store.tombstones(), [])
    for (const { state, reason } of await flow.runs(id))
      assert.deepEqual([state, reason], ['cancelled', 'too late'])
  },

  'cancel stops what runs, prevents the rest, and is over when all is confirmed': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chord([from(1), from(2), from(3)], chain([sum, a])))
    const [run] = await flow.claim(1)
    assert.equal(await flow.ask('cancel', id, { reason: 'enough', by: 'ada' }), 'requested')
    assert.equal(
      await flow.states(id),
      'a running, a cancelled, a cancelled, sum cancelled, a cancelled',
    )
    assert.equal(await flow.status(id), 'cancelling')
    assert.equal((await bed.get(run?.id ?? '')).intent?.stop?.reason, 'enough')
    await stopped(bed, run?.id ?? '')
    const { state, stop, counts } = await flow.get(id)
    assert.deepEqual([state, stop?.by, counts.cancelled], ['cancelled', 'ada', 5])
    assert.equal(await flow.ask('cancel', id), 'already-cancelled')
    assert.equal(await flow.ask('cancel', 'none'), 'not-found')
  },

  'a member that ends beside the cancel starts nothing': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), a]))
    const [run] = await flow.claim()
    const nodes = await bed.store.workflowNodes(id, { after: 1, limit: 1 })
    await flow.ask('revoke', id)
    assert.ok(run && nodes[0]?.run)
    await flow.end([run])
    assert.equal(await flow.states(id), 'a completed, a cancelled')
    assert.equal(await flow.status(id), 'cancelled')
  },

  'with running: wait what runs may finish, and with detach it goes on by itself': async (bed) => {
    const flow = await FlowBed.on(bed)
    const [wait, detach] = [
      await flow.start(group([from(1), from(2)])),
      await flow.start(group([from(1), from(2)])),
    ]
    const claimed = (await flow.claim()).filter(({ node }) => node === 2)
    for (const { id } of (await flow.claim()).slice()) assert.fail(id)
    void claimed
    await flow.ask('cancel', wait, { running: 'wait' })
    await flow.ask('cancel', detach, { running: 'detach' })
    assert.deepEqual(
      [await flow.status(wait), await flow.status(detach)],
      ['cancelling', 'cancelled'],
    )
    assert.equal((await flow.get(detach)).detached, 2)
    const held = await bed.store.held('w1')
    assert.equal(held.length, 4)
    for (const { id } of held) assert.equal(await bed.finish(id), 'done')
    assert.equal((await flow.get(wait)).state, 'completed')
    assert.equal((await flow.get(detach)).state, 'cancelled')
    assert.deepEqual((await flow.client.list({ state: 'completed' })).runs.length, 4)
  },

  'a stop that overtakes the workflow still wins: no step of it ever starts': async (bed) => {
    const flow = await FlowBed.on(bed)
    assert.equal(await flow.ask('cancel', 'early', { tombstone: '1h', reason: 'no' }), 'not-found')
    const late = await flow.client.startWorkflow(chain([from(1), a]), { id: 'early' })
    assert.equal(late.enqueued?.outcome, 'prevented')
    assert.deepEqual(await flow.claim(), [])
    await flow.calm()
    const { state, stop, counts } = await flow.get('early')
    assert.deepEqual([state, stop?.reason, counts.cancelled], ['cancelled', 'no', 2])
    assert.deepEqual(await bed.store.tombstones(), [])
  },

  'a step that was stopped before the workflow came counts as cancelled': async (bed) => {
    const flow = await FlowBed.on(bed)
    await bed.ask('cancel', { ids: ['step'] })
    const id = await flow.start(
      chord([step(a, 1, { id: 'step' }), from(2)], hook, { policy: 'allSettled' }),
    )
    await flow.play()
    const [[settled, other]] = (flow.seen['hook'] ?? []) as [
      [{ state: string; runId: string }, { state: string }],
    ]
    assert.deepEqual(
      [settled.state, settled.runId, other.state],
      ['cancelled', 'step', 'completed'],
    )
    assert.equal((await flow.get(id)).state, 'completed')
  },

  'the same call again is the same call': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), a]))
    const callId = '0198c0de-7a11-7cc3-98c4-dc0c0c07398f'
    await flow.ask('pause', id, { callId })
    await flow.ask('resume', id)
    assert.equal(await flow.ask('pause', id, { callId }), 'paused')
    assert.equal(await flow.status(id), 'running')
  },

  'what was asked of a workflow is on record': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), a]))
    await flow.ask('pause', id, { reason: 'lunch', by: 'ada' })
    await flow.ask('resume', id, { by: 'bob' })
    await flow.ask('cancel', id, { by: 'eve' })
    const { entries } = await flow.client.audit({}, { order: 'oldest' })
    assert.deepEqual(
      entries.map(({ name, by, target }) => [
        name,
        by,
        (target as { workflow?: string } | null)?.workflow,
      ]),
      [
        ['pause', 'ada', id],
        ['resume', 'bob', id],
        ['cancel', 'eve', id],
      ],
    )
  },

  'a roll-back undoes what runs, and then what has completed, the last first': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), b, a, a]))
    await flow.round()
    bed.clock.advance(1)
    const [second] = await flow.claim()
    const fence = await bed.fence(second?.id ?? '')
    await bed.apply(second?.id ?? '', {
      type: 'checkpoint',
      fence,
      checkpoint: '{"n":1}',
      signals: [],
    })
    await flow.end(second ? [second] : [])
    bed.clock.advance(1)
    const [third] = await flow.claim()
    await flow.ask('cancel', id, { rollback: true, reason: 'undo', grace: 0 })
    await stopped(bed, third?.id ?? '')
    const order: unknown[] = []
    for (let runs = await flow.claim(); runs.length > 0; runs = await flow.claim()) {
      assert.equal(runs.length, 1, 'one after the other')
      const [run] = runs
      assert.ok(run?.rollback)
      order.push([run.task, run.input, run.checkpoint, run.rollback.undoes?.result ?? null])
      assert.equal(await flow.status(id), run.rollback.undoes ? 'rolling back' : 'cancelling')
      if (run.task === 'b')
        flow.plays['b'] = () => {
          throw new Thrown('cannot be undone')
        }
      await flow.end(runs)
    }
    assert.deepEqual(order, [
      ['a', '20', null, null],
      ['b', '2', '{"n":1}', '20'],
      ['a', '1', null, '2'],
    ])
    const { state, rollback } = await flow.get(id)
    assert.deepEqual(
      [state, rollback?.total, rollback?.done, rollback?.failed],
      ['cancelled', 2, 2, 1],
    )
  },
}

export const flowPausePromises: Promises = {
  'a paused workflow starts nothing: what is queued is held, and what comes next': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chord([from(1), from(2), chain([from(3), a])], sum))
    const claimed = await flow.claim(1)
    assert.equal(await flow.ask('pause', id, { reason: 'lunch', by: 'ada' }), 'paused')
    assert.equal(await flow.states(id), 'a running, a paused, a paused, a waiting, sum waiting')
    assert.equal(await flow.status(id), 'pausing')
    await flow.end(claimed)
    assert.equal(await flow.status(id), 'paused')
    assert.deepEqual(await flow.claim(), [])
    assert.equal(await flow.ask('pause', id), 'already-paused')
    assert.equal((await flow.client.pauseWorkflow(id, { for: '1h' })).answer, 'moved')
    assert.equal(await flow.ask('resume', id), 'resumed')
    assert.equal(await flow.ask('resume', id), 'not-paused')
    await flow.play()
    assert.equal((await flow.get(id)).result, 2 + 3 + 5)
  },

  'what comes next in a paused workflow is held with its input, and resumes with it': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), group([a, b]), sum]))
    const claimed = await flow.claim()
    await flow.ask('pause', id)
    await flow.end(claimed)
    assert.equal(await flow.states(id), 'a completed, a paused, b paused, sum waiting')
    const [, held] = await flow.runs(id)
    assert.equal(held?.input, 2)
    assert.equal((await bed.get(held?.id ?? '')).paused?.workflowId, id)
    await flow.ask('resume', id)
    await flow.play()
    assert.equal((await flow.get(id)).result, 3 + 20)
  },

  'a resume of a member of a paused workflow answers held, and the member goes on with the workflow':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const id = await flow.start(group([from(1), from(2)]))
      const [first] = await flow.runs(id)
      await flow.ask('pause', id)
      const [answer] = await bed.ask('resume', { ids: [first?.id ?? ''] })
      assert.deepEqual([answer?.answer, answer?.heldBy], ['held', { holdId: null, workflowId: id }])
      assert.equal(await flow.states(id), 'a paused, a paused')
      await flow.ask('resume', id)
      assert.equal(await flow.states(id), 'a queued, a queued')
    },

  'what people have paused themselves stays paused when the workflow is resumed': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(group([from(1), from(2)]))
    const [first] = await flow.runs(id)
    await bed.askOne('pause', first?.id ?? '')
    await flow.ask('pause', id)
    await flow.ask('resume', id)
    assert.equal(await flow.states(id), 'a paused, a queued')
  },

  'a pause with an end resumes by itself, and no keeper resumes one without': async (bed) => {
    const flow = await FlowBed.on(bed)
    const [one, two] = [
      await flow.start(chain([from(1), a])),
      await flow.start(chain([from(1), a])),
    ]
    await flow.client.pauseWorkflow(one, { for: 5000 })
    await flow.ask('pause', two)
    await bed.pass(4000)
    await bed.pass(1001)
    await flow.calm()
    await bed.pass(0)
    assert.deepEqual([await flow.status(one), await flow.status(two)], ['running', 'paused'])
    assert.equal(await flow.states(one), 'a queued, a waiting')
    assert.equal(await flow.states(two), 'a paused, a waiting')
  },

  'with pause points a pause takes effect there, and nowhere before': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(
      chain([from(0), a, a, a, a], { pausePoints: { every: 2 }, onPaused: hook }),
    )
    await flow.ask('pause', id, { reason: 'lunch', by: 'ada' })
    assert.equal(await flow.status(id), 'pausing')
    await flow.play()
    assert.equal(await flow.states(id), 'a completed, a completed, a paused, a waiting, a waiting')
    const [told] = (flow.seen['hook'] ?? []) as [Record<string, unknown>]
    assert.deepEqual(
      [told['workflowId'], told['reason'], told['by'], told['result']],
      [id, 'lunch', 'ada', 2],
    )
    assert.equal((told['rest'] as { nodes: unknown[] }).nodes.length, 3)
    await flow.ask('resume', id)
    await flow.play()
    assert.equal((await flow.get(id)).result, 5)
    assert.equal(flow.seen['hook']?.length, 1)
  },

  'a clause that answers yes pauses the workflow, and is told the result before': async (bed) => {
    const flow = await FlowBed.on(bed)
    flow.plays['clause'] = (input) => (input as { result: number; most: number }).result >= 2
    const pauseWhen = step(clause, { result: previous, most: 2 })
    const id = await flow.start(chain([from(0), a, a], { pauseWhen, onPaused: hook }))
    await flow.play()
    assert.equal(
      await flow.states(id),
      'a completed, clause completed, a completed, clause completed, a paused',
    )
    assert.equal(await flow.status(id), 'paused')
    assert.deepEqual(flow.seen['clause'], [
      { most: 2, result: 1 },
      { most: 2, result: 2 },
    ])
    await flow.ask('resume', id)
    await flow.play()
    assert.equal((await flow.get(id)).result, 3)
    assert.deepEqual(flow.seen['a'], [0, 1, 2])
  },

  'what is left of a paused workflow goes on from its export, in another store': async (bed) => {
    const flow = await FlowBed.on(bed)
    const steps = chain([from(0), chord([a, chain([b, b]), a], sum), step(hook, { of: previous })])
    const id = await flow.start(steps, { name: 'n', tags: ['t'] })
    await flow.round()
    const claimed = await flow.claim(2)
    const parked = claimed[1]
    assert.ok(parked)
    await flow.ask('pause', id)
    await flow.end(claimed.slice(0, 1))
    await assert.rejects(flow.client.exportWorkflow(id), { code: 'WORKFLOW_ACTIVE' })
    const fence = await bed.fence(parked.id)
    await bed.apply(parked.id, {
      type: 'park',
      fence,
      saved: { checkpoint: '{"at":1}', signals: [] },
    })
    const json = JSON.stringify(await flow.client.exportWorkflow(id))
    const clock = bed.clock.now
    await using there = await Bed.make(() => sqlitePlace({ now: clock }))
    const next = await FlowBed.on(there)
    const handle = await next.client.importWorkflow(json)
    const { name, tags, total } = await next.get(handle.id)
    assert.deepEqual([name, tags, total], ['n', ['t'], 5])
    const again = await next.claim()
    assert.deepEqual(
      again.map(({ task, input, checkpoint }) => [task, input, checkpoint]),
      [
        ['b', '1', '{"at":1}'],
        ['a', '1', null],
      ],
    )
    await next.end(again)
    await next.play()
    assert.deepEqual(next.seen['sum'], [[2, 100, 2]])
    assert.deepEqual(next.seen['hook'], [{ of: 104 }])
    assert.equal(await next.status(handle.id), 'completed')
  },

  'a retry runs again what did not complete, once, and keeps what did': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(
      chain([chord([from(1), chain([from(2), c, a]), from(3)], sum), a]),
      { key: 'k', name: 'n' },
    )
    await assert.rejects(flow.client.retryWorkflow(id), { code: 'WORKFLOW_ACTIVE' })
    await flow.play()
    assert.equal(await flow.status(id), 'failed')
    flow.plays['c'] = () => 5
    const { id: next, outcome } = await flow.client.retryWorkflow(id)
    assert.deepEqual([outcome, (await flow.client.retryWorkflow(id)).id], ['enqueued', next])
    const { retriedBy } = await flow.get(id)
    const { retryOf, key, name, total } = await flow.get(next)
    assert.deepEqual([retriedBy, retryOf, key, name, total], [next, id, 'k', 'n', 4])
    const before = flow.seen['a']?.length ?? 0
    await flow.play()
    assert.deepEqual(flow.seen['sum'], [[2, 6, 4]])
    assert.deepEqual(flow.seen['a']?.slice(before), [5, 12])
    assert.equal((await flow.get(next)).result, 13)
    await assert.rejects(flow.client.retryWorkflow(next), { code: 'USAGE' })
    await assert.rejects(flow.client.retryWorkflow('none'), { code: 'WORKFLOW_NOT_FOUND' })
  },

  'a workflow that was cancelled and rolled back is done again from the start': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), a]))
    await flow.round()
    await flow.ask('cancel', id, { rollback: true })
    await flow.play()
    assert.equal(await flow.status(id), 'cancelled')
    const { id: next } = await flow.client.retryWorkflow(id)
    assert.equal(await flow.states(next), 'a queued, a waiting')
  },
}
