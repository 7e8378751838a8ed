/**
 * Has something done while no code of this thread runs: another thread does it, and this one stands still until it is done.
 *
 * A process that ends, and that says to others that its code is over, is in a dilemma: to say it takes turns of the event loop, and in
 * these turns the code goes on.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

/** The work of the other thread: a module that exports `work`, and the value that it is called with. */
export interface BlockedWork {
  /** File URL. */
  readonly module: string
  /** A value that can be sent to a thread. */
  readonly given: unknown
}

/** The data that the other thread is given. */
export interface BlockedWorkData extends BlockedWork {
  /** 0 while it works, 1 once it is done, 2 where it failed. */
  readonly cell: Int32Array<SharedArrayBuffer>
}

/** Stands still until the work is done in another thread. @returns whether it was done within the time given. */
export function doWhileBlocked(work: BlockedWork, boundMs: number): boolean {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const data: BlockedWorkData = { ...work, cell }
  const entry = new URL(`./blocked-work-thread${extname(import.meta.url)}`, import.meta.url)
  // Preloads are not for it, and all else is: a database may be named there.
  const env = { ...process.env, NODE_OPTIONS: '' }
  const thread = new Worker(entry, { workerData: data, execArgv: [], env })
  thread.on('error', () => {})
  thread.unref()
  Atomics.wait(cell, 0, 0, boundMs)
  return Atomics.load(cell, 0) === 1
}
