import type { Isolation } from '../../core/task/task-limits.ts'
import { createExecutor } from '../../executor/create.ts'
import type { Executor } from '../../executor/executor.ts'
import type { OnLateError } from '../../executor/host/inline.ts'
import type { WorkerSettings } from '../options.ts'
import type { Registry } from '../registry.ts'

/** The lease and the reports of the executors of a session. */
export interface ExecutorParts {
  /** Until when the lease is good at first, ms on the machine's monotonic clock. */
  readonly goodUntil: number
  /** Takes errors of inline handlers that come after the end of their attempts. */
  readonly onLateError: OnLateError
}

/** Makes an executor for each isolation that the tasks use. */
export function executorsFor(
  registry: Registry,
  worker: WorkerSettings,
  parts: ExecutorParts,
): ReadonlyMap<Isolation, Executor> {
  const { spares, startMs, attemptsPerIsolate, surroundings } = worker
  const shared = { spares, startMs, attemptsPerIsolate, surroundings, ...parts }
  const executors = new Map<Isolation, Executor>()
  for (const isolation of registry.isolations) {
    const modules = registry.modulesOf(isolation)
    const settings = { ...shared, capacity: worker.capacity[isolation], modules }
    executors.set(isolation, createExecutor(isolation, settings))
  }
  return executors
}
