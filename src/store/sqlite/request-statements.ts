/** SQLite's half of the twin statements about requests to runs. */
import type { ChoreName } from '../driver/chore-name.ts'
import { newBulk, newHold, newSignal } from '../rows/requests.ts'
import { childEnd } from '../rows/runs.ts'
import { unindexed, valuesOf } from './pieces.ts'
import { isPast, isPausedByOther, mayExpire, stateIs } from '../driver/state-sql.ts'
import type { RequestStatements } from '../driver/request-statements.ts'
import type { SignalQuery } from '../store.ts'
import { type FilterSql, isUnused, type Param } from '../driver/sql.ts'

const ofThese = 'run_seq IN (SELECT value FROM json_each(?1))'
const openSignals = 'completed_at IS NULL'

/** The holds and pauses of workflows and parents that are no more, but have paused runs that no bulk operation is resuming; from one hold to the next, not from run to run. */
const gone = `
      WITH RECURSIVE pausing (id) AS (
        SELECT min(paused_by_id) FROM checkrein_runs WHERE ${isPausedByOther}
        UNION ALL SELECT (SELECT min(paused_by_id) FROM checkrein_runs WHERE ${isPausedByOther} AND paused_by_id > pausing.id)
        FROM pausing WHERE pausing.id IS NOT NULL)
      SELECT id FROM pausing WHERE id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM checkrein_holds AS h WHERE h.id = pausing.id)
        AND NOT EXISTS (SELECT 1 FROM checkrein_workflows AS w WHERE w.id = pausing.id AND w.paused IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM checkrein_runs AS p WHERE p.id = pausing.id AND p.paused_by_kind IS NOT NULL AND p.finished_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM checkrein_bulks AS b WHERE b.finished_at IS NULL AND (b.hold_id = pausing.id OR b.workflow = pausing.id))`

/** When each chore is due next; 0 where it is already. */
const nextAtOf: Readonly<Record<ChoreName, string>> = {
  endHolds: 'SELECT min(until) FROM checkrein_holds',
  expire: `SELECT min(expires_at) FROM checkrein_runs WHERE ${mayExpire}`,
  endLate:
    'SELECT min(deadline_at) FROM checkrein_runs WHERE deadline_at IS NOT NULL AND finished_at IS NULL',
  wake: 'SELECT min(wake_at) FROM checkrein_runs WHERE wake_at IS NOT NULL',
  resumeWorkflows: 'SELECT min(resume_at) FROM checkrein_workflows WHERE resume_at IS NOT NULL',
  resume: 'SELECT min(resume_at) FROM checkrein_runs WHERE resume_at IS NOT NULL',
  resumeOrphaned: `SELECT 0 WHERE EXISTS (${gone})`,
  queueDue: `SELECT min(run_at) FROM checkrein_runs WHERE ${stateIs(['scheduled'])}`,
}

/** The statements about requests to runs: verbs, signals, holds, bulk operations and the record, in the SQL of SQLite. */
export const sqliteRequests: RequestStatements = {
  wakeableRunsToChange:
    'SELECT * FROM checkrein_runs WHERE wake_at IS NOT NULL AND wake_at <= ?1 ORDER BY wake_at LIMIT ?2',
  resumableRunsToChange:
    'SELECT * FROM checkrein_runs WHERE resume_at IS NOT NULL AND resume_at <= ?1 ORDER BY resume_at LIMIT ?2',
  lateRunsToChange: `
    SELECT * FROM checkrein_runs WHERE deadline_at IS NOT NULL AND finished_at IS NULL AND deadline_at <= ?1
    ORDER BY deadline_at LIMIT ?2`,
  orphanedRunsToChange: `
    SELECT * FROM checkrein_runs WHERE ${isPausedByOther} AND paused_by_id IN (${gone}) AND ${isUnused('?1')} LIMIT ?2`,
  pausingRunsToChange: `
    SELECT * FROM checkrein_runs
    WHERE worker_id IN (SELECT id FROM checkrein_workers) AND (intent IS NOT NULL OR signalled IS NOT NULL)
      AND intent IS NOT NULL AND paused_by_kind = 'hold' AND paused_by_id = ?1`,
  nextAt: `
    SELECT min(at) AS at FROM (
      ${Object.values(nextAtOf)
        .map((next) => `SELECT (${next}) AS at`)
        .join(' UNION ALL ')})`,
  unstartRuns: `
    UPDATE checkrein_runs SET state = 'queued', attempt = attempt - 1, worker_id = NULL,
      started_at = CASE WHEN attempt > 1 THEN started_at END
    WHERE seq IN (SELECT value FROM json_each(?1))`,

  saveCheckpoints: `
    INSERT INTO checkrein_checkpoints (run_seq, data) VALUES (?1, ?2)
    ON CONFLICT (run_seq) DO UPDATE SET data = excluded.data`,
  checkpointsOf: `SELECT run_seq, data FROM checkrein_checkpoints WHERE ${ofThese}`,
  deleteCheckpoints: `DELETE FROM checkrein_checkpoints WHERE ${ofThese}`,

  insertSignals: `
    INSERT INTO checkrein_signals ${valuesOf(newSignal)}
    ON CONFLICT (call_id, coalesce(run_id, '')) DO UPDATE SET
      position = excluded.position, run_seq = excluded.run_seq, answer = excluded.answer, completed_at = excluded.completed_at, error = excluded.error
    WHERE answer = 'not-found'
    RETURNING position, call_id, run_id`,
  signalsOfCalls: `
    SELECT position, call_id, run_id, answer, kind, name, reply FROM checkrein_signals WHERE call_id = ?1 AND coalesce(run_id, '') = coalesce(?2, '')`,
  answerOfCall: `
    SELECT position, run_id, answer FROM checkrein_signals
    WHERE call_id = ?1 AND kind = ?2 AND answer <> 'not-found' LIMIT 1`,
  deliverSignals: `
    UPDATE checkrein_signals SET delivered_at = ?4, attempt = ?3
    WHERE position = ?1 AND run_seq = ?2 AND ${openSignals}`,
  deliverControls: `
    UPDATE checkrein_signals SET delivered_at = ?3, attempt = ?2
    WHERE run_seq = ?1 AND ${openSignals} AND kind = 'control' AND delivered_at IS NULL`,
  finishSignals: `
    UPDATE checkrein_signals
    SET completed_at = ?3, attempt = ?4, delivered_at = coalesce(delivered_at, ?3), reply = ?5, error = ?6
    WHERE position = ?1 AND run_seq = ?2 AND ${openSignals}`,
  finishControls: `
    UPDATE checkrein_signals SET completed_at = ?2, reply = ?3,
      delivered_at = coalesce(delivered_at, ?4), attempt = coalesce(attempt, ?5)
    WHERE run_seq = ?1 AND ${openSignals} AND kind = 'control'`,
  finishCall: `
    UPDATE checkrein_signals SET completed_at = ?2, reply = ?3
    WHERE call_id = ?1 AND coalesce(run_id, '') = '' AND ${openSignals}`,
  refuseSignals: `
    UPDATE checkrein_signals SET completed_at = ?2, error = ?3
    WHERE run_seq = ?1 AND ${openSignals} AND kind = 'signal'`,
  pendingSignals: `
    SELECT run_seq, position FROM checkrein_signals
    WHERE run_seq = ?1 AND ${openSignals} AND kind = 'signal' AND name = ?2`,
  mailbox: `
    SELECT s.* FROM checkrein_runs AS r JOIN checkrein_signals AS s ON s.run_seq = r.seq
    WHERE r.id = ?1 AND s.position > ?2 AND s.${openSignals} AND s.kind = 'signal' ORDER BY s.position LIMIT ?3`,
  unreadSignals: `
    SELECT * FROM checkrein_signals
    WHERE run_seq IN (SELECT value FROM json_each(?1)) AND ${openSignals} AND kind = 'signal' ORDER BY position`,
  deleteSignals: `
    DELETE FROM checkrein_signals
    WHERE run_id IN (SELECT id FROM checkrein_runs WHERE seq IN (SELECT value FROM json_each(?1))) AND kind = 'signal'`,
  pruneAudit: `
    DELETE FROM checkrein_signals WHERE position IN (
      SELECT position FROM checkrein_signals WHERE ${isPast} AND created_at < ?1
      ORDER BY created_at LIMIT ?2)`,

  insertBulk: `
    INSERT INTO checkrein_bulks ${valuesOf(newBulk)} ON CONFLICT (id) DO NOTHING RETURNING id`,
  bulkToChange: 'SELECT * FROM checkrein_bulks WHERE id = ?1',
  updateBulk: `
    UPDATE checkrein_bulks SET touched_at = ?2, done_seq = ?3, done_count = ?4, counts = ?5, finished_at = ?6, error = NULL,
      total_count = max(total_count, ?7)
    WHERE id = ?1`,
  abortBulk: `
    UPDATE checkrein_bulks SET touched_at = ?2, finished_at = ?2, aborted = ?3, error = NULL
    WHERE id = ?1 AND finished_at IS NULL`,
  noteFailure:
    'UPDATE checkrein_bulks SET touched_at = ?2, error = ?3 WHERE id = ?1 AND finished_at IS NULL',
  failingBulks:
    'SELECT id, error FROM checkrein_bulks WHERE finished_at IS NULL AND error IS NOT NULL ORDER BY touched_at LIMIT 5',
  endBulksOf: `
    UPDATE checkrein_bulks SET touched_at = ?3, finished_at = ?3, error = NULL
    WHERE finished_at IS NULL AND (hold_id = ?1 OR workflow = ?2) RETURNING id, counts`,
  pruneBulks: 'DELETE FROM checkrein_bulks WHERE finished_at < ?1',
  bulksById: 'SELECT * FROM checkrein_bulks WHERE id IN (SELECT value FROM json_each(?1))',
  newestBulks: 'SELECT * FROM checkrein_bulks ORDER BY created_at DESC, id DESC LIMIT ?1',
  idleBulks:
    'SELECT id FROM checkrein_bulks WHERE finished_at IS NULL AND touched_at <= ?1 ORDER BY touched_at LIMIT 1',
  seqEnd: 'SELECT max(seq) AS seq FROM checkrein_runs',

  insertHold: `
    INSERT INTO checkrein_holds ${valuesOf(newHold)}
    ON CONFLICT (verb, filter) DO UPDATE SET
      until = excluded.until, rollback = excluded.rollback, reason = excluded.reason, by = excluded.by
    RETURNING *`,
  liveHolds:
    'SELECT * FROM checkrein_holds WHERE until IS NULL OR until > ?1 ORDER BY created_at, id',
  rowHolds: 'SELECT * FROM checkrein_holds WHERE is_lane = 0 AND (until IS NULL OR until > ?1)',
  holdById: 'SELECT * FROM checkrein_holds WHERE id = ?1',
  holdByFilter: 'SELECT * FROM checkrein_holds WHERE verb = ?1 AND filter = ?2',
  deleteHold: 'DELETE FROM checkrein_holds WHERE id = ?1 RETURNING *',
  deletePastHolds: 'DELETE FROM checkrein_holds WHERE until <= ?1 RETURNING *',

  listSignals: ({ where }, order) =>
    order === 'newest'
      ? `SELECT s.* FROM checkrein_signals AS s WHERE s.position < ?1 AND ${where} ORDER BY s.position DESC LIMIT ?2`
      : `SELECT s.* FROM checkrein_signals AS s WHERE s.position > ?1 AND ${where} ORDER BY s.position LIMIT ?2`,
  signalSql,
  childrenAt: `
    SELECT id, parent, place, state FROM checkrein_runs WHERE parent = ?1 AND place >= ?2 AND place < ?3`,
  borrowedAt: `
    SELECT r.id, b.parent, b.place, r.state FROM checkrein_borrowed AS b JOIN checkrein_runs AS r ON r.id = b.run_id
    WHERE b.parent = ?1 AND b.place >= ?2 AND b.place < ?3`,
  insertBorrowed: 'INSERT INTO checkrein_borrowed (parent, place, run_id) VALUES (?1, ?2, ?3)',
  deleteBorrowed: `
    DELETE FROM checkrein_borrowed
    WHERE parent IN (SELECT id FROM checkrein_runs WHERE seq IN (SELECT value FROM json_each(?1)))`,
  adoptRuns: 'UPDATE checkrein_runs SET parent = ?2, place = ?3 WHERE id = ?1',
  liveParents: `
    SELECT DISTINCT parent FROM checkrein_runs
    WHERE parent IN (SELECT value FROM json_each(?1)) AND finished_at IS NULL`,
  liveChildren: `
    SELECT id FROM checkrein_runs WHERE parent = ?1 AND finished_at IS NULL
    UNION ALL SELECT r.id FROM checkrein_borrowed AS b JOIN checkrein_runs AS r ON r.id = b.run_id
    WHERE b.parent = ?1 AND r.finished_at IS NULL`,
  childrenOf: `
    SELECT ${childEnd.names()} FROM checkrein_runs
    WHERE parent = ?1 AND id IN (SELECT value FROM json_each(?2))
    UNION ALL SELECT ${childEnd.names('r.')} FROM checkrein_borrowed AS b JOIN checkrein_runs AS r ON r.id = b.run_id
    WHERE b.parent = ?1 AND b.run_id IN (SELECT value FROM json_each(?2))`,
  newestRetry: `SELECT id FROM checkrein_runs WHERE retry_of = ?1 ORDER BY ${unindexed('seq')} DESC LIMIT 1`,
}

function signalSql(query: SignalQuery): FilterSql {
  const terms: string[] = []
  const params: Param[] = []
  const bind = (value: Param): string => `?${2 + params.push(value)}`
  const among = (column: string, values: readonly string[]): string =>
    `${column} IN (SELECT value FROM json_each(${bind(values)}))`
  if (query.callIds) terms.push(among('s.call_id', query.callIds))
  if (query.runIds) terms.push(among('s.run_id', query.runIds))
  // A request to many runs has no run id in its row: it is found by the ids of calls in the run's feed.
  if (query.runId !== undefined) {
    const id = bind(query.runId)
    terms.push(`s.position IN (
      SELECT position FROM checkrein_signals WHERE run_id = ${id} UNION ALL
      SELECT m.position FROM checkrein_runs AS r JOIN checkrein_feed AS f ON f.run_seq = r.seq
        JOIN checkrein_signals AS m ON m.call_id = f.call_id
      WHERE r.id = ${id} AND m.run_id IS NULL)`)
  }
  if (query.kinds) terms.push(among('s.kind', query.kinds))
  if (query.names) terms.push(among('s.name', query.names))
  if (query.by !== undefined) terms.push(`s.by = ${bind(query.by)}`)
  if (query.createdAfter !== undefined) terms.push(`s.created_at > ${bind(query.createdAfter)}`)
  if (query.createdBefore !== undefined) terms.push(`s.created_at < ${bind(query.createdBefore)}`)
  if (query.isHeard === true)
    terms.push('(s.delivered_at IS NOT NULL OR s.completed_at IS NOT NULL)')
  if (query.isPending === true) terms.push(`s.${openSignals}`)
  return { where: terms.join(' AND ') || 'true', params }
}
