/** Figures of the executors: no-op attempts a second, the price of asking `aborted`, and how long a kill takes. */
import { createExecutor } from '../src/executor/create.ts'
import type {
  AttemptListener,
  AttemptOrder,
  Executor,
  RunningAttempt,
} from '../src/executor/executor.ts'
import { AttemptContext } from '../src/executor/isolate/context.ts'
import { type AbortEars, AbortListener, makeFlag } from '../src/executor/wire/abort-flag.ts'
import { MessageChannel } from 'node:worker_threads'
import type { Isolation } from '../src/core/task/task-limits.ts'

const tasks = new URL('../test/executor/tasks.ts', import.meta.url).href

async function main(): Promise<void> {
  await checkCost()
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
  for (const isolation of ['inline', 'thread', 'process'] as const) await pauses(isolation)
  await freezes()
}

function order(name: string): AttemptOrder {
  const run = {
    id: '0190f5fe-0000-7000-8000-000000000000',
    task: name,
    queue: 'default',
    key: null,
    tags: [],
    attempt: 1,
    workflow: null,
    parent: null,
  }
  const limits = { payloadLimit: 1_048_576, checkpointLimit: 1_048_576 }
  return {
    run,
    module: tasks,
    input: null,
    isMapped: false,
    ...limits,
    state: null,
    waits: [],
    begunWait: null,
    signalled: null,
    rollback: null,
  }
}

const deaf: AttemptListener = {
  onDelivered() {},
  onBegun() {},
  onProgress() {},
  onCheckpoint() {},
  onTaken() {},
  onQuestion() {},
  onExtend() {},
  onLog() {},
}

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
    const attempt = await begin(executor, 'cpu-loop')
    await executor.warmUp()
    const from = performance.now()
    const outcome = await attempt.kill()
    times.push(performance.now() - from)
    if (outcome !== 'dead') throw new Error(outcome)
  }
  console.log(`${isolation}: kill of a busy loop ${percentiles(times)}`)
}

/** From the request to the observed exit, of a handler that meets checkpoints all the time. */
async function pauses(isolation: Isolation): Promise<void> {
  await using executor = createExecutor(isolation, { capacity: 1, spares: 1 })
  const times: number[] = []
  for (let n = 0; n < 100; n++) {
    await executor.warmUp()
    const attempt = await begin(executor, 'walks', { awaitsTurns: true })
    await executor.warmUp()
    const from = performance.now()
    attempt.pause(true)
    const end = await attempt.ended
    times.push(performance.now() - from)
    if (end.kind !== 'parked') throw new Error(end.kind)
  }
  console.log(`${isolation}: pause, parked and gone ${percentiles(times)}`)
}

/** From the request until every process was seen to stand still; most of it is the start of the guard. */
async function freezes(): Promise<void> {
  await using executor = createExecutor('process', { capacity: 1, spares: 0 })
  const attempt = await begin(executor, 'cpu-loop')
  const times: number[] = []
  for (let n = 0; n < 50; n++) {
    const from = performance.now()
    if (!(await attempt.freeze())) throw new Error('it is not frozen')
    times.push(performance.now() - from)
    attempt.thaw()
  }
  console.log(`process: freeze ${percentiles(times)}`)
}

async function begin(executor: Executor, task: string, input?: unknown): Promise<RunningAttempt> {
  const begun = Promise.withResolvers<void>()
  const text = input === undefined ? null : JSON.stringify(input)
  const listener = { ...deaf, onLog: () => begun.resolve() }
  const attempt = executor.start({ ...order(task), input: text }, listener)
  await begun.promise
  return attempt
}

function percentiles(times: number[]): string {
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)]?.toFixed(1)
  return `${at(0.5)} ms p50, ${at(0.98)} ms p98`
}

async function checkCost(): Promise<void> {
  const { port1, port2 } = new MessageChannel()
  const ears: AbortEars = { flag: makeFlag(), port: port1 }
  const aborts = new AbortListener(ears, { onAbort() {}, onPause() {} })
  const source = {
    isAborted: () => aborts.isAborted(1),
    isPauseAsked: () => aborts.isPauseAsked(1),
    reason: () => aborts.reason(),
  }
  let told = 0
  const checkpoint = () => void told++
  const none = {
    onDelivered() {},
    onBegun() {},
    onProgress() {},
    onLog() {},
    onTaken() {},
    onQuestion() {},
    onExtend() {},
  }
  const listener = { ...none, onCheckpoint: checkpoint }
  const ctx = new AttemptContext(order('nothing'), listener, source)
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
  for (const [what, state] of [
    ['number', (n: number) => n],
    ['small object', (n: number) => ({ done: n, at: 'here' })],
  ] as const) {
    for (let n = 0; n < 200_000; n++) await ctx.checkpoint(state(n))
    told = 0
    const from = performance.now()
    for (let n = 0; n < 1_000_000; n++) await ctx.checkpoint(state(n))
    const ms = performance.now() - from
    console.log(
      `await ctx.checkpoint(${what}): ${ms.toFixed(0)} ns, ${told} told in ${(ms / 1000).toFixed(1)} s`,
    )
  }
  ctx.close('returned')
  port1.close()
  port2.close()
}

await main()
