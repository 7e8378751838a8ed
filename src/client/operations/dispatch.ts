/**
 * Every operation as one call with one object: what an interface needs that gets requests by their names. The compiler holds here
 * that the input as its schema has it suits the client's method, and that the method's answer is what the schema of the answer says.
 */
import type { Client } from '../client.ts'
import { isScope } from '../options/targets.ts'
import type { UntilOptions } from '../options/instants.ts'
import type { Parameters } from '../options/parameter.ts'
import {
  filterParameters,
  listOptions,
  payloadOptions,
  retention,
  whoOptions,
  workflowFilterParameters,
} from '../options/parameters.ts'
import type { SignalHandle } from '../handles/signal-handle.ts'
import type { Sent } from '../requests/signals.ts'
import type { OperationAnswer, OperationInput } from './contracts.ts'
import type { OperationName, operations } from './operations.ts'

/** The answer, or where the operation is a stream, its entries. */
type Answered<Name extends OperationName> = (typeof operations)[Name] extends {
  readonly isStream: true
}
  ? AsyncIterable<OperationAnswer<Name>>
  : Promise<OperationAnswer<Name>>

type Calls = {
  readonly [Name in OperationName]: (client: Client, input: OperationInput<Name>) => Answered<Name>
}

const calls: Calls = {
  enqueue: async (client, { task, input, ...options }) =>
    enqueuedOf(await client.enqueueByName(task, input, options)),
  enqueueMany: async (client, { task, runs }) => {
    const handles = await client.enqueueManyByName(task, runs)
    return handles.map(enqueuedOf)
  },
  get: (client, { id }) => client.run(id).get(),
  list: (client, input) =>
    client.list(
      partOf(input, filterParameters),
      partOf(input, { ...listOptions, ...payloadOptions }),
    ),
  counts: (client, filter) => client.counts(filter),
  events: (client, { id, ...options }) =>
    id === undefined ? client.events(options) : client.run(id).events(options),
  revoke: (client, { target, ...options }) => client.revoke(target, options),
  abort: (client, { target, ...options }) => client.abort(target, options),
  cancel: (client, { target, ...options }) => client.cancel(target, options),
  terminate: (client, { target, ...options }) => client.terminate(target, options),
  pause: (client, { target, ...options }) =>
    isScope(target) ? client.pause(target, timed(options)) : client.pause(target, timed(options)),
  freeze: (client, { target, ...options }) =>
    isScope(target) ? client.freeze(target, timed(options)) : client.freeze(target, timed(options)),
  resume: (client, { target, ...options }) =>
    isScope(target) ? client.resume(target, options) : client.resume(target, options),
  retry: (client, { target, input, ...options }) =>
    client.retry(target, { ...options, ...(input === undefined ? {} : { input }) }),
  signal: async (client, { target, name, payload, ...options }) =>
    (await client.signal(target, name, payload, options)).map(sentOf),
  signals: (client, { id, ...options }) => client.signals(id, options),
  preview: (client, { verb, ...filter }) => client.preview(verb, filter),
  hold: (client, options) => client.hold(timed(options)),
  holds: (client) => client.holds(),
  lift: (client, { hold, ...options }) => client.lift(hold, options),
  bulk: (client, { id }) => client.bulk(id),
  abortBulk: (client, { id, ...options }) => client.abortBulk(id, options),
  bulks: (client) => client.bulks(),
  waitForRun: (client, { id, ...options }) => client.waitForRun(id, options),
  waitForSignal: (client, { id, ...options }) => client.waitForSignal(id, options),
  waitForWorkflow: (client, { id, ...options }) => client.waitForWorkflow(id, options),
  workflows: (client, input) =>
    client.workflows(partOf(input, workflowFilterParameters), partOf(input, listOptions)),
  getWorkflow: (client, { id }) => client.workflow(id).get(),
  workflowTree: (client, { id, ...options }) => client.workflowTree(id, options),
  revokeWorkflow: (client, { id, ...options }) => client.revokeWorkflow(id, options),
  abortWorkflow: (client, { id, ...options }) => client.abortWorkflow(id, options),
  cancelWorkflow: (client, { id, ...options }) => client.cancelWorkflow(id, options),
  terminateWorkflow: (client, { id, ...options }) => client.terminateWorkflow(id, options),
  pauseWorkflow: (client, { id, ...options }) => client.pauseWorkflow(id, timed(options)),
  resumeWorkflow: (client, { id, ...options }) => client.resumeWorkflow(id, options),
  signalWorkflow: async (client, { id, name, payload, ...options }) =>
    (await client.signalWorkflow(id, name, payload, options)).map(sentOf),
  retryWorkflow: (client, { id, ...options }) => client.retryWorkflow(id, options),
  exportWorkflow: (client, { id }) => client.exportWorkflow(id),
  startWorkflow: async (client, { workflow, input, ...options }) =>
    enqueuedOf(
      await client.startWorkflow(workflow, {
        ...options,
        ...(input === undefined ? {} : { input }),
      }),
    ),
  importWorkflow: async (client, { workflow, ...options }) =>
    enqueuedOf(await client.importWorkflow(workflow, options)),
  tombstones: (client) => client.tombstones(),
  liftTombstone: async (client, { tombstone, ...who }) => ({
    wasLifted: await client.liftTombstone(tombstone, who),
  }),
  audit: (client, input) => {
    const { limit: _, cursor: __, order: ___, ...query } = input
    return client.audit(query, partOf(input, listOptions))
  },
  prune: async (client, input) => ({
    deletedCount: await client.prune(partOf(input, retention), partOf(input, whoOptions)),
  }),
  tasks: (client) => client.tasks(),
  lanes: (client) => client.lanes(),
  workers: (client) => client.workers(),
  findings: (client) => client.findings(),
}

/**
 * Carries out an operation by its name.
 * @param input as `inputSchema(name)` has made it. @returns a promise of the answer; for a stream, its entries.
 * @throws {CheckreinError} the codes of the operation's row, and those of the store.
 */
export function perform<Name extends OperationName>(
  client: Client,
  name: Name,
  input: OperationInput<Name>,
): Answered<Name> {
  return calls[name](client, input)
}

/** The members of an input that are among the parameters. */
function partOf<Input extends object, Part extends Parameters>(
  input: Input,
  parameters: Part,
): Pick<Input, keyof Input & keyof Part> {
  const own = Object.entries(input).filter(([name]) => Object.hasOwn(parameters, name))
  return Object.fromEntries(own) as Pick<Input, keyof Input & keyof Part>
}

/** The same options; their schema has refused `until` and `for` together. */
function timed<Options extends object>(
  options: Options,
): Omit<Options, 'until' | 'for'> & UntilOptions {
  return options
}

/** The answer of the enqueue, which every handle has but one that was made from an id. */
function enqueuedOf<Enqueued>({ enqueued }: { readonly enqueued: Enqueued | null }): Enqueued {
  return enqueued as Enqueued
}

const sentOf = ({ runId, callId, answer, position }: SignalHandle): Sent => ({
  runId,
  callId,
  answer,
  position,
})
