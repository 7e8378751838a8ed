/** Enqueues and no-op runs in a second, each beside the raw database. */
import type { Client } from '../src/index.ts'
import { Bed } from '../test/support/bed.ts'
import { type Line, median, perSecond } from './measure.ts'
import { type RawQueue, RawSqlite } from './raw.ts'
import { RawPostgres } from './raw-postgres.ts'
import * as tasks from './tasks.ts'

const rounds = 3
const input = {
  n: 12_345,
  text: 'a payload of about a hundred bytes, as such a thing usually is, more or less so',
}
const json = JSON.stringify(input)

interface Way {
  readonly what: string
  readonly count: number
  readonly ours: (client: Client) => Promise<void>
  readonly raw: (queue: RawQueue) => Promise<void>
}

const enqueues: readonly Way[] = [
  {
    what: 'enqueue, one by one',
    count: 5000,
    ours: async (client) => {
      for (let n = 0; n < 5000; n++) await client.enqueue(tasks.inline, input)
    },
    raw: async (queue) => {
      for (let n = 0; n < 5000; n++) await queue.enqueue(1, json)
    },
  },
  {
    what: 'enqueue, 64 at once',
    count: 64 * 300,
    ours: async (client) => {
      for (let n = 0; n < 300; n++)
        await Promise.all(Array.from({ length: 64 }, () => client.enqueue(tasks.inline, input)))
    },
    raw: async (queue) => {
      for (let n = 0; n < 300; n++) await queue.enqueue(64, json)
    },
  },
  {
    what: 'enqueue, in bulk, 1,000 a call',
    count: 50_000,
    ours: async (client) => {
      const many = Array.from({ length: 1000 }, () => ({ input }))
      for (let n = 0; n < 50; n++) await client.enqueueMany(tasks.inline, many)
    },
    raw: async (queue) => {
      for (let n = 0; n < 50; n++) await queue.enqueue(1000, json)
    },
  },
]

export async function enqueueLines(): Promise<Line[]> {
  const lines: Line[] = []
  for (const { what, count, ours, raw } of enqueues) {
    const line = await besideRaw(what, async (bed, queue) => {
      const rawRate = await perSecond(count, () => raw(queue))
      return { ours: await perSecond(count, () => ours(bed.client)), raw: rawRate }
    })
    lines.push(line)
  }
  return lines
}

/** The median of several rounds, each with stores of its own. */
async function besideRaw(
  what: string,
  round: (bed: Bed, queue: RawQueue) => Promise<{ ours: number; raw: number }>,
): Promise<Line> {
  const figures: { ours: number; raw: number }[] = []
  while (figures.length < rounds) {
    await using bed = await Bed.make()
    await using queue = await rawBeside(bed)
    figures.push(await round(bed, queue))
  }
  return {
    what,
    value: median(figures.map(({ ours }) => ours)),
    unit: '/s',
    ofRaw: median(figures.map(({ ours, raw }) => ours / raw)),
  }
}

const rawBeside = async (bed: Bed): Promise<RawQueue> =>
  bed.url.startsWith('sqlite:') ? new RawSqlite(bed.folder) : RawPostgres.open(bed.url)

const runs = [
  { what: 'no-op runs, inline, 100 slots', task: tasks.inline, count: 50_000, concurrency: 100 },
  { what: 'no-op runs, inline, 1 slot', task: tasks.inline, count: 5000, concurrency: 1 },
  { what: 'no-op runs, thread, 2 isolates', task: tasks.thread, count: 20_000, concurrency: 2 },
  { what: 'no-op runs, process, 2 isolates', task: tasks.isolated, count: 20_000, concurrency: 2 },
] as const

export async function runLines(): Promise<Line[]> {
  const lines: Line[] = []
  for (const { what, task, count, concurrency } of runs) {
    const line = await besideRaw(what, async (bed, queue) => {
      await queue.enqueue(count, json)
      const raw = await perSecond(count, async () => {
        while ((await queue.work(concurrency)) > 0);
      })
      return { ours: await drain(bed, { task, count, concurrency }), raw }
    })
    lines.push(line)
  }
  return lines
}

/** Runs in a second, from the first claim to the last end, with warm isolates and everything queued beforehand. */
async function drain(
  bed: Bed,
  { task, count, concurrency }: Pick<(typeof runs)[number], 'task' | 'count' | 'concurrency'>,
): Promise<number> {
  const { client } = bed
  for (let n = 0; n < count; n += 1000) {
    await client.enqueueMany(
      task,
      Array.from({ length: Math.min(1000, count - n) }, () => ({ input })),
    )
  }
  await bed.startWorker({
    modules: [new URL('./tasks.ts', import.meta.url)],
    concurrency,
    spares: task.isolation === 'inline' ? 0 : concurrency,
  })
  for (let left = count; left > 0;) {
    await new Promise((resolve) => setTimeout(resolve, 250))
    const { queued, running } = await client.counts()
    left = queued + running
  }
  return (count / (await span(client))) * 1000
}

/** Ms from the first start to the last end of the runs that are stored. */
async function span(client: Client): Promise<number> {
  let from = Number.POSITIVE_INFINITY
  let to = 0
  for (
    let cursor: string | null = null, isFirst = true;
    isFirst || cursor !== null;
    isFirst = false
  ) {
    const page: Awaited<ReturnType<Client['list']>> = await client.list({}, { limit: 1000, cursor })
    for (const { startedAt, finishedAt } of page.runs) {
      from = Math.min(from, startedAt ?? from)
      to = Math.max(to, finishedAt ?? to)
    }
    cursor = page.cursor
  }
  return to - from
}
