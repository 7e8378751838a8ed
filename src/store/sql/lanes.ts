/** How the runs that have not ended are spread over queues and tasks, from a bounded look. */
import type { Driver } from '../driver/driver.ts'
import type { Row } from '../driver/sql.ts'
import { type LaneCounts, type Lanes, type LiveState, liveStates } from '../port/lanes.ts'

/** Up to how many runs are counted, of each lane or of each state. */
const mostCounted = 10_000
/** How many heads of lanes are looked at: a lane has one for each priority. */
const mostHeads = 5000
/** How many of the newest runs are looked at for the names of tasks. */
const mostNewest = 1000

const none: LaneCounts['counts'] = {
  queued: 0,
  running: 0,
  scheduled: 0,
  waiting: 0,
  paused: 0,
}

type Draft = { -readonly [Name in keyof LaneCounts]: LaneCounts[Name] }

/** See `Store.lanes`. */
export async function lanesOf(driver: Driver): Promise<Lanes> {
  const { queuedLanes, otherLanes } = driver.statements
  const [queued, others] = await Promise.all([
    driver.read(queuedLanes, [mostHeads, mostCounted + 1], { isLong: true }),
    driver.read(otherLanes, [mostCounted + 1], { isLong: true }),
  ])
  const lanes = new Map<string, Draft>()
  const count = (row: Row, state: LiveState): Draft => {
    const lane = laneOf(lanes, row)
    lane.counts = { ...lane.counts, [state]: Math.min(Number(row['n']), mostCounted) }
    return lane
  }
  for (const row of queued) count(row, 'queued').oldestQueuedAt = Number(row['oldest'])
  for (const row of others) count(row, row['state'] as LiveState)
  return {
    lanes: [...lanes.values()].toSorted(byQueueAndTask),
    cut: liveStates.filter((state) =>
      state === 'queued' ? isQueuedCut(queued) : isCut(others, state),
    ),
  }
}

/** See `Store.newestTasks`. */
export async function newestTasksOf(driver: Driver): Promise<readonly string[]> {
  const rows = await driver.read(driver.statements.newestTasks, [mostNewest])
  return rows.map(({ task }) => String(task))
}

function laneOf(lanes: Map<string, Draft>, row: Row): Draft {
  const [queue, task] = [String(row['queue']), String(row['task'])]
  const place = JSON.stringify([queue, task])
  const lane = lanes.get(place) ?? { queue, task, counts: none, oldestQueuedAt: null }
  lanes.set(place, lane)
  return lane
}

const sum = (rows: readonly Row[], column: string): number =>
  rows.reduce((total, row) => total + Number(row[column]), 0)

const isQueuedCut = (rows: readonly Row[]): boolean =>
  sum(rows, 'heads') >= mostHeads || rows.some(({ n }) => Number(n) > mostCounted)

const isCut = (rows: readonly Row[], state: LiveState): boolean =>
  sum(
    rows.filter((row) => row['state'] === state),
    'n',
  ) > mostCounted

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
const byQueueAndTask = (one: Draft, other: Draft): number =>
  compare(one.queue, other.queue) || compare(one.task, other.task)
