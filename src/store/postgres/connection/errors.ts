import { CheckreinError, type ErrorCode, isCheckreinError } from '../../../core/errors.ts'

interface Meaning {
  readonly code: ErrorCode
  readonly hint: string
}

const unreachable: Meaning = {
  code: 'STORE_UNAVAILABLE',
  hint: 'Check that the server runs and that the URL names its host, port, database and user. Work goes on by itself when the server answers.',
}

/** The meanings of errors that the server reports, by SQLSTATE or its class. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const meanings: Readonly<Record<string, Meaning>> = {
  '08': unreachable,
  '28': {
    code: 'STORE_UNAVAILABLE',
    hint: 'The server refused the user: check the name and password in the URL, and pg_hba.conf.',
  },
  '3D000': {
    code: 'STORE_UNAVAILABLE',
    hint: 'Create the database first: createdb NAME. The tables are made by `checkrein migrate`.',
  },
  '3F000': { code: 'SCHEMA_TOO_OLD', hint: 'Make the tables: checkrein migrate' },
  '42P01': {
    code: 'SCHEMA_TOO_OLD',
    hint: 'Make the tables: checkrein migrate. If it finds none to make, checkrein doctor says what is missing.',
  },
  '42703': {
    code: 'SCHEMA_TOO_OLD',
    hint: 'Bring the tables up to date: checkrein migrate. If they are, this program is older than the tables: update the program. checkrein doctor says what is missing.',
  },
  '42501': {
    code: 'STORE_FORBIDDEN',
    hint: 'Grant it to this user: docs/postgres.md lists what producers, workers and operators need.',
  },
  '23505': {
    code: 'STORE_BUSY',
    hint: 'Another transaction has taken the key or the id at the same time: try again, in a new transaction.',
  },
  '25006': {
    code: 'STORE_UNAVAILABLE',
    hint: 'The server takes no writes: it is a standby, or default_transaction_read_only is on for this user or database, or the transaction was begun as READ ONLY. Name the primary.',
  },
  '25P03': unreachable,
  '25P04': {
    code: 'STORE_BUSY',
    hint: 'The transaction was ended: see transaction_timeout.',
  },
  '40': { code: 'STORE_BUSY', hint: 'Other transactions were in the way again and again.' },
  '53100': {
    code: 'STORE_FULL',
    hint: 'Free some space on the server; what was acknowledged is safe.',
  },
  '53': {
    code: 'STORE_BUSY',
    hint: 'The server is out of connections or memory: put PgBouncer before it, or raise max_connections, or the CONNECTION LIMIT of the user or database where the message names one.',
  },
  '55P03': {
    code: 'STORE_BUSY',
    hint: 'Another transaction holds the run: see pg_stat_activity for one that is idle in transaction.',
  },
  '57014': { code: 'STORE_BUSY', hint: 'The statement was ended: see statement_timeout.' },
  '57': unreachable,
  '22P05': {
    code: 'USAGE',
    hint: 'The encoding of the database lacks a character of this text: make the database with ENCODING UTF8.',
  },
  '42939': { code: 'USAGE', hint: 'The server keeps that name for itself: choose another schema.' },
  '22021': { code: 'USAGE', hint: 'PostgreSQL cannot store the character U+0000: take it out.' },
  XX001: {
    code: 'STORE_CORRUPT',
    hint: 'Keep the data directory as it is, and restore a backup or a standby.',
  },
  XX002: { code: 'STORE_CORRUPT', hint: 'An index is damaged: REINDEX it.' },
}

/** The meanings of errors that `pg` raises itself, which have no code: by words in their messages. */
const byMessage: readonly (readonly [RegExp, Meaning])[] = [
  [
    /SASL|password must be a string/i,
    {
      code: 'STORE_UNAVAILABLE',
      hint: 'The server wants a password: put it into the URL, postgres://user:password@host/database, or into PGPASSWORD.',
    },
  ],
  [
    /support SSL|self-signed|certificate/i,
    {
      code: 'STORE_UNAVAILABLE',
      hint: 'Check sslmode in the URL against what the server offers.',
    },
  ],
  [
    /after calling end/i,
    { code: 'STORE_CLOSED', hint: 'The pool was ended: close what uses it first.' },
  ],
]

const lostMessages =
  /connection terminated|query read timeout|not queryable|timeout exceeded when trying to connect|client was closed/i
const lostCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
])

const sqlState = (error: unknown): string => {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

/** Whether the connection is gone, or will never be of use again. */
export function isConnectionLost(error: unknown): boolean {
  if (isPlanOutdated(error)) return true
  const code = sqlState(error)
  if (lostCodes.has(code) || /^(08|57P0[1-35]|25P0[34])/.test(code)) return true
  return error instanceof Error && code === '' && lostMessages.test(error.message)
}

/**
 * A migration has changed a table, and the connection keeps plans from before: each of them fails once. Another connection
 * has none.
 */
function isPlanOutdated(error: unknown): boolean {
  const { routine } = error as { routine?: unknown }
  return sqlState(error) === '0A000' && routine === 'RevalidateCachedQuery'
}

/** Whether a lock could not be had in time, or the server ended a deadlock; the same call may be tried again. */
export const isLockTimeout = (error: unknown): boolean => /^(55P03|40P01)$/.test(sqlState(error))

/** Whether no connection can be had just now. */
export const isFull = (error: unknown): boolean => sqlState(error) === '53300'

/** Whether the server takes no writes: a standby, which may be about to take over, or an address that is about to move. */
export const isStandby = (error: unknown): boolean => sqlState(error) === '25006'

/** Whether a connection is of no use after this error, though it is not lost. */
export const isSpoiled = (error: unknown): boolean => isStandby(error) || isAftermath(error)

const conflicts = new Set(['40001', '40P01'])
/** The constraints that a transaction meets whose look for the holder of a key, or for the same hold, came before the commit of another. */
const racedFor: ReadonlySet<unknown> = new Set(['runs_key', 'workflows_key', 'holds_same'])

/** Whether the same transaction may succeed at once: others were in its way, and are no more. */
export function isConflict(error: unknown): boolean {
  const { constraint } = error as { constraint?: unknown }
  const code = sqlState(error)
  return conflicts.has(code) || (code === '23505' && racedFor.has(constraint))
}

/** Whether another transaction held a row or table for longer than `lock_timeout`. */
export const isLocked = (error: unknown): boolean => sqlState(error) === '55P03'

/** Whether a row could not be inserted because another row has the same id or key. */
export const isTaken = (error: unknown): boolean => sqlState(error) === '23505'

/** Whether the server could not read a parameter: the null in a list of numbers, where the session takes it for a word. */
export const isUnreadable = (error: unknown): boolean => sqlState(error) === '22P02'

/** Whether a statement failed only because one before it in the same transaction had failed. */
export const isAftermath = (error: unknown): boolean => sqlState(error) === '25P02'

/**
 * Makes an error of ours of one that PostgreSQL or the network reported; an error that is ours already stays as it is.
 * @param where how the database is called in messages.
 */
export function storeError(error: unknown, where: string): CheckreinError {
  if (isCheckreinError(error)) return error
  const message = error instanceof Error ? error.message || sqlState(error) : String(error)
  const code = sqlState(error)
  const meaning = isConnectionLost(error)
    ? (meanings[code] ?? meanings[code.slice(0, 2)] ?? unreachable)
    : (meanings[code] ?? meanings[code.slice(0, 2)])
  const details = { where, ...(code === '' ? {} : { sqlState: code }) }
  const known = meaning ?? byMessage.find(([words]) => words.test(message))?.[1]
  if (!known)
    return new CheckreinError('INTERNAL', {
      message: `PostgreSQL: ${message}`,
      details,
      cause: error,
    })
  return new CheckreinError(known.code, {
    message: `${where}: ${message}`,
    hint: known.hint,
    details,
    cause: error,
  })
}

const askAgain =
  'It may have been done or not. An enqueue can be repeated with the same id, and every verb can be asked again.'

/** The error `STORE_UNAVAILABLE` for a write that may have been done or not, and of which nobody can say which. */
export function uncertain(where: string, cause: unknown, hint = askAgain): CheckreinError {
  return new CheckreinError('STORE_UNAVAILABLE', {
    message: `${where}: the connection was lost before the answer to a write came, and nobody can say what became of it`,
    hint,
    details: { where, isUncertain: true },
    cause,
  })
}

/** The error `STORE_BUSY` for a request that is stored, but may have missed the runs of a claim that began before it and has not ended. */
export function claimStays(where: string): CheckreinError {
  return new CheckreinError('STORE_BUSY', {
    message: `${where}: a claim that began before this call has not ended`,
    hint: 'The request is stored. Ask again under the same id: then the runs that this claim took are asked, too.',
    details: { where, isUncertain: true },
  })
}
