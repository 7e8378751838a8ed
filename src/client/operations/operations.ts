/**
 * What may be asked of the system: the second of the two tables that hold up the house.
 *
 * Each operation is a method of `Client` with the same name. The CLI reads its commands, options, help and examples
 * from here; the HTTP routes will read their methods, paths and errors from here. Types hold each row to what the
 * method takes, and a test holds the table against the client and the CLI, so that none can drift.
 */
import type { Client } from '../client.ts'
import { controlOperations } from './control-operations.ts'
import type { Operation } from '../options/operation.ts'
import {
  auditOptions,
  enqueueOptions,
  eventsOptions,
  listOptions,
  none,
  retention,
  runWaitOptions,
} from '../options/parameters.ts'
import { workflowOperations } from './workflow-operations.ts'

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
    summary: 'show everything about one run: its facts, timeline, stop and log',
    method: 'GET',
    path: '/runs/{id}',
    command: 'show',
    subject: 'run',
    options: none,
    errors: ['USAGE', 'RUN_NOT_FOUND'],
    example: 'checkrein show 0198c0de-7a11-7cc3-98c4-dc0c0c07398f',
  },
  list: {
    summary: 'list runs, a page at a time',
    method: 'GET',
    path: '/runs',
    command: 'list',
    subject: 'filter',
    options: listOptions,
    errors: ['USAGE'],
    example: 'checkrein list --state running --tag tenant:9',
  },
  counts: {
    summary: 'count runs by state',
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
  waitForRun: {
    summary: 'wait for the end of a run, or until a stop or a pause of it is confirmed',
    method: 'GET',
    path: '/runs/{id}/wait',
    command: 'wait',
    subject: 'run',
    options: runWaitOptions,
    errors: ['USAGE', 'RUN_NOT_FOUND'],
    example: 'checkrein wait 0198c0de-7a11-7cc3-98c4-dc0c0c07398f --until stopped --timeout 10s',
  },
  ...controlOperations,
  ...workflowOperations,
  tombstones: {
    summary: 'list the stops that wait for a run that does not exist yet',
    method: 'GET',
    path: '/tombstones',
    command: 'tombstones',
    subject: 'nothing',
    options: none,
    errors: [],
    example: 'checkrein tombstones',
  },
  liftTombstone: {
    summary: 'take back a stop that waits for a run',
    method: 'DELETE',
    path: '/tombstones',
    command: 'tombstones',
    subject: 'tombstone',
    options: none,
    errors: ['USAGE'],
    example: 'checkrein tombstones --lift-key srv --task index-folder',
  },
  audit: {
    summary:
      'list the record of requests: who asked for what, why, when, from where, and the outcome',
    method: 'GET',
    path: '/audit',
    command: 'audit',
    subject: 'nothing',
    options: auditOptions,
    errors: ['USAGE'],
    example: 'checkrein audit --by ada --created-after 2026-07-01',
  },
  prune: {
    summary: 'delete runs that ended long ago; workers do it by themselves',
    method: 'POST',
    path: '/prune',
    command: 'prune',
    subject: 'nothing',
    options: retention,
    errors: ['USAGE'],
    example: 'checkrein prune --completed 7d --failed 30d --cancelled 30d',
  },
  tasks: {
    summary: 'list the tasks that workers or runs know: how many runs and workers each has',
    method: 'GET',
    path: '/tasks',
    command: 'tasks',
    subject: 'nothing',
    options: none,
    errors: [],
    example: 'checkrein tasks',
  },
  lanes: {
    summary:
      'list the tasks of each queue: how many runs and workers each has, how old its oldest run is, and the holds on it',
    method: 'GET',
    path: '/lanes',
    command: 'lanes',
    subject: 'nothing',
    options: none,
    errors: [],
    example: 'checkrein lanes',
  },
  workers: {
    summary: 'list the workers, their leases, and the tasks that they know',
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
