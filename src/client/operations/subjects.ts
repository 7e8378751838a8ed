/** The things that operations are about, and how a command line names them. `schemas/subjects.ts` says how JSON does. */
import {
  filterParameters,
  holdFilterParameters,
  none,
  workflowFilterParameters,
} from '../options/parameters.ts'
import type { Parameters } from '../options/parameter.ts'

/** A word, or words, of the command line before the options. */
export interface Word {
  readonly name: string
  /** One line of help. */
  readonly about: string
  /** How many are given: one; one or none; any number; at least one. */
  readonly takes: 'one' | 'maybe' | 'any' | 'some'
}

/** How a command line names the things that an operation is about. */
export interface Subject {
  /** One line, for the documentation. */
  readonly about: string
  readonly words: readonly Word[]
  /** Options that name the things, in the place of words. */
  readonly parts: Parameters
  /** The heading of those options; default: none. */
  readonly heading?: string
  /** The meaning of `--all`, where the parts of a filter may be left out only with it. */
  readonly all?: string
}

const id = (about: string): Word => ({ name: 'id', about, takes: 'one' })
const ids: Word = {
  name: 'ids',
  about: 'ids of runs; or say which by the options below',
  takes: 'any',
}
const workflowKey = {
  key: { kind: 'text', about: 'in the place of the id: the newest workflow that has this key' },
} as const

const whichRuns = 'Which runs:'

/** The subjects, by name. */
export const subjects = {
  nothing: { about: 'the whole store', words: [], parts: none },
  task: {
    about: 'a task by its name, and the input of a run',
    words: [
      { name: 'task', about: 'name of the task', takes: 'one' },
      { name: 'input', about: 'JSON; - reads it from standard input', takes: 'maybe' },
    ],
    parts: none,
  },
  tasks: {
    about: 'a task by its name, and the inputs and options of many runs',
    words: [
      { name: 'task', about: 'name of the task', takes: 'one' },
      {
        name: 'file',
        about:
          'a line of JSON for each run: {"input": 1, "key": "a"}; - reads them from standard input',
        takes: 'one',
      },
    ],
    parts: none,
  },
  run: { about: 'a run by its id', words: [id('id of the run')], parts: none },
  'run-or-all': {
    about: 'a run by its id, or all runs',
    words: [{ name: 'id', about: 'id of a run; default: all', takes: 'maybe' }],
    parts: none,
  },
  runs: {
    about: 'runs: by their ids, by the key that one of a task holds, or all that fit a filter',
    words: [ids],
    parts: filterParameters,
    heading: whichRuns,
    all: 'every run that is not final',
  },
  'ended-runs': {
    about:
      'runs that have ended: by their ids, or all that fit a filter; for one run also a new input',
    words: [ids],
    parts: filterParameters,
    heading: whichRuns,
    all: 'every run that has ended',
  },
  scope: {
    about: 'the same, or a whole task, a queue, or everything, with all runs that come',
    words: [ids],
    parts: filterParameters,
    heading: whichRuns,
    all: 'everything, also what comes',
  },
  message: {
    about: 'runs, and the name and payload of a signal to them',
    words: [
      {
        name: 'words',
        about: 'id of the run, unless options say which; name; payload as JSON',
        takes: 'any',
      },
    ],
    parts: filterParameters,
    heading: whichRuns,
    all: 'every run that is not final',
  },
  filter: {
    about: 'all runs that fit a filter',
    words: [],
    parts: filterParameters,
    heading: whichRuns,
  },
  preview: {
    about: 'a verb, and all runs that fit a filter',
    words: [],
    parts: filterParameters,
    heading: whichRuns,
  },
  hold: {
    about: 'a verb, and the runs that it stands for: by the parts of a filter that never change',
    words: [
      {
        name: 'verb',
        about: 'the verb: pause, revoke, abort, cancel, terminate; default: list the holds',
        takes: 'maybe',
      },
    ],
    parts: holdFilterParameters,
    heading: whichRuns,
    all: 'all runs',
  },
  standing: {
    about: 'a hold: by its id, or by its verb and filter',
    words: [],
    parts: holdFilterParameters,
    heading: whichRuns,
  },
  call: {
    about: 'a request by the id of its call',
    words: [
      { name: 'id', about: 'id of the request, or of a hold; default: the newest', takes: 'maybe' },
    ],
    parts: none,
  },
  tombstone: {
    about: 'a tombstone: by the id of its run, or by its task and key',
    words: [],
    parts: {
      lift: { kind: 'text', about: 'take back a stop that waits for a run, by the id of its run' },
      liftKey: {
        kind: 'text',
        about: 'take back a stop that waits for a run, by the key; with --task',
      },
      task: { kind: 'text', about: 'the task of the key' },
    },
  },
  workflow: {
    about: 'a workflow by its id',
    words: [{ name: 'id', about: 'id of the workflow', takes: 'maybe' }],
    parts: workflowKey,
  },
  'workflow-message': {
    about: 'a workflow by its id, and the name and payload of a signal to its members',
    words: [
      {
        name: 'words',
        about: 'id of the workflow, unless --key says which; name; payload as JSON',
        takes: 'some',
      },
    ],
    parts: workflowKey,
  },
  workflows: {
    about: 'all workflows that fit a filter',
    words: [],
    parts: workflowFilterParameters,
  },
  graph: {
    about: 'a workflow as JSON, and the input of its first steps',
    words: [
      {
        name: 'file',
        about: 'the workflow as JSON; - reads it from standard input',
        takes: 'one',
      },
      { name: 'input', about: 'input of the first steps: JSON', takes: 'maybe' },
    ],
    parts: none,
  },
  export: {
    about: 'the exported remainder of a workflow',
    words: [
      {
        name: 'file',
        about: 'the output of `workflow export`; - reads it from standard input',
        takes: 'one',
      },
    ],
    parts: none,
  },
} as const satisfies Readonly<Record<string, Subject>>

/** The name of a subject. */
export type SubjectName = keyof typeof subjects
