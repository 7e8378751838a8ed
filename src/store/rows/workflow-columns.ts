/** What is written of workflows, in the order of the statements' parameters; the types are PostgreSQL's. */
const columns = (...lines: readonly string[]): readonly string[] =>
  lines.flatMap((line) => line.split(', '))

export const workflowColumns = columns(
  'id text, name text, key text, key_held int, state text, priority int, created_at bigint',
  'finished_at bigint, total int, at_points int, tags text, hooks text, retry_of text, result text',
)

export const workflowFacts = columns(
  'state text, finished_at bigint, resume_at bigint, key_held int, total int, completed int, failed int',
  'cancelled int, detached int, is_done int, paused text, stop text, cause text, rollback text',
  'result text, retried_by text',
)

export const memberColumns = columns(
  'id text, task text, queue text, priority int, tags text, input text, expires_at bigint, created_at bigint',
  'state text, run_at bigint, deadline_at bigint',
  'workflow text, node int, is_mapped int, rollback text, checkpoint_at bigint',
)

export const nodeColumns = columns(
  'workflow text, node int, run_seq bigint, next int, chain_end int, up int, slot int, last int',
  'is_head int, is_point int, source int, role text, size int, policy text, pending int, failures int',
  'plan text, result text, cause text',
)

/** Of a node: when it has completed, nothing comes of it but that its group has one less to wait for. Implies no condition of an index: nodes are found by their numbers. */
export const isPlain = "plan IS NULL AND next IS NULL AND coalesce(up, -1) >= 0 AND role = 'step'"
