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
 * The request without the queues and tasks that have no queued run, where it has many lanes.
 * @param full the lanes that have one, as many as are asked for at most: with as many as the request has, nothing is left out.
 */
export async function narrowed<Request extends Lanes>(
  request: Request,
  full: (count: number) => Promise<readonly Row[]> | readonly Row[],
): Promise<Request> {
  const count = request.queues.length * request.tasks.length
  return count <= fewLanes ? request : among(request, await full(count), count)
}

/** The same where the answer comes at once. */
export function narrowedNow<Request extends Lanes>(
  request: Request,
  full: (count: number) => readonly Row[],
): Request {
  const count = request.queues.length * request.tasks.length
  return count <= fewLanes ? request : among(request, full(count), count)
}

function among<Request extends Lanes>(
  request: Request,
  full: readonly Row[],
  count: number,
): Request {
  if (full.length >= count) return request
  const queues = new Set(full.map((row) => row['queue']))
  const tasks = new Set(full.map((row) => row['task']))
  return {
    ...request,
    queues: request.queues.filter((queue) => queues.has(queue)),
    tasks: request.tasks.filter((task) => tasks.has(task)),
  }
}
