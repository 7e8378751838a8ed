/** Tasks for a worker that the CLI starts. */
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { type Context, task } from '../../src/index.ts'

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

/** Fails with the words that it is given. */
export const fails = task({
  name: 'fails',
  isolation: 'inline',
  retry: { attempts: 1 },
  run(message: string): never {
    throw new Error(message)
  },
})

/** Counts checkpoints until it is told to finish. */
export const counter = task({
  name: 'counter',
  isolation: 'inline',
  signals: { add: z.number(), fail: z.undefined(), finish: z.undefined() },
  state: z.object({ done: z.number() }),
  checkpointEvery: 20,
  async run(_: unknown, ctx) {
    let done = ctx.state?.done ?? 0
    let isOver = false
    ctx.on('add', (value) => (done += value))
    ctx.on('finish', () => void (isOver = true))
    ctx.on('fail', () => {
      throw new Error('it cannot')
    })
    ctx.log('begun')
    while (!isOver) {
      await ctx.checkpoint({ done: ++done })
      await pause(1)
    }
    return done
  },
  async rollback(_, ctx) {
    ctx.log('undoing', { done: ctx.state?.done })
  },
})

/** Goes on whatever it is told. */
export const deaf = task({
  name: 'deaf',
  isolation: 'inline',
  retry: { crashes: 1 },
  async run(_: unknown, ctx) {
    ctx.log('begun')
    for (;;) await pause(20)
  },
})

interface Printing {
  /** The file that the handler waits for. */
  readonly file: string
  readonly lineCount: number
  /** Whether it waits until its last text is written, or can't be. */
  readonly waits: boolean
}

async function print({ file, lineCount, waits }: Printing, ctx: Context): Promise<number> {
  ctx.log('begun')
  while (!existsSync(file)) await pause(5)
  for (let n = 0; n < lineCount; n++) {
    // oxlint-disable-next-line no-console -- that it prints is what is tested
    console.log('x'.repeat(9999))
    process.stdout.write('y\n')
  }
  if (waits) await new Promise((resolve) => process.stdout.write('z\n', resolve))
  return ctx.run.attempt
}

const once = { retry: { attempts: 1, crashes: 1 } }
export const printInline = task({ name: 'print-inline', isolation: 'inline', ...once, run: print })
export const printInThread = task({
  name: 'print-thread',
  isolation: 'thread',
  ...once,
  run: print,
})
export const printInProcess = task({ name: 'print-process', ...once, run: print })
