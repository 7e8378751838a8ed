/** Pages of lists, and counts by state. */
import { CheckreinError } from '../../core/errors.ts'
import { type State, states } from '../../core/run/transitions.ts'
import type { SeqRun } from '../rows/runs.ts'
import type { Listed, Page } from '../store.ts'
import type { Param, Row } from '../driver/sql.ts'

const highestLimit = 1000

/**
 * The parameters of `listRuns`: where the page starts, and how long it is (one more, to know whether there is another).
 * @throws {CheckreinError} `USAGE` for a limit outside 1 to 1,000 or a cursor that is not ours.
 */
export function pageParams({ cursor, limit, order }: Page): Param[] {
  if (!Number.isInteger(limit) || limit < 1 || limit > highestLimit) {
    throw new CheckreinError('USAGE', {
      message: `limit must be a whole number from 1 to ${highestLimit}`,
    })
  }
  if (cursor === null) return [order === 'newest' ? Number.MAX_SAFE_INTEGER : -1, limit + 1]
  if (!/^\d{1,15}$/.test(cursor)) {
    throw new CheckreinError('USAGE', { message: 'the cursor is not one that a list gave' })
  }
  return [Number(cursor), limit + 1]
}

/** The page of a list. @param runs the rows that were read: one more than the limit where there is another page. */
export function listedOf(runs: readonly SeqRun[], { limit }: Page): Listed {
  const page = runs.slice(0, limit)
  return { runs: page, cursor: runs.length > limit ? String(page.at(-1)?.seq) : null }
}

/** How many runs are in each state, from rows with `state` and `n`. */
export function countsOf(rows: readonly Row[]): Readonly<Record<State, number>> {
  const counts = Object.fromEntries(states.map((state) => [state, 0])) as Record<State, number>
  for (const row of rows) counts[row['state'] as State] += Number(row['n'])
  return counts
}
