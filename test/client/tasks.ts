/** Tasks for the tests of the client: they go on until they are told to end. */
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { type Context, task } from '../../src/index.ts'

const signals = {
  finish: z.undefined(),
  add: z.number(),
  fail: z.undefined(),
}

/** Counts checkpoints until it is told to finish; says where it began. */
async function count(
  ctx: Context<{ done: number }, typeof signals>,
): Promise<{ from: number; sum: number }> {
  const from = ctx.state?.done ?? 0
  let [done, sum, isOver] = [from, 0, false]
  ctx.on('finish', () => void (isOver = true))
  ctx.on('add', (value) => (sum += value))
  ctx.on('fail', () => {
    throw new Error('it cannot')
  })
  while (!isOver) {
    await ctx.checkpoint({ done: ++done })
    await pause(1)
  }
  return { from, sum }
}

const state = z.object({ done: z.number() })
const common = { signals, state, checkpointEvery: 20 } as const

export const counter = task({
  ...common,
  name: 'counter',
  isolation: 'inline',
  run: (_: void, ctx) => count(ctx),
})

export const undone = task({
  ...common,
  name: 'undone',
  isolation: 'inline',
  run: (_: void, ctx) => count(ctx),
  async rollback(_, ctx) {
    ctx.log('undoing', { done: ctx.state?.done })
  },
})

export const undoable = task({
  ...common,
  name: 'undoable',
  isolation: 'inline',
  retry: { attempts: 1 },
  run: (_: void, ctx) => count(ctx),
  rollback() {
    throw new Error('it stays done')
  },
})

/** Meets no checkpoint, and hears no signal. */
export const deaf = task({
  name: 'deaf',
  isolation: 'inline',
  async run(_: void, ctx) {
    ctx.log('begun')
    await pause(60_000, undefined, { signal: ctx.abortSignal })
  },
})

/** The same in a process of its own, which spins. */
export const spinning = task({
  name: 'spinning',
  isolation: 'process',
  run(_: void, ctx) {
    ctx.log('begun')
    for (;;);
  },
})

/** Waits for a word, without a slot. */
export const waiter = task({
  name: 'waiter',
  isolation: 'inline',
  signals: { word: z.string() },
  parkAfter: 100,
  async run(_: void, ctx) {
    const word = await ctx.receive('word', { timeout: '1h' })
    word?.reply(`heard ${word.payload}`)
    return word?.payload
  },
})

/** Takes a number, and nothing else. */
export const typed = task({
  name: 'typed',
  isolation: 'inline',
  input: z.number(),
  run: (count) => count,
})
