import { newMember, slimRun, startedMember } from '../../rows/runs.ts'
import {
  isPlain,
  memberNodeNames,
  slimNodeNames,
  newNode,
  newWorkflow,
  workflowFacts,
} from '../../rows/workflows.ts'
import { statesOfWorkflows } from '../../driver/workflow-filter.ts'
import type { WorkflowFilter } from '../../port/workflows.ts'
import { firstUndoing } from '../../rows/undo-nodes.ts'
import type { WorkflowStatements } from '../../driver/workflow-statements.ts'
import {
  anyOfFew,
  few,
  fewSets,
  held,
  heldOrSkipped,
  asWritten,
  isAfter,
  isInState,
  isSame,
  places,
  sets,
  valuesOf,
} from './pieces.ts'
import type { FilterSql, Param } from '../../driver/sql.ts'

const inWorkflow = `${isSame('n.workflow', 'u.workflow')} AND n.node = u.node`

/**
 * The nodes of a workflow by their numbers, one by one: in a table without statistics, the planner takes a workflow for three rows,
 * and would read all of its nodes to look for each number.
 */
const theseNodes = `unnest($2::int[]) AS u(number) CROSS JOIN LATERAL (
      SELECT * FROM @nodes WHERE workflow = $1 AND node = u.number LIMIT 1) AS n`

/**
 * The condition that a member waits for its turn. The planner would take plain conditions for one row in ten thousand, and read the
 * table, with all of the sets for each row; about a CASE it has no such belief.
 */
const isUnreached = "CASE WHEN r.state = 'waiting' AND r.attempt = 0 THEN 1 ELSE 0 END > 0"

/** Nodes of a workflow after a number, with their runs. */
const members = (names: string): string => `
    SELECT ${names}
    FROM @nodes AS n LEFT JOIN @runs AS r ON ${isSame('r.seq', 'n.run_seq')}
    WHERE n.workflow = $1 AND n.node > $2 ORDER BY n.node LIMIT $3`

/** The statements about workflows and their nodes in the SQL of PostgreSQL. */
export const postgresWorkflows: WorkflowStatements = {
  insertWorkflow: `
    INSERT INTO @workflows ${valuesOf(newWorkflow)} ON CONFLICT (id) DO NOTHING RETURNING id`,
  workflowsById: `SELECT * FROM @workflows WHERE id = ANY($1::text[])`,
  workflowsToChange: `SELECT * FROM @workflows WHERE id = ANY($1::text[]) ORDER BY id ${held}`,
  haltedWorkflows: `
    SELECT id FROM @workflows AS w WHERE id = ANY($1::text[]) AND (
      stop IS NOT NULL OR paused IS NOT NULL
        OR EXISTS (SELECT 1 FROM @tombstones AS t WHERE t.kind = 'id' AND t.task = '' AND t.value = w.id))`,
  workflowByKeyToChange: `SELECT * FROM @workflows WHERE key = $1 AND key_held = 1 ${held}`,
  workflowsWaitingForToChange: `
    SELECT * FROM @workflows WHERE waits_for IS NOT NULL AND waits_for = $1 ORDER BY id ${held}`,
  startedMemberOf: `
    SELECT 1 AS is_started FROM @runs
    WHERE workflow IS NOT NULL AND workflow = $1 AND attempt > returned LIMIT 1`,
  beginningNodes: `
    SELECT * FROM @nodes WHERE workflow = $1 AND plan LIKE '%"begins":true%' ORDER BY node`,
  updateWorkflow: `
    UPDATE @workflows SET (${workflowFacts.names()}) = ROW(${places(workflowFacts, 2)}) WHERE id = $1`,
  insertMembers: `
    INSERT INTO @runs (${newMember.names()}) SELECT ${newMember.names()} FROM ${sets(...newMember.typed)} ORDER BY ord
    ON CONFLICT (id) DO NOTHING RETURNING seq, id`,
  insertNodes: `
    INSERT INTO @nodes (${newNode.names()}) SELECT ${newNode.names()} FROM ${sets(...newNode.typed)}`,
  nodesOf: `SELECT n.* FROM ${theseNodes}`,
  plainArrivals: `
    SELECT up, count(*)::int AS n FROM ${theseNodes} WHERE ${isPlain} GROUP BY up`,
  furtherNodesOf: `SELECT n.* FROM ${theseNodes} WHERE NOT (${isPlain})`,
  headsOf: `
    SELECT n.* FROM @nodes AS n
    WHERE n.workflow = $1 AND n.up IS NOT NULL AND n.up = $2 AND n.is_head = 1 AND (
      n.plan IS NOT NULL OR n.run_seq IS NULL
      OR NOT EXISTS (SELECT 1 FROM @runs AS r WHERE r.seq = n.run_seq AND ${isInState(['queued'], 'r.')}))
    ORDER BY n.slot`,
  startPlainHeads: `
    UPDATE @runs AS r SET state = 'queued' FROM ${few(`unnest(ARRAY(
      SELECT run_seq FROM @nodes
      WHERE workflow = $1 AND up IS NOT NULL AND up = $2 AND is_head = 1 AND plan IS NULL AND run_seq IS NOT NULL
      ORDER BY run_seq)) WITH ORDINALITY AS u(seq, ord)`)}
    WHERE ${isSame('r.seq', 'u.seq')} AND ${isUnreached} RETURNING r.seq`,
  countDown: `
    UPDATE @nodes AS n SET pending = n.pending - u.ended, failures = n.failures + u.failed
    FROM ${fewSets('workflow text', 'node int', 'ended int', 'failed int')} WHERE ${inWorkflow} RETURNING n.*`,
  noteCauses: `
    UPDATE @nodes AS n SET cause = u.cause FROM ${fewSets('workflow text', 'node int', 'cause text')} WHERE ${inWorkflow}`,
  noteResults: `
    UPDATE @nodes AS n SET result = u.result FROM ${fewSets('workflow text', 'node int', 'result text')} WHERE ${inWorkflow}`,
  slotsOf: `
    SELECT n.slot, n.run_seq, n.cause, n.result, r.result AS run_result
    FROM @nodes AS n LEFT JOIN @runs AS r ON ${isSame('r.seq', 'n.run_seq')}
    WHERE n.workflow = $1 AND n.up IS NOT NULL AND n.up = $2 AND (n.next IS NULL OR n.cause IS NOT NULL) ORDER BY n.slot`,
  resultsOf: `
    SELECT n.node, n.run_seq, n.result, r.result AS run_result
    FROM ${theseNodes} LEFT JOIN LATERAL (SELECT result FROM @runs WHERE seq = n.run_seq ${asWritten}) AS r ON true`,
  startMembers: `
    UPDATE @runs AS r SET input = coalesce(u.input, r.input), (${startedMember.names()}) = ROW(${startedMember.names('u.')})
    FROM ${fewSets('seq bigint', 'input text', ...startedMember.typed)}
    WHERE ${isSame('r.seq', 'u.seq')} AND ${isUnreached} RETURNING u.ord`,
  giveInput: `
    UPDATE @runs AS r SET input = coalesce(u.input, r.input), expires_at = u.expires_at
    FROM ${fewSets('seq bigint', 'input text', 'expires_at bigint')} WHERE ${isSame('r.seq', 'u.seq')}`,
  detachRuns: `
    UPDATE @runs SET workflow = NULL, node = NULL, is_awaited = 1
    WHERE seq = ${anyOfFew}`,
  completedMembers: `
    SELECT r.* FROM @nodes AS n JOIN @runs AS r ON ${isSame('r.seq', 'n.run_seq')}
    WHERE n.workflow = $1 AND n.role = 'step' AND r.workflow = $1 AND ${isInState(['completed'], 'r.')} ORDER BY r.finished_at DESC, r.node DESC`,
  copyCheckpoints: `
    INSERT INTO @checkpoints (run_seq, data)
    SELECT u.copy_seq, c.data FROM ${fewSets('run_seq bigint', 'copy_seq bigint')} JOIN @checkpoints AS c ON ${isSame('c.run_seq', 'u.run_seq')}`,
  memberCounts: `
    SELECT workflow, state, CASE WHEN state = 'waiting' AND attempt = 0 THEN 0 ELSE 1 END AS was_reached, count(*) AS n FROM @runs
    WHERE workflow IS NOT NULL AND workflow = ANY($1::text[]) AND node < ${firstUndoing} GROUP BY workflow, state, was_reached`,
  membersOf: members(`${memberNodeNames}, r.*`),
  slimMembersOf: members(`${slimNodeNames}, ${slimRun.names('r.')}`),
  feedStart: `
    SELECT min(f.position) AS position FROM @runs AS r CROSS JOIN LATERAL (
      SELECT position FROM @feed WHERE ${isAfter('r.seq', '-1')} ORDER BY run_seq, position LIMIT 1) AS f
    WHERE r.workflow IS NOT NULL AND r.workflow = $1`,
  resumableWorkflowsToChange: `
    SELECT * FROM @workflows WHERE resume_at IS NOT NULL AND resume_at <= $1 ORDER BY resume_at LIMIT $2 ${heldOrSkipped}`,
  prunableWorkflows: `
    SELECT id FROM @workflows WHERE finished_at IS NOT NULL AND state = $1 AND finished_at < $2
    ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED`,
  deleteNodes: `DELETE FROM @nodes WHERE workflow = ANY($1::text[])`,
  deleteWorkflows: `DELETE FROM @workflows WHERE id = ANY($1::text[])`,
  listWorkflows: ({ where }, order) =>
    order === 'newest'
      ? `SELECT * FROM @workflows AS w WHERE w.seq < $1 AND ${where} ORDER BY w.seq DESC LIMIT $2`
      : `SELECT * FROM @workflows AS w WHERE w.seq > $1 AND ${where} ORDER BY w.seq LIMIT $2`,
  workflowSql,
}

function workflowSql(filter: WorkflowFilter): FilterSql {
  const terms: string[] = []
  const params: Param[] = []
  const bind = (value: Param, type = 'text'): string => `$${2 + params.push(value)}::${type}`
  if (filter.name !== undefined) terms.push(`w.name = ${bind(filter.name)}`)
  if (filter.key !== undefined) terms.push(`w.key = ${bind(filter.key)}`)
  if (filter.tag !== undefined) terms.push(`w.tags::jsonb ? ${bind(filter.tag)}`)
  const states = statesOfWorkflows(filter)
  if (states.length > 0) terms.push(`w.state = ANY(${bind(states, 'text[]')})`)
  return { where: terms.join(' AND ') || 'true', params }
}
