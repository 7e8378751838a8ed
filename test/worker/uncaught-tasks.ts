/** Inline tasks with errors that nobody catches. The module itself has one, as it is loaded. */
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { task } from '../../src/index.ts'

// The test itself imports the module without a query.
if (import.meta.url.includes('?')) void Promise.reject(new Error('the module has slipped'))

const quick = { attempts: 2, backoff: { delay: 1, jitter: 0 } } as const

/** Slips in a timer, a promise or a later turn, and would go on for ever. */
export const slips = task({
  name: 'slips',
  isolation: 'inline',
  retry: quick,
  run: async (how: 'timer' | 'rejection' | 'await' | 'nothing', ctx) => {
    const error = new Error(`slipped in ${how}`)
    if (how === 'rejection') void Promise.reject(error)
    if (how === 'await') void pause(1).then(() => Promise.reject(error))
    if (how === 'timer')
      setTimeout(() => {
        throw error
      }, 1)
    await pause(600_000, undefined, { signal: ctx.abortSignal, ref: false })
  },
})

/** Has a listener that throws when it is told to end, and ends politely. */
export const throwsWhenStopped = task({
  name: 'throws-when-stopped',
  isolation: 'inline',
  run: async (_: void, ctx) => {
    ctx.abortSignal.addEventListener('abort', () => {
      throw new Error('the listener threw')
    })
    ctx.progress('begun')
    await new Promise((resolve) => ctx.abortSignal.addEventListener('abort', resolve))
  },
})

/** Returns, and slips afterwards. */
export const slipsLater = task({
  name: 'slips-later',
  isolation: 'inline',
  run: () => {
    setImmediate(() => {
      throw new Error('slipped after the end')
    })
  },
})

/** Has nothing to do with it, and waits until it is told to end. */
export const innocent = task({
  name: 'innocent',
  isolation: 'inline',
  signals: { end: z.any() },
  run: async (_: void, ctx) => {
    ctx.progress('begun')
    await ctx.receive('end')
    return ctx.run.attempt
  },
})
