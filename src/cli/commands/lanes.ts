/** `lanes` and `tasks`: which queues and tasks there are, how their runs are, and who serves them. */
import { humanDuration } from '../../core/duration.ts'
import { isDefaultKill, type KillWay } from '../../core/run/kill.ts'
import type { Command } from 'commander'
import type { Lane, TaskDefinition, TaskSummary } from '../../client/views/lanes.ts'
import { type LaneCounts, type LiveState, liveStates } from '../../store/store.ts'
import { act, commandFor, type Session } from '../session/session.ts'
import { plain, style, table } from '../text/output.ts'
import { ago } from '../text/words.ts'

/** Adds `tasks` and `lanes`. */
export function laneCommands(program: Command): void {
  act(commandFor(program, 'tasks'), tasks)
  act(commandFor(program, 'lanes'), lanes)
}

const heads = liveStates.map((state) => state.toUpperCase())

async function tasks(session: Session): Promise<void> {
  const document = await session.withClient((client) => client.tasks())
  session.answer(document, () => {
    if (document.tasks.length === 0) return ['no tasks']
    const rows = document.tasks.map((task) => taskRow(task, document.cut))
    return [
      ...table(['TASK', 'QUEUES', ...heads, 'WORKERS', 'DEFINED AS'], rows),
      ...noted(document),
    ]
  })
}

function taskRow(
  { name, queues, counts, definitions }: TaskSummary,
  cut: readonly LiveState[],
): string[] {
  const workers = definitions.reduce((sum, { workerIds }) => sum + workerIds.length, 0)
  return [
    plain(name),
    queues.map(plain).join(', '),
    ...countWords(counts, cut),
    workers === 0 ? 'none' : String(workers),
    definitions.map(definitionWords).join('; '),
  ]
}

function definitionWords({ isolation, maxCrashes, rollbackOn, kill }: TaskDefinition): string {
  const rollback = rollbackOn.length === 0 ? '' : `, rolled back on ${rollbackOn.join(' and ')}`
  const way = isDefaultKill(kill) ? '' : `, killed by ${killWords(kill)}`
  return `${plain(isolation)}, ${maxCrashes} crashes${rollback}${way}`
}

function killWords({ osSignal, killAfterMs }: KillWay): string {
  return osSignal === 'SIGKILL' ? osSignal : `${osSignal} and ${humanDuration(killAfterMs)}`
}

async function lanes(session: Session): Promise<void> {
  const document = await session.withClient((client) => client.lanes())
  session.answer(document, () => {
    if (document.lanes.length === 0) return ['no lanes']
    const rows = document.lanes.map((lane) => laneRow(lane, document.cut, session.now()))
    return [
      ...table(['QUEUE', 'TASK', ...heads, 'OLDEST', 'WORKERS', 'HELD'], rows),
      ...noted(document),
    ]
  })
}

function laneRow(lane: Lane, cut: readonly LiveState[], now: number): string[] {
  const { queue, task, counts, oldestQueuedAt, workerIds, holds } = lane
  return [
    plain(queue),
    plain(task),
    ...countWords(counts, cut),
    oldestQueuedAt === null ? '' : ago(oldestQueuedAt, now),
    workerIds.length === 0 ? 'none' : String(workerIds.length),
    holds
      .map(({ verb, reason }) => (reason === null ? verb : `${verb}: ${plain(reason)}`))
      .join('; '),
  ]
}

/** A number of ten thousand that was cut off says that there are more. */
function countWords(counts: LaneCounts['counts'], cut: readonly LiveState[]): string[] {
  return liveStates.map((state) =>
    cut.includes(state) && counts[state] >= 10_000 ? `${counts[state]}+` : String(counts[state]),
  )
}

function noted({ cut }: { readonly cut: readonly LiveState[] }): string[] {
  if (cut.length === 0) return []
  return [style('dim', `there are more than were counted: ${cut.join(', ')}`)]
}
