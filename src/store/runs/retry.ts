/**
 * Runs that are tried again: for each a new run, which names the old one (`retryOf`), and begins from the start.
 *
 * The record of the call has a row for each old run, with the id of the new one as its reply. So the same call again answers the same
 * new runs, also where two processes make it at once: both hold the row of the old run before they look.
 */
import { isFinal } from '../../core/run/transitions.ts'
import { loadRuns } from '../changes/changes.ts'
import type { Tx } from '../driver/driver.ts'
import { note, placeOf } from '../journal/audit-log.ts'
import type { Retried, RetryOfRun } from '../port/requests.ts'
import type { NewRun } from '../port/runs.ts'
import type { SeqRun } from '../rows/runs.ts'
import { enqueueRuns } from './enqueue.ts'
import { type Again, entryOfRetry, madeBefore } from './retry-record.ts'
import { retryRollbacks } from './retry-rollback.ts'

/** Tries runs, or their roll-backs, again by their ids. One answer each, in order. */
export async function retryRuns(tx: Tx, calls: readonly RetryOfRun[]): Promise<readonly Retried[]> {
  const back = calls.filter(({ rollback = false }) => rollback)
  if (back.length === 0) return retryWhole(tx, calls)
  const whole = calls.filter(({ rollback = false }) => !rollback)
  const backAnswers = [...(await retryRollbacks(tx, back))]
  const wholeAnswers = whole.length === 0 ? [] : [...(await retryWhole(tx, whole))]
  return calls.flatMap(({ rollback = false }) => {
    const answer = (rollback ? backAnswers : wholeAnswers).shift()
    return answer ? [answer] : []
  })
}

async function retryWhole(tx: Tx, calls: readonly RetryOfRun[]): Promise<readonly Retried[]> {
  const ids = [...new Set(calls.map(({ id }) => id))]
  const runs = new Map((await loadRuns(tx, ids)).map((run) => [run.id, run]))
  const made = await madeBefore(tx, calls)
  const again: Again[] = []
  const answers = calls.map((call): Retried => {
    const { id, newId } = call
    const place = placeOf(call.asked.callId, id)
    const before = made.get(place)
    if (before !== undefined) return { id, answer: 'retried', newId: before }
    const old = runs.get(id)
    const refusal = old ? refusalOf(old) : 'not-found'
    if (!old || refusal !== null) return { id, answer: refusal ?? 'not-found', newId: null }
    made.set(place, newId)
    again.push({ call, old })
    return { id, answer: 'retried', newId }
  })
  if (again.length > 0) await tryAgain(tx, again)
  return answers
}

/** Why a run is not tried again; null where it is. */
function refusalOf(run: SeqRun): Exclude<Retried['answer'], 'retried'> | null {
  if (run.workflow !== null) return 'is-member'
  if (run.parent !== null) return 'is-child'
  return isFinal(run.state) ? null : 'not-final'
}

/** Stores the new runs; without its key each that finds another run to hold it by now. */
async function tryAgain(tx: Tx, again: readonly Again[]): Promise<void> {
  const wanted = again.map(newRunOf)
  const enqueued = await enqueueRuns(tx, wanted)
  const keyless = wanted.filter(({ id }, at) => enqueued[at]?.id !== id)
  if (keyless.length > 0)
    await enqueueRuns(
      tx,
      keyless.map((run) => ({ ...run, key: null })),
    )
  note(tx, again.map(entryOfRetry))
}

/** The same work from the start. The times of the old run (`due`, `ttl`, deadline) were for that one alone. */
function newRunOf({ call, old }: Again): NewRun {
  const { task, queue, priority, tags, key } = old
  const none = { due: null, ttlMs: null, deadline: null }
  const again = { id: call.newId, onConflict: 'skip', graceMs: 0, retryOf: old.id } as const
  const input = call.input === undefined ? old.input : call.input
  return { task, queue, priority, tags, key, input, ...again, ...none }
}
