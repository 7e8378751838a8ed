/** SQLite's half of the twin statements; the names, parameters and columns are those of `driver.ts`. */
import { filterSqlIn } from '../driver/filter-sql.ts'
import { liveRanges, mayExpire, notable, stateIs } from '../driver/state-sql.ts'
import { sqliteRequests } from './request-statements.ts'
import { sqliteLanes } from './lanes.ts'
import { sqliteWorkflows } from './workflows.ts'
import { newEntry, newEntryOfCall } from '../rows/feed.ts'
import { newTombstone } from '../rows/requests.ts'
import {
  admittedRun,
  heldIntent,
  heldRun,
  keyedRun,
  matchedRun,
  plainRun,
  slimRun,
  runFacts,
} from '../rows/runs.ts'
import { newWorker } from '../rows/workers.ts'
import { assigned, places, valuesOf } from './pieces.ts'
import type { Statements } from '../driver/statements.ts'

/** The condition for queued runs in the lane of the first two parameters (queue, task) that have not expired by the third (epoch ms). */
export const inLane = `${stateIs(['queued'])} AND queue = ?1 AND task = ?2 AND (expires_at IS NULL OR attempt > returned OR expires_at > ?3)`
const runsById = 'SELECT * FROM checkrein_runs WHERE id IN (SELECT value FROM json_each(?1))'
const nothingStands = `NOT EXISTS (SELECT 1 FROM checkrein_tombstones)
      AND NOT EXISTS (SELECT 1 FROM checkrein_holds WHERE is_lane = 0)`

/** A condition on the input that is false for one which SQLite cannot read, as where it is nested too deep: no row may break a query about others. */
const ofReadable = (condition: string): string =>
  `CASE WHEN json_valid(r.input) THEN ${condition} ELSE 0 END`

const filterSql = filterSqlIn({
  placeOf: (at) => `?${at}`,
  hasTag: (tag) => `r.seq IN (SELECT run_seq FROM checkrein_tags WHERE tag = ${tag})`,
  hasValue({ path, value }, bind) {
    const steps = path.split('.').map((step) => `."${step}"`)
    const at = bind(`$${steps.join('')}`, 'text')
    // SQLite gives a boolean as 1 or 0, and a list or an object as its text: so the type is compared, too.
    if (typeof value === 'boolean')
      return ofReadable(`json_type(r.input, ${at}) = ${bind(String(value), 'text')}`)
    const types = typeof value === 'string' ? "'text'" : "'integer', 'real'"
    const has = `json_type(r.input, ${at}) IN (${types}) AND json_extract(r.input, ${at}) = ${bind(value, 'text')}`
    return ofReadable(has)
  },
})

/** All statements in the SQL of SQLite, by the names of the seam. */
export const sqliteStatements: Statements = {
  ...sqliteRequests,
  ...sqliteWorkflows,
  ...sqliteLanes,
  insertRuns: `
    INSERT INTO checkrein_runs ${valuesOf(keyedRun)} ON CONFLICT (id) DO NOTHING`,
  insertAdmittedRuns: `
    INSERT INTO checkrein_runs ${valuesOf(admittedRun)} ON CONFLICT (id) DO NOTHING`,
  insertPlainRuns: `
    INSERT INTO checkrein_runs (${plainRun.names()}) SELECT ${places(plainRun)} WHERE ${nothingStands}
    ON CONFLICT (id) DO NOTHING`,
  insertNewRuns: `
    INSERT INTO checkrein_runs (${plainRun.names()}) SELECT ${places(plainRun)} WHERE ${nothingStands}`,
  runsById,
  runsToChange: runsById,
  runsBySeqToChange: 'SELECT * FROM checkrein_runs WHERE seq IN (SELECT value FROM json_each(?1))',
  keyHolderToChange: 'SELECT * FROM checkrein_runs WHERE task = ?1 AND key = ?2 AND key_held = 1',
  updateRuns: `
    UPDATE checkrein_runs SET ${assigned(runFacts, 4)}
    WHERE seq = ?1 AND state = ?2 AND attempt = ?3`,
  completeRuns: `
    UPDATE checkrein_runs SET state = 'completed', result = ?5, worker_id = NULL, finished_at = ?6,
      started_at = COALESCE(started_at, ?7)
    WHERE seq = ?1 AND id = ?2 AND ${stateIs(['running'])} AND attempt = ?3 AND worker_id = ?4
      AND intent IS NULL AND key_held = 0 AND is_awaited IS NULL AND signalled IS NULL AND rollback IS NULL AND wait IS NULL`,
  insertTags: 'INSERT INTO checkrein_tags (tag, run_seq) VALUES (?1, ?2) ON CONFLICT DO NOTHING',
  insertFeed: `
    INSERT INTO checkrein_feed ${valuesOf(newEntry)}`,
  insertFeedOfCalls: `
    INSERT INTO checkrein_feed ${valuesOf(newEntryOfCall)}`,
  trimFeed: `
    DELETE FROM checkrein_feed WHERE run_seq = ?1 AND type = ?2 AND position <= (
      SELECT position FROM checkrein_feed WHERE run_seq = ?1 AND type = ?2 ORDER BY position DESC LIMIT 1 OFFSET ?3)`,
  waitingForToChange: `
    SELECT * FROM checkrein_runs
    WHERE waits_for IS NOT NULL AND waits_for IN (SELECT value FROM json_each(?1))`,
  markAwaited: `
    UPDATE checkrein_runs SET is_awaited = 1
    WHERE id IN (SELECT value FROM json_each(?1)) AND finished_at IS NULL`,

  hasTombstones: 'SELECT 1 AS found FROM checkrein_tombstones LIMIT 1',
  tombstonesFor: `
    SELECT * FROM checkrein_tombstones WHERE kind = ?1 AND task = ?2 AND value = ?3 AND expires_at > ?4`,
  insertTombstones: `
    INSERT INTO checkrein_tombstones ${valuesOf(newTombstone)}
    ON CONFLICT (kind, task, value) DO UPDATE SET
      verb = excluded.verb, reason = excluded.reason, by = excluded.by, expires_at = max(expires_at, excluded.expires_at),
      created_at = CASE WHEN expires_at > excluded.created_at THEN created_at ELSE excluded.created_at END
    RETURNING value, expires_at`,
  deleteTombstone:
    'DELETE FROM checkrein_tombstones WHERE kind = ?1 AND task = ?2 AND value = ?3 RETURNING value',
  liveTombstones:
    'SELECT * FROM checkrein_tombstones WHERE expires_at > ?1 ORDER BY created_at, value',
  pruneTombstones: 'DELETE FROM checkrein_tombstones WHERE expires_at <= ?1',

  insertWorker: `
    INSERT INTO checkrein_workers ${valuesOf(newWorker)}`,
  renewLease: `
    UPDATE checkrein_workers SET lease_until = max(lease_until, ?3 + lease_ms)
    WHERE id = ?1 AND lease_until > ?2 RETURNING id`,
  deleteWorker: 'DELETE FROM checkrein_workers WHERE id = ?1 RETURNING id, tasks',
  heldLease: 'SELECT 1 AS held FROM checkrein_workers WHERE id = ?1 AND lease_until > ?2',
  allWorkers: `
    SELECT w.*, (SELECT count(*) FROM checkrein_runs WHERE worker_id = w.id AND ${stateIs(['running'])}) AS held_count
    FROM checkrein_workers AS w ORDER BY w.started_at, w.id`,
  lapsedWorkers: 'SELECT id FROM checkrein_workers WHERE lease_until <= ?1',
  deleteLapsedWorker:
    'DELETE FROM checkrein_workers WHERE id = ?1 AND lease_until <= ?2 RETURNING id, tasks',
  heldRunsToChange: `SELECT * FROM checkrein_runs WHERE ${stateIs(['running'])} AND worker_id = ?1`,
  heldRuns: `SELECT ${heldRun.names()} FROM checkrein_runs WHERE ${stateIs(['running'])} AND worker_id = ?1`,
  heldIntents: `
    SELECT ${heldIntent.names()} FROM checkrein_runs
    WHERE worker_id = ?1 AND (intent IS NOT NULL OR signalled IS NOT NULL)`,

  dueRunsToChange: `SELECT * FROM checkrein_runs WHERE ${stateIs(['scheduled'])} AND run_at <= ?1 ORDER BY run_at LIMIT ?2`,
  expiredRunsToChange: `SELECT * FROM checkrein_runs WHERE ${mayExpire} AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2`,
  prunableRuns: `
    SELECT seq FROM checkrein_runs
    WHERE finished_at IS NOT NULL AND state = ?1 AND finished_at < ?2
      AND NOT EXISTS (SELECT 1 FROM checkrein_workflows AS w WHERE w.id = workflow AND w.finished_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM checkrein_runs AS p WHERE p.id = checkrein_runs.parent AND p.finished_at IS NULL)
      AND NOT EXISTS (
        SELECT 1 FROM checkrein_borrowed AS b JOIN checkrein_runs AS p ON p.id = b.parent
        WHERE b.run_id = checkrein_runs.id AND p.finished_at IS NULL)
    ORDER BY finished_at LIMIT ?3`,
  keepNewestPosition: `
    UPDATE checkrein_feed SET run_seq = 0 WHERE position = (SELECT max(position) FROM checkrein_feed)
    AND run_seq IN (SELECT value FROM json_each(?1))`,
  deleteFeed: `
    DELETE FROM checkrein_feed
    WHERE run_seq IN (SELECT value FROM json_each(?1)) AND position < (SELECT max(position) FROM checkrein_feed)`,
  deleteTags: 'DELETE FROM checkrein_tags WHERE run_seq IN (SELECT value FROM json_each(?1))',
  deleteRuns: 'DELETE FROM checkrein_runs WHERE seq IN (SELECT value FROM json_each(?1))',

  finalRuns: `
    SELECT * FROM checkrein_runs WHERE finished_at IS NOT NULL AND id IN (SELECT value FROM json_each(?1))`,
  feedOfRun: `
    SELECT f.*, r.id AS run_id, r.workflow FROM checkrein_runs AS r JOIN checkrein_feed AS f ON f.run_seq = r.seq
    WHERE r.id = ?1 AND f.position > ?2 ORDER BY f.position LIMIT ?3`,
  feedOfAll: `
    SELECT f.*, r.id AS run_id, r.workflow FROM checkrein_feed AS f JOIN checkrein_runs AS r ON r.seq = f.run_seq
    WHERE f.position > ?1 ORDER BY f.position LIMIT ?2`,
  feedEnd: 'SELECT max(position) AS position FROM checkrein_feed',

  preventRuns: (states, whose) => `
    UPDATE checkrein_runs
    SET state = 'cancelled', stop = ?4, finished_at = ?5, run_at = NULL, paused_from = NULL, waits_for = NULL, key_held = 0,
      paused = NULL, paused_by_kind = NULL, paused_by_id = NULL, resume_at = NULL, wake_at = NULL, wait = NULL
    WHERE seq = ?1 AND id = ?2 AND attempt = ?3 AND ${stateIs(states)}
      AND rollback IS NULL AND rollback_on IS NULL AND signalled IS NULL ${whose === 'no members' ? 'AND workflow IS NULL' : ''}`,
  listRuns: ({ where }, { order, payloads = true }) => {
    const runs = `SELECT ${payloads ? '*' : slimRun.names('r.')} FROM checkrein_runs AS r WHERE ${where}`
    return order === 'newest'
      ? `${runs} AND r.seq < ?1 ORDER BY r.seq DESC LIMIT ?2`
      : `${runs} AND r.seq > ?1 ORDER BY r.seq LIMIT ?2`
  },
  countRuns: ({ where }) =>
    where === 'true'
      ? countAll
      : `SELECT state, count(*) AS n FROM checkrein_runs AS r WHERE ${where} GROUP BY state`,
  matchRuns: ({ where }) =>
    liveRanges
      .map(
        (range) =>
          `SELECT ${matchedRun.names('r.')} FROM checkrein_runs AS r WHERE ${range} AND ${where}`,
      )
      .join(' UNION ALL '),
  filterSql,
}

/** Each live state has a small index, and the finished ones are counted in theirs: no row is read. */
const countAll = `
  SELECT state, count(*) AS n FROM checkrein_runs WHERE finished_at IS NOT NULL GROUP BY state
  UNION ALL SELECT 'scheduled', count(*) FROM checkrein_runs WHERE ${stateIs(['scheduled'])}
  UNION ALL SELECT 'queued', count(*) FROM checkrein_runs WHERE ${stateIs(['queued'])}
  UNION ALL SELECT 'running', count(*) FROM checkrein_runs WHERE ${stateIs(['running'])}
  UNION ALL SELECT state, count(*) FROM checkrein_runs
    WHERE ${stateIs(notable)} AND finished_at IS NULL GROUP BY state`
