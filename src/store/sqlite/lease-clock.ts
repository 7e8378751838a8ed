import { readFileSync } from 'node:fs'
import type { Tx } from '../driver/driver.ts'
import type { Row } from '../driver/sql.ts'

/** Ms on the monotonic clock that all processes of this machine share; starts anew with each boot. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}

/** The id of the present boot of this machine; null where the system has none. */
function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return null
  }
}

/** The statement that reads to which boot the lease clock of the file belongs, and its offset. */
export const bootRow = "SELECT value FROM checkrein_meta WHERE name = 'boot'"
const writeBoot =
  "INSERT INTO checkrein_meta (name, value) VALUES ('boot', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
const endLeases = 'UPDATE checkrein_workers SET lease_until = 0'

type LeaseClock = () => number

const clockAt =
  (offset: number): LeaseClock =>
  () =>
    Math.round(offset + monotonicMs())

/**
 * A clock for leases that the time of day cannot disturb: the machine's monotonic clock plus an offset that the
 * first process of each boot writes into the file. Where the system names no boot (not Linux), it is the time of day.
 * @param rows the answer to `bootRow`.
 * @returns null where the file has no offset for this boot yet.
 */
export function knownLeaseClock([row]: readonly Row[]): LeaseClock | null {
  const boot = bootId()
  if (boot === null) return Date.now
  const known = row ? (JSON.parse(String(row['value'])) as { boot: string; offset: number }) : null
  return known?.boot === boot ? clockAt(known.offset) : null
}

/** Begins the clock of this boot, unless another process just has. Leases from before it are over. */
export async function newLeaseClock(tx: Tx): Promise<LeaseClock> {
  const known = knownLeaseClock(await tx.all(bootRow))
  if (known) return known
  const offset = Math.round(Date.now() - monotonicMs())
  await tx.all(writeBoot, [JSON.stringify({ boot: bootId(), offset })])
  await tx.all(endLeases)
  return clockAt(offset)
}
