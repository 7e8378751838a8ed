import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'

/** The user whom a program is started as; empty for our own. */
export interface Identity {
  readonly uid?: number
  readonly gid?: number
}

/** Reads notes until the end of the pipe, which also comes when this process is killed; the last note is `$note`. */
const awaitEnd = 'while read -r line; do note=$line; done\n'

/**
 * Cleans up by a script of `sh` that waits at a pipe: it runs when `end` is called, and also when this process ends in
 * any way, `SIGKILL` among them. It has a session of its own, so no key of a terminal ends it, and it keeps no event
 * loop alive.
 */
export class Guard {
  readonly #shell: ChildProcess
  readonly #pipe: Socket

  /** @param script finds its arguments in `$1`, `$2`, … and the last note in `$note`. */
  constructor(script: string, args: readonly string[], identity: Identity = {}) {
    this.#shell = spawn('/bin/sh', ['-c', awaitEnd + script, 'guard', ...args], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      ...identity,
    })
    this.#pipe = this.#shell.stdin as Socket
    this.#pipe.on('error', () => {})
    this.#pipe.unref()
    this.#shell.unref()
  }

  /** Replaces the note: one line, written before this returns. */
  note(line: string): void {
    this.#pipe.write(`${line}\n`)
  }

  /** Fulfils when the script has run. */
  async end(): Promise<void> {
    this.#shell.ref()
    this.#pipe.end()
    if (this.#shell.exitCode === null && this.#shell.signalCode === null)
      await once(this.#shell, 'exit')
  }
}
