/**
 * Of several runs whose ends somebody waits for, the one to wait for first. A waiter stands at one of them and moves on when
 * that has ended, so it is to be one that ends late: chance finds one in few moves whatever the order, and the ends of ids are random.
 */
export function nextChildToAwait(ids: readonly string[]): string | null {
  return ids.reduce<string | null>(
    (best, id) => (best === null || tailOf(id) > tailOf(best) ? id : best),
    null,
  )
}

const tailOf = (id: string): string => id.slice(-12)
