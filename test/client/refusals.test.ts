/** What a caller cannot have meant: it is refused with words that help, and nothing is done. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  chain,
  type CheckreinError,
  type Client,
  group,
  type RunHandle,
  step,
} from '../../src/index.ts'
import { Bed, storeKinds } from '../support/bed.ts'
import * as tasks from './tasks.ts'

type Verb = (...args: unknown[]) => Promise<unknown>
type Request = (client: Client, run: RunHandle) => Promise<unknown>

const usage =
  (says: RegExp) =>
  (error: CheckreinError): boolean => {
    assert.equal(error.code, 'USAGE', error.message)
    assert.match(`${error.message}\n${error.hint}`, says)
    return true
  }

/** Each is refused with these words, and leaves no trace. */
async function refused(
  on: (typeof storeKinds)[number],
  requests: readonly (readonly [RegExp, Request])[],
): Promise<void> {
  await using bed = await Bed.make({ on })
  const { client } = bed
  const run = await client.enqueue(tasks.counter)
  for (const [says, request] of requests)
    await assert.rejects(request(client, run), usage(says), request.toString())
  assert.equal((await run.get()).state, 'queued')
  assert.deepEqual(await client.holds(), [])
  assert.deepEqual((await client.audit()).entries, [])
  assert.equal((await client.list()).runs.length, 1)
}

const options = { gracee: '5s' } as never
const id = 'x'

for (const on of storeKinds) {
  void suite(`refusals, on ${on}`, () => {
    void test('an instant in the past is refused, with the way to give a duration', async () => {
      const until = /until is in the past: 1970-01-01T00:00:00.005Z\n.*for: '60s'/
      await refused(on, [
        [until, (_, run) => run.pause({ until: 5 })],
        [until, (_, run) => run.freeze({ until: 5 })],
        [until, (client) => client.pause({ queue: 'media' }, { until: new Date(5) })],
        [until, (client) => client.pause({ filter: {} }, { until: 5 })],
        [until, (client) => client.hold({ verb: 'pause', filter: { tag: 't' }, until: 5 })],
        [
          /deadline is in the past: 1970-01-01T00:01:00.000Z\n.*'60s'/,
          (client) => client.enqueue(tasks.counter, undefined, { deadline: 60_000 }),
        ],
        [/deadline is in the past/, (client) => past(client)],
      ])
    })

    void test('an instant past the year 9999 is refused wherever one is given', async () => {
      const years = /years 0 to 9999/
      await refused(
        on,
        [Number.MAX_SAFE_INTEGER, 8.64e15, new Date(8.64e15), -8.64e15].flatMap(
          (at): [RegExp, Request][] => [
            [years, (client) => client.enqueue(tasks.counter, undefined, { runAt: at })],
            [years, (client) => client.enqueue(tasks.counter, undefined, { deadline: at })],
            [years, (_, run) => run.pause({ until: at })],
            [years, (_, run) => run.freeze({ until: at })],
            [years, (client) => client.pause({ queue: 'media' }, { until: at })],
            [years, (client) => client.pause({ filter: { queue: 'default' } }, { until: at })],
            [years, (client) => client.hold({ verb: 'pause', filter: { tag: 't' }, until: at })],
            [years, (client) => client.list({ createdAfter: at })],
            [years, (client) => client.cancel({ filter: { createdBefore: at } })],
            [years, (client) => client.audit({ createdAfter: at })],
          ],
        ),
      )
    })

    void test('an input, a signal and a message that are nested too deep are refused, and break no filter', async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      let deep: unknown = 1
      for (let at = 0; at < 1001; at++) deep = [deep]
      const tooDeep = { code: 'PAYLOAD_TOO_LARGE', message: /nested deeper than 500 levels/ }
      await client.enqueue(tasks.counter)
      await assert.rejects(client.enqueue(tasks.counter, deep as never), tooDeep)
      await assert.rejects(client.signal('x', 'other', deep), tooDeep)
      await assert.rejects(client.signal({ filter: {} }, 'other', deep), tooDeep)
      const input = { 'user.id': 9 }
      assert.deepEqual((await client.list({ input })).runs, [])
      const hold = await client.hold({ verb: 'pause', filter: { input } })
      assert.equal((await client.holds()).length, 1)
      await client.lift(hold.id)
    })

    void test('what is past goes by the clock of the store', async () => {
      await using bed = await Bed.make({ on, ...(on === 'sqlite' ? { now: () => 1000 } : {}) })
      const { client } = bed
      const run = await client.enqueue(tasks.counter)
      assert.equal((await run.pause({ until: client.now() + 60_000 })).answer, 'paused')
    })

    void test('a list that is none, or that has holes, is refused before anything of it is stored', async () => {
      const holes: never[] = []
      holes.length = 2
      const words = /must be an? |is not an id|must be text|must be a step/
      await refused(on, [
        ...['ab', null, { input: 1 }, new Set([1]), holes].flatMap((runs): [RegExp, Request][] => [
          [words, (client) => client.enqueueMany(tasks.counter, runs as never)],
          [words, (client) => client.enqueueManyByName('counter', runs as never)],
        ]),
        [words, (client) => client.enqueue(tasks.counter, undefined, { tags: holes })],
        [words, (client) => client.startWorkflow(step(tasks.counter), { tags: holes })],
        [words, (client) => client.startWorkflow(step(tasks.counter, undefined, { tags: holes }))],
        [words, (client) => client.cancel(holes)],
        [words, (client) => client.pause(holes)],
        [words, (client) => client.signal(holes, 'other', 1)],
        [words, (client) => client.retry(holes)],
      ])
      const noStep = /a part of a workflow must be a step or a task/
      assert.throws(() => chain(holes), noStep)
      assert.throws(() => group(holes), noStep)
    })

    void test('options that are no object, and a part of a filter that is null, are refused', async () => {
      for (const none of [null, 5, () => 1, 'text'] as never[])
        await refused(on, [
          [
            /must be an object|has no option/,
            (client) => client.enqueue(tasks.counter, undefined, none),
          ],
          [/must be an object|has no option/, (client) => client.enqueueByName('x', 1, none)],
          [/must be an object|has no option/, (client) => client.retry('x', none)],
        ])
      const nothing = null as never
      await refused(on, [
        [/must be an object/, (client) => client.audit(nothing)],
        [
          /enqueue has no option "input"/,
          (client) => client.enqueueByName('x', 1, { input: 2 } as never),
        ],
        [/createdAfter is null/, (client) => client.cancel({ filter: { createdAfter: nothing } })],
        [/state is null/, (client) => client.list({ state: nothing })],
        [/input is null/, (client) => client.list({ input: nothing })],
        [/neither a state nor a list/, (client) => client.list({ state: new Set() as never })],
        [/not an instant/, (client) => client.list({ createdBefore: '2026' as never })],
      ])
    })

    void test('a member that a library gives to all objects is no option', async () => {
      await using bed = await Bed.make({ on })
      Object.assign(Object.prototype, { extended: 1 })
      try {
        const run = await bed.client.enqueue(tasks.counter, undefined, { tags: ['a'] })
        await bed.client.cancel({ filter: { tag: 'a' } }, { reason: 'x' })
        assert.equal((await run.get()).state, 'cancelled')
      } finally {
        Reflect.deleteProperty(Object.prototype, 'extended')
      }
    })

    void test('an option that a verb does not have is refused by its name', async () => {
      const gracee = (verb: string): RegExp =>
        new RegExp(`^${verb} has no option "gracee"\\nOptions: .*reason`)
      await refused(on, [
        ...(
          ['revoke', 'abort', 'cancel', 'terminate', 'pause', 'resume', 'freeze'] as const
        ).flatMap((verb): [RegExp, Request][] => [
          [
            gracee(verb),
            (client) => (Reflect.get(client, verb) as Verb).call(client, { filter: {} }, options),
          ],
          [gracee(verb), (_, run) => (Reflect.get(run, verb) as Verb).call(run, options)],
        ]),
        [gracee('signal'), (client) => client.signal(id, 'add', 1, options)],
        [gracee('signal'), (_, run) => run.signal('add', 1, options)],
        [gracee('pause'), (client) => client.pause({ queue: 'media' }, options)],
        [gracee('freeze'), (client) => client.freeze({ queue: 'media' }, options)],
        [gracee('resume'), (client) => client.resume({ queue: 'media' }, options)],
        [
          /hold has no option "ttl"/,
          (client) => client.hold({ verb: 'pause', filter: { tag: 't' }, ttl: 5 } as never),
        ],
        [gracee('lift'), (client) => client.lift(id, options)],
        [
          /no option "reason"/,
          (client) => client.lift({ verb: 'pause', filter: { tag: 't' }, reason: 'x' } as never),
        ],
        [/has no option "inFlight"/, (client) => client.pause(id, { inFlight: 'park' } as never)],
        [
          /has no option "inFlight"/,
          (client) => client.pause({ filter: {} }, { inFlight: 'cancel' } as never),
        ],
        [/has no option "timeout"/, (client) => client.cancel(id, { timeout: 5 } as never)],
        [/has no option "grace"/, (_, run) => run.terminate({ grace: 5 } as never)],
        [/must be an object/, (client) => client.cancel(id, 'enough' as never)],
        [/must be an object/, (client) => client.cancel(id, null as never)],
      ])
    })

    void test('what stands beside a target was meant for the options', async () => {
      const reason = /no "reason" besides\n.*options/
      await refused(on, [
        [reason, (client) => client.cancel({ filter: {}, reason: 'enough' } as never)],
        [reason, (client) => client.pause({ filter: {}, reason: 'enough' } as never)],
        [reason, (client) => client.cancel({ task: 't', key: 'k', reason: 'x' } as never)],
      ])
    })

    void test('what is empty, or nothing, means neither nothing nor all', async () => {
      const empty = /is empty\nIs a variable set\?/
      await refused(on, [
        ...(['task', 'queue', 'tag', 'key'] as const).flatMap((part): [RegExp, Request][] => [
          [empty, (client) => client.cancel({ filter: { [part]: '' } })],
          [empty, (client) => client.hold({ verb: 'pause', filter: { [part]: '' } })],
          [empty, (client) => client.list({ [part]: '' })],
          [empty, (client) => client.counts({ [part]: '' })],
          [empty, (client) => client.preview('cancel', { [part]: '' })],
          [/is undefined/, (client) => client.cancel({ filter: { [part]: undefined } as never })],
          [/is null/, (client) => client.cancel({ filter: { [part]: null } as never })],
        ]),
        [empty, (client) => client.pause({ queue: '' })],
        [empty, (client) => client.pause({ task: '' })],
        [empty, (client) => client.resume({ queue: '' })],
        [empty, (client) => client.cancel({ task: 'counter', key: '' })],
        [empty, (client) => client.cancel({ task: '', key: 'k' })],
        [/the filter is undefined/, (client) => client.cancel({ filter: undefined } as never)],
        [/the filter is null/, (client) => client.cancel({ filter: null } as never)],
        [/the filter is an array/, (client) => client.cancel({ filter: [] } as never)],
        [
          /the filter's workflow/,
          (client) => client.cancel({ filter: { workflow: ['w'] } } as never),
        ],
        [/the filter's parent/, (client) => client.cancel({ filter: { parent: null } } as never)],
        [/queue is undefined/, (client) => client.pause({ queue: undefined } as never)],
        [/key/, (client) => client.cancel({ task: 't', key: undefined } as never)],
      ])
    })

    void test('a preview of what is no verb is refused', async () => {
      await refused(on, [
        [/verb must be one of revoke/, (client) => client.preview('explode' as never, {})],
      ])
    })
  })
}

const past = (client: Client): Promise<unknown> =>
  client.enqueue(tasks.counter, undefined, { deadline: new Date(client.now() - 1) })
