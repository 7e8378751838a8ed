/** How long a worker that stops waits, for its attempts and for the store, and what it says of the writes that the store did not take. */
import type { Duration } from '../core/duration.ts'
import { humanDuration } from '../core/duration.ts'
import { CheckreinError } from '../core/errors.ts'
import type { AbortReason } from '../executor/executor.ts'
import { longPause } from '../executor/os/long-timeout.ts'

/** How long a worker that stops waits for its attempts. */
export interface StopWorkerOptions {
  /** How long running attempts may go on by themselves; default 10 s. */
  readonly finish?: Duration
  /** How long attempts have after their abort signal has fired, until they are killed; default 5 s. */
  readonly grace?: Duration
}

/** The part of a lease session that is needed at the end of its worker. */
interface EndingSession {
  readonly id: string
  readonly unwritten: { readonly names: readonly string[] }
  quiet(): Promise<void>
  abortAll(reason: AbortReason): void
  killAll(): Promise<void>
  leave(): void
}

const shutdownReason: AbortReason = {
  code: 'ATTEMPT_SHUTDOWN',
  message: 'The worker is shutting down',
  details: {},
}

/** How long the store may take for the last writes of a worker, when nothing runs any more. */
const longestWriteMs = 5000

/** Waits for something, for so long at most, or until the signal fires. @returns whether it came about. @throws as it does. */
async function cameWithin(
  ms: number,
  what: Promise<unknown> | undefined,
  signal: AbortSignal = new AbortController().signal,
): Promise<boolean> {
  const over = new AbortController()
  const time = longPause(ms, AbortSignal.any([signal, over.signal]))
  try {
    return await Promise.race([
      (what ?? Promise.resolve()).then(() => true),
      time.then(() => false),
    ])
  } finally {
    over.abort()
  }
}

/** Lets the attempts finish, then aborts them, then kills them. */
export async function endAttempts(
  session: EndingSession | null,
  times: { readonly finishMs: number; readonly graceMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { finishMs, graceMs, signal } = times
  await cameWithin(finishMs, session?.quiet(), signal)
  session?.abortAll(shutdownReason)
  await cameWithin(graceMs, session?.quiet(), signal)
  await session?.killAll()
}

/** Waits for the last writes of a worker, and leaves its lease to lapse where they do not come in time. @throws {CheckreinError} `STORE_BUSY`; as `writing` does. */
export async function writtenInTime(
  session: EndingSession | null,
  writing: Promise<unknown>,
): Promise<void> {
  if (await cameWithin(longestWriteMs, writing)) return
  session?.leave()
  throw session ? notWritten(session.id, session.unwritten.names) : noAnswer()
}

const mostNamed = 10

/** Some of the names, and how many more there are. */
function some(names: readonly string[]): string {
  const more = names.length - mostNamed
  return `${names.slice(0, mostNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** The error that the store did not take the last writes of a worker in time. @param attempts those whose ends were not written. */
function notWritten(workerId: string, attempts: readonly string[]): CheckreinError {
  const ends = attempts.length === 0 ? '' : ` the ends of the attempts ${some(attempts)}, and`
  return new CheckreinError('STORE_BUSY', {
    message: `The store did not take the last writes of the worker ${workerId} within ${humanDuration(longestWriteMs)}:${ends} the end of its lease`,
    hint: 'When the lease has lapsed, other workers take back what it held.',
    details: { workerId, attempts },
  })
}

/** The error of a worker that has no lease, and whose store does not say whether it will have one. */
function noAnswer(): CheckreinError {
  return new CheckreinError('STORE_BUSY', {
    message: `The store did not answer the worker within ${humanDuration(longestWriteMs)} of its end`,
    hint: 'Nothing ran. A lease that it may still be given lapses.',
  })
}

/** The error of a worker whose store is gone, with the attempts that were killed because of it. */
export function storeGone(error: CheckreinError, attempts: readonly string[]): CheckreinError {
  const killed =
    attempts.length === 0 ? '' : `; killed, with nothing of their ends on record: ${some(attempts)}`
  const { code, message, hint, details } = error
  return new CheckreinError(code, {
    message: `${message}${killed}`,
    ...(hint === undefined ? {} : { hint }),
    details: { ...details, attempts },
    cause: error,
  })
}
