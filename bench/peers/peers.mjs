/**
 * Task queues, each run as fast as its documentation says how, behind one small surface.
 *
 * A peer is opened on a store of its own; `add` and `addMany` enqueue no-op work, `work` starts a worker that calls back
 * for each run when its handler starts.
 */
import { connect, migrate, startWorker } from '../../dist/index.js'
import { noop } from './task.mjs'

const schema = 'peer_bench'
const payload = {
  n: 12_345,
  text: 'a payload of about a hundred bytes, as such a thing usually is, more or less so',
}
const quiet = () => undefined
const repeated = (count, one) => Array.from({ length: count }, () => one)

async function pgPool(url) {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString: url, max: 20 })
  pool.on('error', quiet)
  return pool
}

async function drop(url, name) {
  const pool = await pgPool(url)
  await pool.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`)
  await pool.end()
}

const checkrein = {
  reset: async (url) => {
    await drop(url, schema)
    await migrate(url, { schema })
  },
  async open(url) {
    const client = await connect(url, { schema })
    return {
      add: () => client.enqueue(noop, payload),
      addMany: (count) => client.enqueueMany(noop, repeated(count, { input: payload })),
      async work(concurrency, onStart) {
        globalThis.onNoopStart = onStart
        const worker = await startWorker(client, {
          modules: [new URL('./task.mjs', import.meta.url)],
          concurrency,
        })
        return () => worker.stop({ finish: '10s' })
      },
      close: () => client[Symbol.asyncDispose](),
    }
  },
}

/** @param settings `worker` of its preset. */
const graphile = (settings) => ({
  reset: (url) => drop(url, 'graphile_worker'),
  async open(url) {
    const { Logger, makeWorkerUtils, run } = await import('graphile-worker')
    const pool = await pgPool(url)
    const logger = new Logger(() => quiet)
    const utils = await makeWorkerUtils({ pgPool: pool, logger })
    await utils.migrate()
    return {
      add: () => utils.addJob('noop', payload),
      addMany: (count) => utils.addJobs(repeated(count, { identifier: 'noop', payload })),
      async work(concurrency, onStart) {
        const runner = await run({
          pgPool: pool,
          logger,
          concurrency,
          noHandleSignals: true,
          taskList: { noop: () => onStart() },
          preset: { worker: { ...settings, concurrentJobs: concurrency } },
        })
        return () => runner.stop()
      },
      async close() {
        await utils.release()
        await pool.end()
      },
    }
  },
})

const pgBoss = {
  reset: (url) => drop(url, 'pgboss'),
  async open(url) {
    const { PgBoss } = await import('pg-boss')
    const boss = new PgBoss({ connectionString: url, max: 20, useListenNotify: true })
    boss.on('error', quiet)
    await boss.start()
    await boss.createQueue('noop', { notify: true })
    return {
      add: () => boss.send('noop', payload),
      addMany: (count) => boss.insert('noop', repeated(count, { data: payload })),
      async work(concurrency, onStart) {
        const options = {
          batchSize: 500,
          pollingIntervalSeconds: 0.5,
          notifyPollingIntervalSeconds: 0.5,
          burstWhenBatchFull: true,
        }
        const workers = Math.min(concurrency, 4)
        for (let n = 0; n < workers; n++)
          await boss.work('noop', options, async (jobs) => {
            for (const _ of jobs) onStart()
          })
        return () => boss.offWork('noop')
      },
      close: () => boss.stop({ graceful: false }),
    }
  },
}

const redisUrl = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'

const bullmq = {
  async reset() {
    const { Queue } = await import('bullmq')
    const queue = new Queue('peer-bench', { connection: { url: redisUrl } })
    await queue.obliterate({ force: true })
    await queue.close()
  },
  async open() {
    const { Queue, Worker } = await import('bullmq')
    const connection = { url: redisUrl, maxRetriesPerRequest: null }
    const queue = new Queue('peer-bench', { connection })
    return {
      add: () => queue.add('noop', payload),
      addMany: (count) => queue.addBulk(repeated(count, { name: 'noop', data: payload })),
      async work(concurrency, onStart) {
        const worker = new Worker('peer-bench', async () => onStart(), { connection, concurrency })
        await worker.waitUntilReady()
        return () => worker.close()
      },
      close: () => queue.close(),
    }
  },
}

const tuned = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }

export const peers = {
  Checkrein: checkrein,
  'Graphile Worker': graphile({}),
  'Graphile Worker, tuned': graphile(tuned),
  'pg-boss, in batches': pgBoss,
  'BullMQ on Redis': bullmq,
}
