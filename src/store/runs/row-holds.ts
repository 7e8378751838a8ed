/** Holds that cannot be seen by the lane of a run: each run is compared with them, when it is enqueued and when it is claimed. */
import type { Tx } from '../driver/driver.ts'
import type { Row } from '../driver/sql.ts'
import type { Hold } from '../port/requests.ts'
import { holdOf } from '../rows/requests.ts'

/** The holds of the rows of `rowHolds`: first those that end runs, then those that pause them, of each kind the oldest first. */
export function holdsInOrder(rows: readonly Row[]): readonly Hold[] {
  return rows
    .map(holdOf)
    .toSorted(
      (a, b) =>
        Number(a.verb === 'pause') - Number(b.verb === 'pause') || a.createdAt - b.createdAt,
    )
}

/** The holds that stand and that each run must be compared with; see `holdsInOrder`. */
export async function rowHolds(tx: Tx): Promise<readonly Hold[]> {
  return holdsInOrder(await tx.run('rowHolds', [tx.now()]))
}
