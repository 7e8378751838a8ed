import { isDefaultKill } from '../core/run/kill.ts'
import { pathToFileURL } from 'node:url'
import { CheckreinError } from '../core/errors.ts'
import { loadTasks } from '../executor/isolate/load-task.ts'
import { ownedBy } from '../executor/os/uncaught.ts'
import type { WorkerInfo } from '../store/store.ts'
import type { AnyTask } from '../core/task/context.ts'
import type { Isolation } from '../core/task/task-limits.ts'
import { publishUncaught } from './telemetry.ts'

/** A task, and the module that an isolate finds it in. */
export interface RegisteredTask {
  readonly task: AnyTask
  /** File URL. */
  readonly module: string
}

/** The tasks that a worker knows, by name. */
export class Registry {
  readonly #byName: ReadonlyMap<string, RegisteredTask>

  private constructor(byName: ReadonlyMap<string, RegisteredTask>) {
    this.#byName = byName
  }

  /** @throws {CheckreinError} `TASK_MODULE_FAILED`, `TASK_UNKNOWN` where a module exports none, `TASK_INVALID` where two tasks share a name. */
  static async load(modules: readonly (string | URL)[]): Promise<Registry> {
    const byName = new Map<string, RegisteredTask>()
    for (const given of modules) {
      const module = moduleUrl(given)
      const owner = { onUncaught: (error: unknown) => publishUncaught('', error, { module }) }
      const tasks = await ownedBy(owner, () => loadTasks(module))
      if (tasks.length === 0) throw noTasks(module)
      for (const task of tasks) {
        const other = byName.get(task.name)
        // The same task may come from the module that defines it and from one that re-exports it.
        if (other && other.task !== task) throw sameName(task.name, [other.module, module])
        if (other === undefined) byName.set(task.name, { task, module })
      }
    }
    return new Registry(byName)
  }

  /** The task of that name, if it was loaded. */
  get(name: string): RegisteredTask | undefined {
    return this.#byName.get(name)
  }

  /** The isolations that the tasks use. */
  get isolations(): readonly Isolation[] {
    return [...new Set([...this.#byName.values()].map(({ task }) => task.isolation))]
  }

  /** The file URLs of the modules that hold the tasks of an isolation. */
  modulesOf(isolation: Isolation): readonly string[] {
    const all = [...this.#byName.values()].filter(({ task }) => task.isolation === isolation)
    return [...new Set(all.map(({ module }) => module))]
  }

  /** The names of the tasks of an isolation. */
  namesOf(isolation: Isolation): readonly string[] {
    return [...this.#byName.values()].flatMap(({ task }) =>
      task.isolation === isolation ? [task.name] : [],
    )
  }

  /** The queues that the tasks name, and the default one. */
  get queues(): readonly string[] {
    return [...new Set(['default', ...[...this.#byName.values()].map(({ task }) => task.queue)])]
  }

  /** The tasks as the record of the worker holds them. */
  describe(): WorkerInfo['tasks'] {
    const described = [...this.#byName].map(([name, { task }]) => {
      const { isolation, retry, rollbackOn, kill } = task
      const wanted = {
        ...(rollbackOn.length > 0 ? { rollbackOn } : {}),
        ...(isDefaultKill(kill) ? {} : { kill }),
      }
      return [name, { isolation, maxCrashes: retry.crashes, ...wanted }] as const
    })
    return Object.fromEntries(described)
  }
}

function moduleUrl(given: string | URL): string {
  const text = String(given)
  return text.startsWith('file:') ? text : pathToFileURL(text).href
}

function noTasks(module: string): CheckreinError {
  return new CheckreinError('TASK_UNKNOWN', {
    message: `${module} exports no tasks`,
    hint: 'Export them: `export const shrink = task({ name, run })`.',
    details: { module },
  })
}

function sameName(name: string, modules: readonly string[]): CheckreinError {
  return new CheckreinError('TASK_INVALID', {
    message: `Two tasks are named ${JSON.stringify(name)}: in ${modules.join(' and ')}`,
    hint: 'Give each task its own name.',
    details: { name, modules },
  })
}
