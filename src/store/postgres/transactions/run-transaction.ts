/** Runs transactions, each until it is known whether it was committed. */
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

/** How often a transaction is run again where others were in its way. */
const mostConflicts = 20
/** How long an uncertain commit is asked about, ms: by then the server has ended a transaction whose connection is gone. */
const settleMs = 20_000
const longestPauseMs = 50
const askAgainMs = 100

/** The parts that a transactor works with. */
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

/** How long one statement may take, and how long it may wait for a row, ms. */
interface Patience {
  readonly answerMs?: number
  readonly lockMs?: number | undefined
}

/** Runs transactions on borrowed connections, each until it is known whether it was committed. */
export class Transactor {
  readonly #parts: TransactorParts

  constructor(parts: TransactorParts) {
    this.#parts = parts
  }

  /**
   * Runs `work` in a transaction, and again where others were in its way or the connection was lost before the commit.
   */
  async run<T>(work: (tx: Tx) => Promise<T>, patience: Patience = {}): Promise<T> {
    return this.#parts.link.patiently(() => this.#once(work, patience))
  }

  async #once<T>(work: (tx: Tx) => Promise<T>, patience: Patience): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#attempt(work, patience)
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

  #attempt<T>(work: (tx: Tx) => Promise<T>, { answerMs, lockMs }: Patience): Promise<T> {
    const { link, clock, statements, databaseClock, channel, onBegun } = this.#parts
    return link.borrow(async (session) => {
      const tx = new PostgresTx(session, { statements, clock })
      const farewell = (): void => {
        if (tx.changes.has('control')) tx.notify(channel, 'control')
      }
      const news = (): News => this.#newsOf(tx.changes)
      const limited = (): Promise<T> => {
        if (lockMs !== undefined) void tx.all(`SET LOCAL lock_timeout = ${lockMs}`)
        return work(tx)
      }
      const result = await transactOn({ session, databaseClock, tx, farewell, news }, limited)
      if (tx.bulkIds.length > 0) onBegun(tx.bulkIds)
      return result
    }, answerMs)
  }

  #newsOf(changes: ReadonlySet<Change>): News {
    return this.#parts.notices.about([...changes])
  }

  /** Asks whether a commit whose answer did not come was done. @throws {CheckreinError} where nobody can say. */
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
