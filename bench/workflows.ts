/** Workflows beside as many single runs: what a member costs more, whether fan-in grows, and a cancel of many. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, chain, chord, group, step } from '../src/index.ts'
import { Bed, eventually } from '../test/support/bed.ts'
import { type Line, median } from './measure.ts'
import * as tasks from './tasks.ts'

const rounds = 5
const many = 10_000
const input = {
  n: 1,
  text: 'a payload of about a hundred bytes, as such a thing usually is, more or less so',
}
const worker = { modules: [new URL('./tasks.ts', import.meta.url)], concurrency: 100 }

export async function workflowLines(): Promise<Line[]> {
  return [...(await chordLines()), ...(await growthLines()), ...(await cancelLines())]
}

/** One run, then so many side by side, then one with all their results. */
const fan = (count: number) =>
  chain([
    step(tasks.inline, input),
    chord(
      Array.from({ length: count }, () => step(tasks.inline, input)),
      tasks.adds,
    ),
  ])

async function chordMs(client: Client, count: number): Promise<number> {
  const start = performance.now()
  const flow = await client.startWorkflow(fan(count))
  await flow.result({ timeout: '10m' })
  return performance.now() - start
}

/** The same number of runs, enqueued in bulk, until the last has ended. */
async function singlesMs(client: Client, count: number): Promise<number> {
  const before = (await client.counts()).completed
  const start = performance.now()
  for (let n = 0; n < count; n += 1000)
    await client.enqueueMany(
      tasks.inline,
      Array.from({ length: Math.min(1000, count - n) }, () => ({ input })),
    )
  // Looked at seldom, for the look itself takes a while.
  while ((await client.counts()).completed < before + count) await pause(25)
  return performance.now() - start
}

/** On a store of its own: on PostgreSQL what was done before slows down what comes. */
async function alone(measure: (client: Client, count: number) => Promise<number>): Promise<number> {
  await using bed = await Bed.make({ worker })
  await chordMs(bed.client, 100)
  return await measure(bed.client, many)
}

async function chordLines(): Promise<Line[]> {
  const figures: { chord: number; singles: number }[] = []
  while (figures.length < rounds)
    figures.push({ chord: await alone(chordMs), singles: await alone(singlesMs) })
  return [
    {
      what: 'chord 1 x 10,000 x 1, start to result',
      value: median(figures.map(({ chord }) => chord)),
      unit: 'ms',
    },
    {
      what: '10,000 single runs, enqueue to the last end',
      value: median(figures.map(({ singles }) => singles)),
      unit: 'ms',
    },
    {
      what: 'times single runs',
      value: median(figures.map(({ chord, singles }) => chord / singles)),
      unit: 'x',
    },
  ]
}

async function growthLines(): Promise<Line[]> {
  const lines: Line[] = []
  for (const count of [1000, 4000, 16_000]) {
    const times: number[] = []
    while (times.length < 3) {
      await using bed = await Bed.make({ worker })
      await chordMs(bed.client, 100)
      times.push(await chordMs(bed.client, count))
    }
    const each = (median(times) / count) * 1000
    lines.push({
      what: `chord of ${count.toLocaleString('en')}, for each member`,
      value: each,
      unit: 'us',
    })
  }
  return lines
}

/** 100 of them run when it is asked; until all is confirmed. */
async function cancelLines(): Promise<Line[]> {
  const times: { flow: number; filter: number }[] = []
  while (times.length < 3) {
    await using bed = await Bed.make({ worker })
    const { client } = bed
    const members = Array.from({ length: many }, () => step(tasks.listener))
    const flow = await client.startWorkflow(group(members))
    const running = (count: number) =>
      eventually(async () => (await client.counts()).running === count, `${count} run`)
    await running(100)
    const start = performance.now()
    await flow.cancel({ grace: '30s' })
    const flowMs = performance.now() - start
    for (let n = 0; n < many; n += 1000)
      await client.enqueueMany(
        tasks.listener,
        Array.from({ length: 1000 }, () => ({ input: undefined })),
      )
    await running(100)
    const from = performance.now()
    await client.cancel({ filter: { task: 'listener' } }, { grace: '30s' })
    await running(0)
    times.push({ flow: flowMs, filter: performance.now() - from })
  }
  return [
    {
      what: 'cancel a workflow of 10,000, 100 running',
      value: median(times.map(({ flow }) => flow)),
      unit: 'ms',
    },
    {
      what: 'cancel as many single runs by filter',
      value: median(times.map(({ filter }) => filter)),
      unit: 'ms',
    },
  ]
}
