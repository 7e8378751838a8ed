import type { ClaimRequest } from '../store.ts'

export type Lane = readonly [queue: string, task: string]

/** Each (queue, task) pair is a lane with its own short range of the claim index, however deep the others are. */
export function lanesOf({
  queues,
  tasks,
}: Pick<ClaimRequest, 'queues' | 'tasks'>): readonly Lane[] {
  return queues.flatMap((queue) => tasks.map((task) => [queue, task] as const))
}
