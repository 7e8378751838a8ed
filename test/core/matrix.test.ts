/** Every event on every state, held against the table. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Answer } from '../../src/core/run/decision.ts'
import { decide } from '../../src/core/run/machine.ts'
import type { StopRecord } from '../../src/core/run/stop.ts'
import type { RollbackFacts, RunFacts } from '../../src/core/run/run.ts'
import {
  eventTypes,
  type EventType,
  finalStates,
  idleStates,
  isFinal,
  transitions,
  type State,
  states,
  stopVerbs,
} from '../../src/core/run/transitions.ts'
import { asked, boom, eventOf, factsIn, fence, now, running } from './samples.ts'

const stop: StopRecord = {
  verb: 'cancel',
  mode: 'forced',
  confirmed: true,
  reason: null,
  by: null,
  requestedAt: now - 9,
  deliveredAt: null,
  stoppedAt: now - 8,
  proof: null,
  sent: [],
}
const rollingBack: RollbackFacts = {
  state: 'pending',
  stop,
  askedAt: now - 8,
  finishedAt: null,
  failures: 0,
  crashes: 0,
  error: null,
}
const rollbackOfFailure: RunFacts = {
  ...factsIn.queued,
  attempt: 1,
  failures: 3,
  error: boom,
  rollback: { ...rollingBack, stop: null },
}
const waitingForSignal: RunFacts = {
  ...factsIn.waiting,
  attempt: 1,
  waitsFor: null,
  wait: { signal: 'hello', done: ['slept'] },
}
const paused = { reason: null, by: null, at: now - 5, holdId: null, workflowId: null }
const pausedForSignal: RunFacts = {
  ...waitingForSignal,
  state: 'paused',
  pausedFrom: 'waiting',
  paused,
}
const parked: RunFacts = {
  ...factsIn.queued,
  attempt: 1,
  state: 'paused',
  pausedFrom: 'queued',
  paused,
  rollbackOn: ['stop'],
}
const frozen = ((facts: RunFacts): RunFacts => {
  const { intent } = facts
  const pause = intent?.pause ? { ...intent.pause, frozenAt: now - 1 } : null
  return { ...facts, intent: { stop: null, pause } }
})(asked(null, true))

/** What can be true of a run in a state, as far as it changes what an event does. */
const situations: readonly (readonly [name: string, facts: RunFacts])[] = [
  ...states.map((state) => [state, factsIn[state]] as const),
  ['running, revoked', asked({ verb: 'revoke' })],
  ['running, asked to stop', asked({})],
  ['running, told to stop', asked({ deliveredAt: now - 10 })],
  ['running, asked to pause', asked(null, true)],
  ['running, asked to stop and to pause', asked({}, true)],
  ['running, its last attempt', { ...running, failures: 2, crashes: 2 }],
  ['paused, from the queue', { ...factsIn.paused, pausedFrom: 'queued', waitsFor: null }],
  ['queued, tried before', { ...factsIn.queued, attempt: 1 }],
  ['queued, past its deadline', { ...factsIn.queued, deadlineAt: now - 1 }],
  ['running, past its deadline', { ...running, deadlineAt: now - 1 }],
  ['running, frozen', frozen],
  ['waiting for a signal', { ...waitingForSignal, wakeAt: now + 5 }],
  ['paused while it waited for a signal', pausedForSignal],
  ['starting', { ...running, startedAt: null }],
  ['running, to be rolled back', asked({ rollback: true })],
  ['running, and its task rolls back', { ...asked({}), rollbackOn: ['stop', 'failure'] }],
  ['parked, and its task rolls back', parked],
  ['queued for its roll-back', { ...factsIn.queued, attempt: 1, rollback: rollingBack }],
  ['queued for its roll-back after a failure', rollbackOfFailure],
  ['running its roll-back', { ...running, rollback: rollingBack }],
  [
    'running its last roll-back',
    { ...running, rollback: { ...rollingBack, failures: 2, crashes: 2 } },
  ],
  [
    'running its roll-back, told to end it',
    { ...asked({ verb: 'terminate' }), rollback: rollingBack },
  ],
]

/** What the table alone does not say: the event also needs that something was asked, or that nothing happened yet. */
const refusedBy: Readonly<Partial<Record<EventType, (facts: RunFacts) => boolean>>> = {
  begin: ({ startedAt }) => startedAt !== null,
  deliver: ({ intent }) => !intent?.stop || intent.stop.verb === 'revoke',
  overdue: ({ intent }) => !intent?.stop,
  freeze: ({ intent }) => !intent?.pause,
  stop: ({ intent }) => !intent?.stop,
  wake: ({ state, pausedFrom }) => state === 'paused' && pausedFrom !== 'waiting',
  expire: ({ attempt }) => attempt > 0,
  deadline: ({ deadlineAt }) => deadlineAt === null || deadlineAt > now,
  pause: ({ state, rollback }) => state === 'paused' || rollback !== null,
  signal: ({ rollback }) => rollback !== null,
  revoke: ({ rollback }) => rollback !== null,
  abort: ({ rollback }) => rollback !== null,
  cancel: ({ rollback }) => rollback !== null,
  resume: ({ state, intent }) => state === 'running' && !intent?.pause,
}

let cells = 0
for (const [name, facts] of situations) {
  suite(`a run that is ${name}`, () => {
    for (const type of eventTypes) {
      cells++
      const targets = transitions[type].moves[facts.state]
      const isAccepted = targets !== undefined && !refusedBy[type]?.(facts)
      test(`${isAccepted ? 'accepts' : 'refuses'} ${type}`, () => {
        const before = structuredClone(facts)
        const { run, answer } = decide(facts, eventOf(type), now)
        assert.deepEqual(facts, before, 'the facts handed in are not changed')
        assert.equal(run !== null, isAccepted, answer)
        if (run === null) return
        assert.ok(targets?.includes(run.state), `${type} leads to ${run.state}`)
        assertWhole(run)
      })
    }
  })
}

/** What must be true of any run, whatever happened to it. */
export function assertWhole(run: RunFacts): void {
  assert.equal(run.workerId !== null, run.state === 'running', 'a worker holds it while it runs')
  assert.equal(run.finishedAt !== null, isFinal(run.state), 'what is final has an end')
  assert.equal(run.stop !== null, run.state === 'cancelled', 'what is cancelled has a stop record')
  assert.equal(run.pausedFrom !== null, run.state === 'paused', 'what is paused knows where from')
  assert.ok(run.state === 'running' || run.intent === null, 'an intent is for a running run')
  assert.ok(run.state !== 'scheduled' || run.runAt !== null, 'what is scheduled has a time')
  const isReady = run.state === 'queued' || run.state === 'running'
  const pending = isReady ? [run.runAt, run.waitsFor, run.wakeAt, run.resumeAt] : []
  assert.ok(
    pending.every((one) => one === null),
    'what is ready waits for nothing',
  )
  assert.equal(run.paused !== null, run.state === 'paused', 'what is paused knows by whom')
  assert.ok(!isFinal(run.state) || run.rollback?.state !== 'pending', 'no end before the roll-back')
  assert.ok(!isFinal(run.state) || run.signalled === null, 'what is final hears no signal')
}

const targetsOf = (from: State): State[] =>
  eventTypes.flatMap((type) => transitions[type].moves[from] ?? [])

suite('the table', () => {
  test('has every event and every state, and each of them was tried', () => {
    assert.equal(states.length, 8)
    assert.equal(eventTypes.length, 27)
    assert.equal(cells, situations.length * eventTypes.length)
    assert.equal(new Set(situations.map(([, { state }]) => state)).size, states.length)
  })

  test('lets nothing leave a final state', () => {
    assert.deepEqual(finalStates, ['completed', 'failed', 'cancelled'])
    for (const state of finalStates) {
      for (const type of eventTypes) assert.equal(transitions[type].moves[state], undefined)
    }
  })

  test('says of each target that it is a state', () => {
    for (const type of eventTypes) {
      for (const [from, targets] of Object.entries(transitions[type].moves)) {
        assert.ok(states.includes(from as State))
        for (const target of targets) assert.ok(states.includes(target))
      }
    }
  })

  test('leads every state that is not final to an end', () => {
    for (const state of states) {
      const seen = new Set<State>([state])
      for (const from of seen) for (const to of targetsOf(from)) seen.add(to)
      assert.ok([...seen].some(isFinal), state)
    }
  })

  test('asks for the fence of exactly the events that a worker brings about what it holds', () => {
    for (const type of eventTypes) {
      const isHolders = transitions[type].by === 'worker' && type !== 'claim'
      assert.equal(transitions[type].isFenced, isHolders, type)
      assert.equal('fence' in eventOf(type), isHolders, type)
    }
  })
})

suite('a stop verb', () => {
  const answers: Readonly<Record<State, Answer>> = {
    scheduled: 'prevented',
    queued: 'prevented',
    waiting: 'prevented',
    paused: 'prevented',
    running: 'requested',
    completed: 'too-late',
    failed: 'too-late',
    cancelled: 'already-cancelled',
  }
  for (const verb of stopVerbs) {
    for (const state of states) {
      test(`answers ${answers[state]}: ${verb} of a run that is ${state}`, () => {
        const { answer, run } = decide(factsIn[state], eventOf(verb), now)
        assert.equal(answer, answers[state])
        if (answer === 'prevented') {
          assert.equal(run?.state, 'cancelled')
          assert.deepEqual(run?.stop, {
            verb,
            mode: 'prevented',
            confirmed: true,
            reason: 'why',
            by: 'who',
            requestedAt: now,
            deliveredAt: null,
            stoppedAt: now,
            proof: null,
            sent: [],
          })
        }
        if (answer === 'requested') assert.equal(run?.intent?.stop?.verb, verb)
      })
    }
  }
  test('is held by every state that holds no slot and may still run', () => {
    assert.deepEqual(
      idleStates,
      states.filter((state) => answers[state] === 'prevented'),
    )
  })
})

suite('a fence', () => {
  const wrong = {
    'of an earlier attempt': { ...fence, attempt: 0 },
    'of a later attempt': { ...fence, attempt: 2 },
    'of another worker': { ...fence, workerId: 'w2' },
  }
  for (const type of eventTypes.filter((type) => transitions[type].isFenced)) {
    for (const [whose, stale] of Object.entries(wrong)) {
      test(`${whose} lets no ${type} through`, () => {
        const { answer, run } = decide(asked({}, true), eventOf(type, stale), now)
        assert.deepEqual({ answer, run }, { answer: 'stale', run: null })
      })
    }
    for (const state of states.filter((state) => state !== 'running')) {
      test(`lets no ${type} through when the run is ${state}`, () => {
        const facts = factsIn[state]
        const mine = { ...fence, attempt: facts.attempt }
        assert.equal(decide(facts, eventOf(type, mine), now).answer, 'stale')
      })
    }
  }
})

function answersTo(verb: EventType): Record<string, Answer> {
  const event = eventOf(verb)
  return Object.fromEntries(
    states.map((state) => [state, decide(factsIn[state], event, now).answer]),
  )
}

suite('pause and resume', () => {
  test('answer what they did', () => {
    assert.deepEqual(answersTo('pause'), {
      scheduled: 'paused',
      queued: 'paused',
      running: 'requested',
      waiting: 'paused',
      paused: 'already-paused',
      completed: 'too-late',
      failed: 'too-late',
      cancelled: 'already-cancelled',
    })
    assert.deepEqual(answersTo('resume'), {
      scheduled: 'not-paused',
      queued: 'not-paused',
      running: 'not-paused',
      waiting: 'not-paused',
      paused: 'resumed',
      completed: 'too-late',
      failed: 'too-late',
      cancelled: 'already-cancelled',
    })
  })
})
