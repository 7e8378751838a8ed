/**
 * Work of ours within a transaction of the caller's.
 *
 * The work is done as a whole or not at all: it stands behind a savepoint of its own, so that an error of ours leaves the caller's
 * transaction as it was before the call, and good for more. A statement that the caller sends on the same connection while a call is
 * under way would stand behind that savepoint, too, and could be undone with it: so callers await each call.
 *
 * The session's settings are the caller's. Where one would change what our statements do, it is set for the time of the call.
 *
 * Where no transaction has begun, the savepoint is refused, and nothing is done. So a pool, on which each statement may take
 * another connection, does no harm.
 */
import { CheckreinError, isCheckreinError } from '../../../core/errors.ts'
import { Turns } from '../../driver/turns.ts'
import { isConflict, storeError } from '../connection/errors.ts'
import { changeOf, readMeanings } from '../connection/settings.ts'
import type { Runner } from './transaction.ts'
import type { Row } from '../../driver/sql.ts'

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

const turns = new Turns()
/** How often the work is tried where another transaction was in its way. */
const mostConflicts = 5
/** How many errors that libraries have put around the server's are looked through. */
const mostCauses = 5

/** Runs `work` in its turn, behind a savepoint. @throws {CheckreinError} `USAGE` for what is no transaction. */
export async function inCallersTransaction<T>(
  transaction: unknown,
  where: string,
  work: (runner: Runner) => Promise<T>,
): Promise<T> {
  const queryable = queryableOf(transaction)
  const runner = runnerOf(queryable)
  const attempt = async (): Promise<T> => {
    for (let tries = 1; ; tries++) {
      await runner.rows('SAVEPOINT checkrein', [])
      try {
        const change = changeOf((await runner.rows(readMeanings, []))[0])
        if (change) await runner.rows(change.make, [])
        const result = await work(runner)
        if (change) await runner.rows(change.undo, [])
        await runner.rows('RELEASE SAVEPOINT checkrein', [])
        return result
      } catch (error) {
        for (const undo of ['ROLLBACK TO SAVEPOINT checkrein', 'RELEASE SAVEPOINT checkrein'])
          await runner.rows(undo, []).catch(() => undefined)
        if (!isConflict(error) || tries >= mostConflicts) throw error
      }
    }
  }
  try {
    return await turns.take(queryable, attempt)
  } catch (error) {
    throw explained(error, where)
  }
}

/** Runs one statement after the other: few clients take a second one before the first is answered. */
function runnerOf(transaction: Queryable): Runner {
  let last: Promise<unknown> = Promise.resolve()
  return {
    rows(text, values) {
      const turn = last.then(async () =>
        (await transaction.query(text, [...values])).rows.map(plainRow),
      )
      last = turn.catch(() => undefined)
      return turn.catch((error: unknown) => {
        throw unwrapped(error)
      })
    },
  }
}

/** A 64-bit number comes as text from `pg`, as a bigint from others; of ours only `ord` is compared as it comes. */
function plainRow(row: Record<string, unknown>): Row {
  return (row['ord'] === undefined ? row : { ...row, ord: Number(row['ord']) }) as Row
}

/** The places in which an error may name its SQLSTATE. */
interface Marks {
  readonly code?: unknown
  /** Prisma's: the error of its driver. */
  readonly meta?: {
    readonly driverAdapterError?: { readonly cause?: { readonly originalCode?: unknown } }
  }
}

/** The error that the server sent, from under what a library has put around it. */
function unwrapped(error: unknown): unknown {
  let inner = error
  for (let depth = 0; depth < mostCauses && inner instanceof Error; depth++) {
    const { code, meta } = inner as Marks
    const innerCode = meta?.driverAdapterError?.cause?.originalCode
    if (typeof innerCode === 'string') return serverError(innerCode, inner)
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return inner
    inner = inner.cause
  }
  return error
}

/** The error as `pg` would have made it, with its code and constraint. */
function serverError(code: string, cause: Error): Error {
  // The words around the name are in the language of `lc_messages`.
  const constraint = /\bruns_key\b/.exec(cause.message)?.[0]
  return Object.assign(new Error(cause.message.trim(), { cause }), { code, constraint })
}

/** @throws {CheckreinError} `USAGE`. */
function queryableOf(value: unknown): Queryable {
  const { query, idleCount, totalCount } = (value ?? {}) as Record<string, unknown>
  if (typeof query !== 'function') {
    throw usage(
      'That is not a transaction of this database',
      'Give the pg client on which you have begun one, or an object with query(text, values) that runs in it.',
    )
  }
  if (typeof idleCount === 'number' && typeof totalCount === 'number') {
    throw usage(
      'That is a pool: each of its statements may take another connection',
      "Take one: const client = await pool.connect(); then client.query('BEGIN'), and give the client.",
    )
  }
  return value as Queryable
}

const usages: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  '25P01': [
    'No transaction has begun on that client',
    "Begin it first: await client.query('BEGIN').",
  ],
  '25P02': [
    'The transaction has failed before this call',
    'Roll it back, or back to a savepoint of yours, and begin again.',
  ],
}

function explained(error: unknown, where: string): CheckreinError {
  if (isCheckreinError(error)) return error
  const { code } = error as { code?: unknown }
  const [message, hint] = usages[String(code)] ?? []
  if (message !== undefined && hint !== undefined) return usage(message, hint, error)
  const known = storeError(error, where)
  if (known.code !== 'SCHEMA_TOO_OLD') return known
  return usage(
    `The tables of Checkrein are not where that client is connected to: ${known.message}`,
    `Give a client of the same database: ${where}`,
    error,
  )
}

function usage(message: string, hint: string, cause?: unknown): CheckreinError {
  return new CheckreinError('USAGE', { message, hint, cause })
}
