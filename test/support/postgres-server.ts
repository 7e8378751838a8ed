import { randomBytes } from 'node:crypto'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { freePort } from './free-port.ts'
import { type Binaries, type BinariesName, prepareBinaries } from './postgres-binaries.ts'
import { copyOfRunning } from './postgres-copy.ts'
import { processesIn } from './processes.ts'
import { ServerFolder } from './server-folder.ts'

/** Lines of `postgresql.conf`. */
export type Settings = Readonly<Record<string, string>>

export interface StandbyOptions {
  readonly settings?: Settings
  /** Default: one that is free. */
  readonly port?: number
}

export interface PostgresOptions extends StandbyOptions {
  /** Default `embedded`. */
  readonly binaries?: BinariesName
  /** An address to listen on besides 127.0.0.1; whoever shares a network with it is trusted. */
  readonly listen?: string
}

const shutdownSignals = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const

/**
 * What the tests' servers have in common. Without `fsync` nothing survives a power cut, but everything committed survives
 * the kill of the processes. Shared memory in files goes with the folder, also after a kill.
 */
const commonSettings: Settings = {
  fsync: 'off',
  max_connections: '200',
  shared_buffers: '32MB',
  dynamic_shared_memory_type: 'mmap',
  timezone: 'UTC',
  log_timezone: 'UTC',
}

/** How long a backend may take to notice that the postmaster was killed, before it is killed too. */
const noticeMs = 500

/**
 * A PostgreSQL cluster of its own, in a temporary folder and on a loopback port that both stay the same when it is
 * stopped, killed and started again. The user `postgres` needs no password. It never outlives this process.
 */
export class PostgresServer implements AsyncDisposable {
  readonly port: number
  /** `server_version_num`, as 180004. */
  readonly version: number
  readonly #folder: ServerFolder
  readonly #binaries: Binaries

  /** Makes a cluster and starts it; a second or so. */
  static async make(options: PostgresOptions = {}): Promise<PostgresServer> {
    const { binaries = 'embedded', settings = {}, listen, port } = options
    return PostgresServer.#begin({ binaries, port }, async (folder, { path }) => {
      const initdb = ['-D', dataOf(folder), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8']
      await folder.run(join(path, 'initdb'), [...initdb, '--locale=C', '--no-sync'])
      const addresses = ['127.0.0.1', ...(listen ? [listen] : [])].join(',')
      configure(folder, { ...commonSettings, listen_addresses: addresses, ...settings })
      if (listen)
        appendFileSync(join(dataOf(folder), 'pg_hba.conf'), 'host all all samenet trust\n')
    })
  }

  /** Starts a server on the data that `fill` makes; leaves nothing behind when that fails. */
  static async #begin(
    { binaries: name, port = null }: { binaries: BinariesName; port: number | null | undefined },
    fill: (folder: ServerFolder, binaries: Binaries) => Promise<void>,
  ): Promise<PostgresServer> {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(new ServerFolder('QUIT'))
    const binaries = await prepareBinaries(name, folder)
    await fill(folder, binaries)
    const server = new PostgresServer(folder, binaries, port ?? (await freePort()))
    await server.start()
    stack.move()
    return server
  }

  private constructor(folder: ServerFolder, binaries: Binaries, port: number) {
    this.#folder = folder
    this.#binaries = binaries
    this.version = binaries.version
    this.port = port
  }

  get url(): string {
    return this.urlAt('127.0.0.1')
  }

  /** The URL for those who reach the server at another of its addresses. */
  urlAt(host: string): string {
    return `postgres://postgres@${host}:${this.port}/postgres`
  }

  /** Of the postmaster. @throws where it is not running. */
  get pid(): number {
    return this.#folder.pid
  }

  get isRunning(): boolean {
    return this.#folder.isRunning
  }

  /** All that the server has written to its log. */
  log(): string {
    return this.#folder.log()
  }

  /** Fulfils when the server accepts connections, after recovery where that is needed. */
  async start(): Promise<void> {
    if (this.isRunning) return
    const places = ['-D', dataOf(this.#folder), '-k', this.#folder.path, '-p', String(this.port)]
    this.#folder.start(join(this.#binaries.path, 'postgres'), places)
    await this.#folder.ready(() => this.#saysReady())
  }

  /** `fast` ends the connections and then writes everything out; `immediate` leaves that to the recovery at the next start. */
  async stop(mode: keyof typeof shutdownSignals = 'fast'): Promise<void> {
    await this.#folder.end(shutdownSignals[mode])
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** `SIGKILL` for the postmaster; fulfils when its children are gone too, so that it can be started again. */
  async kill(): Promise<void> {
    await this.#folder.end('SIGKILL')
    await ended(dataOf(this.#folder))
  }

  /**
   * Makes a server that follows this one by streaming replication, and can be read. It is asynchronous until this
   * server's `synchronous_standby_names` is set to `*`, which also works by `ALTER SYSTEM` and `pg_reload_conf()`.
   */
  async standby({ settings = {}, port }: StandbyOptions = {}): Promise<PostgresServer> {
    const { name } = this.#binaries
    return PostgresServer.#begin({ binaries: name, port }, async (folder) => {
      const slot = `standby_${randomBytes(6).toString('hex')}`
      const [from, to] = [dataOf(this.#folder), dataOf(folder)]
      await copyOfRunning({ url: this.url, from, to, slot })
      writeFileSync(join(to, 'standby.signal'), '')
      folder.handOver()
      configure(folder, {
        listen_addresses: '127.0.0.1',
        primary_conninfo: `host=127.0.0.1 port=${this.port} user=postgres application_name=${slot}`,
        primary_slot_name: slot,
        synchronous_standby_names: '',
        ...settings,
      })
    })
  }

  /** Makes a standby a primary; fulfils when it takes writes. */
  async promote(): Promise<void> {
    const client = new Client(this.url)
    await client.connect()
    try {
      await client.query('SELECT pg_promote()')
    } finally {
      await client.end()
    }
  }

  /** The postmaster writes its pid in the first line, its state in the eighth. A killed one leaves the file behind. */
  #saysReady(): boolean {
    const lines = linesOf(join(dataOf(this.#folder), 'postmaster.pid'))
    return Number(lines[0]) === this.pid && lines[7]?.trim() === 'ready'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]()
  }
}

function dataOf(folder: ServerFolder): string {
  return join(folder.path, 'data')
}

/** The last line of a name is the one that counts. */
function configure(folder: ServerFolder, settings: Settings): void {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`,
  )
  appendFileSync(join(dataOf(folder), 'postgresql.conf'), `\n${lines.join('')}`)
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return []
  }
}

/** Fulfils when no process works in the folder. What the postmaster's end did not end in time is killed. */
async function ended(folder: string): Promise<void> {
  const killAt = performance.now() + noticeMs
  for (;;) {
    const living = processesIn(folder)
    if (living.length === 0) return
    if (performance.now() > killAt) for (const pid of living) process.kill(pid, 'SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
