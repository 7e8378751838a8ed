/**
 * The family of a child, which is the child and every process that descends from it: how its members are found and ended.
 *
 * A child leads its own process group and session (it is spawned detached), so one `kill(-pid)` reaches it and the
 * subprocesses that its handlers started. Two kinds slip out of a group: those that called `setsid` (a `spawn` with
 * `detached: true`), and those that called `setpgid` (an interactive shell's jobs). On Linux they are found in `/proc`:
 *
 *     same group or session as the child            stat
 *     the child's marker in their environment       environ: each child has one of its own, and all descendants inherit it
 *     a parent that is one of these                 stat: so one that emptied its environment is found while its parent lives,
 *                                                   and is known from then on
 *
 * Only a process that left the group, emptied its environment *and* lost its parent before anybody looked is not found.
 *
 * A process counts as dead when it is gone, or a zombie whose last thread has ended: in a container nobody may reap orphans, and
 * a zombie runs no code. (A zombie with more than one thread is a main thread that ended before the others: it is alive.)
 *
 * Process ids are used again, so `-pid` is signalled only while the child is unreaped or somebody of its group was
 * seen alive: as long as either is true the kernel gives the number to nobody else.
 */
import type { OsSignal } from '../../core/run/kill.ts'
import { execFile } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'

/** The environment variable that marks a child and all that descend from it. */
export const markerName = 'CHECKREIN_ISOLATE'

/** The family of a child, as far as it is known. */
export interface Family {
  /** The child: leader of its process group and session. */
  readonly leader: number
  /** The value of the marker in its environment. */
  readonly marker: string
  /** When it was born, in the kernel's ticks since boot: nobody older descends from it. */
  readonly bornAt: number
  /** The processes that were seen to belong to it, by pid, with their time of birth, for a pid is used again. */
  readonly known: Map<number, number>
}

/** A living member of a family. */
export interface FamilyMember {
  readonly pid: number
  readonly isInGroup: boolean
  /** Whether it is stopped by SIGSTOP; false also where that is not known, for there is no `/proc`. */
  readonly isStopped: boolean
}

interface Stat {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly session: number
  readonly bornAt: number
  readonly isDead: boolean
  readonly isStopped: boolean
}

/** Whether the members of a family can be looked up. */
export const hasProc = process.platform === 'linux' && existsSync('/proc/self/stat')

/** The family of a child. @param leader the pid of a child that was just spawned and is not reaped yet. */
export function familyOf(leader: number, marker: string): Family {
  const stat = hasProc ? statOrNull(leader) : null
  const bornAt = stat === null || stat === 'vanished' ? 0 : stat.bornAt
  return { leader, marker, bornAt, known: new Map() }
}

/** Nothing is known where `/proc` can't be read just now. */
function statOrNull(pid: number): ReturnType<typeof readStat> | null {
  try {
    return readStat(pid)
  } catch {
    return null
  }
}

/**
 * The living members of a family, without the process that asks. Where the system has no `/proc`, the leader stands
 * for its whole group, if anybody in it can be signalled.
 * @throws where `/proc` can't be read just now (too many open files): then nothing is known.
 */
export async function livingMembers(family: Family): Promise<readonly FamilyMember[]> {
  if (!hasProc) {
    const leader = { pid: family.leader, isInGroup: true, isStopped: false }
    return isGroupAlive(family.leader) ? [leader] : []
  }
  for (let round = 0; ; round++) {
    const { members, vanished } = await scan(family)
    // A process that was listed but gone when looked at may have left a child behind that was not listed: look again.
    if (members.length > 0 || !vanished || round === 2) return members
  }
}

/** The OS signals that families get. */
export type FamilySignal = OsSignal | 'SIGSTOP' | 'SIGCONT'

/** Signals the whole group, if there is one. */
export function signalGroup(leader: number, osSignal: FamilySignal): void {
  if (process.platform === 'win32')
    execFile('taskkill', ['/T', '/F', '/PID', String(leader)], () => {})
  else signal(-leader, osSignal)
}

/** Kills the leader alone, which must not have been reaped. */
export function killLeader({ leader }: Family): void {
  signal(leader, 'SIGKILL')
}

/** Signals those that left the group, one by one. */
export function signalStrays(members: readonly FamilyMember[], osSignal: FamilySignal): void {
  for (const member of members) if (!member.isInGroup) signal(member.pid, osSignal)
}

function signal(pid: number, osSignal: FamilySignal): void {
  try {
    process.kill(pid, osSignal)
  } catch {
    // ESRCH: the process died meanwhile. EPERM: it belongs to another user, or on macOS is a zombie. The next look tells.
  }
}

function isGroupAlive(leader: number): boolean {
  if (process.platform === 'win32') return false
  try {
    return process.kill(-leader, 0)
  } catch {
    return false
  }
}

/** How many processes are looked at before the event loop gets a turn: about 2 ms (measured: 11 us each). */
const batch = 200

async function scan(family: Family): Promise<{ members: FamilyMember[]; vanished: boolean }> {
  const found = new Map<number, Stat>()
  const others: Stat[] = []
  let vanished = false
  let looked = 0
  for (const pid of listPids()) {
    if (++looked % batch === 0) await new Promise((resolve) => void setImmediate(resolve))
    const stat = readStat(pid)
    if (stat === 'vanished') vanished = true
    else if (stat !== null && !stat.isDead && stat.bornAt >= family.bornAt) {
      if (isMember(stat, family)) found.set(pid, stat)
      else others.push(stat)
    }
  }
  for (const stat of others) if (found.has(stat.parent)) found.set(stat.pid, stat)
  found.delete(process.pid)
  for (const stat of found.values()) family.known.set(stat.pid, stat.bornAt)
  const members = [...found.values()].map(({ pid, group, isStopped }) => ({
    pid,
    isInGroup: group === family.leader,
    isStopped,
  }))
  return { members, vanished }
}

function listPids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
}

function isMember(stat: Stat, { leader, marker, known }: Family): boolean {
  if (stat.group === leader || stat.session === leader) return true
  return (
    known.get(stat.pid) === stat.bornAt || environOf(stat.pid).includes(`${markerName}=${marker}`)
  )
}

/** A line of `/proc/<pid>/stat`; its second field, the name, may hold anything, so the rest is found from its end. */
function readStat(pid: number): Stat | 'vanished' | null {
  let text: string
  try {
    text = readStart(`/proc/${pid}/stat`)
  } catch (error) {
    if (isGone(error)) return 'vanished'
    throw error
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const number = (index: number) => Number(fields[index])
  const isZombie = fields[0] === 'Z' || fields[0] === 'X'
  return {
    pid,
    parent: number(1),
    group: number(2),
    session: number(3),
    bornAt: number(19),
    isDead: isZombie && number(17) <= 1,
    // The state is the main thread's: one that has ended before the others can't show that they are stopped.
    isStopped: isZombie || fields[0] === 'T' || fields[0] === 't',
  }
}

const buffer = Buffer.alloc(4096)

/** The first 4 KiB of a file: less than half the time of `readFileSync`, which asks for the size first. */
function readStart(path: string): string {
  const fd = openSync(path, 'r')
  try {
    return buffer.toString('latin1', 0, readSync(fd, buffer))
  } finally {
    closeSync(fd)
  }
}

function environOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch (error) {
    // The process died, or belongs to another user, and then we could not signal it either.
    if (isGone(error) || codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM') return ''
    throw error
  }
}

function isGone(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH'
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code
}
