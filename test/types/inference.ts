/**
 * What must compile, and what must not: checked by `tsc` in `npm run check`, never run. Each `@ts-expect-error` is an
 * error of its own when the line beneath it compiles.
 */
import { z } from 'zod'
import {
  type ChainTree,
  type Client,
  type Controlled,
  type Hold,
  type InputOf,
  type OutputOf,
  type Paused,
  type PauseOutcome,
  type PayloadOf,
  type RollbackOutcome,
  type Run,
  type RunHandle,
  type RunRow,
  type Signal,
  type SignalHandle,
  type SignalsOf,
  task,
  type WorkflowHandle,
} from '../../src/index.ts'

declare const client: Client
type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(isSame: Equal<A, B>): void

const bySchema = task({
  name: 'by-schema',
  input: z.object({ path: z.string(), depth: z.number().default(1) }),
  async run({ path, depth }, ctx) {
    same<typeof path, string>(true)
    same<typeof depth, number>(true)
    same<typeof ctx.abortSignal, AbortSignal>(true)
    return { files: depth }
  },
})
const byParameter = task({ name: 'by-parameter', run: (n: number) => `${n}` })
const withContext = task({
  name: 'with-context',
  run: async (n: number, ctx) => n + ctx.run.attempt,
})
const withoutInput = task({ name: 'without-input', run: () => 7 })

export async function inputs(): Promise<void> {
  await client.enqueue(bySchema, { path: '/' })
  await client.enqueue(
    bySchema,
    { path: '/', depth: 2 },
    { key: 'root', tags: ['a'], delay: '5m', priority: 1 },
  )
  await client.enqueue(byParameter, 1)
  await client.enqueue(withContext, 1, { onConflict: 'cancel-and-replace' })
  await client.enqueue(withoutInput)
  await client.enqueue(withoutInput, undefined, { queue: 'other' })
  // @ts-expect-error the input is of another type
  await client.enqueue(bySchema, { path: 1 })
  // @ts-expect-error a part of the input is missing
  await client.enqueue(bySchema, {})
  // @ts-expect-error the input is missing
  await client.enqueue(byParameter)
  // @ts-expect-error the input is of another type
  await client.enqueue(byParameter, '1')
  // @ts-expect-error the task takes no input
  await client.enqueue(withoutInput, 1)
  // @ts-expect-error there is no such option
  await client.enqueue(byParameter, 1, { keys: 'a' })
  // @ts-expect-error a key is text
  await client.enqueue(byParameter, 1, { key: 7 })
  // @ts-expect-error not a duration
  await client.enqueue(byParameter, 1, { delay: 'soon' })
  // @ts-expect-error not a way to meet a conflict
  await client.enqueue(byParameter, 1, { onConflict: 'overwrite' })
  // @ts-expect-error a name is not a task: `enqueueByName` takes one
  await client.enqueue('by-parameter', 1)
  // @ts-expect-error one of the inputs is of another type
  await client.enqueueMany(byParameter, [{ input: 1 }, { input: 'two' }])
}

export async function results(): Promise<void> {
  const files = await (await client.enqueue(bySchema, { path: '/' })).result()
  same<typeof files, { files: number }>(true)
  const text = await (await client.enqueue(byParameter, 1)).result()
  same<typeof text, string>(true)
  const number = await (await client.enqueue(withContext, 1)).result()
  same<typeof number, number>(true)
  const many = await client.enqueueMany(byParameter, [{ input: 1 }])
  const each = await Promise.all(many.map((one) => one.result()))
  same<typeof each, string[]>(true)
  // @ts-expect-error the result has no such part
  files.folders.toString()
  const unknown = await client.run('id').result()
  // @ts-expect-error nothing is known of the result of a run by its id
  unknown.toString()
}

export async function verbs(handle: RunHandle<number>): Promise<void> {
  const stop = await handle.cancel({ reason: 'enough', by: 'ada', grace: '2s' })
  same<typeof stop.confirmed, boolean>(true)
  same<typeof stop.mode, 'prevented' | 'cooperative' | 'forced' | null>(true)
  await client.cancel({ filter: { tag: 'tenant:9', state: ['queued', 'running'] } })
  await client.revoke(['a', 'b'])
  await client.terminate({ task: 'by-schema', key: 'root' })
  // @ts-expect-error nothing is killed after a grace by `terminate`
  await handle.terminate({ grace: '2s' })
  // @ts-expect-error a filter is named as one, so that a slip can't mean "all"
  await client.cancel({ tag: 'tenant:9' })
  // @ts-expect-error no such state
  await client.cancel({ filter: { state: 'canceled' } })
}

task({ name: 'ok', isolation: 'thread', hardTimeout: '1m', timeout: '30s', run: () => 1 })
// @ts-expect-error an inline task can't be killed, so it takes no hard timeout
task({ name: 'not-ok', isolation: 'inline', hardTimeout: '1m', run: () => 1 })
// @ts-expect-error an inline task has no isolate of its own
task({ name: 'not-ok', isolation: 'inline', reuseIsolate: false, run: () => 1 })
// @ts-expect-error no such isolation
task({ name: 'not-ok', isolation: 'container', run: () => 1 })
// @ts-expect-error a task has a name
task({ run: () => 1 })

const withReins = task({
  name: 'with-reins',
  input: z.object({ path: z.string() }),
  signals: { throttle: z.number(), rename: z.object({ to: z.string() }) },
  state: z.object({ done: z.number() }),
  async run({ path }, ctx) {
    same<typeof ctx.state, { done: number } | undefined>(true)
    await ctx.checkpoint({ done: path.length })
    // @ts-expect-error the state is of another form
    await ctx.checkpoint({ done: 'all' })
    ctx.on('throttle', (speed) => same<typeof speed, number>(true))
    // @ts-expect-error the task takes no such signal
    ctx.on('faster', () => undefined)
    for await (const { payload } of ctx.signals('rename'))
      same<typeof payload, { to: string }>(true)
    const signal = await ctx.receive('throttle', { timeout: '1h' })
    same<typeof signal, Signal<number> | null>(true)
    return { files: 1 }
  },
  async rollback({ path }, ctx) {
    same<typeof path, string>(true)
    same<typeof ctx.state, { done: number } | undefined>(true)
  },
})
same<OutputOf<typeof withReins>, { files: number }>(true)
same<InputOf<typeof withReins>, { path: string }>(true)
same<PayloadOf<SignalsOf<typeof withReins>, 'throttle'>, number>(true)

const byGenerator = task({
  name: 'by-generator',
  async *run(count: number, ctx) {
    let done: number = ctx.state?.done ?? 0
    while (done < count) yield { done: ++done }
    return `${done}`
  },
})
same<OutputOf<typeof byGenerator>, string>(true)
same<InputOf<typeof byGenerator>, number>(true)
task({
  name: 'not-ok',
  state: z.object({ done: z.number() }),
  // @ts-expect-error a state of another form
  async *run(count: number) {
    yield { done: `${count}` }
  },
})

export async function signals(): Promise<void> {
  const handle = await client.enqueue(withReins, { path: '/' })
  const sent = await handle.signal('throttle', 20, { reason: 'too fast', by: 'ada' })
  same<typeof sent, SignalHandle>(true)
  const answer = await sent.reply<{ was: number }>({ timeout: '5s' })
  same<typeof answer, { was: number }>(true)
  const unknown = await sent.reply()
  // @ts-expect-error nothing is known of a reply
  unknown.toString()
  await client.run(withReins, 'id').signal('rename', { to: 'b' })
  // @ts-expect-error the payload is of another type
  await handle.signal('throttle', 'fast')
  // @ts-expect-error the payload is missing
  await handle.signal('rename')
  // @ts-expect-error the task takes no such signal
  await handle.signal('faster', 1)
  // @ts-expect-error the task takes no signals
  await (await client.enqueue(withoutInput)).signal('faster')
  const files = await client.run(withReins, 'id').result()
  same<typeof files, { files: number }>(true)
  await client.run('id').signal('anything', { at: 'all' })
  await client.run('id').signal('anything')
  await client.signal({ filter: { tag: 'tenant:9' } }, 'throttle', 20, { by: 'ada' })
  // @ts-expect-error a whole task is paused, not talked to
  await client.signal({ task: 'with-reins' }, 'throttle', 20)
  const plain: RunHandle = handle
  await plain.signals()
}

export async function pauses(handle: RunHandle<number>): Promise<void> {
  const outcome = await handle.pause({ for: '2h', within: '5s', otherwise: 'kill', timeout: '1m' })
  same<typeof outcome, PauseOutcome>(true)
  await handle.freeze({ until: new Date() })
  await handle.resume({ reason: 'done', by: 'ada' })
  // @ts-expect-error one or the other
  await handle.pause({ for: '2h', until: new Date() })
  // @ts-expect-error one or the other
  await client.pause({ queue: 'media' }, { for: '2h', until: new Date() })
  // @ts-expect-error one or the other
  await client.hold({ verb: 'pause', filter: { tag: 't' }, for: '2h', until: new Date() })
  // @ts-expect-error only the handle waits
  await client.freeze('id', { timeout: '1s' })
  // @ts-expect-error it is frozen at once
  await handle.freeze({ within: '5s' })
  // @ts-expect-error no such way
  await handle.pause({ otherwise: 'terminate' })
  // @ts-expect-error what runs is for whole tasks and queues
  await handle.pause({ inFlight: 'park' })
  const hold = await client.pause({ queue: 'media' }, { inFlight: 'park', for: '2h' })
  same<typeof hold, Hold>(true)
  const whole = await client.pause({ task: 'by-schema', queue: 'media' })
  same<typeof whole, Hold>(true)
  same<Awaited<ReturnType<typeof everything>>, Hold | null>(true)
  const runs = await client.pause({ task: 'by-schema', key: 'root' })
  same<typeof runs, readonly Controlled[]>(true)
  await client.freeze({ filter: { tag: 'tenant:9' } })
  // @ts-expect-error `all` stands alone
  await client.pause({ all: true, queue: 'media' })
  // @ts-expect-error what runs is for whole tasks and queues
  await client.pause(['a', 'b'], { inFlight: 'park' })
}
const everything = () => client.resume({ all: true })

export async function payloads(handle: WorkflowHandle): Promise<void> {
  const { runs } = await client.list({ tag: 'tenant:9' }, { limit: 9 })
  same<typeof runs, readonly RunRow[]>(true)
  // @ts-expect-error a list has no inputs where nobody asks for them
  void runs[0]?.input
  const whole = await client.list({}, { payloads: true })
  same<typeof whole.runs, readonly Run[]>(true)
  const either = await client.list({}, { payloads: Boolean(runs.length) })
  same<typeof either.runs, readonly (Run | RunRow)[]>(true)
  const tree = await handle.tree()
  same<typeof tree, ChainTree>(true)
  const full = await handle.tree({ payloads: true })
  same<typeof full, ChainTree<Run>>(true)
}

export async function holds(): Promise<void> {
  const hold = await client.hold({ verb: 'cancel', filter: { tag: 'tenant:9' }, grace: '2s' })
  await client.lift(hold.id)
  await client.lift({ verb: 'cancel', filter: { tag: 'tenant:9' } })
  // @ts-expect-error a hold names nothing that changes
  await client.hold({ verb: 'pause', filter: { state: 'queued' } })
  // @ts-expect-error nothing that starts runs can stand
  await client.hold({ verb: 'resume', filter: { tag: 'tenant:9' } })
}

export async function outcomes(handle: RunHandle<number>): Promise<void> {
  const { rollback } = await handle.cancel({ rollback: true })
  same<typeof rollback, RollbackOutcome | null>(true)
  const run = await handle.get()
  same<typeof run.paused, Paused | null>(true)
  await client.enqueue(byParameter, 1, { deadline: '2h' })
  await client.enqueue(byParameter, 1, { deadline: new Date() })
  // @ts-expect-error neither an instant nor a duration
  await client.enqueue(byParameter, 1, { deadline: 'tomorrow' })
}
