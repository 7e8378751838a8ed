/** Stores new runs. Plain runs are stored by one statement; for the others, `admission.ts` says what stands in their way. */
import { CheckreinError } from '../../core/errors.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import { writeFeed } from '../journal/feed.ts'
import {
  datedOf,
  firstEntries,
  insertionOf,
  plainInsertOf,
  type AdmittedRun,
} from '../rows/new-run.ts'
import { admit, type Standing, standingBefore } from './admission.ts'
import type { Enqueued, NewRun } from '../store.ts'

/** Stores runs in order; one answer each. @throws {CheckreinError} `RUN_ID_TAKEN` where another task's run has the id. */
export async function enqueueRuns(tx: Tx, runs: readonly NewRun[]): Promise<readonly Enqueued[]> {
  if (
    runs.every((run) => run.key === null && (run.retryOf ?? null) === null && datedOf(run) === null)
  ) {
    const inserted = await insertPlain(tx, runs)
    if (inserted) return inserted
  }
  const standing = await standingBefore(tx, runs)
  if (standing.isFree) {
    const placed = runs.map((run) => ({ run, admission: {} }))
    return insertAdmitted(tx, placed)
  }
  const enqueued: Enqueued[] = []
  for (const run of runs) enqueued.push(await enqueueOne(tx, { run, standing }))
  return enqueued
}

/**
 * Stores runs that are queued and nothing more, without a transaction around the one statement. @returns null where there is more to
 * it: none was stored, and the long way finds out why.
 */
export async function enqueueAlone(
  driver: Driver,
  runs: readonly NewRun[],
): Promise<readonly Enqueued[] | null> {
  const isPlain = runs.every(isPlainRun)
  if (!isPlain) return null
  const now = driver.now()
  const sets = runs.map((run) => plainInsertOf(run, now))
  const ids = runs.map(({ id }) => id)
  const seqs = await driver.insertAlone('insertNewRuns', { sets, ids, createdAt: now })
  if (!seqs || seqs.includes(null)) return null
  return runs.map(({ id }) => ({ id, outcome: 'enqueued', replacedId: null }))
}

const isPlainRun = ({ key, due, tags, retryOf = null }: NewRun): boolean =>
  key === null && due === null && tags.length === 0 && retryOf === null

/** Stores runs without keys. @returns null where none was new or a tombstone or hold stands: then it must be looked up what stands in their way. */
async function insertPlain(tx: Tx, runs: readonly NewRun[]): Promise<readonly Enqueued[] | null> {
  const placed = runs.map((run) => ({ run, admission: {} }))
  const now = tx.now()
  const sets = runs.map((run) => plainInsertOf(run, now))
  const seqs = await tx.insert('insertPlainRuns', sets)
  if (seqs.every((seq) => seq === null)) return null
  return inserted(tx, { placed, seqs, now })
}

async function enqueueOne(
  tx: Tx,
  { run, standing }: { readonly run: NewRun; readonly standing: Standing },
): Promise<Enqueued> {
  const place = await admit(tx, { run, standing })
  if ('existing' in place) return { id: place.existing, outcome: 'exists', replacedId: null }
  const { admission, replacedId } = place
  const [enqueued] = await insertAdmitted(tx, [{ run, admission }])
  if (!enqueued) throw new CheckreinError('INTERNAL', { message: 'an insert answered nothing' })
  return { ...enqueued, replacedId }
}

/** Stores runs of which it is known how they are admitted. */
export async function insertAdmitted(
  tx: Tx,
  placed: readonly AdmittedRun[],
): Promise<readonly Enqueued[]> {
  const now = tx.now()
  const { name, sets } = insertionOf(placed, now)
  const seqs = await tx.insert(name, sets)
  return inserted(tx, { placed, seqs, now })
}

interface Inserted {
  readonly placed: readonly AdmittedRun[]
  readonly seqs: readonly (number | null)[]
  readonly now: number
}

/** Writes the entries and tags of runs that were stored, and answers. */
async function inserted(tx: Tx, { placed, seqs, now }: Inserted): Promise<readonly Enqueued[]> {
  tx.tell('work')
  const feed = placed.flatMap((one, at) => firstEntries(one, { seq: seqs[at] ?? null, now }))
  writeFeed(tx, feed)
  const tags = placed.flatMap(({ run }, at) =>
    seqs[at] == null ? [] : run.tags.map((tag) => [tag, seqs[at] ?? 0]),
  )
  if (tags.length > 0) tx.send('insertTags', tags)
  const saved = placed.flatMap(({ admission: { undo } }, at) =>
    undo && undo.checkpointAt !== null && seqs[at] != null ? [[undo.seq, seqs[at]]] : [],
  )
  if (saved.length > 0) tx.send('copyCheckpoints', saved)
  if (seqs.includes(null))
    await refuseTakenIds(
      tx,
      placed.filter((_, at) => seqs[at] === null),
    )
  return placed.map(({ run, admission }, at) => ({
    id: run.id,
    outcome: seqs[at] === null ? 'exists' : admission.stopper ? 'prevented' : 'enqueued',
    replacedId: null,
  }))
}

/** Refuses ids that runs of other tasks have. An id of a run of the same task is the same call, made twice. */
async function refuseTakenIds(tx: Tx, placed: readonly AdmittedRun[]): Promise<void> {
  const ids = placed.map(({ run }) => run.id)
  const taskOf = new Map((await tx.run('runsById', [ids])).map((row) => [row['id'], row['task']]))
  const taken = placed.find(({ run }) => taskOf.get(run.id) !== run.task)
  if (!taken) return
  const { id } = taken.run
  throw new CheckreinError('RUN_ID_TAKEN', {
    message: `Run ${id} exists already, and is of the task ${JSON.stringify(taskOf.get(id))}`,
    hint: 'Give each run its own id, or leave the id out.',
    details: { id },
  })
}
