/**
 * PostgreSQL's half of the twin statements; the names, parameters and columns are those of `driver.ts`.
 *
 * A statement that SQLite runs once for each set of parameters is run once here, with a list for each parameter. Where it changes
 * rows, `ord` in its answer says which of the sets did.
 *
 * Where rows are found by their places, nothing in the statement may imply the condition of a partial index: the planner,
 * which knows little of a young or fast-changing table, would read that index for each set (100 completions took 4 ms
 * instead of 1). So a completion asks for its worker instead of the state, which a CHECK makes the same.
 */
import { tables } from '../tables.ts'
import type { State } from '../../../core/run/transitions.ts'
import { mayExpire, notable, stateIs } from '../../driver/state-sql.ts'
import { type ClaimStatements, claimStatements } from './claim.ts'
import { newEntry, newEntryOfCall } from '../../rows/feed.ts'
import { newTombstone } from '../../rows/requests.ts'
import {
  admittedRun,
  heldIntent,
  heldRun,
  keyedRun,
  plainRun,
  runFacts,
  slimRun,
} from '../../rows/runs.ts'
import { newWorker } from '../../rows/workers.ts'
import { conditionOf, filterSql, matchRuns } from './filter.ts'
import { postgresLanes } from './lanes.ts'
import { postgresRequests } from './requests.ts'
import { postgresWorkflows } from './workflows.ts'
import {
  anyOfFew,
  areNull,
  fewSets,
  held,
  heldOrSkipped,
  isAfter,
  isInState,
  isSame,
  sets,
  valuesOf,
} from './pieces.ts'
import type { Statements } from '../../driver/statements.ts'

/** The statements of the seam, with those that only PostgreSQL has. */
export interface PostgresStatements extends Statements, ClaimStatements {
  /** Completes runs and writes their entries in one statement; gives the `ord` of each completion that was plain enough to be done. */
  readonly completeAlone: string
  /** Gives the `ord` of each of some runs that has completed in the given attempt. */
  readonly completedRuns: string
  readonly madeRuns: string
  readonly feedHorizon: string
  /** The transactions that claim: no others hold the row of a worker. */
  readonly claimers: string
  readonly newest: string
}

const insertPlainRuns = (also: string, conflict: string): string => `
  INSERT INTO @runs (${plainRun.names()}) SELECT ${plainRun.names()} FROM ${sets(...plainRun.typed)}
  ${nothingStands} ${also} ORDER BY ord ${conflict} RETURNING seq, id`
/** It is run on connections that may have any settings: with this one off, nulls in the lists would have become words. */
const nullsAreNulls = "AND current_setting('array_nulls') = 'on'"

const nothingStands =
  'WHERE NOT EXISTS (SELECT 1 FROM @tombstones) AND NOT EXISTS (SELECT 1 FROM @holds WHERE is_lane = 0)'

/** The condition that a tombstone is for the kind, task and value of a set. */
const isTheirs = `${isSame('t.kind', 'u.kind')} AND t.task = u.task AND t.value = u.value`

const completionColumns = [
  'seq bigint',
  'id text',
  'attempt int',
  'worker_id text',
  'result text',
  'at bigint',
  'started_at bigint',
]
const completeRuns = `
    UPDATE @runs AS r SET state = 'completed', result = u.result, worker_id = NULL, finished_at = u.at,
      started_at = coalesce(r.started_at, u.started_at)
    FROM ${fewSets(...completionColumns)}
    WHERE ${isSame('r.seq', 'u.seq')} AND ${isSame('r.id', 'u.id')} AND r.attempt = u.attempt AND r.worker_id = u.worker_id
      AND r.key_held < 1 AND ${areNull('r.intent', 'r.is_awaited', 'r.signalled', 'r.rollback', 'r.wait')}`

/** Counts the runs of a live state in its small index; finished runs are counted in theirs. */
const countLive = (state: State): string =>
  `SELECT '${state}', count(*) FROM @runs WHERE ${stateIs([state])}`
const countAll = `
    SELECT state, count(*) AS n FROM @runs WHERE finished_at IS NOT NULL GROUP BY state
    UNION ALL ${countLive('scheduled')} UNION ALL ${countLive('queued')} UNION ALL ${countLive('running')}
    UNION ALL SELECT state, count(*) FROM @runs
      WHERE ${stateIs(notable)} AND finished_at IS NULL GROUP BY state`

/** The statements with `@runs` for the table in any schema. */
const templates: PostgresStatements = {
  ...postgresRequests,
  ...postgresWorkflows,
  ...postgresLanes,
  ...claimStatements,
  insertRuns: `
    INSERT INTO @runs (${keyedRun.names()}) SELECT ${keyedRun.names()} FROM ${sets(...keyedRun.typed)}
    ORDER BY ord ON CONFLICT (id) DO NOTHING RETURNING seq, id`,
  insertAdmittedRuns: `
    INSERT INTO @runs (${admittedRun.names()}) SELECT ${admittedRun.names()} FROM ${sets(...admittedRun.typed)}
    ORDER BY ord ON CONFLICT (id) DO NOTHING RETURNING seq, id`,
  insertPlainRuns: insertPlainRuns('', 'ON CONFLICT (id) DO NOTHING'),
  insertNewRuns: insertPlainRuns(nullsAreNulls, ''),
  runsById: `SELECT * FROM @runs WHERE id = ANY($1::text[])`,
  runsToChange: `SELECT * FROM @runs WHERE id = ANY($1::text[]) ORDER BY seq ${held}`,
  runsBySeqToChange: `SELECT * FROM @runs WHERE seq = ANY($1::bigint[]) ORDER BY seq ${held}`,
  keyHolderToChange: `
    SELECT * FROM @runs WHERE key_held > 0 AND seq = ANY(ARRAY(
      SELECT r.seq FROM ${sets('task text', 'key text')} CROSS JOIN LATERAL (
        SELECT seq FROM @runs WHERE task = u.task AND key = u.key AND key_held = 1 LIMIT 1) AS r))
    ORDER BY seq ${held}`,
  updateRuns: `
    UPDATE @runs AS r SET (${runFacts.names()}) = ROW(${runFacts.names('u.')})
    FROM ${fewSets('seq bigint', 'old_state text', 'old_attempt int', ...runFacts.typed)}
    WHERE ${isSame('r.seq', 'u.seq')} AND r.state = u.old_state AND r.attempt = u.old_attempt RETURNING u.ord`,
  completeRuns: `${completeRuns} RETURNING u.ord`,
  completeAlone: `
    WITH done AS (
      ${completeRuns} AND NOT EXISTS (SELECT 1 FROM @runs AS w WHERE w.waits_for IS NOT NULL AND w.waits_for = u.id)
      RETURNING u.ord, u.seq, u.attempt, u.at),
    entered AS (
      INSERT INTO @feed (run_seq, at, type, attempt, state)
      SELECT seq, at, 'complete', attempt, 'completed' FROM done ORDER BY ord)
    SELECT ord FROM done`,
  completedRuns: `
    SELECT u.ord FROM ${fewSets(...completionColumns)} JOIN @runs AS r ON ${isSame('r.seq', 'u.seq')}
    WHERE ${isSame('r.id', 'u.id')} AND r.attempt = u.attempt AND ${stateIs(['completed'], 'r.')}`,
  insertTags: `
    INSERT INTO @tags (tag, run_seq) SELECT tag, run_seq FROM ${sets('tag text', 'run_seq bigint')}
    ON CONFLICT DO NOTHING`,
  insertFeed: `
    INSERT INTO @feed (${newEntry.names()}) SELECT ${newEntry.names()} FROM ${sets(...newEntry.typed)} ORDER BY ord`,
  insertFeedOfCalls: `
    INSERT INTO @feed (${newEntryOfCall.names()}) SELECT ${newEntryOfCall.names()} FROM ${sets(...newEntryOfCall.typed)} ORDER BY ord`,
  trimFeed: `
    DELETE FROM @feed WHERE position = ANY(ARRAY(
      SELECT past.position FROM ${sets('run_seq bigint', 'type text', 'kept int')}
      CROSS JOIN LATERAL (
        SELECT f.position FROM @feed AS f WHERE f.run_seq = u.run_seq AND f.type = u.type
        ORDER BY f.position DESC OFFSET u.kept) AS past))`,
  waitingForToChange: `
    SELECT * FROM @runs WHERE waits_for IS NOT NULL AND waits_for = ANY($1::text[]) ORDER BY seq ${held}`,
  markAwaited: `
    UPDATE @runs SET is_awaited = 1 WHERE id = ANY($1::text[]) AND finished_at IS NULL`,

  hasTombstones: `SELECT 1 AS found FROM @tombstones LIMIT 1`,
  tombstonesFor: `
    SELECT t.* FROM ${fewSets('kind text', 'task text', 'value text', 'now bigint')}
    JOIN @tombstones AS t ON ${isTheirs} AND t.expires_at > u.now`,
  insertTombstones: `
    INSERT INTO @tombstones AS t (${newTombstone.names()})
    SELECT DISTINCT ON (kind, task, value) ${newTombstone.names()} FROM ${sets(...newTombstone.typed)}
    ORDER BY kind, task, value, ord DESC
    ON CONFLICT (kind, task, value) DO UPDATE SET
      verb = excluded.verb, reason = excluded.reason, by = excluded.by, expires_at = greatest(t.expires_at, excluded.expires_at),
      created_at = CASE WHEN t.expires_at > excluded.created_at THEN t.created_at ELSE excluded.created_at END
    RETURNING value, expires_at`,
  deleteTombstone: `
    DELETE FROM @tombstones AS t USING ${fewSets('kind text', 'task text', 'value text')}
    WHERE ${isTheirs} RETURNING t.value`,
  liveTombstones: `SELECT * FROM @tombstones WHERE expires_at > $1 ORDER BY created_at, value`,
  pruneTombstones: `DELETE FROM @tombstones WHERE expires_at <= $1`,

  insertWorker: `
    INSERT INTO @workers ${valuesOf(newWorker)}`,
  renewLease: `
    UPDATE @workers SET lease_until = greatest(lease_until, $3::bigint + lease_ms)
    WHERE id = $1 AND lease_until > $2::bigint
    RETURNING id, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS database_now`,
  deleteWorker: `DELETE FROM @workers WHERE id = $1 RETURNING id, tasks`,
  heldLease: `SELECT 1 AS held FROM @workers WHERE id = $1 AND lease_until > $2 FOR KEY SHARE`,
  allWorkers: `
    SELECT w.*, (SELECT count(*) FROM @runs WHERE worker_id = w.id AND ${stateIs(['running'])}) AS held_count
    FROM @workers AS w ORDER BY w.started_at, w.id`,
  lapsedWorkers: `SELECT id FROM @workers WHERE lease_until <= $1`,
  deleteLapsedWorker: `DELETE FROM @workers WHERE id = $1 AND lease_until <= $2 RETURNING id, tasks`,
  heldRunsToChange: `
    SELECT * FROM @runs WHERE ${stateIs(['running'])} AND worker_id = $1 ORDER BY seq ${held}`,
  heldRuns: `SELECT ${heldRun.names()} FROM @runs WHERE ${stateIs(['running'])} AND worker_id = $1`,
  heldIntents: `
    SELECT ${heldIntent.names()} FROM @runs
    WHERE worker_id = $1 AND (intent IS NOT NULL OR signalled IS NOT NULL)`,

  dueRunsToChange: `
    SELECT * FROM @runs WHERE ${stateIs(['scheduled'])} AND run_at <= $1 ORDER BY run_at LIMIT $2 ${heldOrSkipped}`,
  expiredRunsToChange: `
    SELECT * FROM @runs WHERE ${mayExpire} AND expires_at <= $1 ORDER BY expires_at LIMIT $2 ${heldOrSkipped}`,
  prunableRuns: `
    SELECT seq FROM @runs WHERE finished_at IS NOT NULL AND state = $1 AND finished_at < $2
      AND NOT EXISTS (SELECT 1 FROM @workflows AS w WHERE ${isSame('w.id', 'runs.workflow')} AND w.finished_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM @runs AS p WHERE ${isSame('p.id', 'runs.parent')} AND p.finished_at IS NULL)
      AND NOT EXISTS (
        SELECT 1 FROM @borrowed AS b JOIN @runs AS p ON ${isSame('p.id', 'b.parent')}
        WHERE ${isSame('b.run_id', 'runs.id')} AND p.finished_at IS NULL)
    ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED`,
  keepNewestPosition: `
    UPDATE @feed SET run_seq = 0 WHERE position = (SELECT max(position) FROM @feed) AND run_seq = ANY($1::bigint[])`,
  deleteFeed: `
    DELETE FROM @feed WHERE run_seq = ${anyOfFew} AND position <> (SELECT max(position) FROM @feed)`,
  deleteTags: `DELETE FROM @tags WHERE run_seq = ${anyOfFew}`,
  deleteRuns: `DELETE FROM @runs WHERE seq = ${anyOfFew}`,

  finalRuns: `SELECT * FROM @runs WHERE finished_at IS NOT NULL AND id = ANY($1::text[])`,
  feedOfRun: `
    SELECT f.*, r.id AS run_id, r.workflow FROM @runs AS r CROSS JOIN LATERAL (
      SELECT * FROM @feed WHERE ${isAfter('r.seq')} ORDER BY run_seq, position LIMIT $3) AS f
    WHERE r.id = $1 ORDER BY f.position`,
  feedOfAll: `
    SELECT f.*, r.id AS run_id, r.workflow FROM @feed AS f LEFT JOIN @runs AS r ON r.seq = f.run_seq
    WHERE f.position > $1 ORDER BY f.position LIMIT $2`,
  feedEnd: `SELECT max(position) AS position FROM @feed`,
  madeRuns: `SELECT id, seq FROM @runs WHERE id = ANY($1::text[]) AND created_at = $2`,
  claimers: `
    SELECT string_agg(virtualtransaction, ' ') AS writers FROM pg_locks
    WHERE locktype = 'relation' AND mode = 'RowShareLock' AND relation = '@workers'::regclass
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  feedHorizon: `
    SELECT (SELECT max(position) FROM @feed) AS position,
      (SELECT string_agg(virtualtransaction, ' ') FROM pg_locks
        WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND relation = '@feed'::regclass
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS writers`,
  newest: `SELECT (SELECT max(position) FROM @feed) AS position, (SELECT max(seq) FROM @runs) AS seq`,

  preventRuns: (states, whose) => `
    UPDATE @runs AS r
    SET state = 'cancelled', stop = u.stop, finished_at = u.at, run_at = NULL, paused_from = NULL, waits_for = NULL, key_held = 0,
      paused = NULL, paused_by_kind = NULL, paused_by_id = NULL, resume_at = NULL, wake_at = NULL, wait = NULL
    FROM ${fewSets('seq bigint', 'id text', 'attempt int', 'stop text', 'at bigint')}
    WHERE ${isSame('r.seq', 'u.seq')} AND ${isSame('r.id', 'u.id')} AND r.attempt = u.attempt AND ${isInState(states, 'r.')}
      AND ${areNull('r.rollback', 'r.rollback_on', 'r.signalled', ...(whose === 'no members' ? ['r.workflow'] : []))} RETURNING u.ord`,
  listRuns: ({ where }, { order, payloads = true }) => {
    const runs = `SELECT ${payloads ? '*' : slimRun.names('r.')} FROM @runs AS r WHERE ${where}`
    return order === 'newest'
      ? `${runs} AND r.seq < $1 ORDER BY r.seq DESC LIMIT $2`
      : `${runs} AND r.seq > $1 ORDER BY r.seq LIMIT $2`
  },
  countRuns: (filter) =>
    filter.where === 'true'
      ? countAll
      : `SELECT state, count(*) AS n FROM @runs AS r WHERE ${conditionOf(filter)} GROUP BY state`,
  matchRuns,
  filterSql,
}

const tableInTemplate = new RegExp(`@(${tables.join('|')})\\b`, 'g')

/** Makes the statements for the tables of one schema. @param schema the quoted name of the schema. */
export function postgresStatements(schema: string): PostgresStatements {
  const placed = (text: string): string => text.replaceAll(tableInTemplate, `${schema}.$1`)
  const fixed = Object.entries(templates).map(([name, text]: [string, unknown]) => [
    name,
    typeof text === 'string' ? placed(text) : text,
  ])
  return {
    ...(Object.fromEntries(fixed) as PostgresStatements),
    listRuns: (filter, page) => placed(templates.listRuns(filter, page)),
    countRuns: (filter) => placed(templates.countRuns(filter)),
    preventRuns: (states, whose) => placed(templates.preventRuns(states, whose)),
    matchRuns: (filter) => placed(templates.matchRuns(filter)),
    listSignals: (filter, order) => placed(templates.listSignals(filter, order)),
    listWorkflows: (filter, order) => placed(templates.listWorkflows(filter, order)),
  }
}
