/** Runs that the handler of another run has enqueued: its children. */
import type { RunningPolicy } from '../workflow/workflow.ts'

/**
 * Of several runs whose ends somebody waits for, the one to wait for first. A waiter stands at one of them and moves on when
 * that has ended, so it is to be one that ends late: chance finds one in few moves whatever the order, and the ends of ids are random.
 */
export function nextOf(ids: readonly string[]): string | null {
  return ids.reduce<string | null>(
    (best, id) => (best === null || tailOf(id) > tailOf(best) ? id : best),
    null,
  )
}

const tailOf = (id: string): string => id.slice(-12)

/** Of two requests the one that reaches further. */
export function furtherPolicy(one: RunningPolicy, other: RunningPolicy): RunningPolicy {
  if (one === 'cancel' || other === 'cancel') return 'cancel'
  return one === 'wait' || other === 'wait' ? 'wait' : 'detach'
}
