import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  lchownSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Guard, type Identity } from './guard.ts'

/** Database servers refuse root; this is `nobody` on Linux. */
const nobody: Identity = { uid: 65_534, gid: 65_534 }

/** They read more from the environment than one would think. */
const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/**
 * Ends the process of the note with a signal, then what a killed postmaster left: children too busy to notice, and shared
 * memory. Last goes the folder.
 */
const cleanUp = `
if [ -n "$note" ]; then
  kill -s "$2" "$note"; kill -s CONT "$note"
  tries=0
  while kill -0 "$note" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL "$note"
fi
ls -l /proc/[0-9]*/cwd | sed -n "s|.*/proc/\\([0-9]*\\)/cwd -> $1/data$|\\1|p" | xargs -r kill -s KILL
segment=$(sed -n '7s/.* //p' "$1/data/postmaster.pid")
[ -n "$segment" ] && ipcrm -m "$segment"
rm -rf "$1"
`

/**
 * A temporary folder and the server that works in it. Both are gone when it is disposed of, or when this process ends in
 * whatever way. Neither keeps the event loop alive.
 */
export class ServerFolder implements AsyncDisposable {
  readonly path: string = mkdtempSync(join(realpathSync(tmpdir()), 'checkrein-server-'))
  readonly identity: Identity = process.getuid?.() === 0 ? nobody : {}
  readonly #endSignal: 'QUIT' | 'KILL'
  readonly #guard: Guard
  #server: ChildProcess | null = null

  /** @param endSignal what ends the server at once. */
  constructor(endSignal: 'QUIT' | 'KILL') {
    this.handOver()
    this.#endSignal = endSignal
    this.#guard = new Guard(cleanUp, [this.path, endSignal], this.identity)
  }

  /** Hands all that is in the folder to the user whom the server runs as. To be called after adding to it. */
  handOver(): void {
    const { uid, gid } = this.identity
    if (uid === undefined || gid === undefined) return
    const names = readdirSync(this.path, { recursive: true, encoding: 'utf8' })
    for (const name of ['', ...names]) lchownSync(join(this.path, name), uid, gid)
  }

  /** Runs a program to its end, as the server's user, and answers what it printed. */
  async run(program: string, args: readonly string[]): Promise<string> {
    const options = { cwd: this.path, env: environment, ...this.identity }
    const { stdout } = await promisify(execFile)(program, args, options)
    return stdout
  }

  /** Starts the server; what it prints goes to the log. */
  start(program: string, args: readonly string[]): void {
    const log = openSync(this.#logFile, 'a')
    const server = spawn(program, args, {
      cwd: this.path,
      detached: true,
      env: environment,
      stdio: ['ignore', log, log],
      ...this.identity,
    })
    closeSync(log)
    server.unref()
    server.on('error', () => {})
    server.on('exit', () => this.#guard.note(''))
    this.#guard.note(String(server.pid ?? ''))
    this.#server = server
  }

  get isRunning(): boolean {
    const server = this.#server
    return server?.pid !== undefined && server.exitCode === null && server.signalCode === null
  }

  /** @throws where the server is not running. */
  get pid(): number {
    const pid = this.#server?.pid
    if (pid === undefined || !this.isRunning) throw new Error(`no server runs in ${this.path}`)
    return pid
  }

  /** Sends a signal that ends the server, also when it is suspended, and fulfils when it has ended. */
  async end(osSignal: NodeJS.Signals): Promise<void> {
    const server = this.#server
    if (!server || !this.isRunning) return
    server.ref()
    const ended = once(server, 'exit')
    server.kill(osSignal)
    server.kill('SIGCONT')
    await ended
  }

  /** Fulfils when the server answers `isReady` with true; rejects with its log when it ends first, or after a minute. */
  async ready(isReady: () => boolean | Promise<boolean>): Promise<void> {
    const giveUpAt = performance.now() + 60_000
    while (!(this.isRunning && (await isReady()))) {
      if (!this.isRunning || performance.now() > giveUpAt)
        throw new Error(`the server did not start:\n${this.log()}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** All that the server has printed so far. */
  log(): string {
    return readFileSync(this.#logFile, 'utf8')
  }

  get #logFile(): string {
    return join(this.path, 'log')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end(`SIG${this.#endSignal}`)
    await this.#guard.end()
    rmSync(this.path, { recursive: true, force: true })
  }
}
