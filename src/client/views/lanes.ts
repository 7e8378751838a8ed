/** Queues and tasks as people see them: their runs, the verbs that stand on them, and the workers that serve them. */
import { defaultKill } from '../../core/run/kill.ts'
import type { HoldFilter } from '../../core/hold.ts'
import type {
  Hold,
  LaneCounts,
  LiveState,
  Store,
  WorkerInfo,
  WorkerRecord,
} from '../../store/store.ts'

/** The runs of one task in one queue that have not ended. Instants are epoch ms. */
export interface Lane extends LaneCounts {
  /** The standing verbs on the whole lane: those whose filter names its task, its queue, both, or nothing at all. */
  readonly holds: readonly Hold[]
  /** The workers whose lease is good, and which know the task and serve the queue; empty where nobody will start its runs. */
  readonly workerIds: readonly string[]
}

/** The answer of `lanes`. */
export interface LanesAnswer {
  /** By queue, then by task. A lane that has no live run is not among them. */
  readonly lanes: readonly Lane[]
  /** The states of which there may be more runs than were counted: see `Lanes.cut`. */
  readonly cut: readonly LiveState[]
}

/** How some workers define a task. While a new version is rolled out, there may be two definitions of one task. */
export type TaskDefinition = Required<WorkerInfo['tasks'][string]> & {
  /** The workers that define it so, and whose lease is good. */
  readonly workerIds: readonly string[]
}

/** A task, as workers and runs know it. */
export interface TaskSummary {
  readonly name: string
  /** The queues that have live runs of it, and those that workers serve which know it; in order. */
  readonly queues: readonly string[]
  /** Empty where no worker knows the task: then its runs stay queued. */
  readonly definitions: readonly TaskDefinition[]
  /** How many of its runs are in each live state; of a state in `cut` there may be more. */
  readonly counts: LaneCounts['counts']
}

/** The answer of `tasks`. */
export interface TasksAnswer {
  /**
   * The tasks that workers know whose lease is good, that runs name which have not ended, and that the newest 1,000 runs
   * name; by name.
   */
  readonly tasks: readonly TaskSummary[]
  /** The states of which there may be more runs than were counted: see `Lanes.cut`. */
  readonly cut: readonly LiveState[]
}

/** Reads the lanes, with the verbs that stand on each and the workers that serve it. */
export async function lanesView(
  store: Pick<Store, 'lanes' | 'holds' | 'workers'>,
): Promise<LanesAnswer> {
  const [{ lanes, cut }, holds, workers] = await Promise.all([
    store.lanes(),
    store.holds(),
    liveWorkers(store),
  ])
  const view = (lane: LaneCounts): Lane => ({
    ...lane,
    holds: holds.filter(({ filter }) => isOfLane(filter, lane)),
    workerIds: idsOf(
      workers.filter(
        ({ queues, tasks }) => queues.includes(lane.queue) && Object.hasOwn(tasks, lane.task),
      ),
    ),
  })
  return { lanes: lanes.map(view), cut }
}

/** Reads which tasks there are. */
export async function tasksView(
  store: Pick<Store, 'lanes' | 'newestTasks' | 'workers'>,
): Promise<TasksAnswer> {
  const [{ lanes, cut }, newest, workers] = await Promise.all([
    store.lanes(),
    store.newestTasks(),
    liveWorkers(store),
  ])
  const known = workers.flatMap(({ tasks }) => Object.keys(tasks))
  const names = new Set([...known, ...lanes.map(({ task }) => task), ...newest])
  const view = (name: string): TaskSummary => {
    const own = lanes.filter(({ task }) => task === name)
    const serving = workers.filter(({ tasks }) => Object.hasOwn(tasks, name))
    const queues = [...own.map(({ queue }) => queue), ...serving.flatMap((one) => one.queues)]
    return {
      name,
      queues: [...new Set(queues)].sort(),
      definitions: definitionsOf(name, serving),
      counts: totalOf(own),
    }
  }
  return { tasks: [...names].sort().map(view), cut }
}

async function liveWorkers(store: Pick<Store, 'workers'>): Promise<readonly WorkerRecord[]> {
  return (await store.workers()).filter(({ leaseLeftMs }) => leaseLeftMs > 0)
}

const idsOf = (workers: readonly WorkerRecord[]): readonly string[] => workers.map(({ id }) => id)

function isOfLane(filter: HoldFilter, lane: LaneCounts): boolean {
  return Object.entries(filter).every(
    ([part, value]) => (part === 'task' || part === 'queue') && lane[part] === value,
  )
}

function definitionsOf(name: string, workers: readonly WorkerRecord[]): readonly TaskDefinition[] {
  const byWords = new Map<string, TaskDefinition>()
  for (const { id, tasks } of workers) {
    const {
      isolation = '',
      maxCrashes = 0,
      rollbackOn = [],
      kill = defaultKill,
    } = tasks[name] ?? {}
    const words = JSON.stringify([isolation, maxCrashes, rollbackOn, kill])
    const workerIds = [...(byWords.get(words)?.workerIds ?? []), id]
    byWords.set(words, { isolation, maxCrashes, rollbackOn, kill, workerIds })
  }
  return [...byWords.values()]
}

function totalOf(lanes: readonly LaneCounts[]): LaneCounts['counts'] {
  const total = { queued: 0, running: 0, scheduled: 0, waiting: 0, paused: 0 }
  for (const { counts } of lanes)
    for (const state of Object.keys(total) as LiveState[]) total[state] += counts[state]
  return total
}
