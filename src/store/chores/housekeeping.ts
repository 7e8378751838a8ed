/**
 * Housekeeping, which keepers ask for: the chores whose time has come, the leases that have lapsed, and the bulk operations with which nobody goes on.
 *
 * Any number of keepers may do this at the same time: each step finds work or none, and what one of them holds, the others pass over.
 */
import type { Bulks } from '../control/bulk.ts'
import type { Driver } from '../driver/driver.ts'
import type { GroupCommit } from '../driver/group-commit.ts'
import type { Housekept } from '../port/runs.ts'
import { lapseWorker } from '../runs/leases.ts'
import { doChores } from './chores.ts'

/** The parts of the store with which housekeeping works. */
export interface HousekeepingParts {
  readonly driver: Driver
  /** Where the transaction of the chores has its turn. */
  readonly chores: GroupCommit
  /** Where those have theirs that may have to wait for somebody else's runs. */
  readonly upkeep: GroupCommit
  readonly bulks: Bulks
}

/** One step of everything; see `Store.housekeep`. */
export async function housekeep(parts: HousekeepingParts): Promise<Housekept> {
  // An error in the chores must not keep a keeper from the leases.
  const [moved] = await Promise.allSettled([moveWhatIsDue(parts)])
  const lapsed = await lapseWorkers(parts)
  if (moved.status === 'rejected') throw moved.reason
  await parts.bulks.adopt()
  const { nextInMs } = moved.value
  const next = nextInMs === 0 ? await msUntilNext(parts) : nextInMs
  return { ...moved.value, lapsed, nextInMs: next }
}

/** Does the chores where one is due. @returns with `nextInMs` as of before: 0 where something was to be done. */
async function moveWhatIsDue(parts: HousekeepingParts): Promise<Omit<Housekept, 'lapsed'>> {
  const nextInMs = await msUntilNext(parts)
  if (nextInMs !== 0) return { dueCount: 0, expiredCount: 0, nextInMs }
  return { ...(await parts.chores.once(doChores)), nextInMs }
}

/** Ms until the first chore is due; 0 where one is, null where none will be. */
async function msUntilNext({ driver }: HousekeepingParts): Promise<number | null> {
  const at = (await driver.read(driver.statements.nextAt))[0]?.['at']
  return at == null ? null : Math.max(0, Number(at) - driver.now())
}

/** Ends the leases that have lapsed, each in a transaction of its own. */
async function lapseWorkers({ driver, upkeep }: HousekeepingParts): Promise<Housekept['lapsed']> {
  const rows = await driver.read(driver.statements.lapsedWorkers, [driver.leaseNow()])
  return eachByItself(rows, ({ id }) => upkeep.once((tx) => lapseWorker(tx, String(id))))
}

/**
 * Does something for each item, one after the other, so that what holds up one does not hold up the others.
 * @returns what was done; null is nothing.
 * @throws the first error, where nothing could be done for any of them.
 */
async function eachByItself<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result | null>,
): Promise<readonly Result[]> {
  const done: Result[] = []
  const errors: unknown[] = []
  for (const item of items) {
    const result = await work(item).catch((error: unknown) => void errors.push(error))
    if (result) done.push(result)
  }
  if (errors.length > 0 && done.length === 0) throw errors[0]
  return done
}
