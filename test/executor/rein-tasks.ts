/** Handlers that are paused, sent signals, wait and are rolled back, for the executor suites. */
import { setImmediate as turn } from 'node:timers/promises'
import { z } from 'zod'
import type { Context } from '../../src/core/task/context.ts'
import { CheckreinError } from '../../src/core/errors.ts'
import { task } from '../../src/core/task/task.ts'

const begun = (ctx: Context) => ctx.log('begun', { pid: process.pid })
const codeOf = (error: unknown) => (error as { code?: unknown }).code
const ended = async ({ abortSignal }: Context) => {
  if (!abortSignal.aborted)
    await new Promise((resolve) => abortSignal.addEventListener('abort', resolve))
}

/** So seldom that what is told is only the first checkpoint, and what is told at once. */
const seldom = { checkpointEvery: '1h' } as const

export const manyCheckpoints = task({
  name: 'many-checkpoints',
  ...seldom,
  run: async (_: void, ctx) => {
    for (let n = 1; n <= 100_000; n++) await ctx.checkpoint(n)
    return ctx.state as number
  },
})
export const twoCheckpoints = task({
  name: 'two-checkpoints',
  checkpointEvery: '20ms',
  run: async (_: void, ctx) => {
    await ctx.checkpoint('first')
    await ctx.checkpoint('second')
    await ended(ctx)
  },
})
export const mutates = task({
  name: 'mutates',
  ...seldom,
  run: async (_: void, ctx) => {
    const state = { n: 1 }
    await ctx.checkpoint(state)
    state.n = 2
    const call = ctx.checkpoint(state)
    state.n = 3
    await call
    return ctx.state as unknown
  },
})
export const badCheckpoints = task({
  name: 'bad-checkpoints',
  ...seldom,
  run: async (_: void, ctx) => {
    await ctx.checkpoint('good')
    void ctx.checkpoint(1n)
    const large = await ctx.checkpoint('x'.repeat(2000)).catch(codeOf)
    const cycle = await ctx.checkpoint(1n).catch(codeOf)
    await turn()
    return { large, cycle, state: ctx.state as unknown }
  },
})
export const keepsText = task({
  name: 'keeps-text',
  ...seldom,
  run: async (length: number, ctx) => {
    const text = '"'.repeat(length)
    await ctx.checkpoint('first')
    await ctx.checkpoint(text)
    return text
  },
})
export const saves = task({
  name: 'saves',
  ...seldom,
  run: async (_: void, ctx) => {
    await ctx.checkpoint(1)
    return (await ctx.checkpoint(2, { save: true }).catch(codeOf)) ?? 'stored'
  },
})
export const savesForEver = task({
  name: 'saves-for-ever',
  ...seldom,
  run: async (_: void, ctx) => {
    begun(ctx)
    return await ctx.checkpoint(2, { save: true }).catch(codeOf)
  },
})
/** Would never end if a checkpoint did not let the event loop turn. */
export const waitsInLoop = task({
  name: 'waits-in-loop',
  ...seldom,
  run: async (_: void, ctx) => {
    let isOver = false
    setTimeout(() => (isOver = true), 1)
    while (!isOver) await ctx.checkpoint(0)
  },
})
export const tellsState = task({
  name: 'tells-state',
  run: async (_: void, ctx) => {
    const before = ctx.state as unknown
    await ctx.checkpoint({ n: 2 })
    return { before, after: ctx.state as unknown }
  },
})
export const checksState = task({
  name: 'checks-state',
  state: z.object({ done: z.number() }).transform(({ done }) => ({ done, isChecked: true })),
  run: (_: void, ctx) => {
    begun(ctx)
    return ctx.state
  },
})

/** Meets checkpoints for ever, and says at which one it was stopped. */
export const walks = task({
  name: 'walks',
  ...seldom,
  run: async (how: { awaitsTurns?: boolean; ending?: string }, ctx) => {
    begun(ctx)
    const other = new Error('something else')
    for (let n = 0; ; n++) {
      try {
        await ctx.checkpoint({ n })
        if (how.awaitsTurns === true) await turn()
      } catch (reason) {
        ctx.log('stopped', { n, code: codeOf(reason), isReason: reason === ctx.abortSignal.reason })
        if (how.ending === 'swallow') return 'swallowed'
        if (how.ending === 'other') throw other
        if (how.ending === 'wrap') throw new Error('wrapped', { cause: reason })
        if (how.ending === 'abort') throw new DOMException('aborted', 'AbortError')
        throw reason
      }
    }
  },
})
/** Its checkpoints are met by nobody who would catch what they throw. */
export const walksInBackground = task({
  name: 'walks-in-background',
  ...seldom,
  run: async (_: void, ctx) => {
    const walk = async () => {
      for (let n = 0; ; n++) {
        await ctx.checkpoint({ n })
        await turn()
      }
    }
    void walk()
    begun(ctx)
    await new Promise(() => setInterval(() => {}, 1000).unref())
  },
})
export const shields = task({
  name: 'shields',
  ...seldom,
  signals: { go: z.any() },
  run: async (_: void, ctx) => {
    const inside = await ctx.shield(async () => {
      begun(ctx)
      await ctx.checkpoint('inside')
      await ctx.receive('go')
      await ctx.checkpoint('still inside')
      return ctx.abortSignal.aborted
    })
    await ended(ctx)
    return { inside, code: codeOf(ctx.abortSignal.reason) }
  },
})
export const generator = task({
  name: 'generator',
  ...seldom,
  async *run(count: number, ctx) {
    begun(ctx)
    try {
      for (let n = 1; n <= count; n++) {
        yield { n }
        await turn()
      }
      return 'through'
    } finally {
      ctx.log('finally', { state: (ctx.state as { n: number }).n })
    }
  },
})

const pings = { ping: z.object({ n: z.number() }), go: z.any() }

/** Answers as it is told to, and goes on for ever. */
export const listens = task({
  name: 'listens',
  ...seldom,
  signals: pings,
  run: async (how: { checkpoints?: boolean; slow?: boolean }, ctx) => {
    ctx.on('ping', async ({ n }, signal) => {
      ctx.log('ping', { n })
      if (how.slow === true) await turn()
      if (n === 1) return 'one'
      if (n === 2) throw new CheckreinError('USAGE', { message: 'no twos' })
      if (n === 3) return signal.reply('early')
      if (n === 4) return signal.reject(new Error('no fours'))
      if (n === 5) return 1n
    })
    ctx.on('go', async () => {
      ctx.log('go')
      if (how.checkpoints === true) await ctx.checkpoint('gone')
    })
    if (how.checkpoints === true) await ctx.checkpoint('begun')
    begun(ctx)
    await ended(ctx)
  },
})
/** Takes signals by `receive`, and says what a late answer comes to. */
export const receives = task({
  name: 'receives',
  ...seldom,
  signals: pings,
  run: async (_: void, ctx) => {
    await ctx.checkpoint(0)
    const first = await ctx.receive('ping')
    const second = await ctx.receive('ping')
    second?.reply('two')
    await ctx.checkpoint(2)
    const late = (() => {
      try {
        first?.reply('late')
        return null
      } catch (error) {
        return codeOf(error)
      }
    })()
    const none = await ctx.receive('ping', { timeout: 1 })
    ctx.log('timed out')
    const third = await ctx.receive('ping')
    return {
      payloads: [first, second, third].map((one) => one?.payload),
      none,
      late,
      by: first?.by,
    }
  },
})
export const receivesAndThrows = task({
  name: 'receives-and-throws',
  ...seldom,
  signals: pings,
  run: async (_: void, ctx) => {
    await ctx.checkpoint(0)
    await ctx.receive('ping')
    const answered = await ctx.receive('ping')
    answered?.reply('well')
    throw new Error('no more')
  },
})
export const iterates = task({
  name: 'iterates',
  ...seldom,
  signals: pings,
  run: async (count: number, ctx) => {
    const seen: number[] = []
    for await (const { payload } of ctx.signals('ping')) {
      seen.push(payload.n)
      if (seen.length === count) break
    }
    return seen
  },
})
export const asksForUnknown = task({
  name: 'asks-for-unknown',
  run: async (_: void, ctx: Context) => {
    const tries = [
      () => ctx.on('what', () => {}),
      () => ctx.signals('what'),
      () => ctx.receive('what'),
    ]
    return await Promise.all(tries.map(async (one) => await (async () => one())().catch(codeOf)))
  },
})

interface HowLong {
  readonly ms?: number
  readonly timeout?: number
}

/** Sleeps, receives and sleeps again, since a checkpoint. */
const sleepsAndReceives = async ({ ms = 0, timeout }: HowLong, ctx: Context) => {
  await ctx.checkpoint('before')
  await ctx.sleep(ms)
  ctx.log('slept')
  await ctx.receive('ping', timeout === undefined ? {} : { timeout })
  ctx.log('received')
  await ctx.sleep('2h')
}
export const waits = task({
  name: 'waits',
  ...seldom,
  signals: pings,
  parkAfter: 0,
  run: sleepsAndReceives,
})
export const waitsInPlace = task({
  name: 'waits-in-place',
  ...seldom,
  signals: pings,
  parkAfter: '1h',
  run: sleepsAndReceives,
})
/** As an attempt that begins at a checkpoint: meets none before its waits. */
export const replays = task({
  name: 'replays',
  signals: pings,
  parkAfter: 0,
  run: async (how: { ms: number }, ctx) => {
    await ctx.sleep(how.ms)
    const signal = await ctx.receive('ping')
    ctx.log('received', { n: signal?.payload.n })
    signal?.reply('thanks')
    await ctx.sleep('1h')
    return signal?.payload.n
  },
})
export const waitsLong = task({
  name: 'waits-long',
  ...seldom,
  signals: pings,
  parkAfter: '1h',
  run: async (what: 'sleep' | 'receive', ctx) => {
    await ctx.checkpoint('before')
    begun(ctx)
    if (what === 'sleep') await ctx.sleep('30m')
    else await ctx.receive('ping', { timeout: '30m' })
  },
})
export const waitsShielded = task({
  name: 'waits-shielded',
  ...seldom,
  signals: pings,
  parkAfter: 0,
  run: async (_: void, ctx) =>
    await ctx.shield(async () => {
      begun(ctx)
      return (await ctx.receive('ping'))?.payload.n
    }),
})

/** Sleeps long with a listener, and says what that has heard by the end of the sleep. */
export const sleepsAndListens = task({
  name: 'sleeps-and-listens',
  ...seldom,
  signals: pings,
  parkAfter: 0,
  run: async (_: void, ctx) => {
    const heard: number[] = []
    ctx.on('ping', async ({ n }) => {
      await turn()
      heard.push(n)
      ctx.log('heard', { n })
      return n
    })
    await ctx.sleep('1h')
    return heard
  },
})
/** Leaves a loop over signals, and waits for another one of the name. */
export const breaksAndReceives = task({
  name: 'breaks-and-receives',
  ...seldom,
  signals: pings,
  parkAfter: 0,
  run: async (_: void, ctx) => {
    await ctx.checkpoint('before')
    for await (const { payload } of ctx.signals('ping')) {
      ctx.log('first', payload)
      break
    }
    const second = await ctx.receive('ping', { timeout: '1h' })
    return second?.payload ?? null
  },
})
/** Is through with a signal by its own account, and then does not come to a checkpoint with a state. */
export const repliesInVain = task({
  name: 'replies-in-vain',
  ...seldom,
  signals: pings,
  run: async (how: 'throw' | 'park', ctx) => {
    if (ctx.state === undefined) await ctx.checkpoint('before')
    const { promise, resolve } = Promise.withResolvers<void>()
    using _listener = ctx.on('go', () => resolve())
    const signal = await ctx.receive('ping')
    signal?.reply('well')
    begun(ctx)
    if (how === 'throw') {
      await promise
      await turn()
      throw new Error('no more')
    }
    for (;;) {
      await ctx.checkpoint(undefined)
      await turn()
    }
  },
})
/** Meets nothing but checkpoints without a state, or waits in its slot. */
export const livesOn = task({
  name: 'lives-on',
  heartbeatTimeout: '2s',
  parkAfter: '1h',
  signals: pings,
  run: async (how: 'checkpoint' | 'sleep' | 'receive' | 'iterate', ctx) => {
    begun(ctx)
    if (how === 'sleep') await ctx.sleep('1m')
    if (how === 'receive') await ctx.receive('ping')
    if (how === 'iterate') for await (const _ of ctx.signals('ping')) break
    for (;;) {
      await ctx.checkpoint(undefined)
      await turn()
    }
  },
})

export const undoes = task({
  name: 'undoes',
  input: z.object({ n: z.number() }),
  run: () => 'run',
  async *rollback({ n }, ctx) {
    const { stop, error } = ctx
    yield { undone: n }
    return { n, stop, error, state: ctx.state as unknown }
  },
})
export const extendsTime = task({
  name: 'extends-time',
  timeout: '10m',
  maxTimeout: '1h',
  run: (_: void, ctx) => ctx.extend('2s'),
})
export const cannotExtend = task({
  name: 'cannot-extend',
  run: (_: void, ctx) => ctx.extend('2s'),
})

/** Never run here: what it is asked for is looked at. */
const child = task({ name: 'child', input: z.number(), queue: 'kids', run: (n: number) => n })

export const enqueues = task({
  name: 'enqueues',
  ...seldom,
  run: async (how: { wait?: boolean; timeout?: number }, ctx) => {
    await ctx.checkpoint('first')
    await ctx.checkpoint('second')
    const options = { tags: ['t'], runAt: new Date(5) }
    const [one, two] = await Promise.all([ctx.enqueue(child, 1), ctx.enqueue(child, 1, options)])
    await ctx.checkpoint('third')
    const three = await ctx.enqueue(child, 1)
    if (how.wait !== true) return [one.id, two.id, three.id]
    const kids = [one, three]
    return how.timeout === undefined
      ? ctx.waitFor(kids)
      : ctx.waitFor(kids, { timeout: how.timeout })
  },
})
export const enqueuesBadly = task({
  name: 'enqueues-badly',
  run: async (_: void, ctx) => {
    const codes = await Promise.all([
      ctx.enqueue(child, 'x' as never).catch(codeOf),
      ctx.enqueue({} as typeof child, 1).catch(codeOf),
      ctx.enqueue(child, 1).catch(codeOf),
      ctx.waitFor('x' as never).catch(codeOf),
      ctx.waitFor([{}] as never).catch(codeOf),
    ])
    void ctx.enqueue(child, 2)
    return codes
  },
})
/** Keeps its slot, for it does two things at once. */
export const waitsForTwo = task({
  name: 'waits-for-two',
  signals: pings,
  run: async (_: void, ctx) => {
    const one = await ctx.enqueue(child, 1)
    const ends = ctx.waitFor([one])
    await ctx.receive('ping')
    return await ends
  },
})
export const undoesWithChild = task({
  name: 'undoes-with-child',
  run: () => null,
  rollback: async (_: void, ctx) => {
    ctx.log('refused', { code: await ctx.enqueue(child, 1).catch(codeOf) })
  },
})
