/** Every event on every state, in a store: what is stored afterwards is what the machine says. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { MachineEvent } from '../../src/core/run/events.ts'
import { decide } from '../../src/core/run/machine.ts'
import { type Fence, freshFacts, type RunFacts } from '../../src/core/run/run.ts'
import {
  eventTypes,
  type EventType,
  isFinal,
  transitions,
  type State,
  states,
} from '../../src/core/run/transitions.ts'
import type { ControlVerb } from '../../src/store/store.ts'
import { eventOf, retry } from '../core/samples.ts'
import { type OpenPlace, plainEnd, plainRequest, StoreBed } from './bed.ts'

let bed: StoreBed
let count = 0
const unique = (): string => `task-${++count}`

/** Checks one kind of store. */
export function storeMatrix(store: string, open: OpenPlace): void {
  suite(`${store}: the matrix`, () => {
    before(async () => {
      bed = await StoreBed.make(open)
      await bed.worker('w1', { leaseMs: 1_000_000_000 })
    })
    after(() => bed[Symbol.asyncDispose]())
    for (const [name, make] of Object.entries(arrange)) eventsOn(name, make)
    for (const [name, make] of Object.entries(arrange)) filterVerbsOn(name, make)
    wholeMatrix()
  })
}

/** A running run of a task of its own, so that a claim takes no other. */
async function running(over: Parameters<StoreBed['add']>[0] = {}): Promise<string> {
  const task = unique()
  const id = await bed.add({ ...over, task })
  assert.deepEqual(await bed.take(1, { tasks: [task] }), [id])
  return id
}

async function apply(id: string, event: (fence: Fence) => MachineEvent): Promise<string> {
  assert.equal(await bed.apply(id, event(await bed.fence(id))), 'done')
  return id
}

async function ask(id: string, verb: ControlVerb): Promise<string> {
  await bed.askOne(verb, id)
  return id
}

/** A run that waits for the end of another, which goes on. */
async function waiting(): Promise<string> {
  const holder = await running({ key: 'the-key' })
  const { key, task } = await bed.get(holder)
  return bed.add({ task, key, onConflict: 'cancel-and-replace' })
}

const deliver = (fence: Fence): MachineEvent => ({
  type: 'deliver',
  fence,
  deliveredAt: bed.clock.at,
})

/** How a run comes into each situation, by calls that users and workers make. */
const arrange: Readonly<Record<State, () => Promise<string>>> &
  Record<string, () => Promise<string>> = {
  scheduled: () => bed.add({ task: unique(), due: { inMs: 1_000_000_000 } }),
  queued: () => bed.add({ task: unique() }),
  running,
  waiting,
  'running, and not begun': async () => {
    const task = unique()
    const id = await bed.add({ task })
    assert.deepEqual(await bed.take(1, { tasks: [task], startsLater: true }), [id])
    return id
  },
  paused: async () => ask(await bed.add({ task: unique() }), 'pause'),
  completed: async () =>
    apply(await running(), (fence) => ({ type: 'complete', fence, result: '1', ...plainEnd })),
  failed: async () =>
    apply(await running(), (fence) => ({
      ...eventOf('fail', fence),
      retry: { ...retry, attempts: 1 },
    })),
  cancelled: async () => ask(await bed.add({ task: unique() }), 'revoke'),
  'running, revoked': async () => ask(await running(), 'revoke'),
  'running, asked to stop': async () => ask(await running(), 'cancel'),
  'running, told to stop': async () => apply(await ask(await running(), 'cancel'), deliver),
  'running, asked to pause': async () => ask(await running(), 'pause'),
  'running, asked to stop and to pause': async () =>
    ask(await ask(await running(), 'pause'), 'abort'),
  'running, for the third time': async () => {
    const id = await running()
    for (const maxCrashes of [9, 9]) {
      await apply(id, () => ({ type: 'lapse', maxCrashes }))
      await bed.take(1, { tasks: [(await bed.get(id)).task] })
    }
    return id
  },
  'paused while it waited': async () => ask(await waiting(), 'pause'),
  'queued, past its deadline': () => bed.add({ task: unique(), deadline: { inMs: 5 } }),
  'running, past its deadline': () => running({ deadline: { inMs: 5 } }),
  'running, frozen': async () =>
    apply(await ask(await running(), 'pause'), (fence) => ({ type: 'freeze', fence, frozenAt: 1 })),
  'running, with a checkpoint and a signal': async () => {
    const id = await apply(await running(), (fence) => eventOf('checkpoint', fence))
    await bed.signal(id, 'hello')
    return id
  },
  'waiting for a signal': waitingForSignal,
  'paused while it waited for a signal': async () => ask(await waitingForSignal(), 'pause'),
  'running, to be rolled back': async () => {
    const id = await running()
    await bed.ask('cancel', { ids: [id] }, { rollback: true })
    return id
  },
  'parked, and its task rolls back': parkedToRollBack,
  'queued for its roll-back': async () => ask(await parkedToRollBack(), 'cancel'),
  'queued for its roll-back after a failure': async () =>
    apply(await running(), (fence) => ({
      ...eventOf('fail', fence),
      retry: { ...retry, attempts: 1 },
      rollbackOn: ['failure'],
    })),
  'running its roll-back': rollingBack,
  'running its roll-back, told to end it': async () => ask(await rollingBack(), 'terminate'),
}

async function waitingForSignal(): Promise<string> {
  const how = { waitsFor: null, signal: 'hello', wakeInMs: 5, done: ['slept'] } as const
  return apply(await running(), (fence) => ({ type: 'wait', fence, ...how }))
}

/** It has started, and is parked. */
async function parkedToRollBack(): Promise<string> {
  const id = await ask(await running(), 'pause')
  return apply(id, (fence) => ({ type: 'park', fence, rollbackOn: ['stop'] }))
}

async function rollingBack(): Promise<string> {
  const id = await ask(await parkedToRollBack(), 'cancel')
  assert.deepEqual(await bed.take(1, { tasks: [(await bed.get(id)).task] }), [id])
  return id
}

const factNames = Object.keys(freshFacts) as (keyof RunFacts)[]
/** The facts alone, without what a row has besides. */
function factsOf(run: RunFacts): RunFacts {
  const facts: { -readonly [Name in keyof RunFacts]: RunFacts[Name] } = { ...freshFacts }
  const take = <Name extends keyof RunFacts>(name: Name): void => void (facts[name] = run[name])
  factNames.forEach(take)
  return facts
}

/** Client verbs come through `control`; the rest are reported. */
async function bring(id: string, event: MachineEvent): Promise<string> {
  if (event.type === 'signal') return (await bed.signal(id, event.name)).answer
  if (transitions[event.type].by !== 'client') return bed.apply(id, event)
  return bed.askOne(event.type as ControlVerb, id)
}

/** A completion without its place takes the long way. */
async function bringTheLongWay(id: string, event: MachineEvent): Promise<string | undefined> {
  return (await bed.store.apply([{ runId: id, event }]))[0]
}

/** The place of a signal is the store's to give. */
function withoutPlace(run: RunFacts): RunFacts {
  return { ...factsOf(run), signalled: run.signalled === null ? null : 1 }
}

const ways = [
  ...eventTypes.map((type) => [type, type, bring] as const),
  ['complete, the long way', 'complete', bringTheLongWay] as const,
]

let cells = 0

function eventsOn(name: string, make: () => Promise<string>): void {
  suite(`a stored run that is ${name}`, () => {
    for (const [way, type, bring] of ways) {
      cells++
      test(`takes ${way} as the machine says`, async () => {
        const id = await make()
        const before = await bed.get(id)
        if (name in transitions || states.includes(name as State)) assert.equal(before.state, name)
        bed.clock.advance(10)
        const event = eventFor(type, await bed.fence(id))
        const { run, answer } = decide(factsOf(before), event, bed.clock.at)
        const feedBefore = await bed.store.feed({ runId: id, after: 0, limit: 1000 })

        assert.equal(await bring(id, event), answer)

        const stored = await bed.get(id)
        assert.deepEqual(withoutPlace(stored), withoutPlace(run ?? before))
        const feed = await bed.store.feed({ runId: id, after: 0, limit: 1000 })
        const isNoted = run !== null || transitions[type].by === 'client'
        assert.equal(feed.length - feedBefore.length, isNoted ? 1 : 0)
        if (isNoted) {
          const entry = feed.at(-1)
          assert.deepEqual(
            [entry?.type, entry?.state, entry?.attempt, entry?.at],
            [type, stored.state, stored.attempt, bed.clock.at],
          )
        }
      })
    }
  })
}

const verbs = eventTypes.filter(
  (type) => transitions[type].by === 'client' && type !== 'signal',
) as ControlVerb[]

function filterVerbsOn(name: string, make: () => Promise<string>): void {
  suite(`a stored run that is ${name}, found by a filter`, () => {
    for (const verb of verbs) {
      test(`takes ${verb} as the machine says, or is not found because it has ended`, async () => {
        const before = await bed.get(await make())
        bed.clock.advance(10)
        const event = eventFor(verb, await bed.fence(before.id))
        const { run, answer } = decide(factsOf(before), event, bed.clock.at)
        const filter = { task: before.task, state: before.state }
        const answers = await bed.ask(verb, { filter })
        const own = answers.find(({ id }) => id === before.id)
        assert.equal(own?.answer, isFinal(before.state) ? undefined : answer)
        const stored = await bed.get(before.id)
        assert.deepEqual(factsOf(stored), run ?? factsOf(before))
        assert.equal(own?.state ?? stored.state, stored.state)
        const [entry] = (await bed.store.feed({ runId: before.id, after: 0, limit: 1000 })).slice(
          -1,
        )
        if (run)
          assert.deepEqual(
            [entry?.type, entry?.attempt, entry?.state],
            [verb, stored.attempt, stored.state],
          )
      })
    }
  })
}

function eventFor(type: EventType, fence: Fence): MachineEvent {
  const event = eventOf(type, fence)
  if ('graceMs' in event) return { ...event, graceMs: 5000 }
  return event
}

function wholeMatrix(): void {
  test('the matrix has a cell for every event on every state', () => {
    assert.equal(states.filter((state) => state in arrange).length, 8)
    assert.equal(cells, 28 * (27 + 1))
  })

  test('a claim does what the machine says', async () => {
    const id = await bed.add({ task: 'claimed' })
    const before = await bed.get(id)
    bed.clock.advance(10)
    const { run } = decide(factsOf(before), { type: 'claim', workerId: 'w1' }, bed.clock.at)
    assert.deepEqual(await bed.take(1, { tasks: ['claimed'] }), [id])
    assert.deepEqual(factsOf(await bed.get(id)), run)
  })

  test('a claim takes nothing that is not queued', async () => {
    for (const [name, make] of Object.entries(arrange)) {
      if (name.startsWith('queued')) continue
      const before = await bed.get(await make())
      assert.deepEqual(await bed.take(10, { tasks: [before.task] }), [], name)
      assert.deepEqual(await bed.get(before.id), before)
    }
  })

  test('housekeeping lapses, expires and makes due as the machine says', async () => {
    await bed.worker('w2', { leaseMs: 50, tasks: { held: { isolation: 'inline', maxCrashes: 3 } } })
    const lapses = await bed.add({ task: 'held' })
    await bed.take(1, { workerId: 'w2', tasks: ['held'] })
    const expires = await bed.add({ task: 'brief', ttlMs: 50 })
    const comes = await bed.add({ task: 'soon', due: { inMs: 50 } })
    const wakes = await waitingForSignal()
    const late = await running({ deadline: { inMs: 50 } })
    const resumes = await bed.add({ task: unique() })
    const pause = { ...plainRequest.pause, until: { inMs: 50 } }
    await bed.ask('pause', { ids: [resumes] }, { pause })
    const events: readonly (readonly [string, MachineEvent])[] = [
      [lapses, { type: 'lapse', maxCrashes: 3 }],
      [expires, { type: 'expire' }],
      [comes, { type: 'due' }],
      [wakes, { type: 'wake', by: 'time' }],
      [late, { type: 'deadline' }],
      [
        resumes,
        {
          type: 'resume',
          reason: 'it was paused until now',
          by: null,
          holdId: null,
          workflowId: null,
        },
      ],
    ]
    const runs = await Promise.all(events.map(([id]) => bed.get(id)))
    await bed.pass(100)
    for (const [at, [id, event]] of events.entries()) {
      const run = runs[at]
      assert.ok(run)
      assert.deepEqual(factsOf(await bed.get(id)), decide(factsOf(run), event, bed.clock.at).run)
    }
  })
}
