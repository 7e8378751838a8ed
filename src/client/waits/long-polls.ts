/**
 * Waits as operations: each answers after a bounded time, with the state at that time.
 *
 * The waits of handles reject when the time is up. An operation answers instead, with the present state, so that a
 * caller over HTTP can ask again; the question to the store behind both is the same.
 */
import { durationMs } from '../../core/duration.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { StoredRun } from '../../core/run/run.ts'
import { isFinal } from '../../core/run/transitions.ts'
import type { SignalRecord, Store, StoredWorkflow } from '../../store/store.ts'
import {
  oneOf,
  type RunWaitOptions,
  type SignalWaitOptions,
  type WaitOptions,
} from '../options/options.ts'
import {
  runWaitOptions,
  runWaits,
  signalWaitOptions,
  signalWaits,
} from '../options/wait-parameters.ts'
import { checkedId } from '../options/targets.ts'
import { refuseUnknownOptions } from '../options/unknown-options.ts'
import { type SignalEntry, signalEntry } from '../views/audit.ts'
import { notFound, workflowMissing } from '../views/errors.ts'
import { isSettled, settledPause } from '../views/outcomes.ts'
import { type Run, viewOf } from '../views/view.ts'
import { isAtRest, type Workflow, workflowView } from '../views/workflow-view.ts'
import { nameOf, type RunWaits } from './run-waits.ts'
import type { Waits } from './waits.ts'

/**
 * The outcome of a wait: `reached`; `missed` where it cannot come about any more, or was not asked for; `pending` where the
 * time was over first: ask again.
 */
export type WaitOutcome = 'reached' | 'missed' | 'pending'

/** The answer of `waitForRun`: the run as it is now. */
export interface RunWaited {
  readonly outcome: WaitOutcome
  readonly run: Run
}

/** The answer of `waitForWorkflow`: the workflow as it is now. */
export interface WorkflowWaited {
  readonly outcome: WaitOutcome
  readonly workflow: Workflow
}

/** The answer of `waitForSignal`: the signal as it stands on record now, with its reply or its error. */
export interface SignalWaited {
  readonly outcome: WaitOutcome
  readonly signal: SignalEntry
}

interface RunParts {
  readonly store: Store
  readonly waits: RunWaits
}

interface WorkflowParts {
  readonly store: Store
  readonly ends: Waits<StoredWorkflow>
  readonly waits: Waits<StoredWorkflow>
}

const defaultTimeout = '30s'

/** @throws {CheckreinError} `RUN_NOT_FOUND`, `USAGE`. */
export async function waitForRun(
  { store, waits }: RunParts,
  id: string,
  options: RunWaitOptions,
): Promise<RunWaited> {
  refuseUnknownOptions('waitForRun', options, [...Object.keys(runWaitOptions), 'abortSignal'])
  const outcomeOf = runOutcomes[oneOf(runWaits, options.until ?? 'ended', 'until')]
  const read = async (): Promise<StoredRun> => {
    const run = await store.get(checkedId(id))
    if (!run) throw notFound(id)
    return run
  }
  const kind = outcomeOf === runOutcomes.ended ? waits.ends : waits.runs
  const run = await settled(kind, id, { read, outcomeOf, options })
  return { outcome: outcomeOf(run), run: viewOf(run) }
}

/** @throws {CheckreinError} `WORKFLOW_NOT_FOUND`, `USAGE`. */
export async function waitForWorkflow(
  { store, ends, waits }: WorkflowParts,
  id: string,
  options: RunWaitOptions,
): Promise<WorkflowWaited> {
  refuseUnknownOptions('waitForWorkflow', options, [...Object.keys(runWaitOptions), 'abortSignal'])
  const outcomeOf = workflowOutcomes[oneOf(runWaits, options.until ?? 'ended', 'until')]
  const read = async (): Promise<StoredWorkflow> => {
    const [flow] = await store.workflows([checkedId(id)])
    if (!flow) throw workflowMissing(id)
    return flow
  }
  const kind = outcomeOf === workflowOutcomes.ended ? ends : waits
  const flow = await settled(kind, id, { read, outcomeOf, options })
  return { outcome: outcomeOf(flow), workflow: workflowView(flow) }
}

/** @throws {CheckreinError} `RUN_NOT_FOUND` where no such signal was sent to the run; `USAGE`. */
export async function waitForSignal(
  { store, waits }: RunParts,
  id: string,
  options: SignalWaitOptions,
): Promise<SignalWaited> {
  refuseUnknownOptions('waitForSignal', options, [...Object.keys(signalWaitOptions), 'abortSignal'])
  const outcomeOf = signalOutcomes[oneOf(signalWaits, options.until ?? 'replied', 'until')]
  const callId = checkedId(options.callId)
  const query = { callIds: [callId], runIds: [checkedId(id)], kinds: ['signal'] } as const
  const read = async (): Promise<SignalRecord> => {
    const [record] = await store.signals(query, { after: -1, limit: 1 })
    if (!record) throw noSignal(id, callId)
    return record
  }
  const name = nameOf(callId, id)
  const record = await settled(waits.requests, name, { read, outcomeOf, options })
  return { outcome: outcomeOf(record), signal: signalEntry(record) }
}

interface Wanted<Found> {
  readonly read: () => Promise<Found>
  readonly outcomeOf: (found: Found) => WaitOutcome
  readonly options: WaitOptions
}

/** Reads once there is an outcome, or the time is over. */
async function settled<Found>(
  waits: Waits<Found>,
  name: string,
  { read, outcomeOf, options }: Wanted<Found>,
): Promise<Found> {
  const timeoutMs = durationMs(options.timeout ?? defaultTimeout, 'timeout')
  const now = await read()
  if (timeoutMs === 0 || outcomeOf(now) !== 'pending') return now
  const late = new CheckreinError('RESULT_TIMEOUT')
  await waits
    .until(name, {
      timeoutMs,
      abortSignal: options.abortSignal,
      isWanted: (found) => outcomeOf(found) !== 'pending',
      late: () => late,
    })
    .catch((error: unknown) => {
      if (error !== late) throw error
    })
  return read()
}

type Outcomes<Found, Until extends string> = Readonly<Record<Until, (found: Found) => WaitOutcome>>

const runOutcomes: Outcomes<StoredRun, (typeof runWaits)[number]> = {
  ended: ({ state }) => (isFinal(state) ? 'reached' : 'pending'),
  stopped: ({ state, intent, rollback }) => {
    if (isFinal(state)) return state === 'cancelled' ? 'reached' : 'missed'
    return intent?.stop || rollback?.state === 'pending' ? 'pending' : 'missed'
  },
  paused: (run) => {
    if (!isSettled(run)) return 'pending'
    return settledPause(run).answer === 'paused' ? 'reached' : 'missed'
  },
}

const workflowOutcomes: Outcomes<StoredWorkflow, (typeof runWaits)[number]> = {
  ended: ({ finishedAt }) => (finishedAt === null ? 'pending' : 'reached'),
  stopped: ({ state, finishedAt, stop }) => {
    if (finishedAt !== null) return state === 'cancelled' ? 'reached' : 'missed'
    return stop === null ? 'missed' : 'pending'
  },
  paused: (flow) => {
    if (flow.finishedAt !== null || flow.paused === null) return 'missed'
    return isAtRest(flow) ? 'reached' : 'pending'
  },
}

const signalOutcomes: Outcomes<SignalRecord, (typeof signalWaits)[number]> = {
  replied: ({ answer, completedAt, error }) => {
    if (answer !== 'sent' || error !== null) return 'missed'
    return completedAt === null ? 'pending' : 'reached'
  },
  delivered: ({ answer, completedAt, deliveredAt }) => {
    if (deliveredAt !== null) return 'reached'
    return answer !== 'sent' || completedAt !== null ? 'missed' : 'pending'
  },
}

function noSignal(id: string, callId: string): CheckreinError {
  return new CheckreinError('RUN_NOT_FOUND', {
    message: `No signal was sent to the run ${JSON.stringify(id)} by the call ${JSON.stringify(callId)}`,
    hint: '`signal` answers with the `callId`; `signals` lists what was sent to the run.',
    details: { id, callId },
  })
}
