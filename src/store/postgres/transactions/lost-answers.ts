import {
  isConflict,
  isConnectionLost,
  isLocked,
  isTaken,
  isUnreadable,
  uncertain,
} from '../connection/errors.ts'
import type { Link } from '../connection/link.ts'
import type { Session } from '../connection/session.ts'
import type { Param, Row } from '../../driver/sql.ts'

type Seqs = readonly (number | null)[] | null

/** An insert, and how its rows are found again where its answer was lost. */
export interface Insert {
  readonly insert: (session: Session) => Promise<Seqs>
  /** The rows with these ids that were made at this time: the statement and its parameters. */
  readonly made: readonly [statement: string, params: readonly Param[]]
  readonly ids: readonly string[]
}

/**
 * Inserts rows. Where the answer is lost the insert is run again: where it then finds its rows there, the first try has made them, and
 * where it has to wait for a lock, the first try is still under way.
 * @returns null where a row cannot be inserted: then none was.
 * @throws {CheckreinError} as transactions do, also that it may have been done.
 */
export async function inserted(link: Link, { insert, made, ids }: Insert): Promise<Seqs> {
  const ownRows = async (session: Session): Promise<Seqs> => {
    const rows = await session.rows(...made)
    const seqs = new Map(rows.map((row) => [row['id'], Number(row['seq'])]))
    return ids.every((id) => seqs.has(id)) ? ids.map((id) => seqs.get(id) ?? null) : null
  }
  return untilAnswered(link, async (session, wasLost) => {
    try {
      const seqs = await insert(session)
      return wasLost && seqs?.includes(null) ? ownRows(session) : seqs
    } catch (error) {
      if (isTaken(error) || isUnreadable(error)) return wasLost ? ownRows(session) : null
      if (wasLost && (isLocked(error) || isConflict(error))) throw notOver()
      if (isConflict(error)) return null
      throw error
    }
  })
}

/** Completions, and how those that were done are found again where their answer was lost. */
export interface Complete {
  /** Completes the runs, and gives the `ord` of each that was done; `done` gives the `ord` of each that is completed in that attempt. */
  readonly complete: (session: Session) => Promise<readonly Row[]>
  readonly done: (session: Session) => Promise<readonly Row[]>
  readonly count: number
}

/**
 * Completes runs. Where the answer is lost the completions are run again, and runs that have completed in the meantime, in the same
 * attempts, were completed by the first try.
 * @returns null where others were in the way: then none was done.
 * @throws {CheckreinError} as transactions do, also that they may have been done.
 */
export async function completed(
  link: Link,
  { complete, done, count }: Complete,
): Promise<readonly boolean[] | null> {
  return untilAnswered(link, async (session, wasLost) => {
    try {
      const ords = new Set((await complete(session)).map((row) => row['ord']))
      if (wasLost) for (const row of await done(session)) ords.add(row['ord'])
      return Array.from({ length: count }, (_, at) => ords.has(at + 1))
    } catch (error) {
      if (wasLost && (isLocked(error) || isConflict(error))) throw notOver()
      if (isConflict(error)) return null
      throw error
    }
  })
}

const claimHint = 'Nothing is lost: what the worker may have claimed unheard, it gives back.'

/**
 * Claims runs, once. A claim whose answer is lost is not run again, for the next one would take other runs.
 * @returns null where the claim was certainly not done, for whatever reason.
 * @throws {CheckreinError} that it may have been done.
 */
export async function claimOnce(
  link: Link,
  claim: (session: Session) => Promise<readonly Row[]>,
): Promise<readonly Row[] | null> {
  let isSent = false
  try {
    return await link.borrow((session) => {
      isSent = true
      return claim(session)
    })
  } catch (error) {
    if (isSent && isConnectionLost(error)) throw uncertain(link.where, error, claimHint)
    return null
  }
}

/** Tries until an answer comes. @param once is told whether the answer to an earlier try was lost. */
async function untilAnswered<T>(
  link: Link,
  once: (session: Session, wasLost: boolean) => Promise<T>,
): Promise<T> {
  let wasLost = false
  const attempt = async (session: Session): Promise<T> => {
    try {
      return await once(session, wasLost)
    } catch (error) {
      wasLost ||= isConnectionLost(error)
      throw error
    }
  }
  try {
    return await link.patiently(() => link.borrow(attempt))
  } catch (error) {
    throw wasLost ? uncertain(link.where, error) : error
  }
}

/** The error that has the call tried again: the first try still holds its rows. */
const notOver = (): Error => Object.assign(new Error('not over'), { code: 'ECONNRESET' })
