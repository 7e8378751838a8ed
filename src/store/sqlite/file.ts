/** The file of a store: how it is made so that only its owner can read it, and the errors where it cannot be opened. */
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
