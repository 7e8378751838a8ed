/** A run in each state and an event of each type, for the tests that walk the table. */
import type { MachineEvent } from '../../src/core/run/events.ts'
import type { StopIntent } from '../../src/core/run/intent.ts'
import { type Fence, freshFacts, type RunFacts } from '../../src/core/run/run.ts'
import type { StopRecord } from '../../src/core/run/stop.ts'
import type { EventType, State } from '../../src/core/run/transitions.ts'

export const now = 1_750_000_000_000

export const retry = {
  attempts: 3,
  crashes: 3,
  kind: 'fixed',
  delayMs: 1000,
  maxMs: 60_000,
  jitter: 0,
} as const

export const boom = { name: 'Error', message: 'boom', code: 'HANDLER_THREW' } as const
export const exit = { pid: 7, exitCode: null, osSignal: 'SIGKILL' } as const

export const stopIntent: StopIntent = {
  verb: 'cancel',
  reason: 'enough',
  by: 'ada',
  requestedAt: now - 100,
  graceMs: 5000,
  deliveredAt: null,
  overdueAt: null,
  rollback: false,
}

export const pauseRequest = {
  withinMs: 30_000,
  otherwise: 'wait',
  resumeAt: null,
  holdId: null,
  workflowId: null,
  parksIn: 'paused',
} as const

const stopRecord: StopRecord = {
  verb: 'cancel',
  mode: 'prevented',
  confirmed: true,
  reason: null,
  by: null,
  requestedAt: now - 1,
  deliveredAt: null,
  stoppedAt: now - 1,
  proof: null,
  sent: [],
}

const started = { attempt: 1, startedAt: now - 1000 } as const
const finished = { ...started, finishedAt: now - 1 } as const

/** Facts that are true together, for each state. */
export const factsIn: Readonly<Record<State, RunFacts>> = {
  scheduled: { ...freshFacts, state: 'scheduled', runAt: now + 1000 },
  queued: freshFacts,
  running: { ...freshFacts, ...started, state: 'running', workerId: 'w1' },
  waiting: { ...freshFacts, state: 'waiting', waitsFor: 'other' },
  paused: {
    ...freshFacts,
    state: 'paused',
    pausedFrom: 'waiting',
    waitsFor: 'other',
    paused: { reason: null, by: null, at: now - 5, holdId: null, workflowId: null },
  },
  completed: { ...freshFacts, ...finished, state: 'completed', result: '1' },
  failed: { ...freshFacts, ...finished, state: 'failed', failures: 1, error: boom },
  cancelled: { ...freshFacts, state: 'cancelled', finishedAt: now - 1, stop: stopRecord },
}

export const running = factsIn.running

/** A running run of which something was asked. */
export function asked(stop: Partial<StopIntent> | null, isPaused = false): RunFacts {
  const lunch = { reason: 'lunch', by: 'ada', requestedAt: now - 50 }
  const pause = isPaused ? { ...lunch, ...pauseRequest, overdueAt: null, frozenAt: null } : null
  return { ...running, intent: { stop: stop && { ...stopIntent, ...stop }, pause } }
}

export const fence: Fence = { runId: 'r1', attempt: 1, workerId: 'w1' }

const request = { reason: 'why', by: 'who' } as const
const ended = { deliveredAt: null, proof: exit } as const
const failure = { error: boom, isRetryable: true, retry, random: 0, ...ended } as const

type Samples = { readonly [T in EventType]: (fence: Fence) => MachineEvent & { readonly type: T } }

const samples: Samples = {
  revoke: () => ({ type: 'revoke', ...request, graceMs: 0 }),
  abort: () => ({ type: 'abort', ...request, graceMs: 0 }),
  cancel: () => ({ type: 'cancel', ...request, graceMs: 2000 }),
  terminate: () => ({ type: 'terminate', ...request, graceMs: 0 }),
  pause: () => ({ type: 'pause', ...request, ...pauseRequest }),
  resume: () => ({ type: 'resume', ...request, holdId: null, workflowId: null }),
  signal: () => ({ type: 'signal', name: 'hello', position: 7 }),
  due: () => ({ type: 'due' }),
  wake: () => ({ type: 'wake', by: 'run' }),
  expire: () => ({ type: 'expire' }),
  deadline: () => ({ type: 'deadline' }),
  lapse: () => ({ type: 'lapse', maxCrashes: 3 }),
  claim: () => ({ type: 'claim', workerId: 'w9' }),
  begin: (fence) => ({ type: 'begin', fence, startedAt: now }),
  deliver: (fence) => ({ type: 'deliver', fence, deliveredAt: now }),
  overdue: (fence) => ({ type: 'overdue', fence, of: 'stop' }),
  freeze: (fence) => ({ type: 'freeze', fence, frozenAt: now }),
  checkpoint: (fence) => ({ type: 'checkpoint', fence, checkpoint: '{"done":1}', signals: [] }),
  take: (fence) => ({ type: 'take', fence, position: 7, takenAt: now }),
  progress: (fence) => ({ type: 'progress', fence, progress: '0.5' }),
  complete: (fence) => ({ type: 'complete', fence, result: '{"ok":true}', ...ended }),
  fail: (fence) => ({ type: 'fail', fence, ...failure }),
  crash: (fence) => ({ type: 'crash', fence, ...failure }),
  stop: (fence) => ({ type: 'stop', fence, mode: 'forced', ...ended }),
  release: (fence) => ({ type: 'release', fence, mode: 'cooperative', ...ended }),
  park: (fence) => ({ type: 'park', fence }),
  wait: (fence) => ({
    type: 'wait',
    fence,
    waitsFor: 'other',
    signal: null,
    wakeInMs: null,
    done: [],
  }),
}

/** An event of the type as its bearer would bring it. */
export function eventOf<T extends EventType>(type: T, from: Fence = fence): ReturnType<Samples[T]> {
  return samples[type](from) as ReturnType<Samples[T]>
}
