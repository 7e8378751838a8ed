/** Hooks of the members of a workflow that are stopped before they have ended by themselves. */
import assert from 'node:assert/strict'
import { chain, group, step } from '../../src/core/workflow/canvas.ts'
import { previous } from '../../src/core/workflow/parts.ts'
import type { StopVerb } from '../../src/core/run/transitions.ts'
import { FlowBed, tasks } from '../store/flow-bed.ts'
import type { StoreBed } from '../store/bed.ts'
import type { Promises } from './promises.ts'

const { a, c, hook } = tasks

interface Told {
  readonly what: string
  readonly of: {
    readonly workflowId: string
    readonly state: string
    readonly task: string | null
    readonly runId: string | null
    readonly stop: { readonly verb: string; readonly reason: string | null } | null
  }
}

const told = (what: string) => step(hook, { what, of: previous })
/** A member with a hook that says its id. */
const hooked = (id: string, options: { readonly delay?: '1h' } = {}) =>
  step(a, 1, { id, onFailed: told(id), ...options })

/** The names of the hooks that have been told, in order of the alphabet. */
const heard = (flow: FlowBed): readonly string[] =>
  ((flow.seen['hook'] ?? []) as readonly Told[]).map(({ what }) => what).toSorted()

/** Claims the hooks, and nothing else, and ends them. */
async function hear(flow: FlowBed): Promise<void> {
  await flow.calm()
  const request = { workerId: 'w1', queues: ['default'], tasks: ['hook'], limit: 10_000 }
  const claimed = await flow.bed.store.claim(request)
  const inputs = claimed.map(({ input }) => JSON.parse(input ?? 'null') as unknown)
  ;(flow.seen['hook'] ??= []).push(...inputs)
  await flow.end(claimed)
}

async function stops(bed: StoreBed, verb: StopVerb): Promise<void> {
  const flow = await FlowBed.on(bed)
  const behind = chain([hooked('first'), hooked('second'), hooked('third')])
  const inner = chain([c, hooked('behind a failure')])
  const members = [
    hooked('running'),
    hooked('queued'),
    hooked('paused'),
    hooked('late', { delay: '1h' }),
    behind,
    inner,
  ]
  const id = await flow.start(chain([group(members), hooked('last')]), {
    onFailed: told('the whole'),
  })
  await flow.claim(1)
  await flow.client.run('paused').pause()
  await flow.client.run('second').pause()
  await flow.client.run('third').cancel({ reason: 'by itself' })
  await hear(flow)
  assert.deepEqual(heard(flow), ['third'], 'what is cancelled before its turn is told of at once')
  await flow.ask(verb, id, { reason: 'enough' })
  await flow.calm()
  for (const { id: run, state } of await flow.runs(id))
    if (state === 'running') {
      const fence = await bed.fence(run)
      const how = { mode: 'forced', deliveredAt: null, proof: null } as const
      await bed.apply(run, { type: 'stop', fence, ...how })
    }
  await hear(flow)
  const all = ['behind a failure', 'first', 'last', 'late', 'paused', 'queued', 'running']
  assert.deepEqual(heard(flow), [...all, 'second', 'the whole', 'third'].toSorted())
  const last = (flow.seen['hook'] as readonly Told[]).find(({ what }) => what === 'last')
  const { workflowId, state, task, runId, stop } = last?.of ?? {}
  assert.deepEqual(
    [workflowId, state, task, runId, stop?.verb, stop?.reason],
    [id, 'cancelled', 'a', 'last', verb, 'enough'],
  )
}

export const hookPromises: Promises = {
  'a terminate of a workflow runs the hook of each member that it prevents, once, in whatever state that was':
    async (bed) => stops(bed, 'terminate'),
  'so does a cancel': async (bed) => stops(bed, 'cancel'),
  'so does an abort': async (bed) => stops(bed, 'abort'),
  'so does a revoke': async (bed) => stops(bed, 'revoke'),

  'a tombstone for a workflow, or for a member, runs the hooks of all that it prevents': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    await flow.client.cancelWorkflow('w', { reason: 'too soon' })
    await flow.start(chain([hooked('one'), hooked('two')]), { id: 'w' })
    await hear(flow)
    assert.deepEqual(heard(flow), ['one', 'two'])
    await flow.client.run('four').cancel()
    await flow.start(chain([hooked('three'), hooked('four')]))
    await flow.play()
    assert.deepEqual(heard(flow), ['four', 'one', 'two'])
  },

  'a verb on a filter runs the hooks of the members that it prevents, and a hold does': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([hooked('one'), hooked('two')]))
    await flow.client.cancel({ filter: { workflow: id } })
    await hear(flow)
    assert.deepEqual(heard(flow), ['one', 'two'])
    await flow.start(chain([step(a, 1, { tags: ['t'], onFailed: told('three') }), hooked('four')]))
    await flow.client.hold({ filter: { tag: 't' }, verb: 'cancel', inFlight: 'finish' })
    await hear(flow)
    assert.deepEqual(heard(flow), ['one', 'three', 'two'], 'four comes after what did not complete')
  },

  'a stop of a workflow that is rolled back runs the hooks of what it prevents, and of nothing that it undoes':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const id = await flow.start(chain([hooked('one'), hooked('two'), hooked('three')]))
      await flow.round()
      await flow.ask('cancel', id, { rollback: true })
      await hear(flow)
      assert.deepEqual(heard(flow), ['three', 'two'])
    },

  'a member that goes on by itself after a stop is told of by nobody': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([hooked('one'), hooked('two')]))
    const [running] = await flow.claim()
    assert.ok(running)
    await flow.ask('cancel', id, { running: 'detach' })
    await hear(flow)
    await flow.end([running])
    assert.deepEqual(heard(flow), ['two'])
  },

  'the hooks of three thousand members that a stop prevents are all run, and plain members cost none':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const count = 3000
      const members = Array.from({ length: 2 * count }, (_, at) =>
        at % 2 === 0 ? a : step(a, 1, { onFailed: told(String(at)) }),
      )
      const id = await flow.start(chain([step(a, 0), group(members)]))
      await flow.ask('cancel', id)
      await hear(flow)
      assert.equal(new Set(heard(flow)).size, count)
      assert.equal(heard(flow).length, count)
    },
}
