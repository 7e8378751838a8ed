/** The real command line, on stores in a folder of its own: in a resident process, or in one of its own where that is the subject. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startWorker, type Worker } from '../../src/index.ts'
import { defaultKind, eventually, schemaUrl, type StoreKind } from '../support/bed.ts'
import { dropSchema, freshSchema } from '../support/database.ts'
import { doInResident, type Ended } from './resident.ts'

export const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
export const tasksModule = fileURLToPath(new URL('tasks.ts', import.meta.url))

/** How long anything may take, on a machine that is busy. */
const deadlineMs = 60_000

/** A folder that goes with its test; commands run in it, on its store: a file in it, or a schema of its own. */
export class Place implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'checkrein-cli-'))
  /** Where it is on PostgreSQL. */
  readonly url: string | null
  readonly #started: Started[] = []
  #worker: Worker | null = null

  static async make(kind: StoreKind = defaultKind): Promise<Place> {
    return new Place(kind === 'sqlite' ? null : await schemaUrl(freshSchema('cli')))
  }

  private constructor(url: string | null) {
    this.url = url
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Runs a command to its end, in a process that others have run in before. */
  async run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return doInResident({ args, cwd: this.folder, env: this.#env(env) }, deadlineMs)
  }

  /** Runs a command to its end, in a process of its own. @param stdin is typed into it. */
  async runAlone(
    args: readonly string[],
    { stdin = '', env = {} }: { readonly stdin?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): Promise<Ended> {
    const started = this.start(args, env)
    started.child.stdin?.end(stdin)
    return started.ended
  }

  #env(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const { DATABASE_URL: _, FORCE_COLOR: __, ...inherited } = process.env
    const store = this.url === null ? {} : { CHECKREIN_STORE: this.url }
    return { ...inherited, ...store, ...more }
  }

  /** Runs a command that must succeed, and gives what it says. */
  async does(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args)
    assert.equal(code, 0, stderr)
    return stdout.trim()
  }

  /** Runs a command with `--json` that must succeed, and gives its document. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run([...args, '--json'])
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout) as T
  }

  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
    const options = { cwd: this.folder, env: this.#env(env) }
    const child = spawn(process.execPath, [main, ...args], options)
    const started = new Started(child, args)
    this.#started.push(started)
    return started
  }

  /** Has the tasks run by a worker in this process, where it is not the worker of the command line that matters. */
  async works(): Promise<void> {
    const url = this.url ?? `sqlite:${this.path('checkrein.db')}`
    this.#worker = await startWorker(url, { modules: [tasksModule], spares: 0 })
  }

  /** A worker of the command line that has started. */
  async worker(...options: string[]): Promise<Started> {
    const worker = this.start(['worker', tasksModule, ...options])
    await worker.says(/worker \S+ started/)
    return worker
  }

  /** Enqueues a run, and waits until its handler has said something. */
  async begun(task: string, ...options: string[]): Promise<string> {
    const id = await this.does('enqueue', task, ...options)
    const hasBegun = async (): Promise<boolean> => {
      const { log } = await this.json<{ log: readonly { message: string }[] }>('show', id)
      return log.some(({ message }) => message.startsWith('begun'))
    }
    await eventually(hasBegun, 'the first word of the handler', 20)
    return id
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#started) child.kill('SIGKILL')
    await this.#worker?.stop({ finish: 0, grace: 50 })
    const schema = this.url === null ? null : new URL(this.url).searchParams.get('schema')
    if (this.url !== null && schema !== null) await dropSchema(this.url, schema)
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** A command that runs. */
export class Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  readonly #args: readonly string[]
  #stdout = ''
  #stderr = ''

  constructor(child: ChildProcess, args: readonly string[]) {
    this.child = child
    this.#args = args
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.ended = this.#end()
    this.ended.catch(() => undefined)
  }

  async #end(): Promise<Ended> {
    try {
      const [code] = await once(this.child, 'close', {
        signal: AbortSignal.timeout(deadlineMs),
      })
      return { code: code as number | null, stdout: this.#stdout, stderr: this.#stderr }
    } catch (cause) {
      const message = `${this.#args.join(' ')} (pid ${this.child.pid}) does not end: ${this.#stdout}${this.#stderr}`
      throw new Error(message, { cause })
    }
  }

  /** Waits until its output, on either stream, has what is looked for. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const abortSignal = AbortSignal.timeout(deadlineMs)
    for (;;) {
      const found = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr)
      if (found) return found
      if (this.child.exitCode !== null || abortSignal.aborted) {
        assert.fail(`${this.#args.join(' ')} never said ${pattern}: ${this.#stdout}${this.#stderr}`)
      }
      await Promise.race([
        once(this.child.stdout ?? this.child, 'data', { signal: abortSignal }),
        once(this.child.stderr ?? this.child, 'data', { signal: abortSignal }),
        once(this.child, 'close', { signal: abortSignal }),
      ]).catch(() => undefined)
    }
  }

  signal(osSignal: NodeJS.Signals): void {
    this.child.kill(osSignal)
  }
}
