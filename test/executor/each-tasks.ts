/** Handlers that are called for each of a list, for the executor suites. */
import { z } from 'zod'
import { task } from '../../src/core/task/task.ts'

/** Keeps half of its work, and says in how far it went on; stops at a negative input until it is aborted. */
export const halves = task({
  name: 'halves',
  checkpointEvery: '1h',
  input: z.object({ n: z.number() }),
  run: async ({ n }, ctx) => {
    const kept = ctx.state as unknown
    const code = await ctx.checkpoint(1n).catch((error: { code: string }) => error.code)
    if (code !== 'PAYLOAD_NOT_JSON' || ctx.state !== kept) throw new Error('what was kept is lost')
    if (kept === undefined) await ctx.checkpoint(n / 2)
    ctx.log('one', { n, kept: kept ?? null })
    if (n < 0 && !ctx.abortSignal.aborted)
      await new Promise((resolve) => ctx.abortSignal.addEventListener('abort', resolve))
    return `${n} ${ctx.run.attempt}`
  },
  rollback: ({ n }, ctx) =>
    ctx.log('undone', { n, state: ctx.state ?? null, result: ctx.result ?? null }),
})
export const eachYields = task({
  name: 'each-yields',
  async *run(n: number) {
    yield n
    yield n + 1
    return n * 2
  },
})
