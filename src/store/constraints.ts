/** The transition table as SQL text: what migrations and statements may say about states. */
import { finalStates, type State, states } from '../core/transitions.ts'

/** `'queued', 'running'` */
export function sqlList(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ')
}

/** `state = 'queued'`, or `state IN (…)`. */
export function stateIs(...accepted: readonly State[]): string {
  return accepted.length === 1 ? `state = '${accepted[0]}'` : `state IN (${sqlList(accepted)})`
}

/**
 * The CHECK constraints on states that the first migration of each store must contain, letter by letter.
 * Each costs 0.3 us a row (measured), so only these three are kept; the machine's tests hold the finer transitions.
 */
export const stateChecks: readonly string[] = [
  `CHECK (state IN (${sqlList(states)}))`,
  `CHECK ((state IN (${sqlList(finalStates)})) = (finished_at IS NOT NULL))`,
  `CHECK ((${stateIs('running')}) = (worker_id IS NOT NULL))`,
]
