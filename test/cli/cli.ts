/** The real command line, in processes of its own, on stores in a folder of its own. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defaultKind, schemaUrl, type StoreKind } from '../support/bed.ts'
import { dropSchema, freshSchema } from '../support/database.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
export const tasksModule = fileURLToPath(new URL('tasks.ts', import.meta.url))

/** How long anything may take, on a machine that is busy. */
const deadlineMs = 20_000

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder that goes with its test; commands run in it, on its store: a file in it, or a schema of its own. */
export class Place implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'checkrein-cli-'))
  /** Where it is on PostgreSQL. */
  readonly url: string | null
  readonly #started: Started[] = []

  static async make(kind: StoreKind = defaultKind): Promise<Place> {
    return new Place(kind === 'sqlite' ? null : await schemaUrl(freshSchema('cli')))
  }

  private constructor(url: string | null) {
    this.url = url
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Runs a command to its end. */
  async run(
    args: readonly string[],
    options: { stdin?: string; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Ended> {
    const started = this.start(args, options.env)
    started.child.stdin?.end(options.stdin ?? '')
    return started.ended
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
    const { DATABASE_URL: _, FORCE_COLOR: __, ...inherited } = process.env
    const store = this.url === null ? {} : { CHECKREIN_STORE: this.url }
    const child = spawn(process.execPath, [main, ...args], {
      cwd: this.folder,
      env: { ...inherited, ...store, ...env },
    })
    const started = new Started(child, args)
    this.#started.push(started)
    return started
  }

  /** A worker that has started. */
  async worker(...options: string[]): Promise<Started> {
    const worker = this.start(['worker', tasksModule, ...options])
    await worker.says(/worker \S+ started/)
    return worker
  }

  /** Enqueues a run, and waits until its handler has said something. */
  async begun(task: string, ...options: string[]): Promise<string> {
    const id = await this.does('enqueue', task, ...options)
    const watching = this.start(['watch', id])
    await watching.says(/\| begun/)
    watching.signal('SIGKILL')
    return id
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#started) child.kill('SIGKILL')
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
        signal: AbortSignal.timeout(deadlineMs * 3),
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
