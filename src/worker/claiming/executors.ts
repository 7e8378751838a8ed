import type { Isolation } from '../../core/task/task-limits.ts'
import { createExecutor } from '../../executor/create.ts'
import type { Executor } from '../../executor/executor.ts'
import type { OnLateError } from '../../executor/host/inline.ts'
import type { WorkerSettings } from '../options.ts'
import type { Registry } from '../registry.ts'

/**
 * Makes an executor for each isolation that the tasks use.
 * @param goodUntil until when the lease is good at first, ms on the machine's monotonic clock.
 * @param onLateError takes errors of inline handlers that come after the end of their attempts.
 */
export function executorsFor(
  registry: Registry,
  { capacity, spares }: WorkerSettings,
  goodUntil: number,
  onLateError: OnLateError,
): ReadonlyMap<Isolation, Executor> {
  const executors = new Map<Isolation, Executor>()
  for (const isolation of registry.isolations) {
    const modules = registry.modulesOf(isolation)
    const settings = { capacity: capacity[isolation], spares, goodUntil, modules, onLateError }
    executors.set(isolation, createExecutor(isolation, settings))
  }
  return executors
}
