import { readFileSync } from 'node:fs'
import type { Tx } from '../driver.ts'

/** Ms on the monotonic clock that all processes of this machine share; starts anew with each boot. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}

/** What names the present boot of this machine; null where the system does not say. */
function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return null
  }
}

const read = "SELECT value FROM checkrein_meta WHERE name = 'boot'"
const write =
  "INSERT INTO checkrein_meta (name, value) VALUES ('boot', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

const endLeases = 'UPDATE checkrein_workers SET lease_until = 0'

/**
 * A clock for leases that the time of day cannot disturb: the machine's monotonic clock plus an offset that the
 * first process of each boot writes into the file. Leases from before a reboot are over.
 * Where the system names no boot (not Linux), it is the time of day.
 */
export async function leaseClock(tx: Tx): Promise<() => number> {
  const boot = bootId()
  if (boot === null) return () => Date.now()
  const [row] = await tx.all(read)
  const known = row ? (JSON.parse(String(row['value'])) as { boot: string; offset: number }) : null
  let offset = known?.offset ?? 0
  if (known?.boot !== boot) {
    offset = Math.round(Date.now() - monotonicMs())
    await tx.all(write, [JSON.stringify({ boot, offset })])
    await tx.all(endLeases)
  }
  return () => Math.round(offset + monotonicMs())
}
