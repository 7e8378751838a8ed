import { CheckreinError } from '../../core/errors.ts'
import type { Row } from '../driver.ts'
import { storeError } from './errors.ts'
import type { Runner } from './transaction.ts'

/**
 * Anything that runs a statement of the caller's transaction: a `pg` client, or three lines around what a query builder
 * or an ORM gives (`examples/transactions`). Parameters are text, numbers, null, and arrays of these.
 */
export interface Queryable {
  query(
    text: string,
    values: unknown[],
  ): Promise<{ readonly rows: readonly Record<string, unknown>[] }>
}

/** One statement after the other: few clients take a second one before the first is answered. */
export function runnerOf(transaction: unknown, where: string): Runner {
  if (!isQueryable(transaction)) {
    throw new CheckreinError('USAGE', {
      message: 'That is not a transaction of this database',
      hint: 'Give the pg client on which you have begun one, or an object with query(text, values) that runs in it.',
    })
  }
  let last: Promise<unknown> = Promise.resolve()
  return {
    rows(text, values) {
      const turn = last.then(async () => (await transaction.query(text, [...values])).rows as Row[])
      last = turn.catch(() => undefined)
      return turn.catch((error: unknown) => {
        throw storeError(error, where)
      })
    },
  }
}

function isQueryable(value: unknown): value is Queryable {
  return typeof (value as Partial<Queryable> | null)?.query === 'function'
}
