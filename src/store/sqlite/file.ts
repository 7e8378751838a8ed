/** The file of a store: made privately, and what to say where there is none. */
import { closeSync, existsSync, openSync } from 'node:fs'
import { CheckreinError } from '../../core/errors.ts'
import { storeError } from './errors.ts'

/**
 * Makes the file with mode 0600. One that exists is not even opened: closing it again would release the locks that
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

export function refuseMissing(file: string): void {
  if (!existsSync(file)) throw noStore(file)
}

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

/** A file that cannot even be opened or made. */
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
