/** Tasks that are paused and killed at any moment, and keep a ledger of what they have done. */
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { type Context, task } from '../../src/index.ts'

const often = { crashes: 10_000, backoff: { delay: 1, max: 5, jitter: 0 } } as const

/** What an item adds to the total. */
export const worth = (item: number): number => ((item * 2_654_435_761) >>> 0) % 1000

/**
 * Goes over items. Before it begins one it says so in its ledger, `attempt:item`; after a checkpoint that was stored for
 * certain, `attempt:kept:item`.
 */
export const ledger = task({
  name: 'ledger',
  retry: often,
  checkpointEvery: 30,
  input: z.object({ file: z.string(), items: z.number(), everyMs: z.number() }),
  state: z.object({ done: z.number(), total: z.number() }),
  async run({ file, items, everyMs }, ctx) {
    let { done, total } = ctx.state ?? { done: 0, total: 0 }
    while (done < items) {
      appendFileSync(file, `${ctx.run.attempt}:${done}\n`)
      await pause(everyMs)
      total += worth(done)
      done += 1
      const isKept = done % 7 === 0
      await ctx.checkpoint({ done, total }, { save: isKept })
      if (isKept) appendFileSync(file, `${ctx.run.attempt}:kept:${done}\n`)
    }
    return total
  },
})

/** The same, yielding. */
export const ledgerOfYields = task({
  name: 'ledger-of-yields',
  retry: often,
  checkpointEvery: 30,
  input: z.object({ file: z.string(), items: z.number(), everyMs: z.number() }),
  async *run({ file, items, everyMs }, ctx) {
    let { done = 0, total = 0 } = (ctx.state ?? {}) as { done?: number; total?: number }
    while (done < items) {
      appendFileSync(file, `${ctx.run.attempt}:${done}\n`)
      await pause(everyMs)
      total += worth(done)
      yield { done: ++done, total }
    }
    return total
  },
})

const hearing = {
  retry: often,
  checkpointEvery: 20,
  signals: { say: z.number() },
  state: z.object({ heard: z.number() }),
} as const

/** Hears so many signals, each the number of those before it. What comes out of turn, it says. */
async function hear(
  count: number,
  ctx: Context<{ heard: number }, typeof hearing.signals>,
): Promise<number> {
  let heard = ctx.state?.heard ?? 0
  ctx.on('say', (payload) => {
    if (payload !== heard) throw new Error(`heard ${payload} instead of ${heard}`)
    return heard++
  })
  while (heard < count) {
    await pause(3)
    await ctx.checkpoint({ heard })
  }
  return heard
}

export const hearsInline = task({
  name: 'hears-inline',
  isolation: 'inline',
  ...hearing,
  run: hear,
})

export const hearsInProcess = task({
  name: 'hears-in-process',
  ...hearing,
  run: hear,
})

/** Saves something and spins; its roll-back says in a file how far it came. */
export const undoes = task({
  name: 'undoes',
  retry: often,
  state: z.object({ done: z.number() }),
  input: z.object({ file: z.string(), go: z.string() }),
  async run(_, ctx) {
    await ctx.checkpoint({ done: 5 }, { save: true })
    ctx.progress(process.pid)
    await pause(1)
    for (;;);
  },
  async rollback({ file, go }, ctx) {
    appendFileSync(file, `begun ${ctx.state?.done} ${ctx.stop?.verb}\n`)
    ctx.progress([ctx.run.attempt, process.pid])
    while (!existsSync(go)) await pause(2)
    appendFileSync(file, 'undone\n')
  },
})

/** Spins until a file is there. */
export const spinsUntil = task({
  name: 'spins-until',
  retry: often,
  run: async ({ go }: { go: string }, ctx) => {
    ctx.progress(process.pid)
    await pause(1)
    for (let turns = 0; ; turns++) if (turns % 1000 === 0 && existsSync(go)) break
    return ctx.run.attempt
  },
})
