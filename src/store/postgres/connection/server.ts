/** The versions of PostgreSQL that Checkrein works with. */
import { CheckreinError } from '../../../core/errors.ts'

/** The oldest major version of PostgreSQL that Checkrein works with. */
export const oldestServer = 13
/** The newest major version of PostgreSQL on which the tests are run; a newer one is not refused. */
export const newestServer = 18

/** The major version of a `server_version_num`: 15 of 150020. */
export const majorOf = (versionNumber: number): number => Math.floor(versionNumber / 10_000)

/** Refuses a server that is too old. @param versionNumber `server_version_num`. @throws {CheckreinError} `STORE_UNSUPPORTED`. */
export function refuseOldServer(versionNumber: number): void {
  if (majorOf(versionNumber) >= oldestServer) return
  throw new CheckreinError('STORE_UNSUPPORTED', {
    message: `The server is PostgreSQL ${majorOf(versionNumber)}`,
    hint: `Use PostgreSQL ${oldestServer} or later.`,
    details: { version: versionNumber },
  })
}
