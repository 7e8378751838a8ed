/** Claims, verbs and prunes on PostgreSQL with a million queued and a long history, against a store that is nearly empty. */
import { Client } from 'pg'
import type { Client as CheckreinClient } from '../src/index.ts'
import { Bed } from '../test/support/bed.ts'
import { claimingWorker, type Line, median } from './measure.ts'
import * as tasks from './tasks.ts'

const queuedCount = 1_000_000
const finishedCount = Number(process.env['HISTORY'] ?? 10_000_000)
const chunk = 500_000

export async function historyLines(): Promise<Line[]> {
  await using bed = await Bed.make({ on: 'postgres' })
  const { client } = bed
  await client.store.registerWorker(claimingWorker)
  await queue(client, 10_000)
  await claims(client)
  const shallow = await claims(client)
  await fill(bed.url)
  const deep = await claims(client)
  const { runs } = await client.list({ state: 'queued' }, { limit: 50 })
  const one: number[] = []
  for (const { id } of runs) one.push(await ms(() => client.revoke(id)))
  const prunes: number[] = []
  const retention = { completed: 0, failed: null, cancelled: null, audit: null }
  for (let n = 0; n < 40; n++) prunes.push(await ms(() => client.store.prune(retention, 500)))
  const during = await claims(client)
  return [
    {
      what: `claim 100, ${words(queuedCount)} queued and ${words(finishedCount)} finished, against few`,
      value: deep / shallow,
      unit: 'x',
    },
    { what: 'the same after prunes', value: during / shallow, unit: 'x' },
    { what: 'claim 100, in such a store', value: 100 / deep, unit: 'ms' },
    { what: 'revoke one', value: median(one), unit: 'ms' },
    { what: 'prune 500, p50', value: median(prunes), unit: 'ms' },
    { what: 'counts of all', value: await ms(() => client.counts()), unit: 'ms' },
    {
      what: 'the newest 50 that failed',
      value: await ms(() => client.list({ state: 'failed' })),
      unit: 'ms',
    },
  ]
}

const words = (count: number): string => `${count / 1e6} M`

async function queue(client: CheckreinClient, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1000) {
    const runs = Array.from({ length: 1000 }, () => ({ input: { n: 1, text: 'a' } }))
    await client.enqueueMany(tasks.inline, runs)
  }
}

/** Runs claimed in a ms. */
async function claims(client: CheckreinClient): Promise<number> {
  const request = { workerId: 'bench', queues: ['default'], tasks: ['inline'], limit: 100 }
  const start = performance.now()
  for (let n = 0; n < 40; n++) await client.store.claim(request)
  return 4000 / (performance.now() - start)
}

/** Made by the server itself: finished runs with two entries each, and queued ones behind them. */
async function fill(url: string): Promise<void> {
  const pg = new Client(url)
  await pg.connect()
  await pg.query(`SET search_path TO "${new URL(url).searchParams.get('schema')}"`)
  const insert = (from: number, to: number, state: string): Promise<unknown> =>
    pg.query(`
      WITH made AS (
        INSERT INTO runs (id, task, queue, priority, state, attempt, failures, crashes, key_held, created_at, finished_at, result, input)
        SELECT '${state}-' || lpad(n::text, 12, '0'), 'inline', 'default', 0, '${state}', ${state === 'queued' ? 0 : 1}, 0, 0, 0, n,
          ${state === 'queued' ? 'NULL' : 'n'}, 'null', '{"n":1,"text":"a payload"}' FROM generate_series(${from}, ${to}) AS n RETURNING seq)
      INSERT INTO feed (run_seq, at, type, attempt, state)
      SELECT seq, 1, type, 1, state FROM made, (VALUES ('claim', 'running'), ('complete', 'completed')) AS entry(type, state)
      WHERE '${state}' <> 'queued'`)
  for (let n = 0; n < finishedCount; n += chunk) await insert(n + 1, n + chunk, 'completed')
  await insert(1, queuedCount, 'queued')
  await pg.query('VACUUM ANALYZE')
  await pg.query('CHECKPOINT')
  await pg.end()
}

async function ms(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
