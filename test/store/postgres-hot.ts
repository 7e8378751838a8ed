/** The hot statements of PostgreSQL with parameters as they come, and a table with a history for them. */
import type { RunFilter } from '../../src/core/filter.ts'
import { freshFacts } from '../../src/core/run/run.ts'
import { runFacts, startedMember } from '../../src/store/rows/runs.ts'
import { idleStates } from '../../src/core/run/transitions.ts'
import type { postgresStatements } from '../../src/store/postgres/sql/statements.ts'
import type { SignalQuery } from '../../src/store/store.ts'
import { matchParams } from '../../src/store/driver/sql.ts'

export interface Counts {
  readonly finishedCount: number
  readonly liveCount: number
  readonly idleCount: number
}

/** Many finished runs with their entries, and some of every other state, all made by the server itself. */
export const fill = ({ finishedCount, liveCount, idleCount }: Counts): string => `
  INSERT INTO runs (id, task, queue, priority, state, attempt, failures, crashes, created_at, finished_at, worker_id, run_at, result, input, signalled, deadline_at, parent, place, key, key_held)
  SELECT 'run-' || n, 'work', 'default', 0,
    CASE WHEN n <= ${finishedCount} THEN 'completed' WHEN n % 3 = 0 THEN 'queued' WHEN n % 3 = 1 THEN 'running' ELSE 'scheduled' END,
    CASE WHEN n <= ${finishedCount} OR n % 3 = 1 THEN 1 ELSE 0 END, 0, 0, n,
    CASE WHEN n <= ${finishedCount} THEN n END,
    CASE WHEN n > ${finishedCount} AND n % 3 = 1 THEN 'worker-' || n % 20 END,
    CASE WHEN n > ${finishedCount} AND n % 3 = 2 THEN n END, 'null', '{"n":1}',
    CASE WHEN n > ${finishedCount} AND n % 30 = 1 THEN n END, CASE WHEN n % 5 = 0 THEN n END,
    CASE WHEN n % 3 = 0 THEN 'run-' || n % 500 END, CASE WHEN n % 3 = 0 THEN '0:x:' || n || ':0' END,
    'run-' || n, CASE WHEN n > ${finishedCount} AND n % 3 = 0 THEN 1 ELSE 0 END
  FROM generate_series(1, ${finishedCount + liveCount}) AS n;
  INSERT INTO runs (id, task, queue, priority, state, attempt, failures, crashes, key_held, created_at, wait, wake_at, paused_from, resume_at, paused, paused_by_kind, paused_by_id)
  SELECT 'idle-' || n, 'work', 'default', 0, CASE WHEN n % 2 = 0 THEN 'waiting' ELSE 'paused' END, 1, 0, 0, 0, n,
    '{"signal":null,"done":[]}', CASE WHEN n % 2 = 0 THEN n END,
    CASE WHEN n % 2 = 1 THEN 'queued' END, CASE WHEN n % 2 = 1 THEN n END,
    CASE WHEN n % 2 = 1 THEN '{"reason":null,"by":null,"at":1}' END,
    CASE WHEN n % 4 = 1 THEN 'request' WHEN n % 2 = 1 THEN 'hold' END, CASE WHEN n % 4 = 3 THEN 'hold-' || n % 3 END
  FROM generate_series(1, ${idleCount}) AS n;
  INSERT INTO runs (id, task, queue, priority, state, attempt, failures, crashes, key_held, created_at, workflow, node)
  SELECT 'member-' || n, 'work', 'default', 0, 'waiting', 0, 0, 0, 0, n, 'flow-' || n % 2, n + 1 FROM generate_series(1, ${idleCount}) AS n;
  INSERT INTO nodes (workflow, node, run_seq, chain_end, up, slot, last, is_head, is_point, role, size, policy, pending, failures)
  SELECT workflow, node, seq, node, 1, node, node, 1, 0, 'step', 0, 'allCompleted', 0, 0 FROM runs WHERE workflow IS NOT NULL;
  INSERT INTO holds (id, verb, filter, is_lane, created_at, rollback) SELECT 'hold-' || n, 'pause', n, 0, 1, 0 FROM generate_series(0, 2) AS n;
  INSERT INTO borrowed SELECT 'run-' || n % 500, '0:z:' || n || ':0', 'run-' || n FROM generate_series(1, ${liveCount}) AS n;
  INSERT INTO checkpoints SELECT seq, '{"done":1}' FROM runs;
  INSERT INTO signals (run_seq, run_id, created_at, completed_at, call_id, kind, name, answer)
  SELECT seq, id, 1, finished_at, 'call-' || id || kind, kind, 'hello', 'sent' FROM runs, unnest(ARRAY['signal', 'control']) AS kind
  ORDER BY seq, kind DESC;
  INSERT INTO tombstones SELECT 'id', '', 'run-' || n, 'revoke', NULL, NULL, 1, 1000 FROM generate_series(1, ${liveCount}) AS n;
  INSERT INTO bulks (id, created_at, touched_at, finished_at, upper_seq, total_count, request) SELECT 'bulk-' || n, n, n, n, 1, 1, '{}' FROM generate_series(1, 20000) AS n;
  INSERT INTO feed (run_seq, at, type, attempt, state)
  SELECT seq, 1, 'claim', 1, 'running' FROM runs;
  INSERT INTO tags (tag, run_seq) SELECT 'tenant:' || seq % 1000, seq FROM runs;
  INSERT INTO tags (tag, run_seq) SELECT 'everyone', seq FROM runs;
  INSERT INTO workers SELECT 'worker-' || n, 'host', n, '[]', '{}', '0', 1, 1, 1 FROM generate_series(0, 19) AS n`

export type Hot = readonly (readonly [name: string, text: string, values: readonly unknown[]])[]

/** The hot statements, with parameters as they come: so many sets, of runs from a place on. */
export function hotOf(
  statements: ReturnType<typeof postgresStatements>,
  { from, count }: { readonly from: number; readonly count: number },
): Hot {
  const matched = (filter: RunFilter): readonly [string, readonly unknown[]] => {
    const sql = statements.filterSql(filter)
    return [statements.matchRuns(sql), matchParams(sql)]
  }
  const asked = (query: SignalQuery): readonly [string, readonly unknown[]] => {
    const sql = statements.signalSql(query)
    return [statements.listSignals(sql, 'newest'), [1_000_000, 50, ...sql.params]]
  }
  const seqs = Array.from({ length: count }, (_, at) => from + at)
  const ids = seqs.map((seq) => `run-${seq}`)
  const of = <T>(value: T): T[] => seqs.map(() => value)
  /** Of each run the signal, and then the verb. */
  const positions = seqs.map((seq) => 2 * seq - 1)
  const calls = ids.map((id) => `call-${id}signal`)
  const signalRow = [
    ...[calls.map((call) => `new-${call}`), of('signal'), of('hello'), seqs, ids, of(1), of(9)],
    ...[of('sent'), of(null), of('ada'), of(null), of(null), of(null), of(null), of('1')],
  ]
  const members = seqs.map((_, at) => 2 * at + 2)
  const [flows, ends] = [of('flow-1'), of('{}')]
  const zero = of(0)
  const facts = [
    seqs,
    of('queued'),
    zero,
    ...runFacts.write({ ...freshFacts, attempt: 1, holdsKey: false }).map(of),
  ]
  const dueMember = { state: 'queued', runAt: 9, expiresAt: 9, pausedFrom: 'queued' } as const
  const feedRow = [seqs, of(1), of('claim'), of(1), of('running'), of(null)]

  return [
    ['runsById', statements.runsById, [ids]],
    ['runsToChange', statements.runsToChange, [ids]],
    ['runsBySeqToChange', statements.runsBySeqToChange, [seqs]],
    ['keyHolderToChange', statements.keyHolderToChange, [of('work'), ids]],
    [
      'completeRuns',
      statements.completeRuns,
      [seqs, ids, of(1), of('worker-1'), of('null'), of(9), of(9)],
    ],
    [
      'preventRuns',
      statements.preventRuns(idleStates, 'no members'),
      [seqs, ids, of(0), of('{}'), of(9)],
    ],
    [
      'preventRuns of one state',
      statements.preventRuns(['queued'], 'members too'),
      [seqs, ids, of(0), of('{}'), of(9)],
    ],
    ['insertFeed', statements.insertFeed, feedRow],
    ['insertFeedOfCalls', statements.insertFeedOfCalls, [...feedRow, of('call-1')]],
    ['trimFeed', statements.trimFeed, [seqs, of('log'), of(1000)]],
    ['waitingForToChange', statements.waitingForToChange, [ids]],
    ['finalRuns', statements.finalRuns, [ids]],
    ['claimRuns', statements.claimRuns, [['default'], ['work'], 9, 'worker-1', 100, 9]],
    ['claimAlone', statements.claimAlone, [['default'], ['work'], 9, 'worker-1', 100, 0, '{}', 9]],
    [
      'completeAlone',
      statements.completeAlone,
      [seqs, ids, of(1), of('worker-1'), of('null'), of(9), of(9)],
    ],
    [
      'completedRuns',
      statements.completedRuns,
      [seqs, ids, of(1), of('worker-1'), of('null'), of(9), of(9)],
    ],
    ['claimableTasks', statements.claimableTasks, [['default', 'far'], ['work', 'none'], 9]],
    ['heldIntents', statements.heldIntents, ['worker-1']],
    ['heldRunsToChange', statements.heldRunsToChange, ['worker-1']],
    ['dueRunsToChange', statements.dueRunsToChange, [9, 500]],
    ['expiredRunsToChange', statements.expiredRunsToChange, [9, 500]],
    ['nextAt', statements.nextAt, []],
    ['prunableRuns', statements.prunableRuns, ['completed', 500, 500]],
    ['deleteFeed', statements.deleteFeed, [seqs]],
    ['deleteTags', statements.deleteTags, [seqs]],
    ['deleteRuns', statements.deleteRuns, [seqs]],
    ['feedOfRun', statements.feedOfRun, ['run-7', -1, 100]],
    ['feedOfAll', statements.feedOfAll, [from - 1, 100]],
    ['feedHorizon', statements.feedHorizon, []],
    ['newest', statements.newest, []],
    ['childrenAt', statements.childrenAt, [ids, of('0:x:'), of('0:x;')]],
    ['borrowedAt', statements.borrowedAt, [ids, of('0:z:'), of('0:z;')]],
    ['insertBorrowed', statements.insertBorrowed, [ids, of('0:y:0'), ids]],
    ['deleteBorrowed', statements.deleteBorrowed, [seqs]],
    ['adoptRuns', statements.adoptRuns, [ids, ids, of('0:y:0')]],
    ['liveParents', statements.liveParents, [ids]],
    ['liveChildren', statements.liveChildren, ['run-9']],
    ['newestRetry', statements.newestRetry, ['run-7']],
    ['childrenOf', statements.childrenOf, ['run-9', ids]],
    ['nodesOf', statements.nodesOf, ['flow-1', members]],
    ['plainArrivals', statements.plainArrivals, ['flow-1', members]],
    ['furtherNodesOf', statements.furtherNodesOf, ['flow-1', members]],
    ['startPlainHeads', statements.startPlainHeads, ['flow-1', 1]],
    [
      'startMembers',
      statements.startMembers,
      [seqs, of('1'), ...startedMember.write({ ...dueMember, paused: null }).map(of)],
    ],
    ['updateRuns', statements.updateRuns, facts],
    ['giveInput', statements.giveInput, [seqs, of('1'), of(null)]],
    ['countDown', statements.countDown, [flows, members, of(1), of(0)]],
    ['noteCauses', statements.noteCauses, [flows, members, ends]],
    ['noteResults', statements.noteResults, [flows, members, ends]],
    ['slotsOf', statements.slotsOf, ['flow-1', 1]],
    ['resultsOf', statements.resultsOf, ['flow-1', members]],
    ['slimMembersOf', statements.slimMembersOf, ['flow-1', 0, count]],
    ['membersOf', statements.membersOf, ['flow-1', 0, count]],
    ['feedStart', statements.feedStart, ['flow-1']],
    ['copyCheckpoints', statements.copyCheckpoints, [seqs, seqs.map((seq) => -seq)]],
    ['tombstonesFor', statements.tombstonesFor, [of('id'), of(''), ids, of(9)]],
    ['deleteTombstone', statements.deleteTombstone, [of('id'), of(''), ids]],
    ['insertSignals', statements.insertSignals, signalRow],
    ['signalsOfCalls', statements.signalsOfCalls, [calls, ids]],
    ['deliverSignals', statements.deliverSignals, [positions, seqs, of(1), of(9)]],
    ['finishSignals', statements.finishSignals, [positions, seqs, of(9), of(1), of('1'), of(null)]],
    ['deliverControls', statements.deliverControls, [seqs, of(1), of(9)]],
    ['finishControls', statements.finishControls, [seqs, of(9), of('{}'), of(9), of(1)]],
    ['finishCall', statements.finishCall, [['call-none'], [9], ['{}']]],
    ['refuseSignals', statements.refuseSignals, [seqs, of(9), of('{}')]],
    ['pendingSignals', statements.pendingSignals, [seqs, of('hello')]],
    ['mailbox', statements.mailbox, [ids[0], -1, 1000]],
    ['deleteSignals', statements.deleteSignals, [seqs]],
    ['saveCheckpoints', statements.saveCheckpoints, [seqs, of('{}')]],
    ['checkpointsOf', statements.checkpointsOf, [seqs]],
    ['deleteCheckpoints', statements.deleteCheckpoints, [seqs]],
    ['unstartRuns', statements.unstartRuns, [seqs]],
    ['wakeableRunsToChange', statements.wakeableRunsToChange, [500, 500]],
    ['resumableRunsToChange', statements.resumableRunsToChange, [500, 500]],
    ['lateRunsToChange', statements.lateRunsToChange, [from + 499, 500]],
    ['orphanedRunsToChange', statements.orphanedRunsToChange, [9, 500]],
    ['pausingRunsToChange', statements.pausingRunsToChange, ['hold-1']],
    ['endBulksOf', statements.endBulksOf, ['hold-1', null, 9]],
    ['failingBulks', statements.failingBulks, []],
    ['answerOfCall', statements.answerOfCall, ['call-none', 'control']],
    ['idleBulks', statements.idleBulks, [500]],
    ['bulksById', statements.bulksById, [['bulk-7', 'bulk-9']]],
    ['seqEnd', statements.seqEnd, []],
    ['queuedLanes', statements.queuedLanes, [5000, 10_001]],
    ['otherLanes', statements.otherLanes, [10_001]],
    ['newestTasks', statements.newestTasks, [1000]],
    ['pruneAudit', statements.pruneAudit, [9, 500]],
    ['rowHolds', statements.rowHolds, [9]],
    ['matchRuns of a tag', ...matched({ tag: 'tenant:7', task: 'work' })],
    ['listSignals of a run', ...asked({ runId: 'run-7' })],
    ['listSignals of calls', ...asked({ callIds: calls })],
    ['listSignals', ...asked({})],
  ]
}
