/** The table of operations as an interface reads it: requests and answers in JSON, each held against its schema. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import {
  chain,
  type Client,
  connect,
  type ErrorCode,
  group,
  step,
  workflowGraph,
} from '../../src/index.ts'
import { inputSchema, outputSchema } from '../../src/client/operations/contracts.ts'
import { perform } from '../../src/client/operations/dispatch.ts'
import type { Operation } from '../../src/client/operations/operation.ts'
import { type OperationName, operations } from '../../src/client/operations/operations.ts'
import type { JsonSchema } from '../../src/client/schemas/schema.ts'
import { Bed, storeKinds } from '../support/bed.ts'
import * as tasks from './tasks.ts'

const names = Object.keys(operations) as OperationName[]
const published = ['export', 'graph'].map((name) => {
  const file = new URL(`../../docs/workflow-${name}.schema.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as object
})

/** A validator that is not ours. */
const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true })
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/)
ajv.addFormat('uri', true)
ajv.addSchema(published)

const target = { target: 'draft-2020-12' } as const

/** The same schema, in which objects have no members but those that it names. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.entries(schema).map(([name, part]) => [name, closed(part)])
  const rest = 'properties' in schema && 'type' in schema ? { additionalProperties: false } : {}
  return { ...Object.fromEntries(inner), ...rest } as unknown
}

const compiled = new Map<string, ValidateFunction>()
function checker(key: string, document: () => unknown): ValidateFunction {
  const check = compiled.get(key) ?? ajv.compile(document() as object)
  compiled.set(key, check)
  return check
}

const inputChecker = (name: OperationName): ValidateFunction =>
  checker(`input ${name}`, () => inputSchema(name as 'get')['~standard'].jsonSchema.input(target))
const outputChecker = (name: OperationName): ValidateFunction =>
  checker(`output ${name}`, () => closed(outputSchema(name)['~standard'].jsonSchema.output(target)))

/** JSON as it would come over the wire. */
const overWire = (value: unknown): unknown =>
  value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown)

/** An interface that knows nothing but the table. */
class Border {
  readonly asked = new Set<OperationName>()
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  /** Asks in JSON, and gets the answer in JSON; of a stream the entries that are there. */
  async ask<Answer = Readonly<Record<string, unknown>>>(
    name: OperationName,
    body: unknown = {},
  ): Promise<Answer> {
    this.asked.add(name)
    const check = inputChecker(name)
    assert.ok(check(overWire(body)), `${name}: ${JSON.stringify(check.errors)}`)
    const read = await inputSchema(name as 'get')['~standard'].validate(overWire(body))
    assert.ok(!read.issues, `${name}: ${JSON.stringify(read.issues)}`)
    const answer: unknown = perform(this.#client, name as 'get', read.value)
    const { isStream }: Operation = operations[name]
    if (!isStream) return this.#checked<Answer>(name, await answer)
    const entries = await Array.fromAsync(answer as AsyncIterable<unknown>)
    assert.ok(entries.length > 0, name)
    return entries.map((entry) => this.#checked(name, entry)) as Answer
  }

  /** The answer fits its schema, says nothing that the schema does not name, and can be taken back as it was. */
  #checked<Answer>(name: OperationName, answer: unknown): Answer {
    const schema = outputSchema(name as 'get')
    const wire = overWire(schema.write(answer as never))
    const check = outputChecker(name)
    assert.ok(check(wire), `${name}: ${JSON.stringify(check.errors)} ${JSON.stringify(wire)}`)
    const back = schema['~standard'].validate(wire) as {
      readonly value?: unknown
      readonly issues?: unknown
    }
    assert.equal(back.issues, undefined, `${name}: ${JSON.stringify(back.issues)}`)
    assert.deepEqual(overWire(back.value), overWire(answer), name)
    return wire as Answer
  }
}

interface Id {
  readonly id: string
}

const soon = { timeout: '60s' }

/** A life with a bit of everything, of which each request and each answer is looked at. */
async function live(client: Client): Promise<Set<OperationName>> {
  const border = new Border(client)
  await runs(border)
  await standing(border)
  await workflows(border)
  await upkeep(border)
  return border.asked
}

async function runs(border: Border): Promise<void> {
  const options = { key: 'a', tags: ['t'], deadline: '2h', priority: 1, by: 'ada' }
  const one = await border.ask<Id>('enqueue', { task: 'undone', ...options })
  const many = await border.ask<Id[]>('enqueueMany', {
    task: 'counter',
    runs: [{ key: 'b' }, { runAt: '2999-01-01T00:00:00Z', input: undefined, ttl: 1000 * 3600 }],
  })
  assert.equal(many.length, 2)
  const [sent] = await border.ask<{ callId: string }[]>('signal', {
    target: { task: 'undone', key: 'a' },
    name: 'add',
    payload: 2,
  })
  const callId = sent?.callId
  await border.ask('waitForSignal', { id: one.id, callId, until: 'replied', ...soon })
  await border.ask('pause', { target: [one.id], for: '2h', reason: 'lunch', within: '10s' })
  await border.ask('waitForRun', { id: one.id, until: 'paused', ...soon })
  const paused = await border.ask('get', { id: one.id })
  assert.match(String(paused['checkpointAt']), /^\d{4}-.*Z$/)
  await border.ask('list', { tag: 't', state: ['paused', 'running'], createdAfter: 0, limit: 2 })
  await border.ask('counts', { state: 'paused' })
  await border.ask('resume', { target: one.id })
  await border.ask('cancel', { target: one.id, rollback: true, grace: '5s', children: 'wait' })
  const { run } = await border.ask<{ run: { rollback: unknown } }>('waitForRun', {
    id: one.id,
    ...soon,
  })
  assert.notEqual(run.rollback, null)
  await border.ask('signals', { id: one.id, order: 'newest' })
  await border.ask('events', { id: one.id, after: -1 })
  const { id } = await border.ask<Id>('enqueue', { task: 'undoable' })
  await border.ask('signal', { target: id, name: 'add', payload: 'not a number' })
  await border.ask('abort', { target: id, reason: 'enough' })
  await border.ask('waitForRun', { id, ...soon })
  const spinning = await border.ask<Id>('enqueue', { task: 'deaf' })
  await border.ask('freeze', { target: spinning.id, until: '2999-01-01T00:00:00Z' })
  await border.ask('terminate', { target: spinning.id })
  await border.ask('waitForRun', { id: spinning.id, until: 'stopped', ...soon })
  await border.ask('get', { id: spinning.id })
  await border.ask('retry', { target: [spinning.id, 'nobody'], reason: 'once more' })
  await border.ask('retry', { target: spinning.id, input: { n: 1 } })
  await border.ask('retry', { target: [spinning.id], rollback: true })
}

async function standing(border: Border): Promise<void> {
  await border.ask('pause', { target: { queue: 'media' }, inFlight: 'park' })
  await border.ask('freeze', { target: { task: 'none', queue: 'media' } })
  await border.ask('resume', { target: { queue: 'media' } })
  await border.ask('resume', { target: { all: true } })
  const filter = { tag: 'x', input: { 'user.id': 9, plan: 'free', isNew: true } }
  const hold = await border.ask<Id>('hold', { verb: 'cancel', filter, for: '1h', grace: 100 })
  await border.ask('holds')
  await border.ask('lanes')
  await border.ask('lift', { hold: hold.id, reason: 'over' })
  assert.equal(await border.ask('lift', { hold: { verb: 'cancel', filter } }), null)
  await border.ask('revoke', { target: { task: 'counter', key: 'nobody' }, tombstone: '1h' })
  await border.ask('tombstones')
  await border.ask('liftTombstone', { tombstone: { task: 'counter', key: 'nobody' } })
  await border.ask('preview', { verb: 'cancel', task: 'counter' })
  const callId = '0198c0de-7a11-7cc3-98c4-dc0c0c07398f'
  const all = { filter: { task: 'counter', createdBefore: '2999-01-01T00:00:00Z' } }
  await border.ask('cancel', { target: all, callId, reason: 'all' })
  await border.ask('bulk', { id: callId })
  await border.ask('bulks')
  await border.ask('abortBulk', { id: callId, reason: 'late' })
}

async function workflows(border: Border): Promise<void> {
  const parts = chain([group([step(tasks.counter), step(tasks.undone)]), step(tasks.counter)])
  const workflow = workflowGraph(parts)
  const start = (): Promise<Id> =>
    border.ask<Id>('startWorkflow', { workflow, name: 'w', tags: ['w'], priority: 2 })
  const { id } = await start()
  await border.ask('workflows', { name: 'w', state: 'running', order: 'oldest' })
  await border.ask('getWorkflow', { id })
  await border.ask('workflowTree', { id })
  await border.ask('signalWorkflow', { id, name: 'add', payload: 1 })
  await border.ask('pauseWorkflow', { id, for: '1h', by: 'ada', within: 100, otherwise: 'kill' })
  await border.ask('waitForWorkflow', { id, until: 'paused', ...soon })
  const remainder = await border.ask('exportWorkflow', { id })
  await border.ask('resumeWorkflow', { id })
  await border.ask('cancelWorkflow', { id, rollback: true, running: 'cancel', reason: 'no' })
  await border.ask('waitForWorkflow', { id, until: 'stopped', ...soon })
  await border.ask('workflowTree', { id })
  const again = await border.ask<Id>('retryWorkflow', { id })
  await border.ask('terminateWorkflow', { id: again.id })
  await border.ask('waitForWorkflow', { id: again.id, until: 'ended', ...soon })
  await border.ask('retryWorkflow', { id, from: 1, reason: 'from the start' })
  const key = {
    key: 'taken',
    onConflict: 'cancel-and-replace',
    grace: '1s',
    by: 'ada',
    origin: 'web',
  }
  await border.ask('importWorkflow', { workflow: remainder, ...key })
  const taken = await border.ask<Id>('importWorkflow', {
    workflow: remainder,
    name: 'taken',
    deadline: '1d',
  })
  await border.ask('abortWorkflow', { id: taken.id })
  await border.ask('revokeWorkflow', { id: (await start()).id, tombstone: 0 })
}

async function upkeep(border: Border): Promise<void> {
  await border.ask('audit', { limit: 1000, createdBefore: '2999-01-01T00:00:00Z' })
  await border.ask('audit', { kind: ['signal', 'bulk'], name: 'add', isPending: false })
  await border.ask('workers')
  await border.ask('tasks')
  await border.ask('findings')
  await border.ask('prune', { completed: '7d', audit: '30d' })
}

for (const on of storeKinds) {
  void test(`what is asked in JSON is answered as the schemas say, on ${on}`, async () => {
    const modules = [new URL('tasks.ts', import.meta.url)]
    await using bed = await Bed.make({ on, worker: { modules, poll: 100 } })
    assert.deepEqual([...(await live(bed.client))].sort(), names.toSorted())
  })
}

/** Values of every kind, of which some fit a member and others don't. */
const samples: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  7,
  1e9,
  '',
  'a',
  '2s',
  '2026-07-28T14:00:00Z',
  'yesterday',
  'queued',
  'pause',
  'newest',
  [],
  ['a'],
  [1],
  {},
  { task: 'a' },
  { task: 'a', key: 'b' },
  { queue: 'a' },
  { all: true },
  { all: false },
  { filter: {} },
  { filter: { state: ['queued'] } },
  { filter: { state: 'nothing' } },
  { filter: { tag: 't', more: 1 } },
  { verb: 'pause', filter: { tag: 't' } },
  { verb: 'resume', filter: {} },
  { 'user.id': 9 },
  { 'user.id': {} },
  { version: 1, nodes: [{ node: 1, step: { task: 'a' } }] },
]

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly dependentSchemas?: object
}
const membersOf = (name: OperationName): ObjectSchema =>
  inputSchema(name as 'get')['~standard'].jsonSchema.input(target)

/** Whether our check takes the value; the two must never be of another mind. */
async function isTaken(name: OperationName, value: unknown): Promise<boolean> {
  const { issues } = await inputSchema(name as 'get')['~standard'].validate(value)
  const theirs = inputChecker(name)
  const text = `${name} ${JSON.stringify(value)}: ${JSON.stringify(issues ?? theirs.errors)}`
  assert.equal(theirs(value), issues === undefined, text)
  return issues === undefined
}

/** For each required member something that fits it. */
async function leastInput(name: OperationName): Promise<Readonly<Record<string, unknown>>> {
  const { required = [] } = membersOf(name)
  const fitting = samples.filter((one) => one !== '')
  let inputs: Readonly<Record<string, unknown>>[] = [{}]
  for (const member of required)
    inputs = inputs.flatMap((input) => fitting.map((value) => ({ ...input, [member]: value })))
  for (const input of inputs) if (await isTaken(name, input)) return input
  throw new Error(`no input fits ${name}`)
}

void suite('the schema of an input', () => {
  for (const name of names) {
    test(`of ${name} takes and refuses the same as its JSON Schema, and wrong members are refused`, async () => {
      const least = await leastInput(name)
      const { properties = {}, required = [], dependentSchemas = {} } = membersOf(name)
      assert.equal(await isTaken(name, { ...least, nonsense: 1 }), false, 'an unknown member')
      for (const value of [null, 'text', [], 1]) assert.equal(await isTaken(name, value), false)
      for (const member of required) {
        const { [member]: _, ...rest } = least
        assert.equal(await isTaken(name, rest), false, `without ${member}`)
      }
      for (const [member, schema] of Object.entries(properties)) {
        const verdicts: boolean[] = []
        const words = schema.enum ?? schema.anyOf?.flatMap((one) => one.enum ?? []) ?? []
        for (const value of [...samples, ...words])
          verdicts.push(await isTaken(name, { ...least, [member]: value }))
        const isAny = Object.keys(schema).every((part) => part === 'description')
        assert.ok(isAny || verdicts.includes(false), `${member} takes everything`)
        assert.ok(verdicts.includes(true), `${member} takes nothing`)
      }
      for (const [one, { properties = {} }] of Object.entries(dependentSchemas) as [
        string,
        ObjectSchema,
      ][]) {
        const given = {
          ...least,
          [one]: '2026-07-28T14:00:00Z',
          [Object.keys(properties)[0] ?? '']: '2s',
        }
        assert.equal(await isTaken(name, given), false, `${one} and another`)
      }
    })
  }

  test('says where a value does not fit', async () => {
    const wrong = { target: { filter: { state: ['queued', 'gone'] } }, grace: 'soon' }
    const { issues = [] } = await inputSchema('cancel')['~standard'].validate(wrong)
    assert.deepEqual(
      issues.map(({ path = [] }) => path.join('.')),
      ['target.filter.state.1', 'grace'],
    )
  })
})

type Raise = (client: Client) => unknown
/** For each error that a row names, a way to raise it: the compiler asks for each. */
type Raisers = {
  readonly [Name in OperationName]: Readonly<
    Record<(typeof operations)[Name]['errors'][number], Raise>
  >
}

const unknownOption = { nonsense: 1 } as object
const large = 'x'.repeat(2_000_000)
const cyclic: { self?: unknown } = {}
cyclic.self = cyclic
const nobody = { by: ' ' }
const takesKey = { key: 'k', onConflict: 'replace', ...nobody } as const
const notFound = 'no-such-id'

/** The errors that every verb raises that asks for who it is. */
const asking = (ask: (client: Client, options: object) => unknown) => ({
  USAGE: (client: Client) => ask(client, unknownOption),
  BY_REQUIRED: (client: Client) => ask(client, nobody),
})
const payloads = (send: (client: Client, payload: unknown) => unknown) => ({
  PAYLOAD_NOT_JSON: (client: Client) => send(client, cyclic),
  PAYLOAD_TOO_LARGE: (client: Client) => send(client, large),
})
const badId = (ask: (client: Client, id: string) => unknown) => ({
  USAGE: (client: Client) => ask(client, ''),
})
const noRun = (ask: (client: Client, id: string) => unknown) => ({
  ...badId(ask),
  RUN_NOT_FOUND: (client: Client) => ask(client, notFound),
})
const noWorkflow = (ask: (client: Client, id: string) => unknown) => ({
  ...badId(ask),
  WORKFLOW_NOT_FOUND: (client: Client) => ask(client, notFound),
})
const enqueues = {
  USAGE: (client: Client) => client.enqueueByName('counter', 1, unknownOption),
  ...payloads((client, input) => client.enqueueByName('counter', input)),
  RUN_ID_TAKEN: async (client: Client) => {
    await client.enqueueByName('counter', undefined, { id: 'mine' })
    await client.enqueueByName('another', undefined, { id: 'mine' })
  },
}

async function active(client: Client): Promise<string> {
  return (await client.startWorkflow(chain([tasks.counter]))).id
}

const oneStep = workflowGraph(chain([tasks.counter]))

const raisers: Raisers = {
  enqueue: {
    ...enqueues,
    INPUT_REJECTED: (client) => client.enqueue(tasks.typed, 'text' as never),
  },
  enqueueMany: {
    ...enqueues,
    INPUT_REJECTED: (client) => client.enqueueMany(tasks.typed, [{ input: 'text' as never }]),
  },
  get: noRun((client, id) => client.run(id).get()),
  list: { USAGE: (client) => client.list(unknownOption) },
  counts: { USAGE: (client) => client.counts(unknownOption) },
  events: noRun((client, id) => Array.fromAsync(client.run(id).events())),
  revoke: asking((client, options) => client.revoke('a', options)),
  abort: asking((client, options) => client.abort('a', options)),
  cancel: asking((client, options) => client.cancel('a', options)),
  terminate: asking((client, options) => client.terminate('a', options)),
  pause: asking((client, options) => client.pause('a', options)),
  freeze: asking((client, options) => client.freeze('a', options)),
  resume: asking((client, options) => client.resume('a', options)),
  retry: {
    ...asking((client, options) => client.retry('a', options)),
    ...payloads((client, input) => client.retry('a', { input })),
  },
  signal: {
    ...asking((client, options) => client.signal('a', 'add', 1, options)),
    ...payloads((client, payload) => client.signal('a', 'add', payload)),
  },
  signals: noRun((client, id) => client.signals(id)),
  waitForRun: noRun((client, id) => client.waitForRun(id)),
  waitForSignal: noRun((client, id) => client.waitForSignal(id, { callId: 'a' })),
  preview: { USAGE: (client) => client.preview('cancel', unknownOption) },
  hold: asking((client, options) => client.hold({ verb: 'pause', filter: {}, ...options })),
  holds: {},
  lift: asking((client, options) => client.lift('a', options)),
  bulk: badId((client, id) => client.bulk(id)),
  abortBulk: asking((client, options) => client.abortBulk('a', options)),
  bulks: {},
  workflows: { USAGE: (client) => client.workflows({}, { cursor: 'not ours' }) },
  getWorkflow: noWorkflow((client, id) => client.workflow(id).get()),
  workflowTree: noWorkflow((client, id) => client.workflowTree(id)),
  waitForWorkflow: noWorkflow((client, id) => client.waitForWorkflow(id)),
  revokeWorkflow: asking((client, options) => client.revokeWorkflow('a', options)),
  abortWorkflow: asking((client, options) => client.abortWorkflow('a', options)),
  cancelWorkflow: asking((client, options) => client.cancelWorkflow('a', options)),
  terminateWorkflow: asking((client, options) => client.terminateWorkflow('a', options)),
  pauseWorkflow: asking((client, options) => client.pauseWorkflow('a', options)),
  resumeWorkflow: asking((client, options) => client.resumeWorkflow('a', options)),
  signalWorkflow: {
    ...asking((client, options) => client.signalWorkflow('a', 'add', 1, options)),
    ...payloads((client, payload) => client.signalWorkflow('a', 'add', payload)),
  },
  retryWorkflow: {
    ...asking((client, options) => client.retryWorkflow('a', options)),
    WORKFLOW_NOT_FOUND: (client) => client.retryWorkflow(notFound),
    WORKFLOW_ACTIVE: async (client) => client.retryWorkflow(await active(client)),
  },
  exportWorkflow: {
    ...noWorkflow((client, id) => client.exportWorkflow(id)),
    WORKFLOW_ACTIVE: async (client) => client.exportWorkflow(await active(client)),
  },
  startWorkflow: {
    USAGE: (client) => client.startWorkflow(oneStep, unknownOption),
    BY_REQUIRED: (client) => client.startWorkflow(oneStep, takesKey),
    WORKFLOW_INVALID: (client) => client.startWorkflow({ version: 1, nodes: [] }),
    ...payloads((client, input) => client.startWorkflow(oneStep, { input })),
    RUN_ID_TAKEN: async (client) => {
      await client.enqueueByName('another', 1, { id: 'mine' })
      const step = { task: 'counter', id: 'mine' }
      await client.startWorkflow({ version: 1, nodes: [{ node: 1, step }] })
    },
  },
  importWorkflow: {
    USAGE: (client) => client.importWorkflow({}, unknownOption),
    BY_REQUIRED: (client) => client.importWorkflow({}, takesKey),
    WORKFLOW_INVALID: (client) => client.importWorkflow({}),
  },
  tombstones: {},
  liftTombstone: {
    ...asking((client, options) => client.liftTombstone('a', options)),
    ...badId((client, id) => client.liftTombstone(id)),
  },
  audit: { USAGE: (client) => client.audit(unknownOption) },
  prune: {
    ...asking((client, options) => client.prune({}, options)),
    USAGE: (client) => client.prune({ completed: 'soon' as never }),
  },
  tasks: {},
  lanes: {},
  workers: {},
  findings: {},
}

void suite('the errors of an operation', () => {
  for (const name of names) {
    const ways = Object.entries(raisers[name]) as [ErrorCode, Raise][]
    const listed: readonly ErrorCode[] = operations[name].errors
    if (ways.length === 0) continue
    test(`${name} can raise each that its row names: ${listed.join(', ')}`, async () => {
      await using bed = await Bed.make()
      await using strict = await connect(bed.url, { requireBy: true })
      assert.deepEqual(ways.map(([code]) => code).sort(), listed.toSorted())
      for (const [code, raise] of ways) {
        const client = code === 'BY_REQUIRED' ? strict : bed.client
        await assert.rejects(async () => raise(client), { code }, code)
      }
    })
  }
})
