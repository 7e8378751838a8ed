import { statesOfWorkflows } from '../driver/workflow-filter.ts'
import type { WorkflowFilter } from '../port/workflows.ts'
import { firstUndoing } from '../rows/undo-nodes.ts'
import type { WorkflowStatements } from '../driver/workflow-statements.ts'
import { newMember, slimRun, startedMember } from '../rows/runs.ts'
import {
  isPlain,
  memberNodeNames,
  slimNodeNames,
  newNode,
  newWorkflow,
  workflowFacts,
} from '../rows/workflows.ts'
import { assigned, unindexed, valuesOf } from './pieces.ts'
import type { FilterSql, Param } from '../driver/sql.ts'

const ofThese = 'IN (SELECT value FROM json_each(?1))'

/** Nodes of a workflow after a number, with their runs. */
const members = (names: string): string => `
    SELECT ${names}
    FROM checkrein_nodes AS n LEFT JOIN checkrein_runs AS r ON r.seq = n.run_seq
    WHERE n.workflow = ?1 AND n.node > ?2 ORDER BY n.node LIMIT ?3`

/** The statements about workflows and their nodes in the SQL of SQLite. */
export const sqliteWorkflows: WorkflowStatements = {
  insertWorkflow: `
    INSERT INTO checkrein_workflows ${valuesOf(newWorkflow)} ON CONFLICT (id) DO NOTHING RETURNING id`,
  workflowsById: `SELECT * FROM checkrein_workflows WHERE id ${ofThese}`,
  workflowsToChange: `SELECT * FROM checkrein_workflows WHERE id ${ofThese} ORDER BY id`,
  haltedWorkflows: `
    SELECT id FROM checkrein_workflows AS w WHERE id ${ofThese} AND (
      stop IS NOT NULL OR paused IS NOT NULL
        OR EXISTS (SELECT 1 FROM checkrein_tombstones AS t WHERE t.kind = 'id' AND t.task = '' AND t.value = w.id))`,
  workflowByKeyToChange: 'SELECT * FROM checkrein_workflows WHERE key = ?1 AND key_held = 1',
  workflowsWaitingForToChange: `
    SELECT * FROM checkrein_workflows WHERE waits_for IS NOT NULL AND waits_for = ?1 ORDER BY id`,
  startedMemberOf: `
    SELECT 1 AS is_started FROM checkrein_runs
    WHERE workflow IS NOT NULL AND workflow = ?1 AND attempt > returned LIMIT 1`,
  beginningNodes: `
    SELECT * FROM checkrein_nodes WHERE workflow = ?1 AND plan LIKE '%"begins":true%' ORDER BY node`,
  updateWorkflow: `
    UPDATE checkrein_workflows SET ${assigned(workflowFacts, 2)} WHERE id = ?1`,
  insertMembers: `
    INSERT INTO checkrein_runs ${valuesOf(newMember)} ON CONFLICT (id) DO NOTHING`,
  insertNodes: `INSERT INTO checkrein_nodes ${valuesOf(newNode)}`,
  nodesOf: `
    SELECT * FROM checkrein_nodes WHERE workflow = ?1 AND node IN (SELECT value FROM json_each(?2))`,
  plainArrivals: `
    SELECT up, count(*) AS n FROM checkrein_nodes
    WHERE workflow = ?1 AND node IN (SELECT value FROM json_each(?2)) AND ${isPlain} GROUP BY ${unindexed('up')}`,
  furtherNodesOf: `
    SELECT * FROM checkrein_nodes
    WHERE workflow = ?1 AND node IN (SELECT value FROM json_each(?2)) AND NOT (${isPlain})`,
  headsOf: `
    SELECT n.* FROM checkrein_nodes AS n
    WHERE n.workflow = ?1 AND n.up IS NOT NULL AND n.up = ?2 AND n.is_head = 1 AND (
      n.plan IS NOT NULL OR n.run_seq IS NULL
      OR NOT EXISTS (SELECT 1 FROM checkrein_runs AS r WHERE r.seq = n.run_seq AND r.state = 'queued'))
    ORDER BY n.slot`,
  startPlainHeads: `
    UPDATE checkrein_runs SET state = 'queued'
    WHERE state = 'waiting' AND attempt = 0 AND workflow IS NOT NULL AND seq IN (
      SELECT run_seq FROM checkrein_nodes
      WHERE workflow = ?1 AND up IS NOT NULL AND up = ?2 AND is_head = 1 AND plan IS NULL AND run_seq IS NOT NULL)
    RETURNING seq`,
  countDown: `
    UPDATE checkrein_nodes SET pending = pending - ?3, failures = failures + ?4
    WHERE workflow = ?1 AND node = ?2 RETURNING *`,
  noteCauses: 'UPDATE checkrein_nodes SET cause = ?3 WHERE workflow = ?1 AND node = ?2',
  noteResults: 'UPDATE checkrein_nodes SET result = ?3 WHERE workflow = ?1 AND node = ?2',
  slotsOf: `
    SELECT n.slot, n.run_seq, n.cause, n.result, r.result AS run_result
    FROM checkrein_nodes AS n LEFT JOIN checkrein_runs AS r ON r.seq = n.run_seq
    WHERE n.workflow = ?1 AND n.up IS NOT NULL AND n.up = ?2 AND (n.next IS NULL OR n.cause IS NOT NULL) ORDER BY n.slot`,
  resultsOf: `
    SELECT n.node, n.run_seq, n.result, r.result AS run_result
    FROM checkrein_nodes AS n LEFT JOIN checkrein_runs AS r ON r.seq = n.run_seq
    WHERE n.workflow = ?1 AND n.node IN (SELECT value FROM json_each(?2))`,
  startMembers: `
    UPDATE checkrein_runs SET input = coalesce(?2, input), ${assigned(startedMember, 3)}
    WHERE seq = ?1 AND state = 'waiting' AND attempt = 0 AND workflow IS NOT NULL`,
  giveInput:
    'UPDATE checkrein_runs SET input = coalesce(?2, input), expires_at = ?3 WHERE seq = ?1',
  detachRuns: `
    UPDATE checkrein_runs SET workflow = NULL, node = NULL, is_awaited = 1
    WHERE seq ${ofThese}`,
  completedMembers: `
    SELECT r.* FROM checkrein_nodes AS n JOIN checkrein_runs AS r ON r.seq = n.run_seq
    WHERE n.workflow = ?1 AND n.role = 'step' AND r.workflow = ?1 AND r.state = 'completed' ORDER BY r.finished_at DESC, r.node DESC`,
  copyCheckpoints: `
    INSERT INTO checkrein_checkpoints (run_seq, data)
    SELECT ?2, data FROM checkrein_checkpoints WHERE run_seq = ?1`,
  memberCounts: `
    SELECT workflow, state, CASE WHEN state = 'waiting' AND attempt = 0 THEN 0 ELSE 1 END AS was_reached, count(*) AS n FROM checkrein_runs
    WHERE workflow IS NOT NULL AND workflow ${ofThese} AND node < ${firstUndoing} GROUP BY workflow, state, was_reached`,
  membersOf: members(`${memberNodeNames}, r.*`),
  slimMembersOf: members(`${slimNodeNames}, ${slimRun.names('r.')}`),
  feedStart: `
    SELECT min(f.position) AS position FROM checkrein_runs AS r JOIN checkrein_feed AS f ON f.run_seq = r.seq
    WHERE r.workflow IS NOT NULL AND r.workflow = ?1`,
  resumableWorkflowsToChange: `
    SELECT * FROM checkrein_workflows WHERE resume_at IS NOT NULL AND resume_at <= ?1 ORDER BY resume_at LIMIT ?2`,
  prunableWorkflows: `
    SELECT id FROM checkrein_workflows
    WHERE finished_at IS NOT NULL AND state = ?1 AND finished_at < ?2 ORDER BY finished_at LIMIT ?3`,
  deleteNodes: `DELETE FROM checkrein_nodes WHERE workflow ${ofThese}`,
  deleteWorkflows: `DELETE FROM checkrein_workflows WHERE id ${ofThese}`,
  listWorkflows: ({ where }, order) =>
    order === 'newest'
      ? `SELECT * FROM checkrein_workflows AS w WHERE w.seq < ?1 AND ${where} ORDER BY w.seq DESC LIMIT ?2`
      : `SELECT * FROM checkrein_workflows AS w WHERE w.seq > ?1 AND ${where} ORDER BY w.seq LIMIT ?2`,
  workflowSql,
}

function workflowSql(filter: WorkflowFilter): FilterSql {
  const terms: string[] = []
  const params: Param[] = []
  const bind = (value: Param): string => `?${2 + params.push(value)}`
  if (filter.name !== undefined) terms.push(`w.name = ${bind(filter.name)}`)
  if (filter.key !== undefined) terms.push(`w.key = ${bind(filter.key)}`)
  if (filter.tag !== undefined)
    terms.push(`EXISTS (SELECT 1 FROM json_each(w.tags) WHERE value = ${bind(filter.tag)})`)
  const states = statesOfWorkflows(filter)
  if (states.length > 0)
    terms.push(`(${states.map((state) => `w.state = ${bind(state)}`).join(' OR ')})`)
  return { where: terms.join(' AND ') || 'true', params }
}
