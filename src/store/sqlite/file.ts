/** The file of a store: how it is made so that only its owner can read it, and the errors where it, or any, cannot be opened. */
import { closeSync, existsSync, openSync } from 'node:fs'
import { CheckreinError } from '../../core/errors.ts'
import { storeError } from './errors.ts'

/**
 * Makes the file with mode 0600. A file that exists is not even opened: closing it again would release the locks that
 * another connection of this process holds.
 * @see https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
 */
export function createPrivately(file: string): void {
  if (existsSync(file)) return
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
  }
}

/** Does nothing where the file exists. @throws {CheckreinError} `STORE_UNAVAILABLE` where it does not. */
export function refuseMissing(file: string): void {
  if (!existsSync(file)) throw noStore(file)
}

/** The error `STORE_UNAVAILABLE` for a path at which there is no file, or a database without our tables. */
export function noStore(file: string): CheckreinError {
  const message = existsSync(file)
    ? `${file} is a database without a store in it`
    : `There is no store at ${file}`
  return new CheckreinError('STORE_UNAVAILABLE', {
    message,
    hint: 'Check the URL. A worker, or the first enqueue, makes the store.',
    details: { file },
  })
}

/** Makes an error of ours of one that came from opening or making a file. */
export function fileError(error: unknown, file: string): CheckreinError {
  const { code, syscall } = error as { code?: unknown; syscall?: unknown }
  if (syscall !== 'open') return storeError(error, file)
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    const hint =
      'Make the file and its folder writable for this user, or mount the disk read-write.'
    return new CheckreinError('STORE_READ_ONLY', { message, hint, cause: error })
  }
  const hint = 'Check that the folder exists, and that the URL names a file in it.'
  return new CheckreinError(code === 'ENOSPC' ? 'STORE_FULL' : 'STORE_UNAVAILABLE', {
    message,
    hint,
    cause: error,
  })
}

const safeVersion = [3, 51, 3] as const

/** Refuses a version of SQLite that may damage the file. @throws {CheckreinError} `SQLITE_UNSAFE`. @see https://www.sqlite.org/wal.html#the_wal_reset_bug */
export function refuseUnsafe(version: string): void {
  const parts = version.split('.').map(Number)
  const at = safeVersion.findIndex((part, index) => part !== (parts[index] ?? 0))
  const isSafe = at === -1 || (parts[at] ?? 0) > (safeVersion[at] ?? 0)
  if (isSafe && version !== '3.52.0') return
  throw new CheckreinError('SQLITE_UNSAFE', {
    message: `This Node has SQLite ${version}, which can corrupt a database in WAL mode`,
    hint: 'Use Node 24.16 or later, or 26.1 or later: they have SQLite 3.51.3 or later.',
    details: { version },
  })
}
