import type { Session } from '../connection/session.ts'
import type { Param, Row } from '../../driver/sql.ts'

export type CommitStatus = 'committed' | 'aborted' | 'in progress' | 'unknown'

/** Rows that a transaction has made or taken, by which it can be told that it was committed. */
export interface Proof {
  readonly ids: readonly string[]
  /** Whom they were given to; null where it is enough that they are there. */
  readonly workerId: string | null
}

/** A transaction that was to be committed. */
export interface Doubt {
  readonly xid: string
  readonly life: string | null
  readonly proof: Proof | null
}

/** The mark of the server's life; a column of a SELECT. */
export const lifeMark = 'pg_stat_get_bgwriter_stat_reset_time()::text AS life'

const ask = `
  SELECT CASE WHEN pg_is_in_recovery() THEN 'in progress' ELSE pg_xact_status($1::text::xid8) END AS status, ${lifeMark}`
const endIdle = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE backend_xid = $1::text::xid AND state = 'idle in transaction' AND usename = current_user`

/** @param runsById the statement that gives the rows of runs. */
export async function commitStatusOf(
  session: Session,
  { xid, life, proof }: Doubt,
  runsById: string,
): Promise<CommitStatus> {
  const [answer] = await session.rows(ask, [xid]).catch(neverHeardOf)
  const status = answer?.['status']
  if (status === 'aborted') return 'aborted'
  if (status === 'in progress') {
    await session.rows(endIdle, [shortXid(xid)]).catch(() => undefined)
    return 'in progress'
  }
  if (status !== 'committed') return 'unknown'
  if (life !== null && answer?.['life'] === life) return 'committed'
  return proof ? commitStatusByRows(await session.rows(runsById, [proof.ids]), proof) : 'unknown'
}

function commitStatusByRows(rows: readonly Row[], { workerId }: Proof): CommitStatus {
  const isMade = rows.some((row) => workerId === null || row['worker_id'] === workerId)
  return isMade ? 'committed' : 'aborted'
}

/** An id that the server has not given out yet, in this life. */
function neverHeardOf(error: unknown): Row[] {
  if ((error as { code?: unknown }).code === '22023') return [{ status: 'aborted' }]
  throw error
}

/** As it stands where the server counts with 32 bits. */
function shortXid(xid: string): Param {
  return String(BigInt.asUintN(32, BigInt(xid)))
}
