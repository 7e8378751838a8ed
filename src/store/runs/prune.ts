/** Keeps the store small: a run keeps the last lines of its log, and is deleted when it is past its retention. */
import type { LogLine } from '../../core/run/events.ts'
import type { State } from '../../core/run/transitions.ts'
import { loadRuns } from '../changes/changes.ts'
import { note } from '../journal/audit-log.ts'
import { trimFeed, writeFeed } from '../journal/feed.ts'
import type { Tx } from '../driver/driver.ts'
import type { FeedRow } from '../rows/feed.ts'
import type { RequestedBy, Retention } from '../store.ts'

/** A line that the handler of an attempt has logged. */
export interface LogCall {
  readonly runId: string
  readonly attempt: number
  readonly line: LogLine
}

/** Adds lines to the logs of runs whose attempt is still the current one. */
export async function writeLog(tx: Tx, calls: readonly LogCall[]): Promise<readonly null[]> {
  const runs = new Map(
    (await loadRuns(tx, [...new Set(calls.map(({ runId }) => runId))])).map((run) => [run.id, run]),
  )
  const feed = calls.flatMap(({ runId, attempt, line }): FeedRow[] => {
    const run = runs.get(runId)
    if (!run || run.attempt !== attempt || run.workerId === null) return []
    const { at, ...data } = line
    const { seq, state } = run
    return [{ seq, at, type: 'log', attempt, state, data: JSON.stringify(data) }]
  })
  writeFeed(tx, feed)
  trimFeed(tx, { type: 'log', seqs: new Set(feed.map(({ seq }) => seq)) })
  return calls.map(() => null)
}

const prunedStates = ['completed', 'failed', 'cancelled'] as const satisfies readonly State[]

interface Pruning {
  readonly retention: Retention
  readonly limit: number
  /** Left out where nobody has asked for it. */
  readonly who?: RequestedBy | undefined
}

/** Deletes at most `limit` of each kind that is past its retention. @returns how many runs. */
export async function pruneOnce(tx: Tx, { retention, limit, who }: Pruning): Promise<number> {
  if (who !== undefined) notePrune(tx, retention, who)
  const seqs: number[] = []
  for (const state of prunedStates) {
    const keptMs = retention[state]
    if (keptMs === null || seqs.length >= limit) continue
    const rows = await tx.run('prunableRuns', [state, tx.now() - keptMs, limit - seqs.length])
    seqs.push(...rows.map((row) => Number(row['seq'])))
  }
  if (seqs.length > 0) {
    await tx.run('keepNewestPosition', [seqs])
    const these = [[0, ...seqs]]
    await tx.run('deleteFeed', these)
    await tx.run('deleteTags', these)
    await tx.run('deleteCheckpoints', these)
    await tx.run('deleteSignals', these)
    await tx.run('deleteBorrowed', these)
    await tx.run('deleteRuns', these)
  }
  await pruneWorkflows(tx, { retention, limit })
  await tx.run('pruneTombstones', [tx.now()])
  if (retention.audit !== null) {
    await tx.run('pruneAudit', [tx.now() - retention.audit, limit])
    await tx.run('pruneBulks', [tx.now() - retention.audit])
  }
  return seqs.length
}

/** The row of the record is written once, however many steps the call takes. */
function notePrune(tx: Tx, retention: Retention, who: RequestedBy): void {
  const kept = Object.entries(retention).filter(([, keptMs]) => keptMs !== null)
  const entry = { kind: 'prune', name: 'runs', run: null, answer: 'done', isOver: true } as const
  note(tx, [{ ...entry, asked: who, target: Object.fromEntries(kept) }])
}

/** Deletes workflows that are past the same retention, whether or not their runs are there. */
async function pruneWorkflows(
  tx: Tx,
  { retention, limit }: { readonly retention: Retention; readonly limit: number },
): Promise<void> {
  for (const state of prunedStates) {
    const keptMs = retention[state]
    if (keptMs === null) continue
    const rows = await tx.run('prunableWorkflows', [state, tx.now() - keptMs, limit])
    const ids = rows.map((row) => String(row['id']))
    if (ids.length === 0) continue
    await tx.run('deleteNodes', [ids])
    await tx.run('deleteWorkflows', [ids])
  }
}
