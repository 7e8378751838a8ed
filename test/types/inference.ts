/**
 * What must compile, and what must not: checked by `tsc` in `npm run check`, never run. Each `@ts-expect-error` is an
 * error of its own when the line beneath it compiles.
 */
import { z } from 'zod'
import { type Client, type RunHandle, task } from '../../src/index.ts'

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
  same<typeof many, readonly RunHandle<string>[]>(true)
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
// @ts-expect-error no such isolation
task({ name: 'not-ok', isolation: 'container', run: () => 1 })
// @ts-expect-error a task has a name
task({ run: () => 1 })
