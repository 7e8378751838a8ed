/** The schemas of the answers about queues and tasks. */
import { rollbackCauses } from '../../core/run/run.ts'
import { type LiveState, liveStates } from '../../store/store.ts'
import type { Lane, LanesAnswer, TaskDefinition, TasksAnswer, TaskSummary } from '../views/lanes.ts'
import { count, instant, nullable, text, words } from './kinds.ts'
import { killWay } from './run.ts'
import { list, object } from './shapes.ts'
import { hold } from './records.ts'
import { named, type Schema } from './schema.ts'

const counts = object(
  Object.fromEntries(liveStates.map((state) => [state, count()])) as Record<
    LiveState,
    Schema<number>
  >,
) as Schema<Readonly<Record<LiveState, number>>>

const lane = named('Lane', 'The runs of one task in one queue that have not ended.', () =>
  object<Lane>({
    queue: text(),
    task: text(),
    counts,
    oldestQueuedAt: nullable(instant()),
    holds: list(hold),
    workerIds: list(text()),
  }),
)

/** The schema of the answer about lanes; `cut` names the live states of which not all runs were counted. */
export const lanesAnswer = named('Lanes', 'The lanes, by queue and task.', () =>
  object<LanesAnswer>({ lanes: list(lane), cut: list(words(liveStates)) }),
)

const definition = object<TaskDefinition>({
  isolation: text(),
  maxCrashes: count(),
  rollbackOn: list(words(rollbackCauses)),
  kill: killWay,
  workerIds: list(text()),
})

const taskSummary = named('Task', 'A task, as workers and runs know it.', () =>
  object<TaskSummary>({
    name: text(),
    queues: list(text()),
    definitions: list(definition),
    counts,
  }),
)

/** The schema of the answer about tasks; `cut` names the live states of which not all runs were counted. */
export const tasksAnswer = named('Tasks', 'The tasks, by name.', () =>
  object<TasksAnswer>({ tasks: list(taskSummary), cut: list(words(liveStates)) }),
)
