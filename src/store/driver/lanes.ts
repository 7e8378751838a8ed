/** Lanes: the pairs of a queue and a task. */
import type { ClaimRequest } from '../store.ts'

/** A queue and a task. */
export type Lane = readonly [queue: string, task: string]

/** The lanes of a claim. Each has its own short range of the index that claims read, however long the other lanes are. */
export function lanesOf({
  queues,
  tasks,
}: Pick<ClaimRequest, 'queues' | 'tasks'>): readonly Lane[] {
  return queues.flatMap((queue) => tasks.map((task) => [queue, task] as const))
}
