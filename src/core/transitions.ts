/**
 * What may happen to a run: the first of the two tables that hold up the house.
 *
 * A run is in one of eight states. An event moves it, keeps it, or is refused. Each row below names who may bring
 * the event, whether it must show the fence (the proof that it comes from the current attempt), and for each state
 * that accepts it, the states that it may lead to. Which of several it is, `machine.ts` decides from the facts.
 *
 *     scheduled ──due──▶ queued ──claim──▶ running ──complete──▶ completed
 *         ▲                ▲ ▲               │ │ │
 *         │              wake └───release────┘ │ ├──fail, crash, lapse──▶ failed
 *         │                │                   │ │
 *         └────fail────────│───────────────────┘ └──stop──▶ cancelled
 *                       waiting ◀──wait──  running  ──park──▶ paused
 *
 * The verbs revoke, abort, terminate and cancel lead every state that is not running straight to `cancelled`. On a
 * running run they change its intent, and the state follows when the stop has been observed.
 *
 * Nothing leaves completed, failed or cancelled: no row below names one of them as a state to start from.
 *
 * Nothing else in the code base spells out who may go where: SQL guards, CHECK constraints, `docs/states.md` and the
 * test matrix are read from here.
 */
export const states = [
  'scheduled',
  'queued',
  'running',
  'waiting',
  'paused',
  'completed',
  'failed',
  'cancelled',
] as const

/** What is true of a run. */
export type State = (typeof states)[number]

/** Who may bring an event: whoever holds a client, the worker that holds the run, or housekeeping. */
export type Actor = 'client' | 'worker' | 'keeper'

export interface Transition {
  readonly by: Actor
  /** Whether the event must show that it comes from the current attempt. */
  readonly isFenced: boolean
  /** Each state that accepts the event, and where it may lead. */
  readonly moves: Partial<Record<State, readonly [State, ...State[]]>>
  /** One line for the docs. */
  readonly about: string
}

const stopVerb = (about: string) =>
  ({
    by: 'client',
    isFenced: false,
    moves: {
      scheduled: ['cancelled'],
      queued: ['cancelled'],
      waiting: ['cancelled'],
      paused: ['cancelled'],
      running: ['running'],
    },
    about,
  }) as const satisfies Transition

const whileRunning = (about: string) =>
  ({
    by: 'worker',
    isFenced: true,
    moves: { running: ['running'] },
    about,
  }) as const satisfies Transition

const table = {
  revoke: stopVerb('no attempt starts any more; a running one may finish'),
  abort: stopVerb('a running attempt is asked to stop; nothing is forced'),
  cancel: stopVerb('a running attempt is asked to stop, and made to after the grace'),
  terminate: stopVerb('the isolate of a running attempt is killed now'),
  pause: {
    by: 'client',
    isFenced: false,
    moves: {
      scheduled: ['paused'],
      queued: ['paused'],
      waiting: ['paused'],
      paused: ['paused'],
      running: ['running'],
    },
    about: 'no attempt starts until resumed; a running one parks at its next checkpoint',
  },
  resume: {
    by: 'client',
    isFenced: false,
    moves: { paused: ['scheduled', 'queued', 'waiting'], running: ['running'] },
    about: 'back to what it was before the pause',
  },
  due: {
    by: 'keeper',
    isFenced: false,
    moves: { scheduled: ['queued'] },
    about: 'its time has come',
  },
  wake: {
    by: 'keeper',
    isFenced: false,
    moves: { waiting: ['queued', 'scheduled'], paused: ['paused'] },
    about: 'what it waited for is there; a paused run notes that',
  },
  expire: {
    by: 'keeper',
    isFenced: false,
    moves: {
      scheduled: ['cancelled'],
      queued: ['cancelled'],
      waiting: ['cancelled'],
      paused: ['cancelled'],
    },
    about: 'its time to live ended before its first attempt',
  },
  lapse: {
    by: 'keeper',
    isFenced: false,
    moves: { running: ['queued', 'paused', 'failed', 'cancelled'] },
    about: 'the lease of its worker ran out',
  },
  claim: {
    by: 'worker',
    isFenced: false,
    moves: { queued: ['running'] },
    about: 'a worker takes it: the next attempt',
  },
  deliver: whileRunning('the request to stop has reached the handler'),
  overdue: whileRunning(
    'the stop is past its deadline and cannot be forced: shown as unresponsive',
  ),
  progress: whileRunning('the handler says how far it is'),
  complete: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['completed', 'cancelled'] },
    about: 'the handler returned; after a delivered abort that is a cooperative stop',
  },
  fail: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['scheduled', 'paused', 'failed', 'cancelled'] },
    about: 'the handler threw, or ran past its time limit',
  },
  crash: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['scheduled', 'paused', 'failed', 'cancelled'] },
    about: 'the isolate exited by itself',
  },
  stop: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['cancelled'] },
    about: 'the isolate was stopped as asked, and its exit was observed',
  },
  release: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['queued', 'paused', 'cancelled'] },
    about: 'a worker that shuts down hands it back; the attempt does not count',
  },
  park: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['paused', 'queued', 'cancelled'] },
    about:
      'it reached a checkpoint while a pause was asked; if that was taken back meanwhile, it goes on',
  },
  wait: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['waiting', 'paused', 'cancelled'] },
    about: 'it gives its slot back until something happens',
  },
} as const satisfies Record<string, Transition>

export type EventType = keyof typeof table
export const eventTypes = Object.keys(table) as readonly EventType[]

export const transitions: Readonly<Record<EventType, Transition>> = table

/** The verbs that end a run, from the mildest to the strongest. */
export const stopVerbs = ['revoke', 'abort', 'cancel', 'terminate'] as const
export type StopVerb = (typeof stopVerbs)[number]

/** The states that accept an event. */
export function statesFor(event: EventType): readonly State[] {
  return states.filter((state) => transitions[event].moves[state] !== undefined)
}

/** The states that nothing ever leaves. */
export const finalStates: readonly State[] = states.filter((state) =>
  eventTypes.every((event) => transitions[event].moves[state] === undefined),
)

const finals = new Set(finalStates)

export function isFinal(state: State): boolean {
  return finals.has(state)
}

/** The states in which a run holds no slot and may still run. */
export const idleStates: readonly State[] = statesFor('expire')
