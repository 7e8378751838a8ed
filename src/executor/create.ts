import { defaultStartMs, type Executor } from './executor.ts'
import { InlineExecutor, type OnLateError } from './host/inline.ts'
import { Pool } from './host/pool.ts'
import { ProcessSeats } from './host/process.ts'
import { ThreadSeats } from './host/thread.ts'
import { type Surroundings, surroundings } from './os/surroundings.ts'
import type { Isolation } from '../core/task/task-limits.ts'

/** The settings of an executor. */
export interface ExecutorSettings {
  /** How many attempts may run at once. */
  readonly capacity: number
  /** How many isolates are kept ready besides those that run; default 1. */
  readonly spares?: number
  /** The time until which the lease is good at first, see `Executor.renew`; default: for ever. */
  readonly goodUntil?: number
  /** File URLs of modules that isolates load before they are needed; default: none. */
  readonly modules?: readonly string[]
  /** How long isolates that are not needed stay; default 30 s. */
  readonly idleMs?: number
  /** How many attempts an isolate may run, until it is ended and another takes its place; default: any number. */
  readonly attemptsPerIsolate?: number
  /** The working directory and the environment of isolates; default: those of this process when the executor is made. */
  readonly surroundings?: Surroundings
  /** Takes the errors of `inline` handlers that nobody caught and that come after the end of their attempts; default: they are dropped. */
  readonly onLateError?: OnLateError
  /** How long an isolate may take to load its modules, and then to begin with an attempt; default 30 s. */
  readonly startMs?: number
  /** How long a terminated thread may take to end, until its host is given up; default 500 ms. */
  readonly threadKillMs?: number
}

/** Makes an executor of that isolation. It starts nothing before it is asked to. */
export function createExecutor(isolation: Isolation, settings: ExecutorSettings): Executor {
  const { capacity, spares = 1, goodUntil = Infinity, idleMs = 30_000, modules = [] } = settings
  const { startMs = defaultStartMs, attemptsPerIsolate = Infinity, threadKillMs } = settings
  if (isolation === 'inline') return new InlineExecutor(goodUntil, capacity, settings.onLateError)
  const around = settings.surroundings ?? surroundings()
  const seats =
    isolation === 'process'
      ? new ProcessSeats(goodUntil, around)
      : new ThreadSeats(goodUntil, {
          threadCount: capacity + spares,
          surroundings: around,
          ...(threadKillMs === undefined ? {} : { killBoundMs: threadKillMs }),
        })
  return new Pool(seats, { capacity, spares, idleMs, modules, startMs, attemptsPerIsolate })
}
