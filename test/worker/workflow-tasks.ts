/** Tasks of workflows that a real worker runs. */
import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { task } from '../../src/index.ts'

/** How many have begun in this process. */
export const obeying = { begun: 0 }

/** Goes on until it is asked to stop. */
export const obedient = task({
  name: 'obedient-member',
  isolation: 'inline',
  run: async (_: unknown, ctx) => {
    obeying.begun++
    if (!ctx.abortSignal.aborted)
      await new Promise((resolve) => ctx.abortSignal.addEventListener('abort', resolve))
  },
})

export const inProcess = task({ name: 'plus-in-process', run: (n: number) => n + 1 })
export const inThread = task({
  name: 'times-in-thread',
  isolation: 'thread',
  run: (n: number) => n * 10,
})
export const sum = task({
  name: 'sum-inline',
  isolation: 'inline',
  run: (all: readonly number[]) => all.reduce((total, one) => total + one, 0),
})

/** Slow enough to be paused within the list; says which it has begun. */
export const each = task({
  name: 'each-of-a-list',
  run: async ({ file, n }: { file: string; n: number }) => {
    appendFileSync(file, `${n}\n`)
    await pause(20)
    return n * n
  },
})
export const squares = task({
  name: 'squares',
  isolation: 'inline',
  run: (all: readonly number[]) => all.length,
})

/** Undone with what it had returned. */
export const books = task({
  name: 'books',
  run: (file: string) => ({ file, ticket: 7 }),
  rollback: (file: string, ctx) => {
    const { ticket } = ctx.result as { ticket: number }
    appendFileSync(file, `ticket ${ticket} given back\n`)
  },
})

function collects(isolation: 'process' | 'thread' | 'inline') {
  return task({
    name: `collects-${isolation}`,
    isolation,
    parkAfter: 0,
    signals: { say: z.string() },
    state: z.object({ heard: z.array(z.string()) }),
    async run(_: unknown, ctx) {
      const heard = [...(ctx.state?.heard ?? [])]
      while (heard.length < 4) {
        const said = await ctx.receive('say')
        heard.push(said?.payload ?? '')
        await ctx.checkpoint({ heard: [...heard] })
      }
      return heard.join(' ')
    },
  })
}
/** Hears four messages, with a checkpoint after each. */
export const collectsInProcess = collects('process')
export const collectsInThread = collects('thread')
export const collectsInline = collects('inline')
