/** The way to the database: borrows connections, and tries again where one is lost. */
import { setTimeout as pause } from 'node:timers/promises'
import { CheckreinError } from '../../core/errors.ts'
import { isConnectionLost, isFull, storeError } from './errors.ts'
import { Hosts } from './hosts.ts'
import { loadPg, type PgPool, type PgPoolClient } from './pg.ts'
import type { PostgresSettings } from './options.ts'
import { Session } from './session.ts'

export interface LinkParts {
  /** The URL, or the caller's own pool. */
  readonly to: string | PgPool
  /** How the database is called in messages. */
  readonly where: string
  readonly settings: PostgresSettings
}

const firstPauseMs = 20
const longestPauseMs = 500

export class Link implements AsyncDisposable {
  readonly where: string
  readonly #pool: PgPool
  readonly #settings: PostgresSettings
  /** The statements that connections may keep plans of. */
  planned: ReadonlySet<string> = new Set()
  /** What stands on connections of our own; empty where each transaction must bring it. */
  settings = ''
  /** Whether connections are handed out by transaction, so that none can listen or keep anything. */
  isPooled = false
  #isClosed = false

  static async open(parts: LinkParts): Promise<Link> {
    const { to, settings } = parts
    return new Link(parts, typeof to === 'string' ? await Hosts.of(to, settings) : to)
  }

  private constructor({ where, settings }: LinkParts, pool: PgPool) {
    this.where = where
    this.#pool = pool
    this.#settings = settings
  }

  /** Borrows a connection for some statements. @throws as they do. */
  async borrow<T>(
    work: (session: Session) => Promise<T>,
    answerMs = this.#settings.answerMs,
  ): Promise<T> {
    if (this.#isClosed) throw new CheckreinError('STORE_CLOSED', { details: { where: this.where } })
    const client = await this.#pool.connect()
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
      isSound = !isConnectionLost(error)
      throw error
    } finally {
      session.release(isSound)
    }
  }

  /**
   * Does what has no effect unless it succeeds, until the database can be reached; a call whose limit is over fails.
   * @throws {CheckreinError} what the database reported, as an error of ours.
   */
  async patiently<T>(work: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + this.#settings.patienceMs
    for (let tries = 0; ; tries++) {
      try {
        return await work()
      } catch (error) {
        const mayPass = isConnectionLost(error) || isFull(error)
        if (!mayPass || this.#isClosed || performance.now() > giveUpAt)
          throw storeError(error, this.where)
      }
      await pause(Math.min(firstPauseMs * 2 ** tries, longestPauseMs) * (0.5 + Math.random() / 2))
    }
  }

  /** Whether the connections are ours alone, and the same from one transaction to the next. */
  get isOwn(): boolean {
    return this.#pool instanceof Hosts && !this.isPooled
  }

  /** A connection of its own that can listen; null where there is none. */
  async listener(): Promise<PgPoolClient | null> {
    const url = this.#settings.listenUrl
    if (this.isPooled && url === null) return null
    if (url === null) return this.#pool.connect()
    const { Client } = await loadPg()
    const client = new Client({ connectionString: url, keepAlive: true })
    await client.connect()
    return Object.assign(client, { release: () => void client.end().catch(() => undefined) })
  }

  /** Ends the connections, unless they are the caller's. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#pool instanceof Hosts) await this.#pool.end()
  }
}
