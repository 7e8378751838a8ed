/**
 * The commonest writes, each as one statement that is a transaction of its own: one question and one answer, where a
 * transaction around it takes three. Their notices are sent right behind them.
 *
 * Only plain cases go this way; the rows that a statement leaves over are done in a transaction.
 */
import type { NewRows } from '../../driver/driver.ts'
import { CheckreinError } from '../../../core/errors.ts'
import { columnsOf, type Lane } from '../../driver/lanes.ts'
import type { ClaimRequest } from '../../store.ts'
import { claimOnce, completed, inserted } from './lost-answers.ts'
import type { Link } from '../connection/link.ts'
import { listsOf, portionsOf } from './lists.ts'
import type { Notices } from '../news/notices.ts'
import type { PostgresStatements } from '../sql/statements.ts'
import { PostgresTx, type TxClock } from './transaction.ts'
import type { Param, Row } from '../../driver/sql.ts'
import type { StatementName } from '../../driver/statements.ts'

/** The parts that single statements work with. */
export interface SingleStatementParts {
  readonly link: Link
  readonly statements: PostgresStatements
  readonly notices: Notices
  /** The store's time. */
  readonly clock: TxClock
}

type Sets = readonly (readonly Param[])[]

/** The enqueues, claims and completions that are plain enough to be one statement each. */
export class SingleStatements {
  readonly #parts: SingleStatementParts

  constructor(parts: SingleStatementParts) {
    this.#parts = parts
  }

  /** See `Driver.insertAlone`. */
  async insert(
    name: StatementName,
    { sets, ids, createdAt }: NewRows,
  ): Promise<readonly (number | null)[] | null> {
    const { link, clock, statements, notices } = this.#parts
    if (portionsOf(sets).length > 1) return null
    const news = notices.about(['work'])
    const seqs = await inserted(link, {
      insert: (session) => {
        const seqs = new PostgresTx(session, { statements, clock }).insert(name, sets)
        news.behind(session)
        return seqs
      },
      made: [statements.madeRuns, [ids, createdAt]],
      ids,
    })
    if (seqs) news.isDone()
    return seqs
  }

  /** See `Driver.completeAlone`. It is used on connections of our own only, which have our limits; so is `claim`. */
  async complete(sets: Sets): Promise<readonly boolean[] | null> {
    const { link, statements, notices } = this.#parts
    if (portionsOf(sets).length > 1) return null
    const lists = listsOf(sets)
    const news = notices.about(['end', 'news'])
    const isDone = await completed(link, {
      complete: (session) => {
        const rows = session.rows(statements.completeAlone, lists)
        news.behind(session)
        return rows
      },
      done: (session) => session.rows(statements.completedRuns, lists),
      count: sets.length,
    })
    if (isDone?.includes(true)) news.isDone()
    return isDone
  }

  /** See `Driver.claimAlone`. */
  async claim(
    { workerId, limit, startsLater }: ClaimRequest,
    lanes: readonly Lane[],
  ): Promise<readonly Row[] | null> {
    const { link, clock, statements, notices } = this.#parts
    const [queues, tasks] = columnsOf(lanes)
    const data = JSON.stringify({ workerId })
    const now = clock.now()
    const startedAt = startsLater === true ? null : now
    const params = [queues, tasks, now, workerId, limit, clock.leaseNow(), data, startedAt]
    const rows = await claimOnce(link, (session) => session.rows(statements.claimAlone, params))
    const known = rows?.[0]
    if (!rows || known?.['is_guarded'] === 1) return null
    const claimed = rows.filter((row) => row['seq'] !== null)
    if (claimed.length === 0 && known?.['is_held'] !== 1)
      throw new CheckreinError('LEASE_LOST', { details: { workerId } })
    if (claimed.length > 0) {
      notices.tell('news')
      notices.spread('news')
    }
    return claimed
  }
}
