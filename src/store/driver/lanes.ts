/** Lanes: the pairs of a queue and a task. */
import type { ClaimRequest } from '../store.ts'
import type { Row } from './sql.ts'

/** A queue and a task. */
export type Lane = readonly [queue: string, task: string]

/** The lanes of a claim. Each has its own short range of the index that claims read, however long the other lanes are. */
export function lanesOf({
  queues,
  tasks,
}: Pick<ClaimRequest, 'queues' | 'tasks'>): readonly Lane[] {
  return queues.flatMap((queue) => tasks.map((task) => [queue, task] as const))
}

/** The queues and the tasks of lanes, each in the order of the lanes. */
export function columnsOf(lanes: readonly Lane[]): [queues: string[], tasks: string[]] {
  return [lanes.map(([queue]) => queue), lanes.map(([, task]) => task)]
}

/** Each of the queues with each of the tasks. */
export type Lanes = Pick<ClaimRequest, 'queues' | 'tasks'>

/** So many lanes are asked one by one. Of more, those with queued runs are looked up first: a worker of 200 tasks in 50 queues would ask 10,000. */
const fewLanes = 32

/**
 * The lanes of a request: all of them where they are few, else those that have a queued run.
 * @param full looks for the lanes that have one, as many as are asked for at most: where it finds as many as the request has, none is left out.
 */
export async function lanesToAsk(
  request: Lanes,
  full: (count: number) => Promise<readonly Row[]> | readonly Row[],
): Promise<readonly Lane[]> {
  const count = request.queues.length * request.tasks.length
  return count <= fewLanes ? lanesOf(request) : among(request, await full(count), count)
}

/** The same where the answer comes at once. */
export function lanesToAskNow(
  request: Lanes,
  full: (count: number) => readonly Row[],
): readonly Lane[] {
  const count = request.queues.length * request.tasks.length
  return count <= fewLanes ? lanesOf(request) : among(request, full(count), count)
}

function among(request: Lanes, full: readonly Row[], count: number): readonly Lane[] {
  if (full.length >= count) return lanesOf(request)
  const [queues, tasks] = [placesOf(request.queues), placesOf(request.tasks)]
  const place = ([queue, task]: Lane): number =>
    (queues.get(queue) ?? Number.NaN) * request.tasks.length + (tasks.get(task) ?? Number.NaN)
  return full
    .map((row): Lane => [String(row['queue']), String(row['task'])])
    .filter((lane) => !Number.isNaN(place(lane)))
    .toSorted((one, other) => place(one) - place(other))
}

const placesOf = (names: readonly string[]): ReadonlyMap<string, number> =>
  new Map(names.map((name, at) => [name, at]))
