import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { type RunInfo, task } from '../../src/index.ts'

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
    const lock = heldAlone(folder, ctx.run)
    const until = performance.now() + ms
    // Half of the time it spins, so that its own event loop could not tell it anything.
    while (performance.now() < until - ms / 2);
    await pause(ms / 2, undefined, { signal: ctx.abortSignal })
    lock.close()
    return ctx.run.attempt
  },
})

/** Holds the same lock, and blocks its event loop until there is a file `go`. */
export const blockAlone = task({
  name: 'block-alone',
  retry: { crashes: 1000, backoff: { delay: 1 } },
  run: async ({ folder }: { folder: string }, ctx) => {
    const lock = heldAlone(folder, ctx.run)
    ctx.progress([ctx.run.attempt, process.pid])
    await pause(1)
    const cell = new Int32Array(new SharedArrayBuffer(4))
    while (!existsSync(`${folder}/go`)) Atomics.wait(cell, 0, 0, 10)
    lock.close()
    return ctx.run.attempt
  },
})

/** Holds the same lock; the first attempt spins, the next ones end. */
export const spinAlone = task({
  name: 'spin-alone',
  run: async ({ folder }: { folder: string }, ctx) => {
    const lock = heldAlone(folder, ctx.run)
    ctx.progress([ctx.run.attempt, process.pid])
    await pause(1)
    if (ctx.run.attempt === 1) for (;;);
    lock.close()
    return ctx.run.attempt
  },
})

/** Takes the lock of a run, or notes that another attempt has it. */
function heldAlone(folder: string, { id, attempt }: RunInfo): DatabaseSync {
  const lock = new DatabaseSync(`${folder}/${id}.lock`, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch {
    using ledger = new DatabaseSync(`${folder}/violations.db`, { timeout: 5000 })
    ledger.exec('CREATE TABLE IF NOT EXISTS violations (run TEXT, attempt INTEGER)')
    ledger.prepare('INSERT INTO violations VALUES (?, ?)').run(id, attempt)
    throw new Error('two attempts at the same time')
  }
}

/** The attempts that found another one of their run executing. */
export function violationsIn(folder: string): unknown[] {
  const file = `${folder}/violations.db`
  if (!existsSync(file)) return []
  using db = new DatabaseSync(file)
  return db.prepare('SELECT * FROM violations').all()
}
