import { CheckreinError, type ErrorCode, isCheckreinError } from '../../core/errors.ts'

/** @see https://www.sqlite.org/rescode.html */
const primary = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
}
/** The codes that SQLite reports when a full disk keeps the shared-memory file from growing: SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC. */
const fullDisk = new Set([4874, 778, 1034])

const codes: Readonly<Record<number, { code: ErrorCode; hint: string }>> = {
  [primary.busy]: {
    code: 'STORE_BUSY',
    hint: 'Another process holds the file locked; find it with `fuser` on the file.',
  },
  [primary.locked]: { code: 'STORE_BUSY', hint: 'Another connection holds the table locked.' },
  [primary.readOnly]: {
    code: 'STORE_READ_ONLY',
    hint: 'Make the file, its -wal and -shm neighbours and their folder writable for this user, or mount the disk read-write.',
  },
  [primary.corrupt]: {
    code: 'STORE_CORRUPT',
    hint: 'Keep the file and its -wal as they are, and recover with `sqlite3 FILE .recover`, or restore a backup.',
  },
  [primary.notADatabase]: {
    code: 'STORE_CORRUPT',
    hint: 'The URL names a file that is something else, or one that was damaged. Nothing in it was changed.',
  },
  [primary.full]: {
    code: 'STORE_FULL',
    hint: 'Free some space; what was acknowledged is safe, and work goes on by itself.',
  },
  [primary.cannotOpen]: {
    code: 'STORE_UNAVAILABLE',
    hint: 'Check that the folder exists and that this user may write in it: SQLite makes neighbours of the file there.',
  },
  [primary.ioError]: {
    code: 'STORE_UNAVAILABLE',
    hint: 'The disk reported an error; look in the system log.',
  },
}

function sqliteCode(error: unknown): number | null {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode : null
}

/** Whether somebody else holds the lock, so that the same call may succeed in a moment. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code !== null && ((code & 0xff) === primary.busy || (code & 0xff) === primary.locked)
}

/** Makes an error of ours of one that SQLite reported; an error that is ours already stays as it is. */
export function storeError(error: unknown, file: string): CheckreinError {
  if (isCheckreinError(error)) return error
  if ((error as { code?: unknown } | null)?.code === 'ERR_INVALID_STATE') {
    return new CheckreinError('STORE_CLOSED', { details: { file }, cause: error })
  }
  const errcode = sqliteCode(error)
  const message = error instanceof Error ? error.message : String(error)
  const key = errcode !== null && fullDisk.has(errcode) ? primary.full : (errcode ?? 0) & 0xff
  const known = codes[key]
  const details = { file, sqlite: message, ...(errcode === null ? {} : { errcode }) }
  if (!known)
    return new CheckreinError('INTERNAL', { message: `SQLite: ${message}`, details, cause: error })
  return new CheckreinError(known.code, {
    message: `${file}: ${message}`,
    hint: known.hint,
    details,
    cause: error,
  })
}
