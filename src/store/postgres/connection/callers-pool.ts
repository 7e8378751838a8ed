/**
 * A pool of the caller's.
 *
 * Others may hold all of its connections, so the wait for one is bounded, and leases are renewed on a connection
 * beside it, made with the same settings. Idle connections in it may be lost: `pg` says so in an event that ends the
 * process where nothing listens for it, so this room does.
 */
import { loadPg, type OwnPgPool, type PgPool, type PgPoolClient } from './pg.ts'

interface ConfiguredPool {
  readonly options?: Record<string, unknown>
  on?(event: 'error', listener: () => void): unknown
}

const ignore = (): void => undefined

/** A pool of the caller's, in which the wait for a connection is bounded. The caller ends it, not the store. */
export class CallersPool implements PgPool {
  readonly #pool: PgPool
  readonly #waitMs: number

  /** @param waitMs how long a connection is waited for, ms. */
  constructor(pool: PgPool, waitMs: number) {
    this.#pool = pool
    this.#waitMs = waitMs
    ;(pool as ConfiguredPool).on?.('error', ignore)
  }

  async connect(): Promise<PgPoolClient> {
    const wanted = this.#pool.connect() as Promise<PgPoolClient>
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(noneFree(this.#waitMs)), this.#waitMs)
    let isLate = false
    try {
      return await Promise.race([wanted, late])
    } catch (error) {
      isLate = true
      throw error
    } finally {
      clearTimeout(timer)
      if (isLate) wanted.then((client) => client.release(), ignore)
    }
  }
}

/** The error that no connection became free in time, with the SQLSTATE by which a server says that it has none left. */
function noneFree(waitMs: number): Error {
  const message = `no connection of the pool became free within ${waitMs} ms`
  return Object.assign(new Error(message), { code: '53300' })
}

/** A pool of one connection with the same settings; null where the pool does not tell them. */
export async function poolBeside(pool: PgPool): Promise<OwnPgPool | null> {
  const { options } = pool as ConfiguredPool
  if (typeof options !== 'object' || options === null) return null
  const { Pool } = await loadPg()
  // The password is no property that a spread would find.
  const { password } = options
  const beside = new Pool({
    ...options,
    ...(password === undefined ? {} : { password }),
    max: 1,
    min: 0,
    allowExitOnIdle: true,
  })
  beside.on('error', ignore)
  return beside
}
