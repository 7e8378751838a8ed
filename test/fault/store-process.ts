/** Other processes for the faults of stores: what they are told to do, and what they say of it. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

type Child = ChildProcessByStdio<Writable, Readable, null>

/** A process that runs a script of this folder, and the lines that it has said. */
export class Other implements AsyncDisposable {
  readonly lines: string[] = []
  readonly child: Child
  readonly #exit: Promise<unknown>
  #heard = Promise.withResolvers<void>()

  constructor(script: string, ...args: readonly string[]) {
    const file = new URL(script, import.meta.url).pathname
    this.child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    const reader = createInterface(this.child.stdout)
    reader.on('line', (line) => {
      this.lines.push(line)
      this.#hear()
    })
    this.#exit = Promise.all([once(this.child, 'exit'), once(reader, 'close')])
    void this.#exit.then(() => this.#hear())
  }

  #hear(): void {
    this.#heard.resolve()
    this.#heard = Promise.withResolvers()
  }

  /** Fulfils when it has said so many lines; rejects when it ends before. */
  async said(count: number): Promise<void> {
    while (this.lines.length < count) {
      const hasEnded = this.child.exitCode !== null || this.child.signalCode !== null
      if (hasEnded) throw new Error(`it ended after ${this.lines.length} of ${count} lines`)
      await this.#heard.promise
    }
  }

  /** Its exit code, or the OS signal that ended it. */
  async ended(): Promise<number | string | null> {
    await this.#exit
    return this.child.exitCode ?? this.child.signalCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.#exit
  }
}
