import type { DemoError } from './errors.ts'
import { WorkerProcess } from './worker-process.ts'

/** The workers of the demo, one after the other. */
export class Crew implements AsyncDisposable {
  readonly #url: string
  readonly #onLost: (error: DemoError) => void
  readonly #all: WorkerProcess[] = []

  /** @param onLost is called where one ends without having been asked. */
  constructor(url: string, onLost: (error: DemoError) => void) {
    this.#url = url
    this.#onLost = onLost
  }

  /** Starts one more. Fulfils when it takes runs. */
  async hire(): Promise<WorkerProcess> {
    const worker = new WorkerProcess(this.#url, this.#onLost)
    this.#all.push(worker)
    await worker.ready()
    return worker
  }

  get pids(): readonly number[] {
    return this.#all.map(({ pid }) => pid)
  }

  /** Ends them at once. */
  async kill(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.kill()))
  }

  /** Ends them and their isolates; fulfils when they have exited. */
  async stop(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.stop()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
