import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { NonRetryableError, task } from '../../src/index.ts'

const quick = { backoff: { delay: 10, jitter: 0 } } as const

export const add = task({
  name: 'add',
  isolation: 'inline',
  input: z.object({ a: z.number(), b: z.number() }),
  run: ({ a, b }) => a + b,
})

export const addInProcess = task({
  name: 'add-in-process',
  run: ({ a, b }: { a: number; b: number }, ctx) => {
    ctx.log('adding', { a, b })
    ctx.progress(0.5)
    return { sum: a + b, pid: process.pid, attempt: ctx.run.attempt, tags: ctx.run.tags }
  },
})

export const addInThread = task({
  name: 'add-in-thread',
  isolation: 'thread',
  run: ({ a, b }: { a: number; b: number }) => a + b,
})

/** Input that the schema turns into something else: what is stored is what was passed. */
export const transforming = task({
  name: 'transforming',
  isolation: 'inline',
  input: z.string().transform((text) => text.length),
  run: (length) => ({ length }),
})

export const failsUntil = task({
  name: 'fails-until',
  isolation: 'inline',
  retry: { attempts: 3, ...quick },
  run: ({ succeedsAt }: { succeedsAt: number }, ctx) => {
    if (ctx.run.attempt < succeedsAt) throw new Error(`attempt ${ctx.run.attempt} fails`)
    return ctx.run.attempt
  },
})

export const hopeless = task({
  name: 'hopeless',
  isolation: 'inline',
  retry: { attempts: 5, ...quick },
  run: () => {
    throw new NonRetryableError('no use', { cause: new Error('the reason') })
  },
})

export const exits = task({
  name: 'exits',
  retry: { crashes: 2, ...quick },
  run: () => process.exit(7),
})

/** Waits for its abort, and returns what it was told. */
export const polite = task({
  name: 'polite',
  isolation: 'inline',
  run: async (_: void, ctx) => {
    const { abortSignal } = ctx
    ctx.progress('begun')
    if (!abortSignal.aborted)
      await new Promise((resolve) => abortSignal.addEventListener('abort', resolve))
    const { code, details } = abortSignal.reason as { code: string; details: object }
    return { code, details }
  },
})

export const politeInProcess = task({
  name: 'polite-in-process',
  run: async (_: void, ctx) => {
    ctx.progress('listening')
    await new Promise((resolve) => ctx.abortSignal.addEventListener('abort', resolve))
    return 'as far as it got'
  },
})

/** Throws the reason of its abort, as `fetch` and `AbortSignal`-aware code does. */
export const throwsOnAbort = task({
  name: 'throws-on-abort',
  retry: { attempts: 3, ...quick },
  run: async (_: void, ctx) => {
    ctx.progress('begun')
    await pause(600_000, undefined, { signal: ctx.abortSignal })
  },
})

export const timesOut = task({
  name: 'times-out',
  timeout: 50,
  retry: { attempts: 2, ...quick },
  run: async (_: void, ctx) => pause(600_000, undefined, { signal: ctx.abortSignal }),
})

export const finishesAfterTimeout = task({
  name: 'finishes-after-timeout',
  isolation: 'inline',
  timeout: 500,
  run: async (_: void, ctx) => {
    await new Promise((resolve) => ctx.abortSignal.addEventListener('abort', resolve))
    return (ctx.abortSignal.reason as { code: string }).code
  },
})

export const spinsPastHardTimeout = task({
  name: 'spins-past-hard-timeout',
  hardTimeout: 200,
  retry: { attempts: 2, ...quick },
  run: () => {
    for (;;);
  },
})

/** Spins until it is killed; its progress is its pid. */
export const spin = task({
  name: 'spin',
  run: async (_: void, ctx) => {
    ctx.progress(process.pid)
    await pause(1)
    for (;;);
  },
})

/** Appends a line when it starts, waits until a file is there, and appends another. */
export const waitsForFile = task({
  name: 'waits-for-file',
  run: async ({ ledger, file }: { ledger: string; file: string }, ctx) => {
    ctx.progress('begun')
    appendFileSync(ledger, `start ${ctx.run.id} ${ctx.run.attempt}\n`)
    while (!existsSync(file)) await pause(5)
    appendFileSync(ledger, `end ${ctx.run.id} ${ctx.run.attempt}\n`)
    return ctx.run.attempt
  },
})

/** Never ends, whatever it is told. */
export const deaf = task({
  name: 'deaf',
  isolation: 'inline',
  run: async ({ file }: { file: string }, ctx) => {
    ctx.progress('begun')
    while (!existsSync(file)) await pause(5)
  },
})

/** Hears of a stop by its abort signal, or, where it is told to, at its next checkpoint alone. */
export const heeds = task({
  name: 'heeds',
  isolation: 'inline',
  run: async ({ atCheckpoint = false }: { atCheckpoint?: boolean }, ctx) => {
    ctx.progress('begun')
    if (!atCheckpoint) await pause(600_000, undefined, { signal: ctx.abortSignal })
    for (;;) {
      await ctx.checkpoint(null)
      await pause(5)
    }
  },
})

export const returnsTooMuch = task({
  name: 'returns-too-much',
  isolation: 'inline',
  run: () => 'x'.repeat(2_000_000),
})
export const returnsBigInt = task({ name: 'returns-bigint', isolation: 'inline', run: () => 12n })

let callCount = 0
/** Says how many calls its thread has seen. */
export const alone = task({
  name: 'alone',
  isolation: 'thread',
  reuseIsolate: false,
  run: () => ++callCount,
})
