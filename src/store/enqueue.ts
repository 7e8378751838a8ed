/**
 * New runs.
 *
 * Plain ones go in as one statement. Two things can stand in the way of a run, both looked up in the same
 * transaction: a tombstone for its id or key, which makes it `cancelled` before it ever was queued, and another run
 * that holds its key.
 */
import { CheckreinError } from '../core/errors.ts'
import { prevented } from '../core/decision.ts'
import type { FeedEntry } from '../core/events.ts'
import type { StoredRun } from '../core/run.ts'
import type { StopRecord } from '../core/stop.ts'
import { isFinal, type State } from '../core/transitions.ts'
import { Changes, loadRuns } from './apply.ts'
import type { Driver, Param, Statements, Tx } from './driver.ts'
import { writeFeed } from './feed.ts'
import { type FeedRow, runOf, type SeqRun, tombstoneOf } from './rows.ts'
import type { Enqueued, NewRun, Tombstone } from './store.ts'

interface Placing {
  readonly tombstone?: Tombstone
  /** Whose end it waits for. */
  readonly waitsFor?: string
}

/** Stores the runs in order. @throws {CheckreinError} `RUN_ID_TAKEN` where another task's run has the id. */
export async function enqueueRuns(
  tx: Tx,
  statements: Statements,
  runs: readonly NewRun[],
): Promise<readonly Enqueued[]> {
  if (runs.every((run) => run.key === null)) {
    const inserted = await insertPlain(tx, statements, runs)
    if (inserted) return inserted
  }
  const tombstones = await tombstonesFor(tx, statements, runs)
  const keys = runs.flatMap(({ task, key }) => (key === null ? [] : [[task, key]]))
  const holders = await tx.each(statements.keyHolderToChange, keys)
  const isFree = tombstones.length === 0 && holders.length === 0
  if (isFree && new Set(keys.map((pair) => JSON.stringify(pair))).size === keys.length) {
    const placed = runs.map((run) => ({ run, placing: {} }))
    return insert(tx, statements, placed)
  }
  const enqueued: Enqueued[] = []
  for (const run of runs) enqueued.push(await enqueueOne(tx, statements, { run, tombstones }))
  return enqueued
}

/**
 * Stores runs that are nothing but queued, without a transaction around the one statement. Null where there is more to
 * it: the long way says what.
 */
export async function enqueueAlone(
  driver: Driver,
  runs: readonly NewRun[],
): Promise<readonly Enqueued[] | null> {
  const isPlain = runs.every((run) => run.key === null && run.due === null && run.tags.length === 0)
  if (!isPlain) return null
  const now = driver.now()
  const sets = runs.map((run) => insertOf({ run, placing: {} }, now))
  const seqs = await driver.insertAlone(driver.statements.insertNewRuns, sets)
  if (!seqs || seqs.includes(null)) return null
  return runs.map(({ id }) => ({ id, outcome: 'enqueued', replacedId: null }))
}

/** Null where none was new, or a tombstone stands: what stands in their way must be looked up. */
async function insertPlain(
  tx: Tx,
  statements: Statements,
  runs: readonly NewRun[],
): Promise<readonly Enqueued[] | null> {
  const placed = runs.map((run) => ({ run, placing: {} }))
  const now = tx.now()
  const sets = placed.map((one) => insertOf(one, now))
  const seqs = await tx.insert(statements.insertPlainRuns, sets)
  if (seqs.every((seq) => seq === null)) return null
  return inserted(tx, statements, { placed, seqs, now })
}

async function enqueueOne(
  tx: Tx,
  statements: Statements,
  { run, tombstones }: { run: NewRun; tombstones: readonly Tombstone[] },
): Promise<Enqueued> {
  const tombstone = tombstones.find((stone) =>
    stone.kind === 'id'
      ? stone.value === run.id
      : stone.value === run.key && stone.task === run.task,
  )
  if (
    tombstone &&
    !(await exists(tx, statements, run.id)) &&
    (await useUp(tx, statements, tombstone))
  ) {
    return one(await insert(tx, statements, [{ run, placing: { tombstone } }]))
  }
  const [row] =
    run.key === null ? [] : await tx.each(statements.keyHolderToChange, [[run.task, run.key]])
  const holder = row ? runOf(row) : null
  if (holder && (run.onConflict === 'skip' || holder.id === run.id)) {
    return { id: holder.id, outcome: 'exists', replacedId: null }
  }
  if (holder && (await exists(tx, statements, run.id))) {
    return one(await insert(tx, statements, [{ run, placing: {} }])) // the same call made twice: it replaces nothing again
  }
  const placing = holder ? await replace(tx, statements, { run, holder }) : {}
  const enqueued = one(await insert(tx, statements, [{ run, placing }]))
  return holder ? { ...enqueued, replacedId: holder.id } : enqueued
}

async function exists(tx: Tx, statements: Statements, id: string): Promise<boolean> {
  return (await loadRuns(tx, statements, [id])).length > 0
}

/** Whether it was still there: a run before this one in the same batch may have met it. */
async function useUp(
  tx: Tx,
  statements: Statements,
  { kind, task, value }: Tombstone,
): Promise<boolean> {
  return (await tx.each(statements.deleteTombstone, [[kind, task ?? '', value]])).length > 0
}

/** Takes the key from its holder: one that has not started is cancelled; a running one goes on, or is cancelled and waited for. */
async function replace(
  tx: Tx,
  statements: Statements,
  { run, holder }: { run: NewRun; holder: SeqRun },
): Promise<Placing> {
  const changes = new Changes(tx.now(), [holder])
  const asked = { reason: `replaced by ${run.id}`, by: null, graceMs: run.graceMs }
  if (holder.state !== 'running' || run.onConflict === 'cancel-and-replace') {
    changes.decide(holder.id, { type: 'cancel', ...asked })
  }
  changes.dropKey(holder.id)
  await changes.write(tx, statements)
  if (run.onConflict === 'replace') return {}
  if (!isFinal(changes.get(holder.id)?.state ?? 'cancelled')) return { waitsFor: holder.id }
  // The holder had itself replaced a run that is still being stopped: its successor waits for the same end.
  if (holder.waitsFor === null || holder.attempt > 0) return {}
  const [first] = await loadRuns(tx, statements, [holder.waitsFor])
  return first && !isFinal(first.state) ? { waitsFor: first.id } : {}
}

function one(enqueued: readonly Enqueued[]): Enqueued {
  const [only] = enqueued
  if (!only) throw new CheckreinError('INTERNAL', { message: 'an insert answered nothing' })
  return only
}

async function tombstonesFor(
  tx: Tx,
  statements: Statements,
  runs: readonly NewRun[],
): Promise<readonly Tombstone[]> {
  if ((await tx.all(statements.hasTombstones)).length === 0) return []
  const now = tx.now()
  const wanted = runs.flatMap((run) => [
    ['id', '', run.id, now],
    ...(run.key === null ? [] : [['key', run.task, run.key, now]]),
  ])
  return (await tx.each(statements.tombstonesFor, wanted)).map(tombstoneOf)
}

type Placed = { readonly run: NewRun; readonly placing: Placing }

async function insert(
  tx: Tx,
  statements: Statements,
  placed: readonly Placed[],
): Promise<readonly Enqueued[]> {
  const now = tx.now()
  const sets = placed.map((one) => insertOf(one, now))
  const seqs = await tx.insert(statements.insertRuns, sets)
  return inserted(tx, statements, { placed, seqs, now })
}

interface Inserted {
  readonly placed: readonly Placed[]
  readonly seqs: readonly (number | null)[]
  readonly now: number
}

/** What else is stored of runs, once they have their places. */
async function inserted(
  tx: Tx,
  statements: Statements,
  { placed, seqs, now }: Inserted,
): Promise<readonly Enqueued[]> {
  tx.tell('work')
  const feed = placed.flatMap((one, at) => firstEntries(one, { seq: seqs[at] ?? null, now }))
  writeFeed(tx, statements, feed)
  const tags = placed.flatMap(({ run }, at) =>
    seqs[at] == null ? [] : run.tags.map((tag) => [tag, seqs[at] ?? 0]),
  )
  if (tags.length > 0) tx.send(statements.insertTags, tags)
  if (seqs.includes(null))
    await refuseTakenIds(
      tx,
      statements,
      placed.filter((_, at) => seqs[at] === null),
    )
  return placed.map(({ run, placing }, at) => ({
    id: run.id,
    outcome: seqs[at] === null ? 'exists' : placing.tombstone ? 'prevented' : 'enqueued',
    replacedId: null,
  }))
}

/** A run that was simply queued needs no entry for that: its row says when (`enqueueEntry`), and a write is saved. */
function firstEntries(
  { run, placing }: Placed,
  { seq, now }: { readonly seq: number | null; readonly now: number },
): FeedRow[] {
  const state = firstState({ run, placing }, now)
  if (seq === null || state === 'queued') return []
  const { tombstone } = placing
  if (!tombstone) return [[seq, now, 'enqueue', 0, state, null]]
  const data = {
    reason: tombstone.reason,
    by: tombstone.by,
    answer: 'prevented',
    stop: stopOf(tombstone, now),
  }
  return [
    [seq, now, 'enqueue', 0, 'queued', null],
    [seq, now, tombstone.verb, 0, state, JSON.stringify(data)],
  ]
}

/** The entry of a run that was simply queued; it comes before all others. */
export function enqueueEntry(run: StoredRun): FeedEntry {
  return {
    position: 0,
    runId: run.id,
    at: run.createdAt,
    type: 'enqueue',
    attempt: 0,
    state: 'queued',
    data: {},
  }
}

function dueAt(run: NewRun, now: number): number | null {
  const at = run.due === null ? null : 'at' in run.due ? run.due.at : now + run.due.inMs
  return at !== null && at > now ? at : null
}

function firstState({ run, placing }: Placed, now: number): State {
  if (placing.tombstone) return 'cancelled'
  if (placing.waitsFor !== undefined) return 'waiting'
  return dueAt(run, now) === null ? 'queued' : 'scheduled'
}

function insertOf({ run, placing }: Placed, now: number): Param[] {
  const { tombstone, waitsFor = null } = placing
  return [
    run.id,
    run.task,
    run.queue,
    run.priority,
    run.key,
    run.key !== null && !tombstone ? 1 : 0,
    run.tags.length > 0 ? JSON.stringify(run.tags) : null,
    run.input,
    run.ttlMs === null ? null : now + run.ttlMs,
    now,
    firstState({ run, placing }, now),
    tombstone ? null : dueAt(run, now),
    waitsFor,
    tombstone ? JSON.stringify(stopOf(tombstone, now)) : null,
    tombstone ? now : null,
  ]
}

function stopOf({ verb, reason, by, createdAt }: Tombstone, now: number): StopRecord {
  return { ...prevented(verb, { reason, by }, now), requestedAt: createdAt }
}

/** An id that exists is the same call made twice, if it is the same task's. */
async function refuseTakenIds(
  tx: Tx,
  statements: Statements,
  placed: readonly Placed[],
): Promise<void> {
  const ids = placed.map(({ run }) => run.id)
  const taskOf = new Map(
    (await tx.all(statements.runsById, [ids])).map((row) => [row['id'], row['task']]),
  )
  const taken = placed.find(({ run }) => taskOf.get(run.id) !== run.task)
  if (!taken) return
  const { id } = taken.run
  throw new CheckreinError('RUN_ID_TAKEN', {
    message: `Run ${id} exists already, and is of the task ${JSON.stringify(taskOf.get(id))}`,
    hint: 'Give each run its own id, or leave the id out.',
    details: { id },
  })
}
