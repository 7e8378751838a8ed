/**
 * The servers that a URL names: `postgres://u:p@first:5432,second:5432/db`, as libpq writes it.
 *
 * Of several servers the one that takes writes is used: where it goes away, or turns out to be a standby, the
 * next one is tried. All of this is for the caller's own connections; a pool of the caller's does as it likes.
 */
import { CheckreinError } from '../../core/errors.ts'
import { loadPg, type OwnPgPool, type PgPool, type PgPoolClient, type PgResult } from './pg.ts'

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

/**
 * A URL as it may be shown: without the password, and without the query, which may have one too. Passwords are written
 * into URLs as they are, with whatever is in them; where it cannot be told where one ends, little is shown.
 */
export function shownUrl(url: string): string {
  const [, scheme = '', rest = ''] = /^([\w+.-]*:\/+)?(.*)$/s.exec(url) ?? []
  const at = rest.lastIndexOf('@')
  const query = rest.search(/[?#]/)
  if (at === -1) return scheme + rest.replace(/[?#].*$/s, '')
  const [user = ''] = rest.split(/[:@/?#]/, 1)
  return query !== -1 && query < at
    ? `${scheme}${user}…`
    : `${scheme}${user}${rest.slice(at).replace(/[?#].*$/s, '')}`
}

export class Hosts implements PgPool {
  readonly #pools: readonly OwnPgPool[]
  #at = 0

  static async of(
    url: string,
    { connections, answerMs }: { readonly connections: number; readonly answerMs: number },
  ): Promise<Hosts> {
    const { Pool } = await loadPg()
    const pools = hostUrls(url).map((connectionString) => {
      const pool = new Pool({
        connectionString,
        max: connections,
        pipeline: true,
        allowExitOnIdle: true,
        keepAlive: true,
        connectionTimeoutMillis: answerMs,
        fallback_application_name: 'checkrein',
      })
      // An idle connection that is lost is replaced when the next one is wanted.
      pool.on('error', () => undefined)
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
      const client = await (this.#pools[at] as OwnPgPool).connect()
      if (this.#pools.length > 1) await refuseStandby(client)
      return client
    } catch (error) {
      if (this.#at === at) this.#at = (at + 1) % this.#pools.length
      throw error
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.end()))
  }
}

async function refuseStandby(client: PgPoolClient): Promise<void> {
  try {
    const result = await client.query({ text: 'SELECT pg_is_in_recovery()::text AS standby' })
    if ((result as PgResult).rows[0]?.['standby'] === 'false') return
  } catch (error) {
    client.release(true)
    throw error
  }
  client.release(true)
  throw Object.assign(new Error('the server is a standby'), { code: '57P03' })
}
