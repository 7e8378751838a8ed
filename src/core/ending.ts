/** What becomes of a run that leaves `running`; the order of the rules is in `machine.ts`. */
import { backoffMs } from './backoff.ts'
import { type Change, type Decision, done, finish, type Of, unchanged } from './decision.ts'
import { type ErrorRecord, errorCodes } from './errors.ts'
import type { Ended } from './events.ts'
import type { StopIntent } from './intent.ts'
import type { RunFacts } from './run.ts'
import type { StopMode, StopRecord } from './stop.ts'

export type Leaving = Of<
  'lapse' | 'complete' | 'fail' | 'crash' | 'stop' | 'release' | 'park' | 'wait'
>

export function leaveRunning(run: RunFacts, event: Leaving, now: number): Decision {
  switch (event.type) {
    case 'complete':
      return complete(run, event, now)
    case 'stop':
      return run.intent?.stop
        ? cancelled(run, stopped(run.intent.stop, { mode: event.mode, ended: event, now }))
        : unchanged('refused')
    case 'fail':
      return fail({ ...run, failures: run.failures + 1 }, event, now)
    case 'crash':
      return fail({ ...run, crashes: run.crashes + 1 }, event, now)
    case 'lapse':
      return lapse({ ...run, crashes: run.crashes + 1 }, event.maxCrashes, now)
    case 'release':
      return again(run, 'queued', { mode: event.mode, ended: event, now })
    case 'park':
      return again(run, 'queued', { mode: 'prevented', now })
    case 'wait':
      return again({ ...run, waitsFor: event.waitsFor }, 'waiting', { mode: 'prevented', now })
  }
}

function complete(run: RunFacts, event: Of<'complete'>, now: number): Change {
  const { result } = event
  const heard = heardStop(run, event)
  if (heard)
    return cancelled({ ...run, result }, stopped(heard, { mode: 'cooperative', ended: event, now }))
  return done(finish(run, { state: 'completed', result }, now))
}

/** The request to stop, where it had reached the handler before it ended. */
function heardStop(run: RunFacts, ended: Ended): StopIntent | null {
  const stop = run.intent?.stop ?? null
  if (stop === null || stop.verb === 'revoke') return null
  return ended.deliveredAt === null && stop.deliveredAt === null ? null : stop
}

function fail(run: RunFacts, event: Of<'fail' | 'crash'>, now: number): Change {
  const heard = heardStop(run, event)
  if (heard) {
    const error = isPlainAbort(event.error) ? null : event.error
    return cancelled({ ...run, error }, stopped(heard, { mode: 'cooperative', ended: event, now }))
  }
  const { error, retry } = event
  const isLast = run.failures >= retry.attempts || run.crashes >= retry.crashes
  if (isLast || !event.isRetryable)
    return done(finish(run, { state: 'failed', error }, now), { error })
  const times = event.type === 'fail' ? run.failures : run.crashes
  const runAt = now + backoffMs(retry, times, event.random)
  const how = { mode: 'prevented', ended: event, data: { error, runAt }, now } as const
  return again({ ...run, error, runAt }, 'scheduled', how)
}

function isPlainAbort(error: ErrorRecord): boolean {
  return error.code === 'ATTEMPT_CANCELLED' || error.name === 'AbortError'
}

function lapse(run: RunFacts, maxCrashes: number, now: number): Change {
  const error: ErrorRecord = {
    name: 'CheckreinError',
    message: errorCodes.WORKER_LOST.message,
    code: 'WORKER_LOST',
  }
  const stop = run.intent?.stop
  if (stop)
    return cancelled(run, {
      ...stopped(stop, { mode: stop.verb === 'revoke' ? 'prevented' : 'forced', now }),
      confirmed: false,
    })
  if (run.crashes >= maxCrashes)
    return done(finish(run, { state: 'failed', error }, now), { error })
  return again({ ...run, error }, 'queued', { mode: 'prevented', data: { error }, now })
}

interface How {
  readonly mode: StopMode
  readonly ended?: Ended
  readonly data?: Decision['data']
  readonly now: number
}

/** The attempt is over, the run is not; unless it was asked to stop or to pause meanwhile. */
function again(run: RunFacts, state: 'queued' | 'scheduled' | 'waiting', how: How): Change {
  const stop = run.intent?.stop
  if (stop) return cancelled(run, stopped(stop, how))
  const next = { ...run, workerId: null, intent: null }
  if (run.intent?.pause) return done({ ...next, state: 'paused', pausedFrom: state }, how.data)
  return done({ ...next, state }, how.data)
}

function stopped(intent: StopIntent, { mode, ended, now }: How): StopRecord {
  const { verb, reason, by, requestedAt } = intent
  return {
    verb,
    mode,
    confirmed: true,
    reason,
    by,
    requestedAt,
    deliveredAt: ended?.deliveredAt ?? intent.deliveredAt,
    stoppedAt: now,
    proof: ended?.proof ?? null,
  }
}

function cancelled(run: RunFacts, stop: StopRecord): Change {
  return done(finish(run, { state: 'cancelled', stop }, stop.stoppedAt), { stop })
}
