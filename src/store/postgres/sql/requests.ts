/** PostgreSQL's half of the twin statements about requests to runs. */
import type { ChoreName } from '../../driver/chore-name.ts'
import { newBulk, newHold, newSignal } from '../../rows/requests.ts'
import { childEnd } from '../../rows/runs.ts'
import { isPast, isPausedByOther, mayExpire, stateIs } from '../../driver/state-sql.ts'
import type { RequestStatements } from '../../driver/request-statements.ts'
import type { SignalQuery } from '../../store.ts'
import {
  anyOfFew,
  asWritten,
  areNull,
  fewSets,
  held,
  heldOrSkipped,
  isAfter,
  isSame,
  sets,
  valuesOf,
} from './pieces.ts'
import { type FilterSql, isUnused, type Param } from '../../driver/sql.ts'

const openSignals = 'completed_at IS NULL'
/**
 * The conditions for verbs and for signals, among the rows that are about one run: no other kinds are. They say "is not", for in a
 * table without statistics the planner takes "is" for one row in two hundred, and "is not" for nearly all; see `areNull`.
 */
const [isControl, isSignal] = ["kind <> 'signal'", "kind <> 'control'"]
/** The condition of `openSignals`, in words with which the planner chooses no index. */
const isOpen = areNull('s.completed_at')
/** The open rows of each of some runs: the parameters as `u`, with the position of each row. */
const openOf = (columns: readonly string[], condition: string): string => `(
      SELECT u.*, o.position FROM ${fewSets(...columns)} CROSS JOIN LATERAL (
        SELECT position FROM @signals
        WHERE run_seq IS NOT NULL AND run_seq = u.run_seq AND ${openSignals} AND ${condition} ${asWritten}) AS o) AS u`

const firstPausing = (after = ''): string =>
  `(SELECT paused_by_id FROM @runs WHERE ${isPausedByOther} ${after} ORDER BY paused_by_id LIMIT 1)`
/** The holds and pauses of workflows and parents that are no more, but have paused runs that no bulk operation is resuming; from one hold to the next, not from run to run. */
const gone = `
      WITH RECURSIVE pausing (id) AS (
        SELECT ${firstPausing()}
        UNION ALL SELECT ${firstPausing('AND paused_by_id > pausing.id')} FROM pausing WHERE pausing.id IS NOT NULL)
      SELECT id FROM pausing WHERE id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM @holds AS h WHERE h.id = pausing.id)
        AND NOT EXISTS (SELECT 1 FROM @workflows AS w WHERE w.id = pausing.id AND w.paused IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM @runs AS p WHERE p.id = pausing.id AND p.paused_by_kind IS NOT NULL AND p.finished_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM @bulks AS b WHERE b.finished_at IS NULL AND (b.hold_id = pausing.id OR b.workflow = pausing.id))`

/** When each chore is due next; 0 where it is already. */
const nextAtOf: Readonly<Record<ChoreName, string>> = {
  endHolds: `SELECT min(until) FROM @holds`,
  expire: `SELECT min(expires_at) FROM @runs WHERE ${mayExpire}`,
  endLate: `SELECT min(deadline_at) FROM @runs WHERE deadline_at IS NOT NULL AND finished_at IS NULL`,
  wake: `SELECT min(wake_at) FROM @runs WHERE wake_at IS NOT NULL`,
  resumeWorkflows: `SELECT min(resume_at) FROM @workflows WHERE resume_at IS NOT NULL`,
  resume: `SELECT min(resume_at) FROM @runs WHERE resume_at IS NOT NULL`,
  resumeOrphaned: `SELECT 0 WHERE EXISTS (${gone})`,
  queueDue: `SELECT min(run_at) FROM @runs WHERE ${stateIs(['scheduled'])}`,
}

/** The statements about requests to runs: verbs, signals, holds, bulk operations and the record, in the SQL of PostgreSQL. */
export const postgresRequests: RequestStatements = {
  wakeableRunsToChange: `
    SELECT * FROM @runs WHERE wake_at IS NOT NULL AND wake_at <= $1 ORDER BY wake_at LIMIT $2 ${heldOrSkipped}`,
  resumableRunsToChange: `
    SELECT * FROM @runs WHERE resume_at IS NOT NULL AND resume_at <= $1 ORDER BY resume_at LIMIT $2 ${heldOrSkipped}`,
  lateRunsToChange: `
    SELECT * FROM @runs WHERE deadline_at IS NOT NULL AND finished_at IS NULL AND deadline_at <= $1
    ORDER BY deadline_at LIMIT $2 ${heldOrSkipped}`,
  orphanedRunsToChange: `
    SELECT * FROM @runs WHERE ${isPausedByOther} AND paused_by_id = ANY(ARRAY(${gone})) AND ${isUnused('$1::bigint')}
    LIMIT $2 ${heldOrSkipped}`,
  pausingRunsToChange: `
    SELECT * FROM @runs
    WHERE worker_id = ANY(ARRAY(SELECT id FROM @workers)) AND (intent IS NOT NULL OR signalled IS NOT NULL)
      AND intent IS NOT NULL AND paused_by_kind = 'hold' AND paused_by_id = $1 ORDER BY seq ${held}`,
  nextAt: `
    SELECT least(
      ${Object.values(nextAtOf)
        .map((next) => `(${next})`)
        .join(', ')}) AS at`,
  unstartRuns: `
    UPDATE @runs SET state = 'queued', attempt = attempt - 1, worker_id = NULL,
      started_at = CASE WHEN attempt > 1 THEN started_at END WHERE seq = ANY($1::bigint[])`,

  saveCheckpoints: `
    INSERT INTO @checkpoints (run_seq, data)
    SELECT DISTINCT ON (run_seq) run_seq, data FROM ${sets('run_seq bigint', 'data text')} ORDER BY run_seq, ord DESC
    ON CONFLICT (run_seq) DO UPDATE SET data = excluded.data`,
  checkpointsOf: `SELECT run_seq, data FROM @checkpoints WHERE run_seq = ${anyOfFew}`,
  deleteCheckpoints: `DELETE FROM @checkpoints WHERE run_seq = ${anyOfFew}`,

  insertSignals: `
    INSERT INTO @signals AS s (${newSignal.names()}) SELECT ${newSignal.names()} FROM ${sets(...newSignal.typed)} ORDER BY ord
    ON CONFLICT (call_id, coalesce(run_id, '')) DO UPDATE SET
      position = excluded.position, run_seq = excluded.run_seq, answer = excluded.answer, completed_at = excluded.completed_at, error = excluded.error
    WHERE s.answer = 'not-found'
    RETURNING position, call_id, run_id`,
  signalsOfCalls: `
    SELECT s.* FROM ${sets('call_id text', 'run_id text')} CROSS JOIN LATERAL (
      SELECT position, call_id, run_id, answer, kind, name, reply FROM @signals
      WHERE call_id = u.call_id AND coalesce(run_id, '') = coalesce(u.run_id, '') LIMIT 1) AS s ORDER BY ord`,
  answerOfCall: `
    SELECT position, run_id, answer FROM @signals
    WHERE call_id = $1 AND kind = $2 AND answer <> 'not-found' LIMIT 1`,
  deliverSignals: `
    UPDATE @signals AS s SET delivered_at = u.at, attempt = u.attempt
    FROM ${fewSets('position bigint', 'run_seq bigint', 'attempt int', 'at bigint')}
    WHERE ${isSame('s.position', 'u.position')} AND s.run_seq = u.run_seq AND ${isOpen}`,
  deliverControls: `
    UPDATE @signals AS s SET delivered_at = u.at, attempt = u.attempt
    FROM ${openOf(['run_seq bigint', 'attempt int', 'at bigint'], isControl)}
    WHERE ${isSame('s.position', 'u.position')} AND ${areNull('s.completed_at', 's.delivered_at')}`,
  finishSignals: `
    UPDATE @signals AS s
    SET completed_at = u.at, attempt = u.attempt, delivered_at = coalesce(s.delivered_at, u.at), reply = u.reply, error = u.error
    FROM ${fewSets('position bigint', 'run_seq bigint', 'at bigint', 'attempt int', 'reply text', 'error text')}
    WHERE ${isSame('s.position', 'u.position')} AND s.run_seq = u.run_seq AND ${isOpen}`,
  finishControls: `
    UPDATE @signals AS s SET completed_at = u.at, reply = u.reply,
      delivered_at = coalesce(s.delivered_at, u.delivered_at), attempt = coalesce(s.attempt, u.attempt)
    FROM ${openOf(['run_seq bigint', 'at bigint', 'reply text', 'delivered_at bigint', 'attempt int'], isControl)}
    WHERE ${isSame('s.position', 'u.position')} AND ${isOpen}`,
  finishCall: `
    UPDATE @signals AS s SET completed_at = u.at, reply = u.reply
    FROM ${fewSets('call_id text', 'at bigint', 'reply text')}
    WHERE ${isSame('s.call_id', 'u.call_id')} AND coalesce(s.run_id, '') = '' AND s.${openSignals}`,
  refuseSignals: `
    UPDATE @signals AS s SET completed_at = u.at, error = u.error
    FROM ${openOf(['run_seq bigint', 'at bigint', 'error text'], isSignal)}
    WHERE ${isSame('s.position', 'u.position')} AND ${isOpen}`,
  pendingSignals: `
    SELECT u.run_seq, u.position FROM ${openOf(['run_seq bigint', 'name text'], `${isSignal} AND name = u.name`)}`,
  mailbox: `
    SELECT s.* FROM @runs AS r CROSS JOIN LATERAL (
      SELECT * FROM @signals
      WHERE run_seq IS NOT NULL AND ${isAfter('r.seq')} AND ${openSignals} AND ${isSignal}
      ORDER BY run_seq, position LIMIT $3) AS s
    WHERE r.id = $1 ORDER BY s.position`,
  unreadSignals: `
    SELECT s.* FROM unnest($1::bigint[]) AS u(seq) CROSS JOIN LATERAL (
      SELECT * FROM @signals
      WHERE run_seq IS NOT NULL AND run_seq = u.seq AND ${openSignals} AND ${isSignal} ${asWritten}) AS s
    ORDER BY s.position`,
  deleteSignals: `
    DELETE FROM @signals WHERE run_id IS NOT NULL AND kind = 'signal'
      AND run_id = ANY(ARRAY(SELECT id FROM @runs WHERE seq = ${anyOfFew}))`,
  pruneAudit: `
    DELETE FROM @signals WHERE position = ANY(ARRAY(
      SELECT position FROM @signals WHERE ${isPast} AND created_at < $1
      ORDER BY created_at LIMIT $2))`,

  insertBulk: `
    INSERT INTO @bulks ${valuesOf(newBulk)} ON CONFLICT (id) DO NOTHING RETURNING id`,
  bulkToChange: `SELECT * FROM @bulks WHERE id = $1 ${held}`,
  updateBulk: `
    UPDATE @bulks SET touched_at = $2, done_seq = $3, done_count = $4, counts = $5, finished_at = $6, error = NULL,
      total_count = greatest(total_count, $7)
    WHERE id = $1`,
  abortBulk: `
    UPDATE @bulks SET touched_at = $2, finished_at = $2, aborted = $3, error = NULL
    WHERE id = $1 AND finished_at IS NULL`,
  noteFailure: `UPDATE @bulks SET touched_at = $2, error = $3 WHERE id = $1 AND finished_at IS NULL`,
  failingBulks: `
    SELECT id, error FROM @bulks WHERE finished_at IS NULL AND error IS NOT NULL ORDER BY touched_at LIMIT 5`,
  endBulksOf: `
    UPDATE @bulks SET touched_at = $3, finished_at = $3, error = NULL
    WHERE finished_at IS NULL AND (hold_id = $1 OR workflow = $2) RETURNING id, counts`,
  pruneBulks: `DELETE FROM @bulks WHERE finished_at < $1`,
  bulksById: `SELECT * FROM @bulks WHERE id = ANY($1::text[])`,
  newestBulks: `SELECT * FROM @bulks ORDER BY created_at DESC, id DESC LIMIT $1`,
  idleBulks: `
    SELECT id FROM @bulks WHERE finished_at IS NULL AND touched_at <= $1 ORDER BY touched_at LIMIT 1`,
  seqEnd: `SELECT max(seq) AS seq FROM @runs`,

  insertHold: `
    INSERT INTO @holds ${valuesOf(newHold)}
    ON CONFLICT (verb, filter) DO UPDATE SET
      until = excluded.until, rollback = excluded.rollback, reason = excluded.reason, by = excluded.by
    RETURNING *`,
  liveHolds: `SELECT * FROM @holds WHERE until IS NULL OR until > $1 ORDER BY created_at, id`,
  rowHolds: `SELECT * FROM @holds WHERE is_lane = 0 AND (until IS NULL OR until > $1)`,
  holdById: `SELECT * FROM @holds WHERE id = $1`,
  holdByFilter: `SELECT * FROM @holds WHERE verb = $1 AND filter = $2`,
  deleteHold: `DELETE FROM @holds WHERE id = $1 RETURNING *`,
  deletePastHolds: `DELETE FROM @holds WHERE until <= $1 RETURNING *`,

  listSignals: ({ where }, order) =>
    order === 'newest'
      ? `SELECT s.* FROM @signals AS s WHERE s.position < $1 AND ${where} ORDER BY s.position DESC LIMIT $2`
      : `SELECT s.* FROM @signals AS s WHERE s.position > $1 AND ${where} ORDER BY s.position LIMIT $2`,
  signalSql,
  childrenAt: `
    SELECT r.* FROM ${sets('parent text', 'low text', 'high text')} CROSS JOIN LATERAL (
      SELECT id, parent, place, state FROM @runs
      WHERE parent = u.parent AND place >= u.low AND place < u.high ${asWritten}) AS r`,
  borrowedAt: `
    SELECT r.id, b.parent, b.place, r.state
    FROM ${sets('parent text', 'low text', 'high text')} CROSS JOIN LATERAL (
      SELECT parent, place, run_id FROM @borrowed
      WHERE parent = u.parent AND place >= u.low AND place < u.high ${asWritten}) AS b
    CROSS JOIN LATERAL (SELECT id, state FROM @runs WHERE id = b.run_id ${asWritten}) AS r`,
  insertBorrowed: `
    INSERT INTO @borrowed (parent, place, run_id)
    SELECT parent, place, run_id FROM ${sets('parent text', 'place text', 'run_id text')}`,
  deleteBorrowed: `
    DELETE FROM @borrowed WHERE parent = ANY(ARRAY(SELECT id FROM @runs WHERE seq = ${anyOfFew}))`,
  adoptRuns: `
    UPDATE @runs AS r SET parent = u.parent, place = u.place
    FROM ${fewSets('id text', 'parent text', 'place text')} WHERE ${isSame('r.id', 'u.id')}`,
  liveParents: `
    SELECT u.parent FROM unnest($1::text[]) AS u(parent) CROSS JOIN LATERAL (
      SELECT 1 FROM @runs WHERE parent = u.parent AND finished_at IS NULL LIMIT 1) AS child`,
  liveChildren: `
    SELECT id FROM @runs WHERE parent = $1 AND finished_at IS NULL
    UNION ALL SELECT r.id FROM (SELECT run_id FROM @borrowed WHERE parent = $1 ${asWritten}) AS b
    JOIN @runs AS r ON ${isSame('r.id', 'b.run_id')} WHERE r.finished_at IS NULL`,
  childrenOf: `
    SELECT ${childEnd.names()} FROM @runs WHERE parent = $1 AND id = ANY($2::text[])
    UNION ALL SELECT ${childEnd.names('r.')} FROM (
      SELECT run_id FROM @borrowed WHERE parent = $1 AND run_id = ANY($2::text[]) ${asWritten}) AS b
    JOIN @runs AS r ON ${isSame('r.id', 'b.run_id')}`,
  // The sum keeps the planner from reading the table backwards until it meets one.
  newestRetry: `SELECT id FROM @runs WHERE retry_of = $1 ORDER BY seq + 0 DESC LIMIT 1`,
}

function signalSql(query: SignalQuery): FilterSql {
  const terms: string[] = []
  const params: Param[] = []
  const bind = (value: Param, type: string): string => `$${2 + params.push(value)}::${type}`
  const among = (column: string, values: readonly string[]): string =>
    `${column} = ANY(${bind(values, 'text[]')})`
  // The few rows are found by their places first: else the planner would read the table from its end, for the order.
  if (query.callIds)
    terms.push(`s.position = ANY(ARRAY(
        SELECT c.position FROM @signals AS c
        WHERE c.call_id = ANY(ARRAY(SELECT unnest(${bind(query.callIds, 'text[]')})))))`)
  if (query.runIds) terms.push(among('s.run_id', query.runIds))
  // A request to many runs has no run id in its row: it is found by the ids of calls in the run's feed.
  if (query.runId !== undefined) {
    const id = bind(query.runId, 'text')
    terms.push(`s.position = ANY(ARRAY(
      SELECT position FROM @signals WHERE run_id = ${id} UNION ALL
      SELECT m.position FROM @runs AS r JOIN @feed AS f ON f.run_seq = r.seq
        JOIN @signals AS m ON m.call_id = f.call_id
      WHERE r.id = ${id} AND m.run_id IS NULL))`)
  }
  if (query.kinds) terms.push(among('s.kind', query.kinds))
  if (query.names) terms.push(among('s.name', query.names))
  if (query.by !== undefined) terms.push(`s.by = ${bind(query.by, 'text')}`)
  if (query.createdAfter !== undefined)
    terms.push(`s.created_at > ${bind(query.createdAfter, 'float8')}`)
  if (query.createdBefore !== undefined)
    terms.push(`s.created_at < ${bind(query.createdBefore, 'float8')}`)
  if (query.isHeard === true)
    terms.push('(s.delivered_at IS NOT NULL OR s.completed_at IS NOT NULL)')
  if (query.isPending === true) terms.push(`s.${openSignals}`)
  return { where: terms.join(' AND ') || 'true', params }
}
