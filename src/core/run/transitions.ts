/**
 * All that may happen to a run: the first of the two tables that hold up the house.
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

/** The state of a run: one of `states`. */
export type State = (typeof states)[number]

/** The bringer of an event: a client, the worker that holds the run, or a keeper (housekeeping). */
export type Actor = 'client' | 'worker' | 'keeper'

/** A row of the table: who may bring an event, and where it leads. */
export interface Transition {
  readonly by: Actor
  /** Whether the event must show that it comes from the current attempt. */
  readonly isFenced: boolean
  /** Each state that accepts the event, and where it may lead. */
  readonly moves: Partial<Record<State, readonly [State, ...State[]]>>
  /** One line for the docs. */
  readonly about: string
}

/** A stopped run goes to its end or to its roll-back; to `failed` where the roll-back of a failure is given up. */
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
  revoke: stopVerb('No attempt starts any more; a running attempt may finish.'),
  abort: stopVerb('A running attempt is asked to stop; nothing is forced.'),
  cancel: stopVerb(
    'A running attempt is asked to stop, and killed if it has not ended after the grace.',
  ),
  terminate: stopVerb(
    'The isolate of a running attempt is killed now. An inline attempt, which has none, is asked.',
  ),
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
    about:
      'No attempt starts until the run is resumed; a running attempt parks at its next checkpoint.',
  },
  resume: {
    by: 'client',
    isFenced: false,
    moves: { paused: ['scheduled', 'queued', 'waiting', 'paused'], running: ['running'] },
    about:
      'The run goes back to the state that it had before the pause. Where a hold or its workflow keeps it, it stays paused.',
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
    about: 'A message is kept until the handler takes it; a run that waits for it is woken.',
  },
  due: {
    by: 'keeper',
    isFenced: false,
    moves: { scheduled: ['queued'] },
    about: 'The time of the run has come.',
  },
  wake: {
    by: 'keeper',
    isFenced: false,
    moves: { waiting: ['queued', 'scheduled', 'waiting'], paused: ['paused'] },
    about:
      'Something that the run waits for has happened; a run that is paused meanwhile notes that.',
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
    about: 'The time to live (`ttl`) was over before the first attempt.',
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
    about:
      'The deadline has passed: the run is cancelled, and a running attempt is asked to stop first.',
  },
  lapse: {
    by: 'keeper',
    isFenced: false,
    moves: { running: ['queued', 'paused', 'failed', 'cancelled'] },
    about: 'The lease of the worker ran out.',
  },
  claim: {
    by: 'worker',
    isFenced: false,
    moves: { queued: ['running'] },
    about: 'A worker takes the run for its next attempt.',
  },
  begin: whileRunning('The handler was called. Of a short attempt its end says that.'),
  deliver: whileRunning('The request to stop has reached the handler.'),
  overdue: whileRunning(
    'The stop is past its deadline and cannot be forced, or the attempt met no checkpoint in time for a pause.',
  ),
  freeze: whileRunning('The process of the attempt was stopped where it stood, for a pause.'),
  checkpoint: whileRunning('The handler has saved its state; the next attempt starts from it.'),
  take: whileRunning('A signal was handed to the handler.'),
  progress: whileRunning('The handler says how far it is.'),
  complete: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['completed', 'cancelled', 'queued', 'failed'] },
    about: 'The handler returned; after an abort that had reached it, that is a cooperative stop.',
  },
  fail: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['scheduled', 'paused', 'failed', 'cancelled', 'queued'] },
    about: 'The handler threw, or ran past its time limit.',
  },
  crash: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['scheduled', 'paused', 'failed', 'cancelled', 'queued'] },
    about: 'The isolate exited by itself.',
  },
  stop: {
    by: 'worker',
    isFenced: true,
    moves: { running: endings },
    about: 'The isolate was stopped as asked, and its exit was observed.',
  },
  release: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['queued', 'paused', 'cancelled', 'failed'] },
    about: 'A worker that shuts down hands the run back; the attempt does not count as a failure.',
  },
  park: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['paused', 'queued', 'cancelled', 'failed'] },
    about:
      'The attempt reached a checkpoint after a pause was asked; if the run was resumed meanwhile, it goes on.',
  },
  wait: {
    by: 'worker',
    isFenced: true,
    moves: { running: ['waiting', 'queued', 'paused', 'cancelled', 'failed'] },
    about:
      'The attempt gives its slot back until something happens: a signal, a time, the end of another run.',
  },
} as const satisfies Record<string, Transition>

/** The type of an event: a row of the table. */
export type EventType = keyof typeof table
/** All types of events, in the order of the table. */
export const eventTypes = Object.keys(table) as readonly EventType[]

/** The table: each event with who may bring it, whether it needs the fence, and where it leads. */
export const transitions: Readonly<Record<EventType, Transition>> = table

/** The verbs that end a run, from the mildest to the strongest. */
export const stopVerbs = ['revoke', 'abort', 'cancel', 'terminate'] as const
/** One of the `stopVerbs`. */
export type StopVerb = (typeof stopVerbs)[number]

/** Whether a verb ends a run. */
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

/** Whether nothing ever leaves the state. */
export function isFinal(state: State): boolean {
  return finals.has(state)
}

/** The states in which a run holds no slot and may still run. */
export const idleStates: readonly State[] = statesFor('expire')
