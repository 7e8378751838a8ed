import { Changes, loadRuns } from '../runs/changes.ts'
import type { Tx } from '../driver/driver.ts'
import { lanesOf } from '../driver/lanes.ts'
import { type SeqRun, tombstoneOf } from '../rows/runs.ts'
import type { ClaimRequest, Tombstone } from '../store.ts'
import type { Param, Row } from '../driver/sql.ts'

/**
 * Claims in one statement, for several workers at once: each takes what no other one holds.
 *
 * This is also the last gate for a tombstone. A verb and an enqueue that are under way at the same time don't see each
 * other: the one leaves a tombstone, the other a run that is queued. Whichever is committed last, a claim sees both,
 * because it looks for tombstones after it has chosen.
 */
export async function claimUnheld(
  tx: Tx,
  claimRuns: string,
  { workerId, limit, ...request }: ClaimRequest,
): Promise<readonly Row[]> {
  if (limit <= 0) return []
  const lanes = lanesOf(request)
  const queues = lanes.map(([queue]) => queue)
  const tasks = lanes.map(([, task]) => task)
  const [started, stones] = await Promise.all([
    tx.all(claimRuns, [queues, tasks, tx.now(), workerId, limit]),
    tx.run('hasTombstones'),
  ])
  return stones.length === 0 || started.length === 0 ? started : withoutTombstoned(tx, started)
}

async function withoutTombstoned(tx: Tx, started: readonly Row[]): Promise<readonly Row[]> {
  const now = tx.now()
  const wanted = started.flatMap(({ id, task, key }): Param[][] => [
    ['id', '', id ?? null, now],
    ...(key == null ? [] : [['key', task ?? null, key, now]]),
  ])
  const stones = (await tx.each('tombstonesFor', wanted)).map(tombstoneOf)
  if (stones.length === 0) return started
  const runs = await loadRuns(
    tx,
    started.map(({ id }) => String(id)),
  )
  const stopped = runs.flatMap((run) => {
    const stone = stones.find((one) => isFor(one, run))
    return stone ? [{ run, stone }] : []
  })
  await stopBefore(tx, stopped)
  const gone = new Set(stopped.map(({ run }) => run.id))
  return started.filter(({ id }) => !gone.has(String(id)))
}

function isFor({ kind, value, task }: Tombstone, run: SeqRun): boolean {
  return kind === 'id' ? value === run.id : run.holdsKey && value === run.key && task === run.task
}

/** The claim of these is taken back, and what was asked is done. */
async function stopBefore(
  tx: Tx,
  stopped: readonly { readonly run: SeqRun; readonly stone: Tombstone }[],
): Promise<void> {
  if (stopped.length === 0) return
  await tx.run('unstartRuns', [stopped.map(({ run }) => run.seq)])
  const ids = stopped.map(({ run }) => run.id)
  const changes = new Changes(tx.now(), await loadRuns(tx, ids))
  for (const { run, stone } of stopped) {
    const { verb, reason, by, kind, task, value } = stone
    changes.decide(run.id, { type: verb, reason, by, graceMs: 0 })
    await tx.each('deleteTombstone', [[kind, task ?? '', value]])
  }
  await changes.write(tx)
}
