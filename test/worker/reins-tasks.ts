/** Tasks that are paused, signalled, rolled back; what they do is seen in a file. */
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { type Isolation, task } from '../../src/index.ts'
import { isolations } from '../../src/core/task/task-limits.ts'

const quick = { backoff: { delay: 10, jitter: 0 } } as const
const file = z.object({ file: z.string() })
const done = z.object({ done: z.number() })

/** Says what it does, a line for each item: `attempt:item`. The first attempt goes no further than `stays`: there it meets checkpoints until it is paused. */
function counts(isolation: Isolation) {
  return task({
    name: `counts-${isolation}`,
    isolation,
    retry: quick,
    input: file.extend({ upTo: z.number(), everyMs: z.number(), stays: z.number().optional() }),
    state: done,
    async run({ file, upTo, everyMs, stays }, ctx) {
      let count = ctx.state?.done ?? 0
      while (count < upTo) {
        appendFileSync(file, `${ctx.run.attempt}:${count}\n`)
        await pause(everyMs)
        await ctx.checkpoint({ done: ++count })
        while (count === stays && ctx.run.attempt === 1) {
          await pause(everyMs)
          await ctx.checkpoint({ done: count })
        }
      }
      return { count, attempt: ctx.run.attempt }
    },
  })
}

function generates(isolation: Isolation) {
  return task({
    name: `generates-${isolation}`,
    isolation,
    input: file.extend({ upTo: z.number() }),
    async *run({ file, upTo }, ctx) {
      try {
        appendFileSync(file, `begun ${ctx.run.attempt}\n`)
        for (let count: number = ctx.state?.done ?? 0; count < upTo;) {
          await pause(5)
          yield { done: ++count }
        }
      } finally {
        appendFileSync(file, `closed ${ctx.run.attempt}\n`)
      }
      return upTo
    },
  })
}

/** Adds up what it is told until it hears `finish`. */
function adds(isolation: Isolation) {
  return task({
    name: `adds-${isolation}`,
    isolation,
    signals: { add: z.number(), finish: z.undefined() },
    state: z.object({ sum: z.number() }),
    async run(_: void, ctx) {
      let sum = ctx.state?.sum ?? 0
      let isFinished = false
      ctx.on('add', (n) => {
        if (n < 0) throw new RangeError('less is no more')
        return (sum += n)
      })
      ctx.on('finish', () => {
        isFinished = true
      })
      while (!isFinished) {
        await pause(2)
        await ctx.checkpoint({ sum })
      }
      return sum
    },
  })
}

function asks(isolation: Isolation) {
  return task({
    name: `asks-${isolation}`,
    isolation,
    parkAfter: 0,
    signals: { answer: z.string() },
    async run({ timeout }: { timeout?: number }, ctx) {
      const signal = await ctx.receive('answer', timeout === undefined ? {} : { timeout })
      signal?.reply(`heard ${signal.payload}`)
      return { heard: signal?.payload ?? null, attempt: ctx.run.attempt }
    },
  })
}

function naps(isolation: Isolation) {
  return task({
    name: `naps-${isolation}`,
    isolation,
    parkAfter: 10,
    async run(_: void, ctx) {
      await ctx.sleep(50)
      await ctx.sleep(5)
      await ctx.sleep(60)
      return ctx.run.attempt
    },
  })
}

function undoes(isolation: Isolation) {
  return task({
    name: `undoes-${isolation}`,
    isolation,
    retry: { attempts: 3, ...quick },
    rollbackOn: 'stop',
    input: file.extend({ failures: z.number().default(0) }),
    state: done,
    async run(_, ctx) {
      await ctx.checkpoint({ done: 7 }, { save: true })
      ctx.progress('saved')
      for (;;) await pause(1000, undefined, { signal: ctx.abortSignal })
    },
    async rollback({ file, failures }, ctx) {
      const { verb, mode } = ctx.stop ?? {}
      appendFileSync(file, `undo ${ctx.state?.done} ${verb} ${mode}\n`)
      const tries = ctx.run.attempt - 1
      if (tries <= failures) throw new Error(`cannot undo yet: ${tries}`)
    },
  })
}

/** Cannot be undone before the file says that the cause is mended. */
function mends(isolation: Isolation) {
  return task({
    name: `mends-${isolation}`,
    isolation,
    retry: { attempts: 2, ...quick },
    input: file,
    state: done,
    async run(_, ctx) {
      await ctx.checkpoint({ done: 7 }, { save: true })
      ctx.progress('saved')
      for (;;) await pause(1000, undefined, { signal: ctx.abortSignal })
    },
    rollback({ file }, ctx) {
      if (!existsSync(file)) throw new Error('not mended')
      appendFileSync(file, `undo ${ctx.state?.done} ${ctx.stop?.verb}\n`)
    },
  })
}

const each = <T>(make: (isolation: Isolation) => T): Record<Isolation, T> =>
  Object.fromEntries(isolations.map((isolation) => [isolation, make(isolation)])) as Record<
    Isolation,
    T
  >

export const counting = each(counts)
export const generating = each(generates)
export const adding = each(adds)
export const asking = each(asks)
export const napping = each(naps)
export const undoing = each(undoes)
export const mending = each(mends)

export const { process: countsInProcess, thread: countsInThread, inline: countsInline } = counting
export const { process: genInProcess, thread: genInThread, inline: genInline } = generating
export const { process: addsInProcess, thread: addsInThread, inline: addsInline } = adding
export const { process: asksInProcess, thread: asksInThread, inline: asksInline } = asking
export const { process: napsInProcess, thread: napsInThread, inline: napsInline } = napping
export const { process: undoesInProcess, thread: undoesInThread, inline: undoesInline } = undoing
export const { process: mendsInProcess, thread: mendsInThread, inline: mendsInline } = mending

/** Meets no checkpoint after its first until a file is there; spins. */
export const stuck = task({
  name: 'stuck',
  retry: { crashes: 2, ...quick },
  input: file.extend({ until: z.string() }),
  state: done,
  async run({ file, until }, ctx) {
    if (ctx.state) return { done: ctx.state.done, attempt: ctx.run.attempt }
    await ctx.checkpoint({ done: 3 }, { save: true })
    appendFileSync(file, 'spinning\n')
    while (!existsSync(until)) {}
    await ctx.checkpoint({ done: 4 })
    return { done: 4, attempt: ctx.run.attempt }
  },
})

/** Stopped in a section that must not be cut, it ends it first. */
export const shielded = task({
  name: 'shielded',
  input: file,
  async run({ file }, ctx) {
    await ctx.shield(async () => {
      appendFileSync(file, 'in\n')
      ctx.progress('in')
      await pause(200)
      appendFileSync(file, `out ${ctx.abortSignal.aborted}\n`)
    })
    await ctx.checkpoint('never kept')
    appendFileSync(file, 'not stopped\n')
  },
})

/** Silent, until it is told to say something every so often. */
export const silent = task({
  name: 'silent',
  heartbeatTimeout: '4s',
  run: async (everyMs: number, ctx) => {
    for (let count = 0; count < 12; count++) {
      if (everyMs > 0) ctx.progress(count)
      await pause(everyMs > 0 ? everyMs : 1000)
    }
    return 'done'
  },
})

export const extends_ = task({
  name: 'extends',
  // Where nothing has to be started first, it asks at once.
  isolation: 'inline',
  timeout: '1s',
  maxTimeout: '1m',
  run: async (ms: number, ctx) => {
    ctx.extend(ms)
    await pause(1500, undefined, { signal: ctx.abortSignal })
    return 'in time'
  },
})

export const noRollback = task({
  name: 'no-rollback',
  run: async (_: void, ctx) => {
    ctx.progress('begun')
    await pause(60_000, undefined, { signal: ctx.abortSignal })
  },
})
