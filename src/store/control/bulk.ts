/**
 * Verbs on all runs of a filter.
 *
 * Which runs those are is read once, when it begins, without holding anything; they are dealt with in the order in which
 * they were enqueued, a thousand in a transaction, which also notes how far it came. So others have their turn in between,
 * and whoever goes on after a crash reads the rest of them. Two that go on at once do no harm: each transaction holds the
 * operation's row, and passes over what the other has done.
 *
 * What a hold asks of the runs that there are ends with the hold: who lifts it finishes its bulk operations in the same
 * transaction, so that the next step of whoever drives one finds it over.
 */
import { byRequest, type Pauser } from '../../core/run/intent.ts'
import { CheckreinError, isCheckreinError } from '../../core/errors.ts'
import { statesOf } from '../../core/filter.ts'
import { controlMatched } from './control.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import type { GroupCommit } from '../driver/group-commit.ts'
import { instantOf } from '../port/instants.ts'
import { countsOf, note } from '../journal/audit-log.ts'
import { bulkRowOf, newBulk } from '../rows/requests.ts'
import { type MatchedRun, matchedRun } from '../rows/runs.ts'
import { signalIds } from './signals.ts'
import type { Bulk, Controlled, Finding, SignalRequest } from '../store.ts'
import type { Asked, MemberFilter, BulkRequest } from '../port/requests.ts'
import { matchParams, type Row } from '../driver/sql.ts'
/** How many runs of a filter change in one transaction. */
const chunkLength = 1000
/** Whoever began it has stopped, where nothing was heard of it for so long. */
const idleMs = 3000
/** What it came to for one run. */
export type BulkAnswer = Pick<Controlled, 'id' | 'answer' | 'state'> & {
  /** Of a signal. */
  readonly position?: number | null
}

const callOf = (request: BulkRequest): Asked | Omit<SignalRequest, 'target'> =>
  request.kind === 'control' ? request.asked : request.message
const verbOf = (request: BulkRequest): Bulk['verb'] =>
  request.kind === 'control' ? request.asked.verb : 'signal'

/** Puts it on record. @returns false where the same one is there already. */
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
  const name = request.kind === 'control' ? request.asked.verb : request.message.name
  const payload = request.kind === 'signal' ? request.message.payload : null
  const entry = { asked, kind: 'bulk', name, payload, run: null, answer: null } as const
  note(tx, [{ ...entry, isOver: false, target: request.filter }])
  return true
}

/** The hold that it carries out, or the workflow that it pauses or resumes. */
const pauserOf = (request: BulkRequest): Pauser =>
  request.kind === 'signal' ? byRequest : request.asked.pause

/** Ends those that carry out a hold which is no more, or a pause that is over: its runs are to be let go, not to be held. */
export async function endBulksOf(tx: Tx, { holdId, workflowId }: Pauser): Promise<void> {
  const now = tx.now()
  const ended = await tx.run('endBulksOf', [holdId, workflowId, now])
  const sets = ended.map(({ id = null, counts = null }) => [id, now, counts])
  if (sets.length > 0) tx.send('finishCall', sets)
}

/**
 * Does what comes after the record of a call: should it fail, keepers do the rest.
 * @throws {CheckreinError} with the id of the call, by which `bulks` says how far it is.
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

/** "In an hour" is an hour from now, whenever it is carried out. */
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

/** Deals with some of the runs, unless somebody has; null where it is over. */
async function step(tx: Tx, { id, matched, isLast }: Step): Promise<readonly BulkAnswer[] | null> {
  const [row] = await tx.run('bulkToChange', [id])
  const bulk = row && bulkRowOf(row)
  if (!bulk || bulk.finishedAt !== null) return null
  const { doneSeq, request } = bulk
  const left = matched.filter(({ seq }) => seq > doneSeq)
  // Before its members, as whoever completes them does.
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

export class Bulks {
  readonly #driver: Driver
  readonly #commits: GroupCommit
  #goingOn: Promise<unknown> | null = null

  constructor(driver: Driver, commits: GroupCommit) {
    this.#driver = driver
    this.#commits = commits
  }

  /** From the record to the last run; the same call again goes on with the runs of the first. */
  async run(request: BulkRequest): Promise<readonly BulkAnswer[]> {
    const { callId } = callOf(request)
    const matched = await this.#match(request.filter)
    const begin = { request, totalCount: matched.length }
    const isNew = await this.#commits.once((tx) => beginBulk(tx, begin))
    return afterRecord(callId, () => (isNew ? this.#drive(callId, matched) : this.goOn(callId)))
  }

  /** Goes on with one that is on record. */
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

  /** Carries out what a transaction of this process has begun; should it fail, keepers do. */
  driveSoon(ids: readonly string[]): void {
    for (const id of ids) this.goOn(id).catch((error: unknown) => this.#noteFailure(id, error))
  }

  /** Goes on with what nobody has worked on for a while, beside what the caller does; one at a time. */
  async adopt(): Promise<void> {
    if (this.#goingOn) return
    const since = this.#driver.now() - idleMs
    const [row] = await this.#driver.read(this.#driver.statements.idleBulks, [since])
    if (!row || this.#goingOn) return
    const id = String(row['id'])
    this.#goingOn = this.goOn(id)
      .catch((error: unknown) => this.#noteFailure(id, error))
      .finally(() => (this.#goingOn = null))
  }

  /** It will be found again, after all others; meanwhile `findings` says what is wrong. */
  async #noteFailure(id: string, error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error)
    await this.#commits
      .once(async (tx) => tx.run('noteFailure', [id, tx.now(), message]))
      .catch(() => null)
  }

  /** Those that keepers have tried in vain to go on with. */
  async findings(): Promise<readonly Finding[]> {
    const { failingBulks } = this.#driver.statements
    // Not everybody may read them.
    const rows = await this.#driver.read(failingBulks).catch(() => [])
    return rows.map(({ id, error }) => ({
      name: 'bulk',
      level: 'warning',
      message: `the verb on many runs ${String(id)} does not go on: ${String(error)}`,
      hint: `Keepers try it again every ${idleMs / 1000} seconds.`,
    }))
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

export function bulkOf(row: Row): Bulk {
  const { request, createdAt, finishedAt, totalCount, doneCount, counts } = bulkRowOf(row)
  const { callId, reason, by, origin } = callOf(request)
  const { filter } = request
  const progress = { createdAt, finishedAt, totalCount, doneCount, counts }
  return { callId, reason, by, origin, verb: verbOf(request), filter, ...progress }
}
