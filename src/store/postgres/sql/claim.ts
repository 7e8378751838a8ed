/** How runs are claimed on PostgreSQL. */
import { claimedRun } from '../../rows/runs.ts'
import type { ClaimGuardName } from '../../driver/driver.ts'
import { stateIs } from '../../driver/state-sql.ts'
import { heldOrSkipped, isInState } from './pieces.ts'

/** The statements that claim runs. */
export interface ClaimStatements {
  readonly claimableTasks: string
  readonly claimRuns: string
  /**
   * Claims runs and writes their entries in one statement. Every row says whether a guard must look at the runs (`is_guarded`) and
   * whether the lease is held (`is_held`); where no run was claimed, there is one row that says only that.
   */
  readonly claimAlone: string
}

const unexpired = '(r.expires_at IS NULL OR r.attempt > r.returned OR r.expires_at > $3)'

/** For each guard of a claim, whether anything stands that it would compare each run with. */
const standing: Readonly<Record<ClaimGuardName, string>> = {
  tombstones: 'EXISTS (SELECT 1 FROM @tombstones)',
  holds: 'EXISTS (SELECT 1 FROM @holds WHERE is_lane = 0)',
}
/** The runs that are to be rolled back, in words that only their small index can answer. */
const isUndo = `r.rollback IS NOT NULL AND r.finished_at IS NULL AND ${isInState(['queued'], 'r.')}`
const mayUndo = `
  EXISTS (SELECT 1 FROM @holds WHERE is_lane = 1) AND EXISTS (
    SELECT 1 FROM @runs AS r WHERE ${isUndo} AND r.queue = ANY($1::text[]) AND r.task = ANY($2::text[]))`
/**
 * Whether a guard must look at each run, or a held lane may have roll-backs: then the claim cannot be made in one statement, which is
 * kept short for the claims that are common.
 */
const isGuarded = `(${Object.values(standing).join(' OR ')} OR ${mayUndo})`

/** Whether no hold stands on the lane. */
const isOpenLane = `NOT EXISTS (
        SELECT 1 FROM @holds AS h WHERE h.is_lane = 1 AND (h.until IS NULL OR h.until > $3)
          AND (h.queue IS NULL OR h.queue = lane.queue) AND (h.task IS NULL OR h.task = lane.task))`

/** The places of the runs to claim, lane by lane. Their rows are locked, and rows that other transactions have locked are passed over. */
const claimableHeads = (where: string): string => `
      SELECT head.seq, head.priority FROM unnest($1::text[], $2::text[]) AS lane(queue, task)
      CROSS JOIN LATERAL (
        SELECT r.seq, r.priority FROM @runs AS r
        WHERE ${stateIs(['queued'], 'r.')} AND r.queue = lane.queue AND r.task = lane.task AND ${unexpired}
        ORDER BY r.priority DESC, r.seq LIMIT $5 ${heldOrSkipped}) AS head
      WHERE ${isOpenLane} ${where} ORDER BY head.priority DESC, head.seq LIMIT $5`
/** The places of the roll-backs to claim in lanes that are held. */
const undoHeads = `
      SELECT undo.seq, undo.priority FROM unnest($1::text[], $2::text[]) AS lane(queue, task)
      CROSS JOIN LATERAL (
        SELECT r.seq, r.priority FROM @runs AS r WHERE ${isUndo} AND r.queue = lane.queue AND r.task = lane.task
        ORDER BY r.priority DESC, r.seq LIMIT $5 ${heldOrSkipped}) AS undo
      WHERE NOT ${isOpenLane}`
const startRuns = (startedAt: string): string =>
  `UPDATE @runs AS r SET state = 'running', attempt = r.attempt + 1, worker_id = $4, started_at = ${startedAt}::bigint`
const claimedColumns = claimedRun.names('r.')

/** The claim statements, with `@runs` for the table in any schema. */
export const claimStatements: ClaimStatements = {
  claimableTasks: `
    SELECT lane.task FROM unnest($1::text[], $2::text[]) AS lane(queue, task)
    WHERE EXISTS (
      SELECT 1 FROM @runs AS r
      WHERE ${stateIs(['queued'], 'r.')} AND r.queue = lane.queue AND r.task = lane.task AND ${unexpired})
      AND (${isOpenLane} OR EXISTS (
        SELECT 1 FROM @runs AS r WHERE ${isUndo} AND r.queue = lane.queue AND r.task = lane.task))`,
  claimRuns: `
    ${startRuns('$6')} WHERE r.seq = ANY(ARRAY(
      SELECT seq FROM ((${claimableHeads('')}) UNION ALL (${undoHeads})) AS found
      ORDER BY priority DESC, seq LIMIT $5)) RETURNING ${claimedColumns}`,
  claimAlone: `
    WITH head AS MATERIALIZED (${claimableHeads(`AND NOT ${isGuarded}`)}),
    held AS MATERIALIZED (
      SELECT 1 FROM @workers WHERE id = $4 AND lease_until > $6::bigint AND EXISTS (SELECT 1 FROM head) FOR KEY SHARE),
    claimed AS (
      ${startRuns('$8')}
      WHERE r.seq = ANY(ARRAY(SELECT seq FROM head WHERE EXISTS (SELECT 1 FROM held))) RETURNING ${claimedColumns}),
    entered AS (
      INSERT INTO @feed (run_seq, at, type, attempt, state, data)
      SELECT seq, $3, 'claim', attempt, 'running', $7::text FROM claimed ORDER BY priority DESC, seq)
    SELECT claimed.*, known.* FROM (
      SELECT ${isGuarded}::int AS is_guarded,
        EXISTS (SELECT 1 FROM @workers WHERE id = $4 AND lease_until > $6::bigint)::int AS is_held) AS known
    LEFT JOIN claimed ON true`,
}
