/** Runs transactions to an end that is known. */
import type { Statements } from '../../driver/statements.ts'
import { setTimeout as pause } from 'node:timers/promises'
import type { Tx } from '../../driver/driver.ts'
import type { Change } from '../../store.ts'
import type { DatabaseClock } from '../connection/clock.ts'
import { isConflict, uncertain } from '../connection/errors.ts'
import { commitStatusOf } from './commit-status.ts'
import type { Link } from '../connection/link.ts'
import type { News, Notices } from '../news/notices.ts'
import { PostgresTx, transactOn, type TxClock, UncertainCommit } from './transaction.ts'

/** A transaction that others were in the way of is run again so often. */
const mostConflicts = 20
/** A server that is gone half-way ends a transaction that nobody goes on with by then. */
const settleMs = 20_000
const longestPauseMs = 50
const askAgainMs = 100

export interface TransactorParts {
  readonly link: Link
  readonly databaseClock: DatabaseClock
  /** The store's time. */
  readonly clock: TxClock
  readonly channel: string
  readonly notices: Notices
  readonly statements: Statements
  /** See `Driver.onBegun`. */
  readonly onBegun: (bulkIds: readonly string[]) => void
}

export class Transactor {
  readonly #parts: TransactorParts

  constructor(parts: TransactorParts) {
    this.#parts = parts
  }

  /**
   * Runs `work` in a transaction, and again where others were in its way or the connection was lost before the commit.
   * @param answerMs how long one statement may take.
   */
  async run<T>(work: (tx: Tx) => Promise<T>, answerMs?: number): Promise<T> {
    return this.#parts.link.patiently(() => this.#once(work, answerMs))
  }

  async #once<T>(work: (tx: Tx) => Promise<T>, answerMs?: number): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#attempt(work, answerMs)
      } catch (error) {
        if (error instanceof UncertainCommit) {
          const { result, changes } = error
          if (await this.#wasCommitted(error)) {
            this.#newsOf(changes).isDone()
            return result as T
          }
        } else if (!isConflict(error) || tries >= mostConflicts) throw error
      }
      await pause(Math.random() * Math.min(2 ** tries, longestPauseMs))
    }
  }

  #attempt<T>(work: (tx: Tx) => Promise<T>, answerMs?: number): Promise<T> {
    const { link, clock, statements, databaseClock, channel, onBegun } = this.#parts
    return link.borrow(async (session) => {
      const tx = new PostgresTx(session, { statements, clock })
      const farewell = (): void => {
        if (tx.changes.has('control')) tx.notify(channel, 'control')
      }
      const news = (): News => this.#newsOf(tx.changes)
      const result = await transactOn({ session, databaseClock, tx, farewell, news }, work)
      if (tx.bulkIds.length > 0) onBegun(tx.bulkIds)
      return result
    }, answerMs)
  }

  #newsOf(changes: ReadonlySet<Change>): News {
    return this.#parts.notices.about([...changes])
  }

  /** What became of a commit whose answer did not come. @throws {CheckreinError} where nobody can say. */
  async #wasCommitted(commit: UncertainCommit): Promise<boolean> {
    const { link, statements } = this.#parts
    const giveUpAt = performance.now() + settleMs
    while (performance.now() < giveUpAt) {
      const fate = await link
        .patiently(() =>
          link.borrow((session) => commitStatusOf(session, commit, statements.runsById)),
        )
        .catch(() => 'unknown')
      if (fate === 'committed') return true
      if (fate === 'aborted') return false
      if (fate !== 'in progress') break
      await pause(askAgainMs)
    }
    throw uncertain(link.where, commit.cause)
  }
}
