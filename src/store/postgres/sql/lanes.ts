/** PostgreSQL's half of the twin statements about queues and tasks. */
import { asWritten } from './pieces.ts'
import type { State } from '../../../core/run/transitions.ts'
import type { LaneStatements } from '../../driver/lane-statements.ts'
import { notable, stateIs } from '../../driver/state-sql.ts'

const queued = stateIs(['queued'], 'n.')
/** The first queued run behind a head, in the order of the index of claims. */
const next = (condition: string): string => `
        (SELECT n.seq FROM @runs AS n WHERE ${queued} AND ${condition}
          ORDER BY n.queue, n.task, n.priority DESC, n.seq LIMIT 1)`

/** Some runs of a state, in the order of the index that has them: without the order the planner might read the whole table. */
const some = (state: State, condition: string): string => `
    SELECT '${state}' AS state, queue, task, count(*) AS n
    FROM (SELECT queue, task FROM @runs WHERE ${condition} LIMIT $1) AS few GROUP BY queue, task`
const someNotable = (state: State): string =>
  some(
    state,
    `${stateIs(notable)} AND finished_at IS NULL AND ${stateIs([state])} ORDER BY seq DESC`,
  )

/** The statements about lanes, that is the runs of one task in one queue, and about tasks, in the SQL of PostgreSQL. */
export const postgresLanes: LaneStatements = {
  // The recursion goes from the first run of a lane and priority to that of the next one, not from run to run.
  queuedLanes: `
    WITH RECURSIVE head (seq) AS (
      SELECT ${next('true')}
      UNION ALL SELECT coalesce(
        ${next('n.queue = r.queue AND n.task = r.task AND n.priority < r.priority')},
        ${next('n.queue = r.queue AND n.task > r.task')},
        ${next('n.queue > r.queue')})
      FROM head CROSS JOIN LATERAL (SELECT * FROM @runs WHERE seq = head.seq ${asWritten}) AS r
      WHERE head.seq IS NOT NULL),
    lane AS (
      SELECT r.queue, r.task, min(r.created_at) AS oldest, count(*) AS heads
      FROM (SELECT seq FROM head LIMIT $1) AS h
      CROSS JOIN LATERAL (SELECT queue, task, created_at FROM @runs WHERE seq = h.seq ${asWritten}) AS r
      GROUP BY r.queue, r.task)
    SELECT lane.*, (SELECT count(*) FROM (
      SELECT 1 FROM @runs AS n WHERE ${queued} AND n.queue = lane.queue AND n.task = lane.task
      ORDER BY n.priority DESC, n.seq LIMIT $2) AS few) AS n
    FROM lane`,
  fullLanes: `
    WITH RECURSIVE head (seq) AS (
      SELECT ${next('true')}
      UNION ALL SELECT coalesce(
        ${next('n.queue = r.queue AND n.task > r.task')},
        ${next('n.queue > r.queue')})
      FROM head CROSS JOIN LATERAL (SELECT * FROM @runs WHERE seq = head.seq ${asWritten}) AS r
      WHERE head.seq IS NOT NULL)
    SELECT r.queue, r.task FROM (SELECT seq FROM head LIMIT $1) AS h
    CROSS JOIN LATERAL (SELECT queue, task FROM @runs WHERE seq = h.seq ${asWritten}) AS r`,
  otherLanes: [
    some('running', `${stateIs(['running'])} ORDER BY worker_id`),
    some('scheduled', `${stateIs(['scheduled'])} ORDER BY run_at`),
    someNotable('waiting'),
    someNotable('paused'),
  ].join(' UNION ALL '),
  newestTasks: `SELECT DISTINCT task FROM (SELECT task FROM @runs ORDER BY seq DESC LIMIT $1) AS few`,
}
