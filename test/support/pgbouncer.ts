import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { ServerFolder } from './server-folder.ts'

export interface PgBouncerOptions {
  /** How many clients may be connected. Default 100. */
  readonly maxClientConn?: number
  /** How many connections it makes to the server. Default 4. */
  readonly defaultPoolSize?: number
}

/** The path of the program; null where it is not installed. */
export function findPgBouncer(): string | null {
  const folders = ['/usr/sbin', '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin']
  return folders.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path)) ?? null
}

/**
 * A PgBouncer before a server, in transaction mode: each transaction may get another connection. It tries again each
 * second to reach a server that went away; by default it would refuse everybody for 15 s.
 */
export class PgBouncer implements AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly #folder: ServerFolder

  /** @throws where it is not installed: tests ask `findPgBouncer` first. */
  static async make(serverUrl: string, options: PgBouncerOptions = {}): Promise<PgBouncer> {
    const program = findPgBouncer()
    if (!program) throw new Error('PgBouncer is not installed')
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(new ServerFolder('KILL'))
    const port = await freePort()
    const file = join(folder.path, 'pgbouncer.ini')
    writeFileSync(file, configuration(serverUrl, port, options))
    folder.start(program, [file])
    // Not by connecting: it might count that client for a while after it has left.
    await folder.ready(() => folder.log().includes('process up'))
    stack.move()
    return new PgBouncer(folder, serverUrl, port)
  }

  private constructor(folder: ServerFolder, serverUrl: string, port: number) {
    this.#folder = folder
    this.port = port
    const url = new URL(serverUrl)
    url.host = `127.0.0.1:${port}`
    this.url = url.href
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]()
  }
}

function configuration(serverUrl: string, port: number, options: PgBouncerOptions): string {
  const { maxClientConn = 100, defaultPoolSize = 4 } = options
  const { hostname, port: serverPort, username, password } = new URL(serverUrl)
  const login = [`user=${decodeURIComponent(username)}`]
  if (password) login.push(`password='${decodeURIComponent(password).replaceAll("'", "''")}'`)
  return `[databases]
* = host=${hostname} port=${serverPort || 5432} ${login.join(' ')}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = ${maxClientConn}
default_pool_size = ${defaultPoolSize}
ignore_startup_parameters = extra_float_digits
server_login_retry = 1
`
}
