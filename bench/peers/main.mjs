/**
 * Checkrein beside other task queues, in one run on one machine. They are not installed with it:
 *
 *     npm run build && npm ci --prefix bench/peers
 *     DATABASE_URL=postgres://… node bench/peers/main.mjs [names]
 *
 * Three rounds take about five minutes; `ROUNDS=1` takes a third of it. BullMQ wants a Redis (`REDIS_URL`), and empties its queue `peer-bench` there. Graphile Worker deletes what has finished,
 * the others keep it; of them all Checkrein alone keeps what happened, entry by entry.
 */
import { fork } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { peers } from './peers.mjs'

const url = process.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
const wanted = process.argv.slice(2)
const rounds = Number(process.env.ROUNDS ?? 3)

async function perSecond(count, work) {
  const start = performance.now()
  await work()
  return (count / (performance.now() - start)) * 1000
}

async function enqueues(peer) {
  const oneByOne = await perSecond(1000, async () => {
    for (let n = 0; n < 1000; n++) await peer.add()
  })
  const atOnce = await perSecond(64 * 100, async () => {
    for (let n = 0; n < 100; n++) await Promise.all(Array.from({ length: 64 }, () => peer.add()))
  })
  const bulk = await perSecond(20_000, async () => {
    for (let n = 0; n < 20; n++) await peer.addMany(1000)
  })
  return { 'enqueue, one by one, /s': oneByOne, '64 at once, /s': atOnce, 'in bulk, /s': bulk }
}

/** From the first start to the last, of what was enqueued before. */
async function runs(peer, { count, concurrency }) {
  for (let n = 0; n < count; n += 1000) await peer.addMany(1000)
  let [first, started] = [0, 0]
  const done = Promise.withResolvers()
  const stop = await peer.work(concurrency, () => {
    if (started++ === 0) first = performance.now()
    if (started === count) done.resolve(performance.now())
  })
  const rate = (count / ((await done.promise) - first)) * 1000
  await stop()
  return rate
}

/** From the enqueue in one process to the start in another, 50 times a second, for ten seconds at most; ms. */
async function latency(name, peer) {
  const worker = fork(fileURLToPath(new URL('./worker.mjs', import.meta.url)), [name, url])
  const heard = () => new Promise((resolve) => void worker.once('message', resolve))
  await heard()
  await pause(1000)
  const waits = []
  const until = performance.now() + 10_000
  while (waits.length < 300 && performance.now() < until) {
    await pause(20)
    const start = Number(process.hrtime.bigint()) / 1e6
    const [at] = await Promise.all([heard(), peer.add()])
    waits.push(at - start)
  }
  worker.kill('SIGKILL')
  waits.sort((a, b) => a - b)
  const quantile = (at) => waits[Math.floor(waits.length * at)]
  return { 'enqueue to start, p50, ms': quantile(0.5), 'p99, ms': quantile(0.99) }
}

async function measure(name) {
  const peer = peers[name]
  const fresh = async (work) => {
    await peer.reset(url)
    const opened = await peer.open(url)
    try {
      return await work(opened)
    } finally {
      await opened.close()
    }
  }
  return {
    ...(await fresh(enqueues)),
    'no-op runs, 100 at once, /s': await fresh((opened) =>
      runs(opened, { count: 20_000, concurrency: 100 }),
    ),
    'one at a time, /s': await fresh((opened) => runs(opened, { count: 2000, concurrency: 1 })),
    ...(await fresh((opened) => latency(name, opened))),
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const names = Object.keys(peers).filter((name) => wanted.length === 0 || wanted.includes(name))
const figures = new Map(names.map((name) => [name, []]))
for (let round = 0; round < rounds; round++)
  for (const name of names) figures.get(name).push(await measure(name))
const table = names.map((name) => {
  const all = figures.get(name)
  const lines = Object.keys(all[0]).map((what) => {
    const value = median(all.map((one) => one[what]))
    return [what, value < 100 ? Number(value.toFixed(2)) : Math.round(value)]
  })
  return [name, Object.fromEntries(lines)]
})
console.table(Object.fromEntries(table))
process.exit(0)
