import type { Param } from '../driver.ts'
import { isConnectionLost, isLocked, isTaken, uncertain } from './errors.ts'
import type { Link } from './link.ts'
import type { Session } from './session.ts'

type Seqs = readonly (number | null)[] | null

export interface InsertAlone {
  readonly insert: (session: Session) => Promise<Seqs>
  /** The rows with these ids that were made at this time: the statement and its parameters. */
  readonly made: readonly [statement: string, params: readonly Param[]]
  readonly ids: readonly string[]
}

/**
 * An insert as a transaction of its own. Where its answer is lost it is run again; that it finds its rows there, or has to
 * wait for itself, is then a good sign.
 * @returns null where a row cannot be inserted: then none was.
 * @throws {CheckreinError} as transactions do, also that it may have been done.
 */
export async function insertAlone(link: Link, { insert, made, ids }: InsertAlone): Promise<Seqs> {
  let wasLost = false
  const once = async (session: Session): Promise<Seqs> => {
    try {
      const seqs = await insert(session)
      return wasLost && seqs?.includes(null) ? ownRows(session) : seqs
    } catch (error) {
      if (isTaken(error)) return wasLost ? ownRows(session) : null
      if (isConnectionLost(error)) wasLost = true
      throw wasLost && isLocked(error) ? Object.assign(new Error('not over'), lost) : error
    }
  }
  const ownRows = async (session: Session): Promise<Seqs> => {
    const rows = await session.rows(...made)
    const seqs = new Map(rows.map((row) => [row['id'], Number(row['seq'])]))
    return ids.every((id) => seqs.has(id)) ? ids.map((id) => seqs.get(id) ?? null) : null
  }
  try {
    return await link.patiently(() => link.borrow(once))
  } catch (error) {
    throw wasLost ? uncertain(link.where, error) : error
  }
}

/** An error that is waited out. */
const lost = { code: 'ECONNRESET' }
