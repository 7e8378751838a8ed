/** Workflows: what is stored, what comes of each end, and that fan-in happens once. */
import assert from 'node:assert/strict'
import { chain, chord, chunks, group, map, step } from '../../src/core/workflow/canvas.ts'
import { previous } from '../../src/core/workflow/parts.ts'
import { FlowBed, tasks } from '../store/flow-bed.ts'
import type { Promises } from './promises.ts'

const { a, b, c, sum, hook } = tasks
const from = (n: number) => step(a, n)

interface Failure {
  readonly what: string
  readonly of: Readonly<Record<'workflowId' | 'task' | 'state', string>>
}

export const workflowPromises: Promises = {
  'each step of a chain starts with the result of the one before': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), b, a]))
    assert.equal(await flow.states(id), 'a queued, b waiting, a waiting')
    await flow.round()
    assert.equal(await flow.states(id), 'a completed, b queued, a waiting')
    await flow.play()
    const { state, result, counts, total } = await flow.get(id)
    assert.deepEqual([state, result, counts.completed, total], ['completed', 21, 3, 3])
    assert.deepEqual(flow.seen, { a: [1, 20], b: [2] })
  },

  'a result is the whole input of the next step, a member of it, or left out': async (bed) => {
    const flow = await FlowBed.on(bed)
    flow.plays['a'] = () => ({ x: 'ü"' })
    const given = step(b, { own: true })
    const member = step(b, { own: 1, of: previous })
    const only = step(b, { of: previous })
    flow.plays['b'] = () => undefined
    await flow.start(chain([from(1), b]))
    await flow.start(chain([from(1), given]))
    await flow.start(chain([from(1), member, only]))
    await flow.play()
    const result = { x: 'ü"' }
    assert.deepEqual(flow.seen['b'], [result, { own: true }, { own: 1, of: result }, { of: null }])
  },

  'the first steps take the input that the workflow is started with': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(group([a, step(b, { n: previous }), from(7)]), { input: 3 })
    assert.deepEqual(
      (await flow.runs(id)).map(({ input }) => input),
      [3, { n: 3 }, 7],
    )
  },

  'a group comes to the results of its members in their order, whatever the order of their ends':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const id = await flow.start(chord([from(1), chain([from(2), b]), from(3)], sum))
      const claimed = await flow.claim()
      for (const run of claimed.toReversed()) await flow.end([run])
      assert.equal(
        await flow.states(id),
        'a completed, a completed, b queued, a completed, sum waiting',
      )
      await flow.play()
      assert.deepEqual(flow.seen['sum'], [[2, 30, 4]])
      assert.equal((await flow.get(id)).result, 36)
    },

  'groups in groups come to lists of lists, and the group before gives each its own result': async (
    bed,
  ) => {
    const flow = await FlowBed.on(bed)
    const inner = group([a, group([a, b])])
    const id = await flow.start(chain([from(0), group([inner, a]), hook]))
    await flow.play()
    assert.deepEqual(flow.seen['hook'], [[[2, [2, 10]], 2]])
    assert.equal((await flow.get(id)).state, 'completed')
  },

  'an empty group comes to an empty list at once, wherever it stands': async (bed) => {
    const flow = await FlowBed.on(bed)
    const ids = [
      await flow.start(group([])),
      await flow.start(chain([group([]), hook])),
      await flow.start(chain([from(1), group([group([]), from(1)]), hook])),
    ]
    assert.deepEqual(await flow.status(ids[0] ?? ''), 'completed')
    await flow.play()
    assert.deepEqual(flow.seen['hook'], [[], [[], 2]])
    for (const id of ids) assert.equal(await flow.status(id), 'completed')
  },

  'map is one run, chunks are a group of them': async (bed) => {
    const flow = await FlowBed.on(bed)
    await flow.start(chain([map(a, [1, 2]), map(b, previous)]))
    await flow.start(chunks(a, [1, 2, 3], 2))
    flow.plays['a'] = (input) => input
    const claimed = await flow.claim()
    assert.deepEqual(
      claimed.map(({ input, isMapped }) => [input, isMapped]),
      [
        ['[1,2]', true],
        ['[1,2]', true],
        ['[3]', true],
      ],
    )
    await flow.end(claimed)
    const [next] = await flow.claim()
    assert.deepEqual([next?.input, next?.isMapped], ['[1,2]', true])
  },

  'where a member does not complete, what comes after the group is cancelled, and says why; the others go on':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const id = await flow.start(chord([from(1), c, chain([from(2), a])], chain([sum, a])))
      const [first, failing, second] = await flow.claim()
      assert.ok(first && failing && second)
      await flow.end([failing])
      assert.equal(
        await flow.states(id),
        'a running, c failed, a running, a waiting, sum cancelled, a cancelled',
      )
      const [, , , , body] = await flow.runs(id)
      assert.match(body?.reason ?? '', new RegExp(`^c \\(run ${failing.id}\\) .*failed: no$`))
      assert.equal(await flow.status(id), 'running')
      await flow.end([first, second])
      await flow.play()
      const { state, failure, counts } = await flow.get(id)
      assert.deepEqual([state, failure?.runId, failure?.state], ['failed', failing.id, 'failed'])
      assert.deepEqual([counts.completed, counts.failed, counts.cancelled], [3, 1, 2])
      assert.equal(flow.seen['sum'], undefined)
    },

  'with allSettled what comes after gets what each member came to': async (bed) => {
    const flow = await FlowBed.on(bed)
    const members = [from(1), chain([c, a]), chain([from(2), a])]
    const id = await flow.start(chord(members, hook, { policy: 'allSettled' }))
    const claimed = await flow.claim()
    await bed.ask('cancel', { ids: [claimed[2]?.id ?? ''] }, { reason: 'enough' })
    await flow.end(claimed.slice(0, 2))
    const { id: stopped, workerId } = { id: claimed[2]?.id ?? '', workerId: 'w1' }
    const fence = { runId: stopped, attempt: 1, workerId }
    await bed.apply(stopped, {
      type: 'stop',
      fence,
      mode: 'forced',
      deliveredAt: null,
      proof: null,
    })
    await flow.play()
    const [settled] = flow.seen['hook'] ?? []
    const brief = (settled as readonly Record<string, unknown>[]).map(
      ({ state, result, runId, task }) => ({ state, result, runId, task }),
    )
    assert.deepEqual(brief, [
      { state: 'completed', result: 2, runId: undefined, task: undefined },
      { state: 'failed', result: undefined, runId: claimed[1]?.id, task: 'c' },
      { state: 'cancelled', result: undefined, runId: stopped, task: 'a' },
    ])
    assert.equal((await flow.get(id)).state, 'completed')
  },

  'a step that is cancelled before its turn ends its chain when that turn comes, and not before':
    async (bed) => {
      const flow = await FlowBed.on(bed)
      const id = await flow.start(chain([from(1), a, b, a]))
      const [, , third] = await flow.runs(id)
      assert.equal(await bed.askOne('cancel', third?.id ?? ''), 'prevented')
      await flow.round()
      assert.equal(await flow.states(id), 'a completed, a queued, b cancelled, a waiting')
      assert.equal(await flow.status(id), 'running')
      await flow.play()
      assert.equal(await flow.states(id), 'a completed, a completed, b cancelled, a cancelled')
      const { state, failure } = await flow.get(id)
      assert.deepEqual([state, failure?.runId], ['cancelled', third?.id])
    },

  'a step that is paused before its turn has its input when it is resumed': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(chain([from(1), b]))
    const [, second] = await flow.runs(id)
    await bed.askOne('pause', second?.id ?? '')
    await flow.play()
    assert.equal(await flow.states(id), 'a completed, b paused')
    await bed.askOne('resume', second?.id ?? '')
    await flow.play()
    assert.equal((await flow.get(id)).result, 20)
  },

  'members that expire, lose their workers or are held count as any other': async (bed) => {
    const flow = await FlowBed.on(bed)
    const steps = [step(a, 1, { ttl: 50 }), from(1), step(a, 1, { tags: ['bad'] })]
    const id = await flow.start(chord(steps, hook, { policy: 'allSettled' }))
    const hold = { verb: 'cancel', filter: { tag: 'bad' }, reason: 'bad' } as const
    await flow.client.hold({ ...hold, inFlight: 'finish' })
    await flow.calm()
    await bed.pass(60)
    const [, lost] = await flow.runs(id)
    for (let crash = 1; crash <= 3; crash++) {
      const workerId = await bed.worker(`lost-${crash}`)
      const request = { workerId, queues: ['default'], tasks: ['a'], limit: 1 }
      assert.deepEqual(
        (await bed.store.claim(request)).map(({ id }) => id),
        [lost?.id],
      )
      await bed.store.removeWorker(workerId)
    }
    assert.equal(await flow.states(id), 'a cancelled, a failed, a cancelled, hook queued')
    await flow.play()
    const [settled] = flow.seen['hook'] ?? []
    assert.deepEqual(
      (settled as readonly { state: string }[]).map(({ state }) => state),
      ['cancelled', 'failed', 'cancelled'],
    )
  },

  'delay and ttl count from the turn of a step': async (bed) => {
    const flow = await FlowBed.on(bed)
    const id = await flow.start(
      chain([from(1), step(a, previous, { delay: 100 }), step(b, previous, { ttl: 100 })]),
    )
    await bed.pass(200)
    await flow.round()
    assert.equal(await flow.states(id), 'a completed, a scheduled, b waiting')
    await bed.pass(100)
    await flow.round()
    assert.equal(await flow.states(id), 'a completed, a completed, b queued')
    await bed.pass(101)
    assert.equal(await flow.states(id), 'a completed, a completed, b cancelled')
    assert.equal(await flow.status(id), 'cancelled')
  },

  'hooks are run once: for a step, and for the whole': async (bed) => {
    const flow = await FlowBed.on(bed)
    const told = (what: string) => step(hook, { what, of: previous })
    const good = step(a, 1, { onCompleted: told('good'), onFailed: told('no') })
    await flow.start(good, { onCompleted: told('whole'), onFailed: told('no'), tags: ['t'] })
    await flow.play()
    assert.deepEqual(flow.seen['hook'], [
      { what: 'good', of: 2 },
      { what: 'whole', of: 2 },
    ])
    const bad = chain([
      step(c, 1, { onFailed: told('bad') }),
      step(a, previous, { onFailed: told('never reached') }),
    ])
    const id = await flow.start(bad, { onFailed: told('whole') })
    await flow.play()
    const heard: readonly unknown[] = flow.seen['hook'] ?? []
    const failures = heard.slice(2) as readonly Failure[]
    const brief = failures.map(({ what, of }) => [what, of.workflowId, of.task, of.state])
    assert.deepEqual(brief, [
      ['bad', id, 'c', 'failed'],
      ['whole', id, 'c', 'failed'],
    ])
  },

  'results that are too large together end the group, and say so': async (bed) => {
    const flow = await FlowBed.on(bed)
    flow.plays['a'] = () => 'x'.repeat(6_000_000)
    const id = await flow.start(chord([from(1), from(2), from(3)], hook))
    await flow.play()
    const { state, failure } = await flow.get(id)
    assert.equal(state, 'failed')
    assert.ok(failure)
    assert.equal((failure.error as { code: string }).code, 'PAYLOAD_TOO_LARGE')
  },

  'a thousand members of a group start and end at once': async (bed) => {
    const flow = await FlowBed.on(bed)
    const members = Array.from({ length: 1000 }, () => a)
    const id = await flow.start(chain([from(0), group(members), sum]))
    await flow.play()
    assert.equal((await flow.get(id)).result, 2000)
  },

  'many workflows whose members end in one transaction go on each by itself': async (bed) => {
    const flow = await FlowBed.on(bed)
    const ids = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        flow.start(chord([from(n), from(n), c], sum, { policy: 'allSettled' })),
      ),
    )
    flow.plays['sum'] = (input) =>
      (input as readonly { result?: number }[]).reduce((all, { result = 0 }) => all + result, 0)
    await flow.play()
    const results = await Promise.all(ids.map(async (id) => (await flow.get(id)).result))
    assert.deepEqual(results, [4, 6, 8, 10])
  },
}
