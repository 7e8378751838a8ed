/**
 * What may be asked of the system: the second of the two tables that hold up the house.
 *
 * Each operation is a method of `Client` with the same name. The CLI reads its commands, options, help and examples
 * from here; the HTTP routes will read their methods, paths and errors from here. Types hold each row to what the
 * method takes, and a test holds the table against the client and the CLI, so that none can drift.
 */
import type { ErrorCode } from '../core/errors.ts'
import type { RunFilter } from '../core/filter.ts'
import { states } from '../core/transitions.ts'
import { onConflicts } from '../store/store.ts'
import type { Client, ListOptions, RetentionOptions } from './client.ts'
import type { AskOptions, StopOptions } from './controls.ts'
import type { EnqueueOptions } from './enqueue.ts'
import type { EventsOptions } from './handle.ts'

/**
 * How a value is written in text.
 *
 * - `texts`: may be given several times.
 * - `instant`: ISO 8601, or epoch ms.
 * - `pairs`: `path=value`, may be given several times.
 */
export type ValueKind = 'text' | 'texts' | 'whole-number' | 'duration' | 'instant' | 'pairs'

/** One named value that an operation takes. */
export interface Parameter {
  readonly kind: ValueKind
  readonly about: string
  readonly choices?: readonly string[]
  /** What it is called where it may be given several times: `tag` for `tags`. */
  readonly singular?: string
}

export type Parameters<Names extends string = string> = Readonly<Record<Names, Parameter>>

/** What an operation is about. */
export type Subject =
  /** A task by its name, and an input. */
  | 'task'
  /** A run by its id. */
  | 'run'
  /** Runs by their ids, by the key that one holds, or by a filter. */
  | 'runs'
  /** All runs that fit a filter. */
  | 'filter'
  /** A tombstone, by its id or its task and key. */
  | 'tombstone'
  | 'nothing'

export interface Operation {
  /** One line of help. */
  readonly summary: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** HTTP path; `{id}` stands for the subject. */
  readonly path: string
  /** The command of the CLI that offers it. */
  readonly command: string
  readonly subject: Subject
  readonly options: Parameters
  /** Besides those of the store, which any operation may raise. */
  readonly errors: readonly ErrorCode[]
  /** A command line. */
  readonly example: string
}

const text = (about: string) => ({ kind: 'text', about }) as const
const duration = (about: string) => ({ kind: 'duration', about }) as const
const instant = (about: string) => ({ kind: 'instant', about }) as const
const wholeNumber = (about: string) => ({ kind: 'whole-number', about }) as const

/** The parts of a filter; a run fits when it fits every part that is given. */
export const filterParameters = {
  task: text('of this task'),
  queue: text('of this queue'),
  tag: text('that have this tag'),
  key: text('that have this key'),
  state: { kind: 'texts', about: 'in this state', choices: states },
  createdAfter: instant('enqueued after this'),
  createdBefore: instant('enqueued before this'),
  input: { kind: 'pairs', about: 'whose input has this value there: user.id=9' },
} as const satisfies Parameters<keyof RunFilter>

const enqueueOptions = {
  id: text('the id of the run; default: a new UUIDv7'),
  key: text('your name for the work; one run of a task that is not final holds it'),
  onConflict: { kind: 'text', about: 'where another run holds the key', choices: onConflicts },
  grace: duration('with cancel-and-replace: what the old run gets to end; default 5s'),
  tags: { kind: 'texts', about: 'find and stop runs by it', singular: 'tag' },
  delay: duration('start no earlier than this long from now'),
  runAt: instant('start no earlier than this'),
  priority: wholeNumber('higher starts first; default 0'),
  ttl: duration('cancel it where no attempt has started after this long'),
  queue: text('default: default'),
} as const satisfies Parameters<keyof EnqueueOptions>

const listOptions = {
  limit: wholeNumber('1 to 1,000; default 50'),
  cursor: text('from the page before'),
  order: { kind: 'text', about: 'default: newest', choices: ['newest', 'oldest'] },
} as const satisfies Parameters<keyof ListOptions>

const askOptions = {
  reason: text('why; goes into the record'),
  by: text('who asks; goes into the record'),
  tombstone: duration(
    'how long the request waits for an id or key that does not exist yet; default 24h, 0 for none',
  ),
} as const satisfies Parameters<keyof AskOptions>

const cancelOptions = {
  grace: duration('what the handler gets to end by itself; default 5s'),
  ...askOptions,
} as const satisfies Parameters<Exclude<keyof StopOptions, 'timeout' | 'abortSignal'>>

const eventsOptions = {
  after: wholeNumber(
    'go on after this position; default: the beginning of one run, or now for all',
  ),
} as const satisfies Partial<Parameters<keyof EventsOptions>>

const retention = {
  completed: duration('how long completed runs are kept after their end'),
  failed: duration('how long failed runs are kept'),
  cancelled: duration('how long cancelled runs are kept'),
} as const satisfies Parameters<keyof RetentionOptions>

const none = {} as const

/** Every operation, by the name of the method of `Client` that carries it out. */
export const operations = {
  enqueue: {
    summary: 'store a run of a task; a worker that knows the task will execute it',
    method: 'POST',
    path: '/runs',
    command: 'enqueue',
    subject: 'task',
    options: enqueueOptions,
    errors: ['USAGE', 'INPUT_REJECTED', 'PAYLOAD_NOT_JSON', 'PAYLOAD_TOO_LARGE', 'RUN_ID_TAKEN'],
    example: `checkrein enqueue index-folder '{"path":"/srv"}' --key srv --tag tenant:9`,
  },
  get: {
    summary: 'everything about one run: facts, timeline, how it was stopped, log',
    method: 'GET',
    path: '/runs/{id}',
    command: 'show',
    subject: 'run',
    options: none,
    errors: ['USAGE', 'RUN_NOT_FOUND'],
    example: 'checkrein show 0198c0de-7a11-7cc3-98c4-dc0c0c07398f',
  },
  list: {
    summary: 'runs, a page at a time',
    method: 'GET',
    path: '/runs',
    command: 'list',
    subject: 'filter',
    options: listOptions,
    errors: ['USAGE'],
    example: 'checkrein list --state running --tag tenant:9',
  },
  counts: {
    summary: 'how many runs are in each state',
    method: 'GET',
    path: '/counts',
    command: 'counts',
    subject: 'filter',
    options: none,
    errors: ['USAGE'],
    example: 'checkrein counts --task index-folder',
  },
  events: {
    summary: 'follow a run until it ends, or all runs, live',
    method: 'GET',
    path: '/events',
    command: 'watch',
    subject: 'run',
    options: eventsOptions,
    errors: ['USAGE', 'RUN_NOT_FOUND'],
    example: 'checkrein watch 0198c0de-7a11-7cc3-98c4-dc0c0c07398f',
  },
  revoke: {
    summary: 'no attempt starts any more; a running one may finish',
    method: 'POST',
    path: '/control/revoke',
    command: 'revoke',
    subject: 'runs',
    options: askOptions,
    errors: ['USAGE'],
    example: `checkrein revoke --task index-folder --key srv --reason 'wrong folder'`,
  },
  abort: {
    summary: 'ask runs to stop; nothing is forced',
    method: 'POST',
    path: '/control/abort',
    command: 'abort',
    subject: 'runs',
    options: askOptions,
    errors: ['USAGE'],
    example: 'checkrein abort 0198c0de-7a11-7cc3-98c4-dc0c0c07398f',
  },
  cancel: {
    summary: 'ask runs to stop, kill those that have not after the grace, and wait for the proof',
    method: 'POST',
    path: '/control/cancel',
    command: 'cancel',
    subject: 'runs',
    options: cancelOptions,
    errors: ['USAGE', 'STOP_PENDING'],
    example: `checkrein cancel --tag tenant:9 --grace 2s --reason 'account closed' --yes`,
  },
  terminate: {
    summary: 'kill the attempts of runs now, and wait for the proof',
    method: 'POST',
    path: '/control/terminate',
    command: 'terminate',
    subject: 'runs',
    options: askOptions,
    errors: ['USAGE', 'STOP_PENDING'],
    example: 'checkrein terminate 0198c0de-7a11-7cc3-98c4-dc0c0c07398f',
  },
  tombstones: {
    summary: 'the requests that wait for a run that does not exist yet',
    method: 'GET',
    path: '/tombstones',
    command: 'tombstones',
    subject: 'nothing',
    options: none,
    errors: [],
    example: 'checkrein tombstones',
  },
  liftTombstone: {
    summary: 'take such a request back',
    method: 'DELETE',
    path: '/tombstones',
    command: 'tombstones',
    subject: 'tombstone',
    options: none,
    errors: ['USAGE'],
    example: 'checkrein tombstones --lift-key srv --task index-folder',
  },
  prune: {
    summary: 'delete runs that ended long ago; a worker does it by itself',
    method: 'POST',
    path: '/prune',
    command: 'prune',
    subject: 'nothing',
    options: retention,
    errors: ['USAGE'],
    example: 'checkrein prune --completed 7d --failed 30d --cancelled 30d',
  },
  workers: {
    summary: 'the workers, their leases, and what they know',
    method: 'GET',
    path: '/workers',
    command: 'workers',
    subject: 'nothing',
    options: none,
    errors: [],
    example: 'checkrein workers',
  },
  findings: {
    summary: 'say what is wrong with the store, its workers and its runs',
    method: 'GET',
    path: '/findings',
    command: 'doctor',
    subject: 'nothing',
    options: none,
    errors: [],
    example: 'checkrein doctor',
  },
} as const satisfies Partial<Record<keyof Client, Operation>>

export type OperationName = keyof typeof operations
