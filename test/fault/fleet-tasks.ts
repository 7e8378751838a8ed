import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { task } from '../../src/index.ts'

/** Spins for ever; its progress is its pid. */
export const spin = task({
  name: 'spin',
  run: async (_: void, ctx) => {
    ctx.progress(process.pid)
    await pause(1)
    for (;;);
  },
})

/** The first attempt spins, the next ones end. */
export const spinOnce = task({
  name: 'spin-once',
  run: async (_: void, ctx) => {
    ctx.progress([ctx.run.attempt, process.pid])
    await pause(1)
    if (ctx.run.attempt === 1) for (;;);
    return ctx.run.attempt
  },
})

/** The first attempt waits for a file, the next ones end. */
export const waitOnce = task({
  name: 'wait-once',
  run: async ({ file }: { file: string }, ctx) => {
    ctx.progress([ctx.run.attempt, process.pid])
    while (ctx.run.attempt === 1 && !existsSync(file)) await pause(2)
    return ctx.run.attempt
  },
})

/**
 * Holds a lock of the operating system's while it runs, one for each run: the kernel gives it back when the process
 * ends, however it ends. Finding it held means that two attempts of the run execute at the same time.
 */
export const exclusive = task({
  name: 'exclusive',
  retry: { crashes: 1000, backoff: { delay: 1 } },
  run: async ({ folder, ms }: { folder: string; ms: number }, ctx) => {
    const lock = new DatabaseSync(`${folder}/${ctx.run.id}.lock`, { timeout: 0 })
    try {
      lock.exec('BEGIN EXCLUSIVE')
    } catch {
      const ledger = new DatabaseSync(`${folder}/violations.db`, { timeout: 5000 })
      ledger.exec('CREATE TABLE IF NOT EXISTS violations (run TEXT, attempt INTEGER)')
      ledger.prepare('INSERT INTO violations VALUES (?, ?)').run(ctx.run.id, ctx.run.attempt)
      ledger.close()
      throw new Error('two attempts at the same time')
    }
    const until = performance.now() + ms
    // Half of the time it spins, so that its own event loop could not tell it anything.
    while (performance.now() < until - ms / 2);
    await pause(ms / 2, undefined, { signal: ctx.abortSignal })
    lock.close()
    return ctx.run.attempt
  },
})
