/** The way to the database: borrows connections, and tries again where one is lost. */
import { setTimeout as pause } from 'node:timers/promises'
import { CheckreinError } from '../../../core/errors.ts'
import { isConflict, isConnectionLost, isFull, isSpoiled, isStandby, storeError } from './errors.ts'
import { CallersPool, poolBeside } from './callers-pool.ts'
import { Hosts } from './hosts.ts'
import { loadPg, type OwnPgPool, type PgPool, type PgPoolClient } from './pg.ts'
import type { PostgresSettings } from './options.ts'
import { Session } from './session.ts'

/** The database that a link is to, and the settings of its connections. */
export interface LinkParts {
  /** The URL, or the caller's own pool. */
  readonly to: string | PgPool
  /** How the database is called in messages. */
  readonly where: string
  readonly settings: PostgresSettings
}

interface Pools {
  readonly pool: Hosts | CallersPool
  readonly touchPool: Hosts | CallersPool | OwnPgPool
}

/** How long the renewal of a lease, which is one row, may take, ms; where it is not answered by then, another connection is tried. */
const touchAnswerMs = 2000
const aliveMs = 1000
const firstPauseMs = 20
const longestPauseMs = 500
/** How often a statement is tried where another transaction was in its way. */
const mostConflicts = 20

/**
 * The way to one database: lends connections to pieces of work, tries again while the database cannot be reached, and ends its
 * own connections when it is disposed of.
 */
export class Link implements AsyncDisposable {
  readonly where: string
  readonly #pool: Pools['pool']
  readonly #touchPool: Pools['touchPool']
  readonly #settings: PostgresSettings
  /** The statements that connections may keep plans of. */
  planned: ReadonlySet<string> = new Set()
  /** The statements that set the limits of a connection of our own once and for all; empty where each transaction must set them. */
  settings = ''
  /** Whether connections are handed out by transaction, so that none can listen or keep anything. */
  isPooled = false
  #isHastened = false
  #isClosed = false

  static async open(parts: LinkParts): Promise<Link> {
    const { to, settings } = parts
    if (typeof to !== 'string') {
      const pool = new CallersPool(to, settings.answerMs)
      return new Link(parts, { pool, touchPool: (await poolBeside(to)) ?? pool })
    }
    const pool = await Hosts.of(to, settings)
    const touchPool = await Hosts.of(to, { ...settings, connections: 1 })
    return new Link(parts, { pool, touchPool })
  }

  private constructor({ where, settings }: LinkParts, { pool, touchPool }: Pools) {
    this.where = where
    this.#pool = pool
    this.#touchPool = touchPool
    this.#settings = settings
  }

  /** Borrows a connection for some statements. @throws as they do. */
  async borrow<T>(
    work: (session: Session) => Promise<T>,
    answerMs = this.#settings.answerMs,
  ): Promise<T> {
    return this.#borrowFrom(this.#pool, work, answerMs)
  }

  async #borrowFrom<T>(
    pool: Pools['touchPool'],
    work: (session: Session) => Promise<T>,
    answerMs: number,
  ): Promise<T> {
    if (this.#isClosed) throw new CheckreinError('STORE_CLOSED', { details: { where: this.where } })
    const client = await pool.connect()
    const session = new Session(client, {
      answerMs,
      planned: this.planned,
      settings: this.settings,
    })
    session.prepare()
    let isSound = false
    try {
      const result = await work(session)
      isSound = true
      return result
    } catch (error) {
      isSound = !isConnectionLost(error) && !isSpoiled(error)
      throw error
    } finally {
      session.release(isSound)
    }
  }

  /**
   * Borrows a connection, patiently, for statements that are alone, each a transaction of its own: where transactions are serializable
   * by default, others may be in the way of those, too. @throws {CheckreinError} as `patiently`.
   */
  ask<T>(work: (session: Session) => Promise<T>, answerMs?: number): Promise<T> {
    return this.patiently(() => unopposed(() => this.borrow(work, answerMs)))
  }

  /** The same on a connection that nothing else is done on, for a statement that must not wait. */
  touch<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const answerMs = Math.min(this.#settings.answerMs, touchAnswerMs)
    return this.patiently(() => unopposed(() => this.#borrowFrom(this.#touchPool, work, answerMs)))
  }

  /**
   * Calls `work`, which has no effect unless it succeeds, again and again until the database can be reached, for as long as `patienceMs`.
   * @throws {CheckreinError} a `STORE_…` code for the error of the last try.
   */
  async patiently<T>(work: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + this.#settings.patienceMs
    for (let tries = 0; ; tries++) {
      try {
        return await work()
      } catch (error) {
        const mayPass = isConnectionLost(error) || isFull(error) || isStandby(error)
        if (!mayPass || this.#isHastened || this.#isClosed || performance.now() > giveUpAt)
          throw storeError(error, this.where)
      }
      await pause(Math.min(firstPauseMs * 2 ** tries, longestPauseMs) * (0.5 + Math.random() / 2))
    }
  }

  /** From now on, no call that has failed is tried again. */
  hasten(): void {
    this.#isHastened = true
  }

  /** Whether the connections are ours alone, and the same from one transaction to the next. */
  get isOwn(): boolean {
    return this.#pool instanceof Hosts && !this.isPooled
  }

  /** A connection of its own that can listen; null where there is none. */
  async listener(): Promise<Session | null> {
    const { listenUrl: url, answerMs } = this.#settings
    if (this.isPooled && url === null) return null
    const client = await (url === null ? this.#pool.connect() : directly(url, answerMs))
    return new Session(client, { answerMs, planned: new Set(), settings: '' })
  }

  /** Ends the connections, unless they are the caller's. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    // Idle connections keep no process alive, not even until they are closed.
    const alive = setInterval(() => undefined, aliveMs)
    try {
      for (const pool of [this.#pool, this.#touchPool]) if ('end' in pool) await pool.end()
    } finally {
      clearInterval(alive)
    }
  }
}

/** Calls `work` again where another transaction was in its way. */
async function unopposed<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (!isConflict(error) || tries >= mostConflicts) throw error
    }
  }
}

/** A connection in no pool. */
async function directly(connectionString: string, answerMs: number): Promise<PgPoolClient> {
  const { Client } = await loadPg()
  const client = new Client({
    connectionString,
    keepAlive: true,
    connectionTimeoutMillis: answerMs,
  })
  client.on('error', () => undefined)
  await client.connect()
  return Object.assign(client, { release: () => void client.end().catch(() => undefined) })
}
