/**
 * The monotonic clock that all processes of a machine share. It starts anew with each boot.
 *
 * Linux gives a time namespace a monotonic clock with an offset of its own (`unshare --time`, some containers), though the boot is the same.
 * The kernel says what the offset is, so it is taken off again.
 * @see https://man7.org/linux/man-pages/man7/time_namespaces.7.html
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { CheckreinError } from '../../core/errors.ts'

/** How a machine's clock is read by this process. */
export interface MachineClock {
  /** The id of the present boot. */
  readonly boot: string
  /** How far the clock of this process's time namespace is ahead of that of the machine, ms. */
  readonly aheadMs: number
}

/** Ms on the clock that all processes of the machine share. */
export function machineMs({ aheadMs }: MachineClock): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000 - aheadMs
}

/**
 * The clock of this machine; null where the system names no boot (not Linux).
 * @throws {CheckreinError} `SQLITE_UNSAFE` where the process cannot know how its clock differs from that of others.
 */
export function machineClock(root = '/proc'): MachineClock | null {
  const boot = read(`${root}/sys/kernel/random/boot_id`)
  return boot === null ? null : { boot: boot.trim(), aheadMs: aheadMs(root) }
}

/** A kernel without time namespaces has no such files: there is one clock. */
function aheadMs(root: string): number {
  const offsets = read(`${root}/self/timens_offsets`)
  if (offsets === null) return 0
  // The file says the offsets of the namespace into which children are born.
  if (link(`${root}/self/ns/time`) !== link(`${root}/self/ns/time_for_children`))
    throw new CheckreinError('SQLITE_UNSAFE', {
      message: 'This process has another time namespace than its children will have',
      hint: 'Leases are judged by the clock of the machine, which it cannot know. Start it by `unshare --time --fork`, or without a time namespace.',
    })
  const [, seconds = '0', nanoseconds = '0'] = /^monotonic\s+(-?\d+)\s+(\d+)/m.exec(offsets) ?? []
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function link(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}
