/** Figures of the executors: no-op attempts a second, the price of asking `aborted`, and how long a kill takes. */
import { createExecutor } from '../src/executor/create.ts'
import type { AttemptListener, AttemptOrder, Executor } from '../src/executor/executor.ts'
import { AttemptContext } from '../src/executor/context.ts'
import { type AbortEars, AbortListener } from '../src/executor/abort-signal.ts'
import { MessageChannel } from 'node:worker_threads'

const tasks = new URL('../test/executor/tasks.ts', import.meta.url).href

async function main(): Promise<void> {
  checkCost()
  for (const [isolation, count] of [
    ['inline', 300_000],
    ['thread', 100_000],
    ['process', 100_000],
  ] as const) {
    await using executor = createExecutor(isolation, { capacity: 2 })
    await executor.warmUp()
    await throughput(executor, 2000)
    const perSecond = await throughput(executor, count)
    console.log(`${isolation}: ${Math.round(perSecond)} no-op attempts/s, 2 at once`)
  }
  for (const isolation of ['thread', 'process'] as const) await kills(isolation)
}

function order(name: string): AttemptOrder {
  const run = {
    id: '0190f5fe-0000-7000-8000-000000000000',
    task: name,
    queue: 'default',
    key: null,
    tags: [],
    attempt: 1,
  }
  return { run, module: tasks, input: null, payloadLimit: 1_048_576 }
}

const deaf: AttemptListener = { onDelivered() {}, onProgress() {}, onLog() {} }

async function throughput(executor: Executor, count: number): Promise<number> {
  let started = 0
  const lane = async () => {
    while (started < count) {
      started++
      const end = await executor.start(order('nothing'), deaf).ended
      if (end.kind !== 'returned') throw new Error(JSON.stringify(end))
    }
  }
  const from = performance.now()
  await Promise.all([lane(), lane()])
  return (count / (performance.now() - from)) * 1000
}

async function kills(isolation: 'thread' | 'process'): Promise<void> {
  await using executor = createExecutor(isolation, { capacity: 1, spares: 1 })
  const times: number[] = []
  for (let n = 0; n < 100; n++) {
    await executor.warmUp()
    const begun = Promise.withResolvers<void>()
    const attempt = executor.start(order('cpu-loop'), { ...deaf, onLog: () => begun.resolve() })
    await begun.promise
    await executor.warmUp()
    const from = performance.now()
    const outcome = await attempt.kill()
    times.push(performance.now() - from)
    if (outcome !== 'dead') throw new Error(outcome)
  }
  times.sort((a, b) => a - b)
  console.log(
    `${isolation}: kill of a busy loop ${times[50]?.toFixed(1)} ms p50, ${times[98]?.toFixed(1)} ms p99`,
  )
}

function checkCost(): void {
  const { port1, port2 } = new MessageChannel()
  const ears: AbortEars = { flag: new Int32Array(new SharedArrayBuffer(4)), port: port1 }
  const aborts = new AbortListener(ears, () => {})
  const source = { isRaised: () => aborts.isRaised(1), reason: () => aborts.reason() }
  const sink = { delivered() {}, progress() {}, log() {} }
  const ctx = new AttemptContext(order('nothing').run, sink, source)
  const signal = ctx.abortSignal
  for (let round = 0; round < 3; round++) {
    const from = performance.now()
    let seen = 0
    for (let n = 0; n < 10_000_000; n++) if (signal.aborted) seen++
    const nanoseconds = (performance.now() - from) / 10
    if (round === 2) console.log(`abortSignal.aborted: ${nanoseconds.toFixed(1)} ns (${seen} seen)`)
  }
  const from = performance.now()
  for (let n = 0; n < 1_000_000; n++) ctx.progress(n)
  console.log(`ctx.progress(number): ${(performance.now() - from).toFixed(0)} ns`)
  ctx.close()
  port1.close()
  port2.close()
}

await main()
