import type { Tx } from '../driver/driver.ts'
import type { Row } from '../driver/sql.ts'
import { type MachineClock, machineMs } from './machine-clock.ts'

/** The statement that reads to which boot the lease clock of the file belongs, and its offset. */
export const bootRow = "SELECT value FROM checkrein_meta WHERE name = 'boot'"
const writeBoot =
  "INSERT INTO checkrein_meta (name, value) VALUES ('boot', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
const endLeases = 'UPDATE checkrein_workers SET lease_until = 0'

type LeaseClock = () => number

const clockAt =
  (offset: number, machine: MachineClock): LeaseClock =>
  () =>
    Math.round(offset + machineMs(machine))

/**
 * A clock for leases that the time of day cannot disturb: the machine's monotonic clock plus an offset that the
 * first process of each boot writes into the file. Where the system names no boot (not Linux), it is the time of day.
 * @param rows the answer to `bootRow`.
 * @param machine null where the system names no boot.
 * @returns null where the file has no offset for this boot yet.
 */
export function knownLeaseClock(
  [row]: readonly Row[],
  machine: MachineClock | null,
): LeaseClock | null {
  if (machine === null) return Date.now
  const known = row ? (JSON.parse(String(row['value'])) as { boot: string; offset: number }) : null
  return known?.boot === machine.boot ? clockAt(known.offset, machine) : null
}

/** Begins the clock of this boot, unless another process just has. Leases from before it are over. */
export async function newLeaseClock(tx: Tx, machine: MachineClock | null): Promise<LeaseClock> {
  const known = knownLeaseClock(await tx.all(bootRow), machine)
  if (known || machine === null) return known ?? Date.now
  const offset = Math.round(Date.now() - machineMs(machine))
  await tx.all(writeBoot, [JSON.stringify({ boot: machine.boot, offset })])
  await tx.all(endLeases)
  return clockAt(offset, machine)
}
