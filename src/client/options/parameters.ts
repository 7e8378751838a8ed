/** The parameters of the operations, by their names in the client's options. */
import type { ChildOptions } from '../../core/task/context.ts'
import type { RunFilter } from '../../core/filter.ts'
import type { HoldFilter } from '../../core/hold.ts'
import { pauseFallbacks, pausePolicies, runningPolicies } from '../../core/run/intent.ts'
import { onConflicts } from '../../core/run/on-conflict.ts'
import { type KillOptions, osSignals } from '../../core/run/kill.ts'
import { states } from '../../core/run/transitions.ts'
import { workflowStates } from '../../core/workflow/workflow.ts'
import { inFlights, type Retention, signalKinds, type WorkflowFilter } from '../../store/store.ts'
import type { WhoOptions } from './requester.ts'
import type { Parameters } from './parameter.ts'
import type { ListOptions, PayloadOptions } from './pages.ts'
import type {
  AuditQuery,
  AskOptions,
  FreezeOptions,
  HoldOptions,
  PauseRunsOptions,
  ScopeOptions,
  StopOptions,
  TerminateOptions,
  EnqueueOptions,
  EventsOptions,
  StopWorkflowOptions,
  WorkflowOptions,
} from './options.ts'

const text = (about: string) => ({ kind: 'text', about }) as const
const duration = (about: string) => ({ kind: 'duration', about }) as const
const instant = (about: string) => ({ kind: 'instant', about }) as const
const flag = (about: string) => ({ kind: 'flag', about }) as const
const wholeNumber = (about: string) => ({ kind: 'whole-number', about }) as const

/** The parts of a filter; a run fits when it fits every part that is given. */
export const filterParameters = {
  task: text('of this task'),
  queue: text('of this queue'),
  tag: text('that have this tag'),
  key: text('that have this key'),
  workflow: text('that are members of this workflow'),
  parent: text('that the handler of this run has enqueued'),
  state: { kind: 'texts', about: 'that are in this state', choices: states, takesOne: true },
  createdAfter: instant('that were enqueued after this'),
  createdBefore: instant('that were enqueued before this'),
  input: { kind: 'pairs', about: 'whose input has this value there: user.id=9' },
} as const satisfies Parameters<keyof RunFilter>

/** The options of any run that is enqueued, also by a handler. */
export const runOptions = {
  key: text('your name for the work; at most one run of the task that is not final holds it'),
  onConflict: {
    kind: 'text',
    about: 'what to do when another run holds the key; default: skip',
    choices: onConflicts,
  },
  grace: duration('with cancel-and-replace: how long the old run has to end by itself; default 5s'),
  tags: { kind: 'texts', about: 'find and stop runs by it', singular: 'tag' },
  delay: duration('start no earlier than this long from now'),
  runAt: { ...instant('start no earlier than this time'), excludes: 'delay' },
  priority: {
    ...wholeNumber('runs with a higher priority start first; default 0'),
    range: [-1_000_000, 1_000_000],
  },
  ttl: duration('cancel it if no attempt has started after this long'),
  deadline: {
    kind: 'moment',
    about: 'stop it then in any case: a time, or how long from now',
  },
  queue: text('default: default'),
} as const satisfies Parameters<keyof ChildOptions>

/** The options of `enqueue`: the one list of them that the client, the command line and the schemas read. */
export const enqueueOptions = {
  id: text('the id of the run; default: a new UUIDv7'),
  ...runOptions,
  by: text('who asks, if the run takes the key of another run; goes into the record'),
  origin: text(
    'from where it is asked, if the run takes the key of another run; goes into the record',
  ),
} as const satisfies Parameters<keyof EnqueueOptions>

/** The options with which a workflow is started. Its hooks are given in code alone. */
export const workflowOptions = {
  id: text('the id of the workflow; default: a new UUIDv7'),
  name: text('the name that people call it by'),
  key: text('your name for the work; at most one workflow that is not final holds it'),
  onConflict: {
    kind: 'text',
    about: 'what to do when another workflow holds the key; default: skip',
    choices: onConflicts,
  },
  grace: duration(
    'with cancel-and-replace: how long the old workflow has to end by itself; default 5s',
  ),
  tags: { kind: 'texts', about: 'find and stop its runs by it', singular: 'tag' },
  priority: {
    ...wholeNumber('runs with a higher priority start first; default 0'),
    range: [-1_000_000, 1_000_000],
  },
  deadline: { kind: 'moment', about: 'stop its runs then: a time, or how long from now' },
  by: text('who asks, if the workflow takes the key of another; goes into the record'),
  origin: text(
    'from where it is asked, if the workflow takes the key of another; goes into the record',
  ),
} as const satisfies Parameters<Exclude<keyof WorkflowOptions, 'onCompleted' | 'onFailed'>>

/** The parts of a filter on workflows. */
export const workflowFilterParameters = {
  name: text('that are called this'),
  key: text('that have this key'),
  tag: text('that have this tag'),
  state: {
    kind: 'texts',
    about: 'that are in this state',
    choices: workflowStates,
    takesOne: true,
  },
} as const satisfies Parameters<keyof WorkflowFilter>

/** Which page of a list is read. */
export const listOptions = {
  limit: { ...wholeNumber('1 to 1,000; default 50'), range: [1, 1000] },
  cursor: text('from the page before'),
  order: { kind: 'text', about: 'default: newest', choices: ['newest', 'oldest'] },
} as const satisfies Parameters<keyof ListOptions>

/** The options of lists and trees of runs. */
export const payloadOptions = {
  payloads: flag('each run with its input, its result and its checkpoint'),
} as const satisfies Parameters<keyof PayloadOptions>

/** The options of the list of one run's signals, which are read in the order in which they came. */
export const signalListOptions = {
  ...listOptions,
  order: { ...listOptions.order, about: 'default: oldest' },
} as const satisfies Parameters<keyof ListOptions>

/** The requester, the reason and the origin of any request. */
export const whoOptions = {
  reason: text('why; goes into the record'),
  by: text('who asks; goes into the record'),
  callId: text('your own UUIDv7 for the request: `bulk` shows by it how far it is'),
  origin: text('from where it is asked; goes into the record; default: this host and process'),
} as const satisfies Parameters<keyof WhoOptions>

/** How runs are asked to end. */
export const askOptions = {
  ...whoOptions,
  tombstone: duration(
    'how long the request waits for an id or key that does not exist yet; default 24h, 0 for none',
  ),
  rollback: flag('roll the runs back after their stop, whatever their tasks say'),
  children: {
    kind: 'text',
    about:
      'the runs that their handlers have enqueued: cancel (default) asks them the same, detach lets them go on, wait lets the running ones finish',
    choices: runningPolicies,
  },
} as const satisfies Parameters<keyof AskOptions>

type Waiting = 'timeout' | 'abortSignal'

/** How runs are killed. */
export const killOptions = {
  osSignal: {
    kind: 'text',
    about: 'the OS signal that their processes get; default: SIGTERM, or that of the task',
    choices: osSignals,
    singular: 'signal',
  },
  killAfter: duration('time until SIGKILL, at most 1h; default: 250ms, or that of the task'),
} as const satisfies Parameters<keyof KillOptions>

/** How runs are stopped by `terminate`. */
export const terminateOptions = {
  ...askOptions,
  ...killOptions,
} as const satisfies Parameters<keyof TerminateOptions>

/** How runs are stopped by `cancel`. */
export const cancelOptions = {
  grace: duration('how long the handler has to end by itself; default 5s'),
  ...terminateOptions,
} as const satisfies Parameters<Exclude<keyof StopOptions, Waiting>>

/** How a workflow is stopped. */
export const workflowStopOptions = {
  running: {
    kind: 'text',
    about:
      'the running members: cancel (default) asks them the same, detach lets them go on, wait lets them finish',
    choices: runningPolicies,
  },
  ...cancelOptions,
} as const satisfies Parameters<keyof StopWorkflowOptions>

/** How runs, or a whole task or queue, are frozen. */
export const freezeOptions = {
  until: {
    ...instant('when they resume by themselves; default: only when somebody resumes them'),
    excludes: 'for',
  },
  for: duration('the same, as a time from now'),
  ...whoOptions,
} as const satisfies Parameters<Exclude<keyof FreezeOptions, Waiting>>

/** How runs that there are, or a workflow, are paused. */
export const runPauseOptions = {
  within: duration('how long it may take to the next checkpoint; default 30s'),
  otherwise: {
    kind: 'text',
    about: 'what is done with a run that meets no checkpoint in time; default: wait',
    choices: pauseFallbacks,
  },
  children: {
    kind: 'text',
    about: 'what becomes of the runs that its handler has enqueued; default: leave',
    choices: pausePolicies,
  },
  ...freezeOptions,
} as const satisfies Parameters<keyof PauseRunsOptions>

/** How runs, or a whole task or queue, are paused. */
export const pauseOptions = {
  ...runPauseOptions,
  inFlight: {
    kind: 'text',
    about: 'with a whole task or queue: what becomes of its running runs; default: finish',
    choices: inFlights,
  },
} as const satisfies Parameters<Exclude<keyof ScopeOptions, Waiting>>

/** How a verb stands. */
export const holdOptions = {
  ...pauseOptions,
  inFlight: {
    ...pauseOptions.inFlight,
    about:
      'what becomes of the runs that it finds running: they finish, are asked, too (park), or are cancelled',
  },
  grace: cancelOptions.grace,
  rollback: askOptions.rollback,
  ...killOptions,
  until: {
    ...instant('when it ends by itself; default: only when somebody lifts it'),
    excludes: 'for',
  },
} as const satisfies Parameters<Exclude<keyof HoldOptions, 'verb' | 'filter'>>

/** The parts of a filter that a run has from the start and never changes. */
export const holdFilterParameters = {
  task: filterParameters.task,
  queue: filterParameters.queue,
  tag: filterParameters.tag,
  key: filterParameters.key,
  input: filterParameters.input,
} as const satisfies Parameters<keyof HoldFilter>

/** Which entries of the audit log are read, and which page of them. */
export const auditOptions = {
  runId: { ...text('of this run'), singular: 'run' },
  callId: text('of the request with this id'),
  kind: { kind: 'texts', about: 'of this kind', choices: signalKinds, takesOne: true },
  name: { kind: 'texts', about: 'with this verb, or name of a signal', takesOne: true },
  by: text('by this person or program'),
  createdAfter: instant('that were made after this'),
  createdBefore: instant('that were made before this'),
  isPending: { ...flag('that have no outcome yet'), singular: 'pending' },
  ...listOptions,
} as const satisfies Parameters<keyof AuditQuery | keyof ListOptions>

/** The options with which a feed is followed. */
export const eventsOptions = {
  after: wholeNumber(
    'go on after this position; default: the beginning of one run, or now for all',
  ),
} as const satisfies Partial<Parameters<keyof EventsOptions>>

/** How long ended runs, and the record of requests, are kept. */
export const retention = {
  completed: duration('how long completed runs are kept after their end'),
  failed: duration('how long failed runs are kept'),
  cancelled: duration('how long cancelled runs are kept'),
  audit: duration('how long the record of requests is kept'),
} as const satisfies Parameters<keyof Retention>

/** How old what is deleted must be, and who asks. */
export const pruneOptions = { ...whoOptions, ...retention } as const

/** No parameters. */
export const none = {} as const
