/** The servers that Checkrein works with: the oldest, and up to which the tests are run. */
import { CheckreinError } from '../../../core/errors.ts'

export const oldestServer = 13
export const newestServer = 18

/** 15 of 150020. */
export const majorOf = (versionNumber: number): number => Math.floor(versionNumber / 10_000)

/** @param versionNumber `server_version_num`. @throws {CheckreinError} `STORE_UNSUPPORTED`. */
export function refuseOldServer(versionNumber: number): void {
  if (majorOf(versionNumber) >= oldestServer) return
  throw new CheckreinError('STORE_UNSUPPORTED', {
    message: `The server is PostgreSQL ${majorOf(versionNumber)}`,
    hint: `Use PostgreSQL ${oldestServer} or later.`,
    details: { version: versionNumber },
  })
}
