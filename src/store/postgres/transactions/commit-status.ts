import type { Session } from '../connection/session.ts'
import type { Param, Row } from '../../driver/sql.ts'

/** The state of a transaction whose commit was sent: `unknown` where the server cannot tell any more. */
export type CommitStatus = 'committed' | 'aborted' | 'in progress' | 'unknown'

/** Rows that a transaction has made or taken, by which it can be told that it was committed. */
export interface Proof {
  readonly ids: readonly string[]
  /** The worker that the rows were given to; null where it is enough that the rows are there. */
  readonly workerId: string | null
}

/** A transaction that was to be committed: its id, the mark of the server's life in which it began, and the rows that would prove it. */
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

/**
 * Asks the server whether a transaction was committed. A transaction that is still open and idle is ended. Where the server was
 * restarted or restored meanwhile, its rows are the proof.
 * @param runsById the statement that gives the rows of runs.
 */
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

/** Takes an id that this server has not given out yet for that of a transaction that was not committed. */
function neverHeardOf(error: unknown): Row[] {
  if ((error as { code?: unknown }).code === '22023') return [{ status: 'aborted' }]
  throw error
}

/** The id as it stands where the server counts with 32 bits. */
function shortXid(xid: string): Param {
  return String(BigInt.asUintN(32, BigInt(xid)))
}
