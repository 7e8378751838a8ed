/** Pauses, resumes, signals, checkpoints, and a verb on many beside the raw UPDATE of as many rows. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { RunHandle } from '../src/index.ts'
import { workerChannel, type WorkerEvent } from '../src/index.ts'
import { Bed, until } from '../test/support/bed.ts'
import { type Line, median, quantile } from './measure.ts'
import * as tasks from './tasks.ts'

const rounds = 60
const many = 100_000

export async function reinsLines(): Promise<Line[]> {
  return [
    ...(await pauseLines('inline', tasks.walks)),
    ...(await pauseLines('process', tasks.isolatedWalks)),
    ...(await signalLines()),
    ...(await checkpointLines()),
    ...(await bulkLines()),
  ]
}

type Walking = typeof tasks.walks

/** From the request to the slot that is free, and from the next request to the handler that goes on. */
async function pauseLines(what: string, task: Walking): Promise<Line[]> {
  const modules = [new URL('./tasks.ts', import.meta.url)]
  await using bed = await Bed.make({ worker: { modules, concurrency: 1, spares: 1 } })
  const [paused, resumed]: [number[], number[]] = [[], []]
  let endedAt = 0
  const listener = (message: unknown): void => {
    if ((message as WorkerEvent).type === 'attempt-ended') endedAt = tasks.now()
  }
  subscribe(workerChannel, listener)
  const run: RunHandle<unknown> = await bed.client.enqueue(task)
  await until(run, ({ progress }) => progress !== undefined)
  // The pause lasts until the spare isolate is warm that replaces the one which was used.
  const settleMs = what === 'inline' ? 50 : 400
  for (let round = 0; round < rounds; round++) {
    await pause(settleMs)
    const askedAt = tasks.now()
    await run.pause()
    paused.push(endedAt - askedAt)
    await pause(settleMs)
    const resumedAt = tasks.now()
    await run.resume()
    const on = await until(run, ({ progress }) => Number(progress) > resumedAt)
    resumed.push(Number(on.progress) - resumedAt)
  }
  unsubscribe(workerChannel, listener)
  await run.cancel()
  return [
    ...both(`pause to slot given back, ${what}`, paused),
    ...both(`resume to running, ${what}`, resumed),
  ]
}

async function signalLines(): Promise<Line[]> {
  const modules = [new URL('./tasks.ts', import.meta.url)]
  await using bed = await Bed.make({ worker: { modules, concurrency: 1 } })
  const run = await bed.client.enqueue(tasks.echoes)
  await until(run, ({ state }) => state === 'running')
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    await (await run.signal('echo', round)).reply()
    times.push(performance.now() - start)
    await pause(5)
  }
  const start = performance.now()
  const sent = await Promise.all(Array.from({ length: 2000 }, (_, n) => run.signal('echo', n)))
  await Promise.all(sent.map((signal) => signal.reply()))
  const each = 2000 / ((performance.now() - start) / 1000)
  await run.cancel()
  return [
    ...both('signal to reply, inline', times),
    { what: 'signals sent and answered, 2,000 at once', value: each, unit: '/s' },
  ]
}

async function checkpointLines(): Promise<Line[]> {
  const modules = [new URL('./tasks.ts', import.meta.url)]
  await using bed = await Bed.make({ worker: { modules, concurrency: 1 } })
  const run = await bed.client.enqueue(tasks.saves)
  const { microseconds, seconds } = await run.result()
  const feed = await Array.fromAsync(run.events())
  const writes = feed.filter(({ type }) => type === 'checkpoint').length
  return [
    { what: 'await ctx.checkpoint, a million in a loop', value: microseconds, unit: 'us' },
    { what: `their writes, in ${seconds.toFixed(1)} s`, value: writes, unit: '' },
  ]
}

async function bulkLines(): Promise<Line[]> {
  await using bed = await Bed.make()
  const input = { n: 1, text: 'a' }
  for (let n = 0; n < many; n += 1000)
    await bed.client.enqueueMany(
      tasks.inline,
      Array.from({ length: 1000 }, () => ({ input, tags: ['victim'] })),
    )
  const start = performance.now()
  await bed.client.cancel({ filter: { tag: 'victim' } })
  const ms = performance.now() - start
  const raw = bed.url.startsWith('sqlite:') ? rawUpdateMs(bed.folder) : null
  const line = { what: 'cancel 100,000 queued by filter, on record', value: ms, unit: 'ms' }
  if (raw === null) return [line]
  return [
    line,
    { what: 'raw UPDATE of as many rows', value: raw, unit: 'ms' },
    { what: 'times the raw UPDATE', value: ms / raw, unit: 'x' },
  ]
}

/** The same rows in the same table, changed by one statement, with its indexes but without feed or record. */
function rawUpdateMs(folder: string): number {
  using db = new DatabaseSync(join(folder, 'test.db'))
  const start = performance.now()
  db.exec(
    "UPDATE checkrein_runs SET stop = '{}', finished_at = finished_at + 1, run_at = NULL WHERE state = 'cancelled'",
  )
  return performance.now() - start
}

function both(what: string, times: readonly number[]): Line[] {
  return [
    { what: `${what}, p50`, value: median(times), unit: 'ms' },
    { what: `${what}, p99`, value: quantile(times, 0.99), unit: 'ms' },
  ]
}
