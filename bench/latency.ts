/** How long it takes until something happens in another process, and until it is confirmed here. */
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { Bed, until } from '../test/support/bed.ts'
import { Fleet, type FleetOptions } from '../test/fault/fleet.ts'
import { type Line, quantile } from './measure.ts'
import * as tasks from './tasks.ts'

const modules = [fileURLToPath(new URL('./tasks.ts', import.meta.url))]
/** How long it takes until the spare isolate is warm that replaces the one which runs: on two cores its start slows all else down. */
const settleMs = 400
const optionsFor = (bed: Bed): FleetOptions => ({
  url: bed.url,
  modules,
  concurrency: { inline: 100, process: 2 },
  spares: 2,
})

export async function latencyLines(): Promise<Line[]> {
  await using bed = await Bed.make()
  await using fleet = new Fleet()
  await fleet.start(optionsFor(bed))
  await pause(1000)
  return [
    ...quantiles('enqueue to start, 50 a second', await enqueueToStart(bed)),
    ...quantiles('cancel to abort signal, inline', await cancelToSignal(bed, tasks.listener)),
    ...quantiles(
      'cancel to abort signal, process',
      await cancelToSignal(bed, tasks.isolatedListener),
    ),
    ...quantiles('terminate a busy loop to confirmed dead', await terminate(bed)),
    { what: 'one look at abortSignal.aborted', value: await oneLook(bed), unit: 'ns' },
  ]
}

function quantiles(what: string, values: readonly number[]): Line[] {
  return [
    { what: `${what}, p50`, value: quantile(values, 0.5), unit: 'ms' },
    { what: `${what}, p99`, value: quantile(values, 0.99), unit: 'ms' },
  ]
}

async function enqueueToStart(bed: Bed): Promise<number[]> {
  const waits: number[] = []
  for (let n = 0; n < 300; n++) {
    await pause(20)
    const from = tasks.now()
    const run = await bed.client.enqueue(tasks.stamp)
    waits.push((await run.result()) - from)
  }
  return waits
}

async function cancelToSignal(bed: Bed, task: typeof tasks.listener): Promise<number[]> {
  const waits: number[] = []
  for (let n = 0; n < 100; n++) {
    const run = await bed.client.enqueue(task)
    await until(
      run,
      ({ state, progress }) =>
        state === 'running' && (task.isolation === 'inline' || progress === 1),
    )
    await pause(task.isolation === 'inline' ? 10 : settleMs)
    const from = tasks.now()
    await run.cancel()
    waits.push(Number((await run.get()).result) - from)
  }
  return waits
}

async function terminate(bed: Bed): Promise<number[]> {
  const waits: number[] = []
  for (let n = 0; n < 60; n++) {
    const run = await bed.client.enqueue(tasks.spin)
    await until(run, ({ progress }) => progress === 1)
    await pause(settleMs)
    const from = tasks.now()
    const stop = await run.terminate()
    if (!stop.confirmed) throw new Error('not confirmed')
    waits.push(tasks.now() - from)
  }
  return waits
}

async function oneLook(bed: Bed): Promise<number> {
  return (await bed.client.enqueue(tasks.asks)).result()
}
