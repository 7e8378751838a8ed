/** Which workflows compile, and which must not: checked by `tsc` in `npm run check`, never run. */
import {
  chain,
  chord,
  chunks,
  type Client,
  group,
  map,
  previous,
  type PausedWorkflow,
  type Settled,
  starmap,
  step,
  type StepFailure,
  task,
  type WorkflowHandle,
} from '../../src/index.ts'

declare const client: Client
type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(isSame: Equal<A, B>): void

const count = task({ name: 'count', run: (text: string) => text.length })
const double = task({ name: 'double', run: (n: number) => n * 2 })
const shown = task({ name: 'shown', run: (n: number) => `${n}` })
const add = task({ name: 'add', run: ([a, b]: readonly [number, number]) => a + b })
const sum = task({ name: 'sum', run: (all: readonly number[]) => all.length })
const mail = task({ name: 'mail', run: (delivery: { to: string; n: number }) => delivery.to })
const plain = task({ name: 'plain', run: () => 7 })
const asks = task({ name: 'asks', run: (n: number) => n > 3 })
const told = task({ name: 'told', run: (paused: PausedWorkflow<number>) => paused.result })
const failed = task({ name: 'failed', run: (failure: StepFailure) => failure.runId })
const settled = task({ name: 'settled', run: (all: readonly Settled<number>[]) => all.length })

export async function chains(): Promise<void> {
  const handle = await client.startWorkflow(chain([step(count, 'abc'), double, shown]))
  same<typeof handle, WorkflowHandle<string>>(true)
  same<Awaited<ReturnType<typeof handle.result>>, string>(true)
  await client.startWorkflow(chain([count, double]), { input: 'abc' })
  await client.startWorkflow(count, { input: 'abc' })
  await client.startWorkflow(chain([plain, step(mail, { to: 'me', n: previous })]))
  await client.startWorkflow(
    chain([plain, double, shown], { pauseWhen: asks, onPaused: told, pausePoints: { every: 2 } }),
    { onCompleted: count, onFailed: failed },
  )
  // @ts-expect-error a number does not fit text
  chain([step(count, 'abc'), count])
  // @ts-expect-error nor does it two steps on
  chain([step(count, 'abc'), double, double, count])
  // @ts-expect-error nor as one member
  chain([step(count, 'abc'), step(mail, { to: previous, n: 1 })])
  // @ts-expect-error nor within a chain in a chain
  chain([step(count, 'abc'), chain([count, double])])
  // @ts-expect-error the first step has no input
  await client.startWorkflow(chain([count, double]))
  // @ts-expect-error nor one of this type
  await client.startWorkflow(chain([count, double]), { input: 7 })
  // @ts-expect-error the input is of another type
  step(count, 7)
  // @ts-expect-error a part of the input is missing
  step(mail, { to: 'me' })
  // @ts-expect-error no such option
  step(count, 'abc', { queues: 'a' })
  // @ts-expect-error no such option
  chain([plain, double], { pausePoints: { each: 2 } })
}

export async function groups(): Promise<void> {
  const both = group([step(count, 'abc'), step(shown, 7)])
  const handle = await client.startWorkflow(both)
  same<Awaited<ReturnType<typeof handle.result>>, [number, string]>(true)
  chord([step(count, 'a'), step(count, 'b')], sum)
  chain([plain, group([double, double]), sum])
  chord([step(count, 'a'), plain], settled, { policy: 'allSettled' })
  // A group in a chord, a chord in a chord, a chain as its header.
  chord([chord([step(count, 'a')], sum), chain([step(count, 'b'), double])], sum)
  // @ts-expect-error one of the members comes to text
  chord([step(count, 'a'), step(shown, 7)], sum)
  // @ts-expect-error what is settled is not the result alone
  chord([step(count, 'a')], sum, { policy: 'allSettled' })
  // @ts-expect-error the members take text
  chain([plain, group([count, count])])
  // @ts-expect-error the step takes a number, and gets a list
  chain([group([step(count, 'a')]), double])
  // @ts-expect-error no such policy
  group([plain], { policy: 'most' })
}

export function maps(): void {
  const lengths = map(count, ['a', 'b'])
  chain([lengths, sum])
  chain([starmap(add, [[1, 2]]), sum])
  chain([group([step(count, 'a')]), map(double, previous), sum])
  chunks(double, [1, 2, 3], 2)
  // @ts-expect-error one of the inputs is of another type
  map(count, ['a', 1])
  // @ts-expect-error its inputs are no tuples
  starmap(double, [[1]])
  // @ts-expect-error the tuple is too short
  starmap(add, [[1]])
  // @ts-expect-error the result before is not a list
  chain([plain, map(double, previous)])
}
