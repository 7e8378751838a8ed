/** Workers in processes of their own, to be killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { StartWorkerOptions, WorkerEvent } from '../../src/index.ts'

const main = fileURLToPath(new URL('./worker-main.ts', import.meta.url))

export type FleetOptions = { readonly url: string } & Omit<StartWorkerOptions, 'modules'> & {
    readonly modules: readonly string[]
    /** Events that it does not print, where there are too many. */
    readonly except?: readonly WorkerEvent['type'][]
  }

/** Starts a program; its output is to be a pipe. */
export type Spawn = (command: readonly string[]) => ChildProcess

export const spawnHere: Spawn = ([program = '', ...args]) =>
  spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })

export class WorkerProcess {
  readonly child: ChildProcess
  readonly pid: number
  readonly events: WorkerEvent[] = []
  readonly #waiting = new Set<() => void>()

  constructor(options: FleetOptions, spawnIt: Spawn = spawnHere) {
    this.child = spawnIt([process.execPath, main, JSON.stringify(options)])
    this.pid = this.child.pid ?? 0
    if (!this.child.stdout) throw new Error('no pipe')
    createInterface(this.child.stdout).on('line', (line) => {
      this.events.push(JSON.parse(line) as WorkerEvent)
      for (const look of this.#waiting) look()
    })
  }

  /** Fulfils with the first event of that kind, past or to come. */
  async saw(isWanted: (event: WorkerEvent) => boolean): Promise<WorkerEvent> {
    const { promise, resolve, reject } = Promise.withResolvers<WorkerEvent>()
    const timer = setTimeout(
      () => reject(new Error(`worker ${this.pid} did not: ${JSON.stringify(this.events)}`)),
      60_000,
    )
    const look = (): void => {
      const found = this.events.find(isWanted)
      if (found) resolve(found)
    }
    this.#waiting.add(look)
    look()
    return promise.finally(() => {
      clearTimeout(timer)
      this.#waiting.delete(look)
    })
  }

  /** Fulfils with the next event of a type. */
  next(type: WorkerEvent['type']): Promise<WorkerEvent> {
    const seen = new Set(this.events)
    return this.saw((event) => event.type === type && !seen.has(event))
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  signal(osSignal: NodeJS.Signals): void {
    if (this.isRunning) this.child.kill(osSignal)
  }

  async end(osSignal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.isRunning) return
    const exited = once(this.child, 'exit')
    this.signal(osSignal)
    this.signal('SIGCONT')
    await exited
  }
}

/** Ends all its workers with the test. */
export class Fleet implements AsyncDisposable {
  readonly workers: WorkerProcess[] = []

  async start(options: FleetOptions, spawnIt?: Spawn): Promise<WorkerProcess> {
    const worker = this.launch(options, spawnIt)
    await worker.saw(({ type }) => type === 'started')
    return worker
  }

  launch(options: FleetOptions, spawnIt?: Spawn): WorkerProcess {
    const worker = new WorkerProcess(options, spawnIt)
    this.workers.push(worker)
    return worker
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.end()))
  }
}
