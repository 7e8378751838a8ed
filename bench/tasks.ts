import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { type Context, task } from '../src/index.ts'

/** Takes a small input, as tasks do. */
function nothing(input: { n: number; text: string }): number {
  return input.n
}

export const inline = task({ name: 'inline', isolation: 'inline', run: nothing })
export const thread = task({ name: 'thread', isolation: 'thread', run: nothing })
export const isolated = task({ name: 'process', run: nothing })

/** Says when it started, on the clock that all processes of the machine share. */
export const stamp = task({ name: 'stamp', isolation: 'inline', run: () => now() })

/** Waits to be asked to stop, and says when it heard. */
export const listener = task({
  name: 'listener',
  isolation: 'inline',
  run: async (_: void, ctx) => {
    await new Promise((resolve) => ctx.abortSignal.addEventListener('abort', resolve))
    return now()
  },
})
export const isolatedListener = task({
  name: 'process-listener',
  run: async (_: void, ctx) => {
    ctx.progress(1)
    await new Promise((resolve) => ctx.abortSignal.addEventListener('abort', resolve))
    return now()
  },
})

export const spin = task({
  name: 'spin',
  run: async (_: void, ctx) => {
    ctx.progress(1)
    await pause(1)
    for (;;);
  },
})

/** Asks a million times whether it was aborted; ns for each. */
export const asks = task({
  name: 'asks',
  run: (_: void, ctx) => {
    const start = process.hrtime.bigint()
    for (let n = 0; n < 1_000_000; n++) if (ctx.abortSignal.aborted) break
    return Number(process.hrtime.bigint() - start) / 1_000_000
  },
})

/** Ms on the machine's monotonic clock. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Meets a checkpoint every 5 ms; each attempt says when it began. */
const walk = async (_: void, ctx: Context<number>): Promise<void> => {
  ctx.progress(now())
  for (let n = ctx.state ?? 0; ; n++) {
    await pause(5)
    await ctx.checkpoint(n)
  }
}
export const walks = task({ name: 'walks', isolation: 'inline', run: walk })
export const isolatedWalks = task({ name: 'process-walks', run: walk })

export const echoes = task({
  name: 'echoes',
  isolation: 'inline',
  signals: { echo: z.number() },
  run: async (_: void, ctx) => {
    ctx.on('echo', (payload) => payload)
    await new Promise((resolve) => ctx.abortSignal.addEventListener('abort', resolve))
  },
})

/** Keeps a million states; us for each. */
export const saves = task({
  name: 'saves',
  run: async (_: void, ctx) => {
    const start = performance.now()
    for (let done = 0; done < 1_000_000; done++) await ctx.checkpoint({ done })
    const ms = performance.now() - start
    return { microseconds: ms / 1000, seconds: ms / 1000 }
  },
})

export const adds = task({
  name: 'adds',
  isolation: 'inline',
  run: (all: readonly number[]) => all.reduce((sum, one) => sum + one, 0),
})
