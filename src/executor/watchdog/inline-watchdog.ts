import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ownCodeEnv } from '../os/own-code-env.ts'

/** The memory that the watchdog thread shares with the worker: two 64-bit numbers. */
export type WatchdogCells = BigInt64Array<SharedArrayBuffer>

/** The index of the count of inline attempts that run. */
export const runningCell = 0
/** The index of the time until which the lease is good, in microseconds on the monotonic clock. */
export const goodUntilCell = 1

/**
 * The dead man's switch of inline attempts: a thread that kills the worker process itself when its lease passes while
 * inline attempts run. A worker that blocks its own loop can neither renew its lease nor stop what it runs.
 */
export class InlineWatchdog {
  readonly #cells: WatchdogCells = new BigInt64Array(new SharedArrayBuffer(16))
  #thread: Worker | null = null

  constructor(goodUntil: number) {
    this.renew(goodUntil)
  }

  renew(goodUntil: number): void {
    const clamped = Math.min(goodUntil, Number.MAX_SAFE_INTEGER / 1000)
    Atomics.store(this.#cells, goodUntilCell, BigInt(Math.floor(clamped * 1000)))
  }

  /** @param runningCount from now on; the thread is started at the first one. */
  guard(runningCount: number): void {
    Atomics.store(this.#cells, runningCell, BigInt(runningCount))
    this.#thread ??= startThread(this.#cells)
  }

  async close(): Promise<void> {
    await this.#thread?.terminate()
    this.#thread = null
  }
}

function startThread(cells: WatchdogCells): Worker {
  const entry = new URL(`./inline-watchdog-thread${extname(import.meta.url)}`, import.meta.url)
  const thread = new Worker(entry, { workerData: cells, execArgv: [], env: ownCodeEnv() })
  thread.on('error', () => process.kill(process.pid, 'SIGKILL'))
  thread.unref()
  return thread
}
