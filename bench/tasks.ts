import { setTimeout as pause } from 'node:timers/promises'
import { task } from '../src/index.ts'

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
