/** Tasks whose handlers enqueue others, wait for them, and are stopped with them. */
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { type Isolation, type Task, task } from '../../src/index.ts'
import { isolations } from '../../src/core/task/task-limits.ts'

const quick = { attempts: 3, backoff: { delay: 1, jitter: 0 } } as const

export const square = task({
  name: 'square',
  isolation: 'inline',
  retry: { attempts: 1 },
  input: z.number(),
  run: (n) => {
    if (n < 0) throw new Error('less is no square')
    return n * n
  },
})

export const napping = task({
  name: 'napping-child',
  isolation: 'inline',
  run: async (ms: number, ctx) => {
    await pause(ms, undefined, { signal: ctx.abortSignal })
    return ms
  },
})

function adds(isolation: Isolation) {
  return task({
    name: `adds-squares-${isolation}`,
    isolation,
    retry: quick,
    run: async (numbers: readonly number[], ctx) => {
      const children = await Promise.all(numbers.map((n) => ctx.enqueue(square, n)))
      const ends = await ctx.waitFor(children)
      const results = ends.map((end) => (end.state === 'completed' ? end.result : null))
      return { results, attempt: ctx.run.attempt }
    },
  })
}
const [processAdds, threadAdds, inlineAdds] = isolations.map(adds)
export { inlineAdds, processAdds, threadAdds }

/** Wants the squares of numbers, and each once, whoever asks for it. */
function shares(isolation: Isolation) {
  return task({
    name: `shares-squares-${isolation}`,
    isolation,
    retry: quick,
    run: async (numbers: readonly number[], ctx) => {
      const children = await Promise.all(
        numbers.map((n) => ctx.enqueue(square, n, { key: `square-${n}` })),
      )
      const ends = await ctx.waitFor(children)
      return {
        ids: children.map(({ id }) => id),
        results: ends.map((end) => (end.state === 'completed' ? end.result : null)),
      }
    },
  })
}
const [processShares, threadShares, inlineShares] = isolations.map(shares)
export { inlineShares, processShares, threadShares }

/** Loses its isolate after it has enqueued, once. */
export const dies = task({
  name: 'dies-with-children',
  retry: quick,
  run: async (_: void, ctx) => {
    const children = [await ctx.enqueue(square, 2), await ctx.enqueue(square, 3)]
    if (ctx.run.attempt === 1) process.kill(process.pid, 'SIGKILL')
    return (await ctx.waitFor(children)).length
  },
})

/** Enqueues one child after the other, and keeps how far it is. */
export const steps = task({
  name: 'steps-with-children',
  isolation: 'inline',
  retry: quick,
  state: z.object({ sum: z.number(), next: z.number() }),
  run: async (upTo: number, ctx) => {
    let { sum, next } = ctx.state ?? { sum: 0, next: 1 }
    while (next <= upTo) {
      const [end] = await ctx.waitFor([await ctx.enqueue(square, next)])
      sum += end.state === 'completed' ? end.result : 0
      await ctx.checkpoint({ sum, next: ++next })
    }
    return sum
  },
})

/** Has children that go on until they are stopped. */
export const leads = task({
  name: 'leads',
  isolation: 'inline',
  run: async (how: { count: number; waits: boolean }, ctx) => {
    const many = Array.from({ length: how.count }, () => ctx.enqueue(napping, 600_000))
    const children = await Promise.all(many)
    ctx.progress('begun')
    if (how.waits) await ctx.waitFor(children)
    else await pause(600_000, undefined, { signal: ctx.abortSignal })
  },
})

/** Two children each, so deep; comes to how many there are of it. */
export const nests: Task<number, number> = task({
  name: 'nests',
  isolation: 'inline',
  run: async (depth: number, ctx): Promise<number> => {
    if (depth === 0) return 1
    const children = [await ctx.enqueue(nests, depth - 1), await ctx.enqueue(nests, depth - 1)]
    const ends = await ctx.waitFor(children)
    return ends.reduce((sum, end) => sum + (end.state === 'completed' ? end.result : 0), 1)
  },
})
