/** Entry of the thread that works while the main thread stands still; see `while-blocked.ts`. */
import { workerData } from 'node:worker_threads'
import type { BlockedWorkData } from './while-blocked.ts'

const { cell, module, given } = workerData as BlockedWorkData

let state = 2
try {
  const { work } = (await import(module)) as { work: (given: unknown) => Promise<void> }
  await work(given)
  state = 1
} finally {
  Atomics.store(cell, 0, state)
  Atomics.notify(cell, 0)
}
