/**
 * The servers that a URL names: `postgres://u:p@first:5432,second:5432/db`, as libpq writes it.
 *
 * Of several servers the one that takes writes is used: where it goes away, or turns out to be a standby, the
 * next one is tried. That is so for connections that the store makes; a pool of the caller's chooses its server itself.
 */
import { CheckreinError } from '../../../core/errors.ts'
import {
  loadPg,
  type OwnPgPool,
  type PgClient,
  type PgPool,
  type PgPoolClient,
  type PgResult,
} from './pg.ts'

/** The URL of each server. @throws {CheckreinError} `STORE_URL`. */
export function hostUrls(url: string): readonly string[] {
  const match = /^(postgres(?:ql)?:\/\/(?:[^@/]*@)?)([^/?]*)(.*)$/.exec(url)
  const urls = (match?.[2] ?? '').split(',').map((host) => `${match?.[1]}${host}${match?.[3]}`)
  if (match && urls.every((one) => URL.canParse(one))) return urls
  throw new CheckreinError('STORE_URL', {
    message: 'The URL of the PostgreSQL server is not understood',
    hint: "Use 'postgres://user:password@host:5432/database'; several hosts are separated by commas.",
  })
}

/** The pools of connections to the servers of a URL, one for each server; connections come from the server that was of use last. */
export class Hosts implements PgPool {
  readonly #pools: readonly OwnPgPool[]
  #at = 0

  static async of(
    url: string,
    { connections, answerMs }: { readonly connections: number; readonly answerMs: number },
  ): Promise<Hosts> {
    const { Pool } = await loadPg()
    const urls = hostUrls(url)
    const check = { onConnect: (client: PgClient) => refuseStandby(client, answerMs) }
    const pools = urls.map((connectionString) => {
      const pool = new Pool({
        connectionString,
        max: connections,
        pipeline: true,
        allowExitOnIdle: true,
        keepAlive: true,
        connectionTimeoutMillis: answerMs,
        fallback_application_name: 'checkrein',
        ...(urls.length > 1 ? check : {}),
      })
      // An idle connection that is lost is replaced when the next one is wanted.
      pool.on('error', ignore)
      // A server that goes away may say so in the packet that says hello: before the borrower of the connection can listen.
      pool.on('connect', (client) => client.on('error', ignore))
      return pool
    })
    return new Hosts(pools)
  }

  private constructor(pools: readonly OwnPgPool[]) {
    this.#pools = pools
  }

  async connect(): Promise<PgPoolClient> {
    const at = this.#at
    try {
      return await (this.#pools[at] as OwnPgPool).connect()
    } catch (error) {
      if (this.#at === at) this.#at = (at + 1) % this.#pools.length
      throw error
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.end()))
  }
}

const ignore = (): void => undefined

/** Refuses a new connection to a standby. It asks once: a server that becomes a standby ends its connections. */
async function refuseStandby(client: PgClient, answerMs: number): Promise<void> {
  const text = 'SELECT pg_is_in_recovery()::text AS standby'
  const result = await client.query({ text, query_timeout: answerMs }).catch(lost)
  if ((result as PgResult).rows[0]?.['standby'] !== 'false') throw failure('a standby', '57P03')
}

function lost(error: unknown): never {
  throw failure(`lost: ${String(error)}`, 'ECONNRESET')
}

const failure = (what: string, code: string): Error =>
  Object.assign(new Error(`the server is ${what}`), { code })
