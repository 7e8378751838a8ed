/** Signals that travel with the export of their workflow. */
import assert from 'node:assert/strict'
import { chain, group, step } from '../../src/core/workflow/canvas.ts'
import type { WorkflowExport } from '../../src/core/workflow/export.ts'
import { FlowBed, tasks, Thrown } from '../store/flow-bed.ts'
import { sqlitePlace, StoreBed } from '../store/bed.ts'
import type { Promises } from './promises.ts'

const { a, b, c, sum } = tasks

/** The names and payloads of the signals that a run has still to deal with, in their order. */
async function unread(bed: StoreBed, runId: string): Promise<readonly (readonly unknown[])[]> {
  const signals = await bed.store.mailbox(runId, 0)
  return signals.map(({ name, payload, by, callId }) => [name, payload, by, callId])
}

/** The ids of the runs of a workflow, by their tasks and in the order of the nodes. */
async function idsOf(flow: FlowBed, id: string): Promise<readonly string[]> {
  return (await flow.runs(id)).map((run) => run.id)
}

interface Moved {
  readonly flow: FlowBed
  readonly id: string
  /** The run that has parked. */
  readonly parked: string
  readonly rest: WorkflowExport
  readonly sent: readonly (readonly unknown[])[]
}

/** A workflow that was paused with signals to a member that has parked, one of them dealt with, and to one that waits. */
async function paused(bed: StoreBed): Promise<Moved> {
  const flow = await FlowBed.on(bed)
  const steps = chain([group([step(a, 1), step(b, 2)]), sum])
  const id = await flow.start(steps, { key: 'k' })
  const [running] = await flow.claim(1)
  assert.ok(running)
  const { client } = flow
  for (const n of [1, 2, 3]) await client.run(running.id).signal('add', { n }, { by: 'ada' })
  await client.signalWorkflow(id, 'hurry', undefined, { by: 'bob', reason: 'late' })
  const [first] = await bed.store.mailbox(running.id, 0)
  await flow.ask('pause', id)
  const fence = await bed.fence(running.id)
  const dealtWith = { position: first?.position ?? 0, reply: null, error: null }
  await bed.apply(running.id, {
    type: 'take',
    fence,
    position: dealtWith.position + 1,
    takenAt: 1,
  } as never)
  await bed.apply(running.id, {
    type: 'park',
    fence,
    saved: { checkpoint: '{"at":1}', signals: [dealtWith] },
  })
  await flow.calm()
  const sent = await unread(bed, running.id)
  assert.deepEqual(
    sent.map(([name]) => name),
    ['add', 'add', 'hurry'],
  )
  const rest = await client.exportWorkflow(id)
  return { flow, id, parked: running.id, rest, sent }
}

export const movedSignalPromises: Promises = {
  'signals that were not dealt with travel with their workflow, with their ids and in their order':
    async (bed) => {
      const { rest, sent } = await paused(bed)
      const clock = bed.clock.now
      await using there = await StoreBed.make(() => sqlitePlace({ now: clock }))
      const next = await FlowBed.on(there)
      const { id } = await next.client.importWorkflow(JSON.stringify(rest))
      const [first = '', second = '', last = ''] = await idsOf(next, id)
      assert.deepEqual(await unread(there, first), sent)
      const hurry = sent.filter(([name]) => name === 'hurry')
      assert.deepEqual([await unread(there, second), await unread(there, last)], [hurry, hurry])
      const { entries } = await next.client.audit({ runId: first })
      const told = entries.map(({ name, by, reason, answer }) => [name, by, reason, answer])
      assert.deepEqual(
        told.find(([name]) => name === 'hurry'),
        ['hurry', 'bob', 'late', 'sent'],
      )
      const [claimed] = await next.claim(1)
      assert.deepEqual([claimed?.id, claimed?.checkpoint], [first, '{"at":1}'])
      assert.ok(claimed?.signalled, 'its worker knows that there are signals')
      // The call that sent a signal, made again, finds it at the new member.
      const callId = String(sent[0]?.[3])
      await next.client.run(first).signal('add', { n: 2 }, { callId })
      assert.deepEqual(await unread(there, first), sent)
    },

  'a second import under the same id or the same key delivers nothing again': async (bed) => {
    const { flow, id, rest, parked, sent } = await paused(bed)
    await flow.client.cancelWorkflow(id)
    await flow.calm()
    assert.deepEqual(await unread(bed, parked), [], 'those of the old member were refused')
    const one = await flow.client.importWorkflow(rest, { id: 'moved' })
    const same = await flow.client.importWorkflow(rest, { id: 'moved' })
    const held = await flow.client.importWorkflow(rest)
    for (const { id: found, enqueued } of [same, held])
      assert.deepEqual([found, enqueued?.outcome], ['moved', 'exists'])
    const [first = ''] = await idsOf(flow, one.id)
    assert.deepEqual(await unread(bed, first), sent)
    await flow.client.pauseWorkflow(one.id)
    await flow.calm()
    const again = await flow.client.exportWorkflow(one.id)
    assert.deepEqual(again.nodes, rest.nodes, 'the export of an import is the same')
  },

  'an import on the same store leaves the old member its signals, and the new one has its own':
    async (bed) => {
      const { flow, rest, parked, sent } = await paused(bed)
      const { id } = await flow.client.importWorkflow(rest, { key: 'other' })
      const [first = ''] = await idsOf(flow, id)
      assert.deepEqual([await unread(bed, first), await unread(bed, parked)], [sent, sent])
    },

  'an import that was stopped before it came refuses the signals that it brings': async (bed) => {
    const { flow, rest } = await paused(bed)
    await flow.client.cancelWorkflow('w')
    const { id, enqueued } = await flow.client.importWorkflow(rest, { id: 'w', key: 'w' })
    assert.equal(enqueued?.outcome, 'prevented')
    await flow.calm()
    const [first = ''] = await idsOf(flow, id)
    assert.deepEqual(await unread(bed, first), [])
    assert.equal(await flow.status(id), 'cancelled')
  },

  'a retry brings no signals, for its members begin anew': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([c, a]))
    await flow.client.signalWorkflow(id, 'hurry')
    await flow.calm()
    flow.plays['c'] = () => {
      throw new Thrown('no')
    }
    await flow.play()
    const { id: next } = await flow.client.retryWorkflow(id)
    for (const run of await idsOf(flow, next)) assert.deepEqual(await unread(bed, run), [])
  },

  'an export with a tampered signal is refused, and nothing of it is stored': async (bed) => {
    const { flow, rest } = await paused(bed)
    const tampered = (signals: unknown): unknown => ({
      ...rest,
      nodes: rest.nodes.map((node) => (node.signals ? { ...node, signals } : node)),
    })
    const [good] = rest.nodes.find(({ signals }) => signals)?.signals ?? []
    for (const [signals, message] of [
      ['none', /node 2: its signals are not a list/],
      [[good, { ...good, payload: 7 }], /node 2: its signal 2 is not well formed/],
      [[good, good], /node 2: two of its signals have one id/],
    ] as const)
      await assert.rejects(flow.client.importWorkflow(tampered(signals), { id: 'no', key: 'no' }), {
        code: 'WORKFLOW_INVALID',
        message,
      })
    assert.equal(await flow.client.getWorkflow('no'), null)
  },
}
