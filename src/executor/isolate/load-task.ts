import { CheckreinError } from '../../core/errors.ts'
import { importModule } from '../os/import-module.ts'
import { isTask } from '../../core/task/task.ts'
import type { AnyTask } from '../../core/task/context.ts'

const tasksByModule = new Map<string, ReadonlyMap<string, AnyTask>>()

/** The task, where its module was loaded before; undefined where it was not. It costs no promise. */
export function loadedTask(module: string, name: string): AnyTask | undefined {
  return tasksByModule.get(module)?.get(name)
}

/**
 * Loads a module once and finds the task of that name among its exports, or in the object or array that it exports
 * as default.
 * @param module file URL.
 * @throws {CheckreinError} `TASK_MODULE_FAILED` where the module can't be loaded, `TASK_UNKNOWN` where it has no such task.
 */
export async function loadTask(module: string, name: string): Promise<AnyTask> {
  const tasks = await tasksIn(module)
  const found = tasks.get(name)
  if (found !== undefined) return found
  throw new CheckreinError('TASK_UNKNOWN', {
    message: `No task ${JSON.stringify(name)} is exported by ${module}`,
    hint:
      tasks.size === 0
        ? 'The module exports no tasks.'
        : `It exports: ${[...tasks.keys()].join(', ')}`,
    details: { module, task: name },
  })
}

/** Every task that a module exports. @throws {CheckreinError} `TASK_MODULE_FAILED`. */
export async function loadTasks(module: string): Promise<readonly AnyTask[]> {
  return [...(await tasksIn(module)).values()]
}

const settled = new Set<string>()

/** Whether a module was loaded, or could not be. */
export function isSettled(module: string): boolean {
  return settled.has(module)
}

async function tasksIn(module: string): Promise<ReadonlyMap<string, AnyTask>> {
  try {
    const tasks = tasksByModule.get(module) ?? tasksOf(await load(module))
    tasksByModule.set(module, tasks)
    return tasks
  } finally {
    settled.add(module)
  }
}

async function load(module: string): Promise<Record<string, unknown>> {
  try {
    const exports = await importModule(module)
    refuseChangedJson()
    return exports
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new CheckreinError('TASK_MODULE_FAILED', {
      message: `The task module ${module} could not be loaded: ${why}`,
      hint: 'Load it with `node <file>` to see the whole error; it must not need anything that only the worker has.',
      details: { module },
      cause,
    })
  }
}

/** Payloads, rows and the lines between a worker and its isolates are JSON. @throws where the module has changed how values become it. */
function refuseChangedJson(): void {
  const changed = [Object, Array, String, Number, Boolean].find((of) => 'toJSON' in of.prototype)
  if (changed === undefined) return
  throw new Error(`it, or what it imports, defines ${changed.name}.prototype.toJSON`)
}

function tasksOf(exports: Record<string, unknown>): ReadonlyMap<string, AnyTask> {
  const tasks = new Map<string, AnyTask>()
  for (const value of [...membersOf(exports), ...membersOf(exports['default'])]) {
    if (!isTask(value)) continue
    const other = tasks.get(value.name)
    if (other && other !== value) throw sameName(value.name)
    tasks.set(value.name, value)
  }
  return tasks
}

/** The members of an object that can be read; those of a strict configuration may throw, and are no tasks. */
function membersOf(of: unknown): unknown[] {
  if (typeof of !== 'object' || of === null) return []
  try {
    return Object.keys(of).flatMap((name) => memberOf(of, name))
  } catch {
    return []
  }
}

function memberOf(of: object, name: string): unknown[] {
  try {
    return [Reflect.get(of, name)]
  } catch {
    return []
  }
}

function sameName(name: string): CheckreinError {
  return new CheckreinError('TASK_INVALID', {
    message: `Two tasks of one module are named ${JSON.stringify(name)}`,
    hint: 'Give each task its own name.',
    details: { name },
  })
}
