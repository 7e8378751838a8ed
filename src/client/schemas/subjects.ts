/** The members of an operation's input that say what it is about: what a request in JSON has besides options. */
import type { RunFilter } from '../../core/filter.ts'
import { stopVerbs } from '../../core/run/transitions.ts'
import type { HoldParts } from '../options/options.ts'
import {
  enqueueOptions,
  filterParameters,
  workflowFilterParameters,
} from '../options/parameters.ts'
import type { ControlTarget, RetryTarget, Scope } from '../options/targets.ts'
import { previewVerbs } from '../views/preview.ts'
import { anything, described, either, isText, literal, text, words } from './kinds.ts'
import { list, object, optional } from './shapes.ts'
import { exclusiveIn, type Given, membersOf } from './parameters.ts'
import { holdFilter, runFilter } from './records.ts'
import { workflowGraph } from './workflow.ts'
import { named, type Schema } from './schema.ts'

const runId = described('The id of a run.', text({ length: [1, 200] }))
const workflowId = described('The id of a workflow.', text({ length: [1, 200] }))
const taskName = described('The name of a task.', text({ length: [1, 200] }))
const signalName = described('The name of a signal.', text({ length: [1, 200] }))
const key = text({ length: [1, 500] })
const closed = { isClosed: true } as const

const has =
  (member: string) =>
  (value: unknown): boolean =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, member)

const keyOfTask = object<{ readonly task: string; readonly key: string }>(
  { task: taskName, key },
  closed,
)
const byFilter = object<{ readonly filter: RunFilter }>({ filter: runFilter }, closed)

const target: Schema<ControlTarget> = named(
  'Target',
  'The runs that are meant: an id, several, the run of a task that holds a key, or all that fit a filter.',
  () =>
    either(
      isText,
      runId,
      either(Array.isArray, list(runId), either(has('filter'), byFilter, keyOfTask)),
    ),
)

const retryTarget: Schema<RetryTarget> = named(
  'RetryTarget',
  'The runs that are tried again: an id, several, or all that fit a filter and have ended.',
  () => either(isText, runId, either(Array.isArray, list(runId), byFilter)),
)

const ofTask = object<{ readonly task: string; readonly queue?: string }>(
  { task: taskName, queue: optional(text()) },
  closed,
)
const ofQueue = object<{ readonly queue: string }>({ queue: text() }, closed)
const everything = object<{ readonly all: true }>({ all: literal(true) }, closed)

const scope = named(
  'Scope',
  'A whole task, a queue, a task in a queue, or everything, with all runs that come.',
  () => either(has('all'), everything, either(has('task'), ofTask, ofQueue)),
) as unknown as Schema<Scope>

const isScope = (value: unknown): boolean =>
  has('all')(value) || ((has('task')(value) || has('queue')(value)) && !has('key')(value))

const holdVerb: Schema<HoldParts['verb']> = words<HoldParts['verb']>(['pause', ...stopVerbs])

const newRun = named('NewRun', 'The input and the options of one run.', () =>
  object<{ readonly input: unknown } & Given<typeof enqueueOptions>>(
    { input: anything(), ...membersOf(enqueueOptions) },
    { ...closed, exclusive: exclusiveIn(enqueueOptions) },
  ),
)

/** The members that say what an operation is about, by the name of its subject. */
export const subjectMembers = {
  nothing: {},
  task: { task: taskName, input: anything() },
  tasks: { task: taskName, runs: list(newRun) },
  run: { id: runId },
  'run-or-all': { id: optional(runId) },
  runs: { target },
  'ended-runs': { target: retryTarget, input: anything() },
  scope: { target: either(isScope, scope, target) },
  message: { target, name: signalName, payload: anything() },
  filter: membersOf(filterParameters),
  preview: { verb: words(previewVerbs), ...membersOf(filterParameters) },
  hold: { verb: holdVerb, filter: holdFilter },
  standing: {
    hold: described(
      'A hold: its id, or its verb and filter.',
      either(
        isText,
        text({ length: [1, 200] }),
        object<Pick<HoldParts, 'verb' | 'filter'>>({ verb: holdVerb, filter: holdFilter }, closed),
      ),
    ),
  },
  call: { id: described('The id of a call.', text({ length: [1, 200] })) },
  tombstone: {
    tombstone: described(
      'A tombstone: the id of its run, or its task and key.',
      either(isText, runId, keyOfTask),
    ),
  },
  workflow: { id: workflowId },
  'workflow-message': { id: workflowId, name: signalName, payload: anything() },
  workflows: membersOf(workflowFilterParameters),
  graph: { workflow: workflowGraph, input: described('The input of the first steps.', anything()) },
  export: { workflow: described('The output of `exportWorkflow`.', anything()) },
} as const
