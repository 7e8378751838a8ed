/** The file of a store: how it is made so that only its owner can read it, and the errors where it, or any, cannot be opened. */
import { closeSync, constants, existsSync, openSync, statSync } from 'node:fs'
import { CheckreinError } from '../../core/errors.ts'
import { storeError } from './errors.ts'

/**
 * Makes the file with mode 0600. A file that exists is not even opened: closing it again would release the locks that
 * another connection of this process holds.
 * @throws {CheckreinError} `STORE_UNAVAILABLE` where what is there is unfit.
 * @see https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
 */
export function createPrivately(file: string): void {
  if (existsSync(file)) return refuseUnfit(file)
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
    // Either another process was faster, or this is a link to a file that is to be made.
    if (!existsSync(file)) closeSync(openSync(file, constants.O_RDWR + constants.O_CREAT, 0o600))
  }
}

/**
 * Refuses what SQLite would open, though it cannot be a store: a device or a pipe, and a file with several names. Each name would get a
 * write-ahead log of its own, and what is acknowledged under one name would be lost by a commit under the other.
 * @throws {CheckreinError} `STORE_UNAVAILABLE`
 * @see https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file
 */
function refuseUnfit(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (!stats || stats.isDirectory()) return
  if (!stats.isFile()) {
    const hint = 'The URL names a device, a pipe or a socket.'
    throw unfit(file, { message: `${file} is not a file`, hint })
  }
  if (stats.nlink > 1) {
    const message = `${file} has ${stats.nlink} names (hard links), each of which would get a log of its own`
    const hint =
      'Delete the other names: `find FOLDER -samefile FILE` lists them. Symbolic links do no harm.'
    throw unfit(file, { message, hint })
  }
}

function unfit(file: string, text: { message: string; hint: string }): CheckreinError {
  return new CheckreinError('STORE_UNAVAILABLE', { ...text, details: { file } })
}

/** Does nothing where the file exists. @throws {CheckreinError} `STORE_UNAVAILABLE` where it does not, or is unfit. */
export function refuseMissing(file: string): void {
  if (!existsSync(file)) throw noStore(file)
  refuseUnfit(file)
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
