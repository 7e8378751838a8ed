/** SQLite's half of the twin statements about queues and tasks. */
import type { State } from '../../core/run/transitions.ts'
import type { LaneStatements } from '../driver/lane-statements.ts'
import { notable, stateIs } from '../driver/state-sql.ts'

const queued = stateIs(['queued'], 'n.')
/** The first queued run behind a head, in the order of the index of claims. */
const next = (condition: string, order: string): string => `
        (SELECT n.seq FROM checkrein_runs AS n WHERE ${queued} AND ${condition} ORDER BY ${order} LIMIT 1)`

/** Some runs of a state, by the index that has them. */
const some = (state: State, condition: string): string => `
    SELECT '${state}' AS state, queue, task, count(*) AS n
    FROM (SELECT queue, task FROM checkrein_runs WHERE ${condition} LIMIT ?1) GROUP BY queue, task`
const someNotable = (state: State): string =>
  some(state, `${stateIs(notable)} AND finished_at IS NULL AND ${stateIs([state])}`)

/** The statements about lanes, that is the runs of one task in one queue, and about tasks, in the SQL of SQLite. */
export const sqliteLanes: LaneStatements = {
  // The recursion goes from the first run of a lane and priority to that of the next one, not from run to run.
  queuedLanes: `
    WITH RECURSIVE head (seq) AS (
      SELECT ${next('true', 'n.queue, n.task, n.priority DESC, n.seq')}
      UNION ALL SELECT coalesce(
        ${next('n.queue = r.queue AND n.task = r.task AND n.priority < r.priority', 'n.priority DESC, n.seq')},
        ${next('n.queue = r.queue AND n.task > r.task', 'n.task, n.priority DESC, n.seq')},
        ${next('n.queue > r.queue', 'n.queue, n.task, n.priority DESC, n.seq')})
      FROM head CROSS JOIN checkrein_runs AS r ON r.seq = head.seq WHERE head.seq IS NOT NULL LIMIT ?1)
    SELECT r.queue, r.task, min(r.created_at) AS oldest, count(*) AS heads, (
      SELECT count(*) FROM (
        SELECT 1 FROM checkrein_runs AS n WHERE ${queued} AND n.queue = r.queue AND n.task = r.task LIMIT ?2)) AS n
    FROM head CROSS JOIN checkrein_runs AS r ON r.seq = head.seq GROUP BY r.queue, r.task`,
  fullLanes: `
    WITH RECURSIVE head (seq) AS (
      SELECT ${next('true', 'n.queue, n.task, n.priority DESC, n.seq')}
      UNION ALL SELECT coalesce(
        ${next('n.queue = r.queue AND n.task > r.task', 'n.task, n.priority DESC, n.seq')},
        ${next('n.queue > r.queue', 'n.queue, n.task, n.priority DESC, n.seq')})
      FROM head CROSS JOIN checkrein_runs AS r ON r.seq = head.seq WHERE head.seq IS NOT NULL LIMIT ?1)
    SELECT r.queue, r.task FROM head CROSS JOIN checkrein_runs AS r ON r.seq = head.seq`,
  otherLanes: [
    some('running', stateIs(['running'])),
    some('scheduled', stateIs(['scheduled'])),
    someNotable('waiting'),
    someNotable('paused'),
  ].join(' UNION ALL '),
  newestTasks:
    'SELECT DISTINCT task FROM (SELECT task FROM checkrein_runs ORDER BY seq DESC LIMIT ?1)',
}
