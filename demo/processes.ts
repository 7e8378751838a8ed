/** Looks at the system's processes, without asking Checkrein. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

interface Entry {
  readonly pid: number
  readonly parent: number
  readonly group: number
  /** A zombie runs no code; it only waits for its parent to read how it ended. */
  readonly isZombie: boolean
}

/** The processes to look for: some by their number, and the members of process groups. */
export interface Suspects {
  readonly pids: readonly number[]
  readonly groups: readonly number[]
}

/** The suspects that live. A process lives where it can be signalled or is in the table, and isn't a zombie. */
export function livingOf({ pids, groups }: Suspects): readonly number[] {
  const table = processTable()
  const zombies = new Set(table.filter(({ isZombie }) => isZombie).map(({ pid }) => pid))
  const listed = table.filter(({ pid, group }) => pids.includes(pid) || groups.includes(group))
  const found = new Set([...listed.map(({ pid }) => pid), ...pids.filter(canBeSignalled)])
  return [...found].filter((pid) => !zombies.has(pid)).sort((a, b) => a - b)
}

/** The processes that one has started, and those that they have, and so on; as long as nobody between has gone. */
export function descendantsOf(pid: number): readonly number[] {
  const table = processTable()
  const found = new Set([pid])
  // A set that grows while it is gone over is gone over to its new end.
  for (const ancestor of found)
    for (const entry of table) if (entry.parent === ancestor) found.add(entry.pid)
  found.delete(pid)
  return [...found]
}

function canBeSignalled(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function processTable(): readonly Entry[] {
  return existsSync('/proc/self/stat') ? fromProc() : fromPs()
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function fromProc(): readonly Entry[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => {
    const stat = readStat(pid)
    if (stat === null) return []
    const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const isZombie = state === 'Z'
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), isZombie }]
  })
}

/** Null where the process has gone. */
function readStat(pid: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null
  }
}

function fromPs(): readonly Entry[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,state='], { encoding: 'utf8' })
    .trim()
    .split('\n')
  return lines.map((line) => {
    const [pid, parent, group, state = ''] = line.trim().split(/\s+/)
    const isZombie = state.startsWith('Z')
    return { pid: Number(pid), parent: Number(parent), group: Number(group), isZombie }
  })
}
