import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { DemoError } from './errors.ts'

const entry = fileURLToPath(new URL('./worker.ts', import.meta.url))

/** The worker, in a process of its own. It is kept out of the terminal's group, so that Ctrl-C reaches the demo alone. */
export class WorkerProcess implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #exited: Promise<void>
  #said = ''
  #isStopping = false

  /** @param onLost is called where it ends without having been asked. */
  constructor(url: string, onLost: (error: DemoError) => void) {
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const
    this.#process = spawn(process.execPath, [entry, url], { stdio: [...stdio], detached: true })
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      output?.on('data', (text: Buffer) => (this.#said = (this.#said + String(text)).slice(-4000)))
    }
    this.#exited = new Promise((resolve) => {
      this.#process.once('exit', () => {
        resolve()
        if (!this.#isStopping) onLost(this.#lost())
      })
    })
  }

  /** Fulfils when it takes runs. */
  async ready(): Promise<void> {
    const isReady = once(this.#process, 'message').then(() => true)
    if (!(await Promise.race([isReady, this.#exited.then(() => false)]))) throw this.#lost()
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** Ends it and its isolates; resolves when it has exited. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#process.kill('SIGTERM')
    await this.#exited
  }

  /** Ends it at once, with `kill -9`; its isolates find out by themselves. Fulfils when it has exited. */
  async kill(): Promise<void> {
    this.#isStopping = true
    this.#process.kill('SIGKILL')
    await this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #lost(): DemoError {
    const { exitCode, signalCode } = this.#process
    return new DemoError(
      70,
      `The worker ended (${signalCode ?? `exit code ${exitCode}`})\n${this.#said}`.trim(),
    )
  }
}
