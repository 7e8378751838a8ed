/** Conditions on states as SQL text, from the transition table: migrations and statements take theirs from here. */
import { finalStates, type State, states } from '../../core/run/transitions.ts'

/**
 * `state = 'queued'`, or `(state = 'queued' OR state = 'running')`. Not `IN`: SQLite builds a temporary table for a list of
 * more than two, each time that a CHECK or the condition of an index is looked at. With `IN`, a claim or a completion
 * took 10 us a row; with `OR`, 4.
 */
export function stateIs(accepted: readonly State[], table = ''): string {
  const terms = accepted.map((state) => `${table}state = '${state}'`)
  return terms.length === 1 ? terms.join('') : `(${terms.join(' OR ')})`
}

/** The CHECK constraints on states that the first migration of each store must contain, letter by letter. */
export const stateChecks: readonly string[] = [
  `CHECK (${stateIs(states)})`,
  `CHECK (${stateIs(finalStates)} = (finished_at IS NOT NULL))`,
  `CHECK ((${stateIs(['running'])}) = (worker_id IS NOT NULL))`,
  `CHECK ((${stateIs(['paused'])}) = (paused_from IS NOT NULL))`,
  `CHECK ((${stateIs(['cancelled'])}) = (stop IS NOT NULL))`,
  `CHECK (${stateIs(['running'])} OR intent IS NULL)`,
]

/** The states of an index for people, who look for few runs among many. */
export const notable: readonly State[] = ['waiting', 'paused', 'failed', 'cancelled']

/** Conditions that together find every run that is not final; each has the words of the index that it reads, and reads no finished run. */
export const liveRanges = [
  stateIs(['scheduled'], 'r.'),
  stateIs(['queued'], 'r.'),
  stateIs(['running'], 'r.'),
  `${stateIs(notable, 'r.')} AND r.finished_at IS NULL AND ${stateIs(['waiting', 'paused'], 'r.')}`,
]

/** Conditions for the wanted states: with the words of a partial index that has them all, where there is one, for SQLite compares the words. */
export function stateTerms(wanted: readonly State[]): readonly string[] {
  if (wanted.length === 0) return []
  const terms = [stateIs(wanted, 'r.')]
  if (wanted.every((state) => notable.includes(state))) terms.push(stateIs(notable, 'r.'))
  return terms
}

/**
 * The condition for runs that may expire, in the words of their index: they have a time of expiry, no attempt has begun (a claim
 * that was taken back is no attempt), and they have not ended.
 */
export const mayExpire = 'expires_at IS NOT NULL AND attempt = returned AND finished_at IS NULL'

/** The condition for runs that a hold or a workflow has paused, in the words of their index. */
export const isPausedByOther = 'paused_by_id IS NOT NULL AND paused IS NOT NULL'

/** The condition for rows of the record that are over and are not deleted with a run, in the words of their index. */
export const isPast = `completed_at IS NOT NULL AND (kind <> 'signal' OR run_seq IS NULL)`
