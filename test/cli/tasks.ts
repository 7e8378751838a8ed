/** Tasks for a worker that the CLI starts. */
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { task } from '../../src/index.ts'

export const add = task({
  name: 'add',
  isolation: 'inline',
  input: z.object({ a: z.number(), b: z.number() }),
  run({ a, b }, ctx) {
    ctx.log('adding', { a, b })
    return a + b
  },
})

/** Goes on until it is asked to stop. */
export const polite = task({
  name: 'polite',
  isolation: 'inline',
  async run(_: unknown, ctx) {
    ctx.progress(0.5)
    ctx.log('begun\u001b[31m')
    await pause(60_000, undefined, { signal: ctx.abortSignal })
  },
})

/** Never hears anything. */
export const stubborn = task({
  name: 'stubborn',
  run(_: unknown, ctx) {
    ctx.log('begun')
    for (;;);
  },
})

export const broken = task({
  name: 'broken',
  isolation: 'inline',
  retry: { attempts: 1 },
  run() {
    throw new Error('it broke')
  },
})
