import { availableParallelism } from 'node:os'
import { type Duration, durationMs, longestTimerMs } from '../core/duration.ts'
import { CheckreinError } from '../core/errors.ts'
import { defaultStartMs } from '../executor/executor.ts'
import { defaultPayloadLimit } from '../core/payload.ts'
import { type Surroundings, surroundings } from '../executor/os/surroundings.ts'
import { checkedName } from '../core/task/task.ts'
import { refuseUnknownOptions } from '../client/options/unknown-options.ts'
import { type RetentionOptions, retentionMs } from '../client/options/retention.ts'
import type { Retention } from '../store/store.ts'
import { type Isolation, isolations } from '../core/task/task-limits.ts'

/** The options of a worker. */
export interface WorkerOptions {
  /** Modules that export tasks: paths, relative to the working directory, or file URLs. `.ts` works unbuilt. */
  readonly modules: readonly (string | URL)[]
  /** Default: `default`, and the queues that the tasks name. */
  readonly queues?: readonly string[]
  /** How many attempts run at once, for all isolations or for each; default: one a core for `process` and `thread`, 100 for `inline`. */
  readonly concurrency?: number | Partial<Record<Isolation, number>>
  /** Warm isolates that are kept ready besides those that run, of each isolation that a task uses; default 1. */
  readonly spares?: number
  /** How many attempts an isolate may run, until it is ended and another takes its place: a bound for what leaks; default: any number. */
  readonly attemptsPerIsolate?: number
  /** How long the worker's lease is good without a renewal, 500 ms or more; default 15 s. */
  readonly lease?: Duration
  /** How often the worker looks by itself, should a push be lost; default 1 s. */
  readonly poll?: Duration
  /** How long an isolate may take to load the modules, and then to call a handler, until it is replaced; default 30 s. */
  readonly startTimeout?: Duration
  /** The largest result in bytes of JSON; default 1 MiB. */
  readonly payloadLimit?: number
  /** Runs past their retention are pruned; default: completed 7 days, failed and cancelled 30 days, the record of what was asked 90 days. `{}` keeps all. */
  readonly retention?: RetentionOptions
}

/** The surroundings of a worker. */
export interface WorkerSurroundings {
  /** Called after the worker has stopped, before `stop` fulfils, to close what was opened for it. */
  readonly onStopped?: () => Promise<void>
  /** Fulfils when the worker is to stop. */
  readonly stopping?: Promise<void>
}

/** The options of a worker, checked and with their defaults; `queues` is null where the tasks decide. */
export interface WorkerSettings {
  readonly queues: readonly string[] | null
  readonly capacity: Readonly<Record<Isolation, number>>
  readonly spares: number
  readonly attemptsPerIsolate: number
  readonly leaseMs: number
  readonly pollMs: number
  readonly startMs: number
  readonly payloadLimit: number
  readonly retention: Retention
  /** The working directory and the environment of isolates: those of the worker when it started. */
  readonly surroundings: Surroundings
}

const shortestLeaseMs = 500
/** The options that a configuration may set for all workers. */
export const sharedNames: Readonly<Record<keyof Omit<WorkerOptions, 'modules'>, true>> = {
  queues: true,
  concurrency: true,
  spares: true,
  attemptsPerIsolate: true,
  lease: true,
  poll: true,
  startTimeout: true,
  payloadLimit: true,
  retention: true,
}
const inlineCapacity = 100
const defaultRetention: RetentionOptions = {
  completed: '7d',
  failed: '30d',
  cancelled: '30d',
  audit: '90d',
}

/** @throws {CheckreinError} `USAGE`. */
export function workerSettings(options: WorkerOptions): WorkerSettings {
  refuseUnknownOptions('a worker', options, { modules: true, ...sharedNames })
  const leaseMs = durationMs(options.lease ?? '15s', 'lease')
  if (leaseMs < shortestLeaseMs || leaseMs > longestTimerMs) {
    const message = `lease must be from ${shortestLeaseMs} ms to 24 days`
    throw new CheckreinError('USAGE', { message })
  }
  return {
    queues: options.queues === undefined ? null : checkedQueues(options.queues),
    capacity: capacityOf(options.concurrency),
    spares: wholeNumber(options.spares ?? 1, 'spares', 0),
    attemptsPerIsolate: attemptsPerIsolate(options.attemptsPerIsolate),
    leaseMs,
    pollMs: Math.min(durationMs(options.poll ?? '1s', 'poll'), longestTimerMs),
    startMs: startMsOf(options.startTimeout),
    payloadLimit: options.payloadLimit ?? defaultPayloadLimit,
    retention: retentionMs(options.retention ?? defaultRetention),
    surroundings: surroundings(),
  }
}

function startMsOf(startTimeout: Duration = defaultStartMs): number {
  const startMs = durationMs(startTimeout, 'startTimeout')
  if (startMs > 0 && startMs <= longestTimerMs) return startMs
  throw new CheckreinError('USAGE', { message: 'startTimeout must be from 1 ms to 24 days' })
}

function checkedQueues(queues: readonly string[]): readonly string[] {
  if (Array.isArray(queues) && queues.length > 0)
    return queues.map((queue: string) => checkedName(queue, 'queue'))
  throw new CheckreinError('USAGE', { message: 'queues must be a list of names' })
}

function capacityOf(
  concurrency: WorkerOptions['concurrency'] = {},
): Readonly<Record<Isolation, number>> {
  const cores = availableParallelism()
  const defaults = { process: cores, thread: cores, inline: inlineCapacity }
  const of = (isolation: Isolation): number => {
    const asked = typeof concurrency === 'number' ? concurrency : concurrency[isolation]
    return wholeNumber(asked ?? defaults[isolation], 'concurrency', 1)
  }
  const [process, thread, inline] = isolations.map(of) as [number, number, number]
  return { process, thread, inline }
}

function attemptsPerIsolate(count: number = Infinity): number {
  return count === Infinity ? count : wholeNumber(count, 'attemptsPerIsolate', 1)
}

function wholeNumber(value: number, what: string, least: number): number {
  if (Number.isInteger(value) && value >= least) return value
  throw new CheckreinError('USAGE', { message: `${what} must be a whole number from ${least}` })
}
