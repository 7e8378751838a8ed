/**
 * The child to wait for first, of several whose ends a run waits for; null where there is none. A run waits at one child and moves
 * on when that child has ended, so the best choice is a child that ends late. Chance finds one in few moves, whatever the order in
 * which they end, and the last characters of an id are random.
 */
export function nextChildToAwait(ids: readonly string[]): string | null {
  return ids.reduce<string | null>(
    (best, id) => (best === null || tailOf(id) > tailOf(best) ? id : best),
    null,
  )
}

const tailOf = (id: string): string => id.slice(-12)
