import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'

const patienceMs = 120_000

export interface Ended {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A program of this repository in a process of its own, in another working directory; killed when it is disposed of. */
export class Program implements AsyncDisposable {
  readonly process: ChildProcess
  readonly #ended: Promise<void>
  #stdout = ''
  #stderr = ''

  /** @param path from the root of the repository. */
  constructor(
    path: string,
    args: readonly string[] = [],
    more: Readonly<Record<string, string>> = {},
  ) {
    const file = fileURLToPath(new URL(`../../${path}`, import.meta.url))
    this.process = spawn(process.execPath, [file, ...args], {
      cwd: tmpdir(),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: undefined, NO_COLOR: '1', ...more },
    })
    this.process.stdout?.on('data', (text) => (this.#stdout += String(text)))
    this.process.stderr?.on('data', (text) => (this.#stderr += String(text)))
    this.#ended = once(this.process, 'close').then(() => undefined)
  }

  /** Fulfils when it has ended; rejects after two minutes. */
  async ended(): Promise<Ended> {
    await before(this.#ended, 'the end of the program', () => this.#stdout + this.#stderr)
    return { exitCode: this.process.exitCode, stdout: this.#stdout, stderr: this.#stderr }
  }

  /** Fulfils with the match when it has printed something that fits. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const search = async (): Promise<RegExpExecArray> => {
      for (;;) {
        const match = pattern.exec(this.#stdout)
        if (match) return match
        if (this.process.stdout) await once(this.process.stdout, 'data')
      }
    }
    return before(search(), String(pattern), () => this.#stdout + this.#stderr)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGKILL')
    await this.#ended
  }
}

async function before<T>(wanted: Promise<T>, what: string, said: () => string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const fail = (): void => late.reject(new Error(`${what}: not within ${patienceMs} ms\n${said()}`))
  const timer = setTimeout(fail, patienceMs)
  try {
    return await Promise.race([wanted, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
