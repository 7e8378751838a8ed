/**
 * News between processes, by LISTEN and NOTIFY.
 *
 * Notices are hints, no more: a process that hears one reads the rows. The notice that something was asked of a running run is sent
 * within the transaction that writes the request. The notices of work and of other news are sent after the commit and no oftener than
 * every few milliseconds, for each commit with a NOTIFY in it waits for every other one (measured: a NOTIFY in each enqueue costs
 * 60 % of the throughput).
 *
 * One connection listens. While it is away, and where nothing can listen (a pooler that hands out connections by
 * transaction, a database without LISTEN), the newest entries are looked at every `lookMs` instead. When it is back,
 * everybody is told to look, for what was sent meanwhile is lost.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Change } from '../../store.ts'
import type { Session } from '../connection/session.ts'

/** The parts that notices are made of: the channel, the ways to hear and to send, and the way to look where nothing can be heard. */
export interface NoticesParts {
  /** The name of the channel, without quotes. */
  readonly channel: string
  /** A connection that can listen; null where none can. */
  readonly connect: () => Promise<Session | null>
  /** Sends a notice to all who listen. */
  readonly send: (change: Change) => Promise<void>
  /** Reads a text that differs from the last one when anything has changed. */
  readonly look: () => Promise<string>
  readonly lookMs: number
}

/** News of one write. */
export interface News {
  /**
   * Tells the other processes at once, unless they were told of the same change just now. It is called when the write was sent on the
   * session, and again when the write was sent again on another session.
   */
  behind(session: Pick<Session, 'isPipelined' | 'rows'>): void
  /** Tells the listeners in this process, and soon the other processes, unless they were told already. */
  isDone(): void
}

/** The statement that sends a notice to all that listen on a channel. Its result is made text, for not every client can read the type void. */
export const notify = 'SELECT pg_notify($1, $2)::text'

/** The gap between two notices of a kind, ms; where they go on and on, it grows to `longestGapMs`. */
const gapMs: Readonly<Record<Change, number>> = { control: 0, work: 5, end: 5, news: 20, any: 20 }
const longestGapMs = 40
const reconnectMs = 250
/** A connection that only listens would never notice that nothing comes any more. */
const pingEveryMs = 5000

/** Tells the listeners of this process what this and other processes have changed, and the other processes what this one has. */
export class Notices {
  readonly #parts: NoticesParts
  readonly #listeners = new Set<(change: Change) => void>()
  readonly #due = new Map<Change, NodeJS.Timeout>()
  readonly #last = new Map<Change, { readonly at: number; readonly gapMs: number }>()
  #sending: Promise<unknown> = Promise.resolve()
  #session: Session | null = null
  #timer: NodeJS.Timeout | null = null
  #looked: string | null = null
  #isStarted = false
  #isStopped = false
  #canListen = true

  constructor(parts: NoticesParts) {
    this.#parts = parts
  }

  /** Whether a connection listens just now, so that notices come by themselves. */
  get isListening(): boolean {
    return this.#session !== null
  }

  listen(listener: (change: Change) => void): Disposable {
    this.#listeners.add(listener)
    if (!this.#isStarted) {
      this.#isStarted = true
      void this.#connect()
    }
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** Tells the listeners in this process. */
  tell(change: Change): void {
    for (const listener of this.#listeners) listener(change)
  }

  /** Tells the other processes, soon. */
  spread(change: Change): void {
    if (this.#isStopped || this.#due.has(change)) return
    const waitMs = this.#waitMs(change)
    if (waitMs <= 0) return this.#send(change, gapMs[change])
    const gap = Math.min((this.#last.get(change)?.gapMs ?? 0) * 2, longestGapMs)
    this.#due.set(change, setTimeout(() => this.#send(change, gap), waitMs).unref())
  }

  /** The news of one write, for the write to tell. Changes of the kind `control` go to other processes within the write itself. */
  about(changes: readonly Change[]): News {
    const others = changes.filter((change) => change !== 'control')
    const sent = new Set<Change>()
    return {
      behind: (session) => {
        // Without a pipeline the statement would wait for its turn, which comes when the connection has gone to another borrower.
        if (!session.isPipelined) return
        for (const change of others) {
          if (!sent.has(change) && !this.#takeTurn(change)) continue
          sent.add(change)
          session.rows(notify, [this.#parts.channel, change]).catch(() => undefined)
        }
      },
      isDone: () => {
        for (const change of changes) this.tell(change)
        for (const change of others) if (!sent.has(change)) this.spread(change)
      },
    }
  }

  /** Whether a notice may go at once. */
  #takeTurn(change: Change): boolean {
    const isFree = !this.#isStopped && !this.#due.has(change) && this.#waitMs(change) <= 0
    if (isFree) this.#last.set(change, { at: performance.now(), gapMs: gapMs[change] })
    return isFree
  }

  #waitMs(change: Change): number {
    const last = this.#last.get(change)
    return last ? last.at + last.gapMs - performance.now() : 0
  }

  #send(change: Change, gapMs = 0): void {
    this.#due.delete(change)
    this.#last.set(change, { at: performance.now(), gapMs })
    this.#sending = this.#parts.send(change).catch(() => undefined)
  }

  /** Sends the notices that are due, and hears nothing more. */
  async stop(): Promise<void> {
    for (const [change, timer] of this.#due) {
      clearTimeout(timer)
      this.#send(change)
    }
    await this.#sending
    this.#isStopped = true
    this.#listeners.clear()
    if (this.#timer) clearTimeout(this.#timer)
    this.#session?.release(false)
    this.#session = null
  }

  async #connect(): Promise<void> {
    if (this.#isStopped || !this.#canListen) return
    try {
      const session = await this.#parts.connect()
      if (session === null) this.#canListen = false
      else await this.#listenOn(session)
    } catch {
      // The look below goes on, and so do the tries.
    }
    this.#lookAgain()
  }

  async #listenOn(session: Session): Promise<void> {
    session.listen(
      (payload) => this.tell((payload ?? 'any') as Change),
      () => this.#lost(session),
    )
    try {
      await session.script(`LISTEN "${this.#parts.channel}"`)
    } catch (error) {
      session.release(false)
      throw error
    }
    if (this.#isStopped) return session.release(false)
    this.#session = session
    this.tell('any')
    void this.#ping(session)
  }

  /** Asks now and then whether the connection still answers. */
  async #ping(session: Session): Promise<void> {
    while (this.#session === session) {
      await pause(pingEveryMs, undefined, { ref: false })
      if (this.#session === session)
        await session.script('SELECT 1').catch(() => this.#lost(session))
    }
  }

  #lost(session: Session): void {
    if (this.#session !== session) return
    this.#session = null
    session.release(false)
    this.#lookAgain()
  }

  /** Plans the next look while nothing listens; after it, listening is tried again. */
  #lookAgain(): void {
    if (this.#isStopped || this.#session) return
    const pauseMs = this.#canListen ? reconnectMs : this.#parts.lookMs
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), pauseMs).unref()
  }

  async #look(): Promise<void> {
    try {
      const newest = await this.#parts.look()
      if (newest !== this.#looked) this.tell('any')
      this.#looked = newest
    } catch {
      // It will be asked again.
    }
    if (this.#canListen) await this.#connect()
    else this.#lookAgain()
  }
}
