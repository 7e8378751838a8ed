/**
 * Bulk operations: verbs on all runs of a filter.
 *
 * A bulk operation begins with a row on record. Its runs are found once, when it begins, without locking any. They are dealt with in
 * the order in which they were enqueued, a thousand in a transaction, which also notes how far the operation has come. So other writers
 * have their turn in between, and after a crash somebody else goes on with the rest. Two processes that go on with the same operation do no
 * harm: each transaction locks the operation's row, and passes over the runs that the other has dealt with.
 *
 * A bulk operation that carries out a hold ends with the hold: lifting the hold ends the operation in the same transaction, and
 * the next step of the process that carries it out finds it over.
 */
import { byRequest, type Pauser } from '../../core/run/intent.ts'
import { CheckreinError, isCheckreinError } from '../../core/errors.ts'
import { type RunFilter, statesOf } from '../../core/filter.ts'
import { controlMatched } from './control.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import type { GroupCommit } from '../driver/group-commit.ts'
import { instantOf } from '../port/instants.ts'
import { countsOf, nameOf, note } from '../journal/audit-log.ts'
import { bulkRowOf, newBulk } from '../rows/requests.ts'
import { type MatchedRun, matchedRun } from '../rows/runs.ts'
import { signalIds } from './signals.ts'
import type { Bulk, Controlled, Finding, SignalRequest } from '../store.ts'
import type { Asked, MemberFilter, BulkRequest } from '../port/requests.ts'
import { matchParams, type Row } from '../driver/sql.ts'
/** How many runs of a filter change in one transaction. */
const chunkLength = 1000
/** After this time without a step, ms, a keeper takes the process that carries out an operation for gone. */
const idleMs = 3000
/** The answer of a bulk operation for one run. */
export type BulkAnswer = Pick<Controlled, 'id' | 'answer' | 'state'> & {
  /** The position of a signal in the record; absent for a verb. */
  readonly position?: number | null
}

const callOf = (request: BulkRequest): Asked | Omit<SignalRequest, 'target'> =>
  request.kind === 'control' ? request.asked : request.message
const verbOf = (request: BulkRequest): Bulk['verb'] =>
  request.kind === 'control' ? request.asked.verb : 'signal'

/** Puts a bulk operation on record. @returns false where the same call has done that before. */
export async function beginBulk(
  tx: Tx,
  { request, totalCount }: { readonly request: BulkRequest; readonly totalCount: number },
): Promise<boolean> {
  const asked = callOf(request)
  const [end] = await tx.run('seqEnd')
  const now = tx.now()
  const row = newBulk.write({
    id: asked.callId,
    createdAt: now,
    touchedAt: now,
    upperSeq: Number(end?.['seq'] ?? 0),
    totalCount,
    ...pauserOf(request),
    request: withInstants(request, now),
  })
  if ((await tx.run('insertBulk', row)).length === 0) return false
  const name = request.kind === 'control' ? nameOf(request.asked) : request.message.name
  const payload = request.kind === 'signal' ? request.message.payload : null
  const entry = { asked, kind: 'bulk', name, payload, run: null, answer: null } as const
  note(tx, [{ ...entry, isOver: false, target: request.filter }])
  return true
}

/** The hold that an operation carries out, or the workflow that it pauses or resumes. */
const pauserOf = (request: BulkRequest): Pauser =>
  request.kind === 'signal' ? byRequest : request.asked.pause

/** Ends the operations that carry out a hold which is lifted, or the pause of a workflow that is over: the rest of their runs must not be paused any more. */
export async function endBulksOf(tx: Tx, { holdId, workflowId }: Pauser): Promise<void> {
  const now = tx.now()
  const ended = await tx.run('endBulksOf', [holdId, workflowId, now])
  const sets = ended.map(({ id = null, counts = null }) => [id, now, counts])
  if (sets.length > 0) tx.send('finishCall', sets)
}

/**
 * Does the work that follows once a call is on record; should it fail, keepers do the rest.
 * @throws {CheckreinError} the error of the work, with `isUncertain` and the `callId`, by which `bulks` says how far it is.
 */
export async function afterRecord<T>(callId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!isCheckreinError(cause)) throw cause
    const { code, message, hint, details } = cause
    const known = { ...details, isUncertain: true, callId }
    throw new CheckreinError(code, { message, hint: hint ?? goesOn, details: known, cause })
  }
}

const goesOn = 'It is on record, and goes on by itself: the same call again goes on with it, too.'

/** The request with instants for delays: "in an hour" is an hour from now, whenever it is carried out. */
function withInstants(request: BulkRequest, now: number): BulkRequest {
  if (request.kind === 'signal' || request.asked.pause.until === null) return request
  const { asked } = request
  const until = { at: instantOf(request.asked.pause.until, now) ?? now }
  return { ...request, asked: { ...asked, pause: { ...asked.pause, until } } }
}

interface Step {
  readonly id: string
  readonly matched: readonly MatchedRun[]
  readonly isLast: boolean
}

/** Deals with a chunk of the runs, but for those that another process has dealt with. @returns null where the operation is over. */
async function step(tx: Tx, { id, matched, isLast }: Step): Promise<readonly BulkAnswer[] | null> {
  const [row] = await tx.run('bulkToChange', [id])
  const bulk = row && bulkRowOf(row)
  if (!bulk || bulk.finishedAt !== null) return null
  const { doneSeq, request } = bulk
  const left = matched.filter(({ seq }) => seq > doneSeq)
  // The row of the workflow is locked before those of its members, as by all who complete them.
  const { workflow } = request.filter
  if (workflow !== undefined) await tx.run('workflowsToChange', [[workflow]])
  const answers = await carryOut(tx, { request, matched: left })
  const text = JSON.stringify(countsOf(bulk.counts, answers))
  const now = tx.now()
  const upTo = left.at(-1)?.seq ?? doneSeq
  const doneCount = bulk.doneCount + left.length
  const finishedAt = isLast ? now : null
  await tx.run('updateBulk', [id, now, upTo, doneCount, text, finishedAt, doneCount])
  if (isLast) tx.send('finishCall', [[id, now, text]])
  return answers
}

async function carryOut(
  tx: Tx,
  { request, matched }: { readonly request: BulkRequest; readonly matched: readonly MatchedRun[] },
): Promise<readonly BulkAnswer[]> {
  if (matched.length === 0) return []
  if (request.kind === 'control') {
    const { asked, filter } = request
    return controlMatched(tx, { matched, wanted: statesOf(filter), asked })
  }
  const calls = matched.map(({ id }) => ({ id, message: request.message }))
  const answers = await signalIds(tx, calls)
  return answers.map(({ runId: id, answer, position }) => ({ id, answer, position, state: null }))
}

/** Carries out bulk operations. */
export class Bulks {
  readonly #driver: Driver
  readonly #commits: GroupCommit
  #goingOn: Promise<unknown> | null = null

  constructor(driver: Driver, commits: GroupCommit) {
    this.#driver = driver
    this.#commits = commits
  }

  /** Carries out an operation from the record to the last run; the same call again goes on with the runs that the first has left. */
  async run(request: BulkRequest): Promise<readonly BulkAnswer[]> {
    const { callId } = callOf(request)
    const matched = await this.#match(request.filter)
    const begin = { request, totalCount: matched.length }
    const isNew = await this.#commits.once((tx) => beginBulk(tx, begin))
    return afterRecord(callId, () => (isNew ? this.#drive(callId, matched) : this.goOn(callId)))
  }

  /** Goes on with an operation that is on record. @returns the answers of the runs that were left; none where it is over or does not exist. */
  async goOn(id: string): Promise<readonly BulkAnswer[]> {
    const [row] = await this.#driver.read(this.#driver.statements.bulksById, [[id]])
    const bulk = row && bulkRowOf(row)
    if (!bulk || bulk.finishedAt !== null) return []
    const { request, doneSeq, upperSeq } = bulk
    const matched = await this.#match(request.filter)
    return this.#drive(
      id,
      matched.filter(({ seq }) => seq > doneSeq && seq <= upperSeq),
    )
  }

  /** Carries out, in the background, operations that a transaction of this process has begun; should it fail, keepers do. */
  driveSoon(ids: readonly string[]): void {
    for (const id of ids) this.goOn(id).catch((error: unknown) => this.#noteFailure(id, error))
  }

  /** Goes on, in the background, with an operation that nobody has worked on for a while; with one at a time. */
  async adopt(): Promise<void> {
    if (this.#goingOn) return
    const since = this.#driver.now() - idleMs
    const [row] = await this.#driver.read(this.#driver.statements.idleBulks, [since])
    if (!row || this.#goingOn) return
    const id = String(row['id'])
    // A hold of a caller's transaction has not waited for the claims that began before its commit, and did not see it.
    this.#goingOn = this.#driver
      .outlast()
      .then(() => this.goOn(id))
      .catch((error: unknown) => this.#noteFailure(id, error))
      .finally(() => (this.#goingOn = null))
  }

  /** Notes why an operation does not go on. It will be found again after all others; meanwhile `findings` says what is wrong. */
  async #noteFailure(id: string, error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error)
    await this.#commits
      .once(async (tx) => tx.run('noteFailure', [id, tx.now(), message]))
      .catch(() => null)
  }

  /** The operations with which keepers have tried in vain to go on. */
  async findings(): Promise<readonly Finding[]> {
    const { failingBulks } = this.#driver.statements
    // Not every user of the database may read the table.
    const rows = await this.#driver.read(failingBulks).catch(() => [])
    return rows.map(({ id, error }) => ({
      name: 'bulk',
      level: 'warning',
      message: `the verb on many runs ${String(id)} does not go on: ${String(error)}`,
      hint: `Keepers try it again every ${idleMs / 1000} seconds.`,
    }))
  }

  /** Looks once for the runs of a filter. @throws {CheckreinError} where the database cannot. */
  async tryOut(filter: RunFilter): Promise<void> {
    await this.#match(filter)
  }

  async #match(filter: MemberFilter): Promise<readonly MatchedRun[]> {
    const { statements } = this.#driver
    const sql = statements.filterSql(filter)
    const rows = await this.#driver.read(statements.matchRuns(sql), matchParams(sql), {
      isLong: true,
    })
    return rows.map(matchedRun.read).toSorted((a, b) => a.seq - b.seq)
  }

  async #drive(id: string, matched: readonly MatchedRun[]): Promise<readonly BulkAnswer[]> {
    const answers: BulkAnswer[] = []
    for (let at = 0; at === 0 || at < matched.length; at += chunkLength) {
      const chunk = matched.slice(at, at + chunkLength)
      const isLast = at + chunkLength >= matched.length
      const done = await this.#commits.once((tx) => step(tx, { id, matched: chunk, isLast }))
      if (done === null) break
      for (const answer of done) answers.push(answer)
    }
    return answers
  }
}

/** A row of the table of bulk operations. */
export function bulkOf(row: Row): Bulk {
  const { request, createdAt, finishedAt, totalCount, doneCount, counts, aborted } = bulkRowOf(row)
  const { callId, reason, by, origin } = callOf(request)
  const { filter } = request
  const progress = { createdAt, finishedAt, totalCount, doneCount, counts, aborted }
  return { callId, reason, by, origin, verb: verbOf(request), filter, ...progress }
}
