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
 * A run that is to be rolled back does not end at once: it goes back to `queued` with the record of its stop in hand,
 * runs its roll-back as any attempt, and ends `cancelled` or `failed` when that is over (`rollback.ts`).
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

/** Where what is stopped may go: to its end, or to its roll-back; `failed` where the roll-back of a failure is given up. */
const endings = ['cancelled', 'queued', 'failed'] as const

const stopVerb = (about: string) =>
  ({
    by: 'client',
    isFenced: false,
    moves: {
      scheduled: endings,
      queued: endings,
      waiting: endings,
      paused: endings,
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
  signal: {
    by: 'client',
    isFenced: false,
    moves: {
      scheduled: ['scheduled'],
      queued: ['queued'],
      waiting: ['waiting', 'queued'],
      paused: ['paused'],
      running: ['running'],
    },
    about: 'a message, kept until the handler takes it; a run that waits for it is woken',
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
    moves: { waiting: ['queued', 'scheduled', 'waiting'], paused: ['paused'] },
    about: 'what it waited for is there, or one of several; a paused run notes that',
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
  deadline: {
    by: 'keeper',
    isFenced: false,
    moves: {
      scheduled: ['cancelled', 'queued'],
      queued: ['cancelled', 'queued'],
      waiting: ['cancelled', 'queued'],
      paused: ['cancelled', 'queued'],
      running: ['running'],
    },
    about: 'its deadline has passed: it is cancelled, and a running attempt is asked to stop first',
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
    'the stop is past its deadline and cannot be forced, or a pause met no checkpoint in time',
  ),
  freeze: whileRunning('its process was stopped where it stands, for a pause'),
  checkpoint: whileRunning('what the handler has saved; the next attempt starts from it'),
  take: whileRunning('a signal was handed to the handler'),
  progress: whileRunning('the handler says how far it is'),
  complete: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['completed', 'cancelled', 'queued', 'failed'] },
    about: 'the handler returned; after a delivered abort that is a cooperative stop',
  },
  fail: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['scheduled', 'paused', 'failed', 'cancelled', 'queued'] },
    about: 'the handler threw, or ran past its time limit',
  },
  crash: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['scheduled', 'paused', 'failed', 'cancelled', 'queued'] },
    about: 'the isolate exited by itself',
  },
  stop: {
    by: 'worker',
    isFenced: true,
    moves: { running: endings },
    about: 'the isolate was stopped as asked, and its exit was observed',
  },
  release: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['queued', 'paused', 'cancelled', 'failed'] },
    about: 'a worker that shuts down hands it back; the attempt does not count',
  },
  park: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['paused', 'queued', 'cancelled', 'failed'] },
    about:
      'it reached a checkpoint while a pause was asked; if that was taken back meanwhile, it goes on',
  },
  wait: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['waiting', 'queued', 'paused', 'cancelled', 'failed'] },
    about: 'it gives its slot back until something happens',
  },
} as const satisfies Record<string, Transition>

export type EventType = keyof typeof table
export const eventTypes = Object.keys(table) as readonly EventType[]

export const transitions: Readonly<Record<EventType, Transition>> = table

/** The verbs that end a run, from the mildest to the strongest. */
export const stopVerbs = ['revoke', 'abort', 'cancel', 'terminate'] as const
export type StopVerb = (typeof stopVerbs)[number]

export function isStopVerb(verb: string): verb is StopVerb {
  return (stopVerbs as readonly string[]).includes(verb)
}

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
