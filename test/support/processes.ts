import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The fields of `/proc/PID/stat` after the name: state, parent, group, session, …; null where there is no such process. */
function stat(pid: number | string): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

/** Whether a process executes nothing any more: it is gone, or a zombie that nobody has reaped. */
export function isDead(pid: number): boolean {
  const [state] = stat(pid) ?? ['X']
  return state === 'Z' || state === 'X'
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** The living processes of the group or session of a leader, and the leader itself. */
export function livingFamily(leader: number): number[] {
  return allPids().filter((pid) => {
    const [, , group, session] = stat(pid) ?? []
    return [pid, Number(group), Number(session)].includes(leader) && !isDead(pid)
  })
}

/** The living children of a process. */
export function childrenOf(parent: number): number[] {
  return allPids().filter((pid) => Number(stat(pid)?.[1]) === parent && !isDead(pid))
}

/** The processes, of our own or any as root, whose working directory is a folder. The dead have none. */
export function processesIn(folder: string): number[] {
  const isIn = (pid: number): boolean => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === folder
    } catch {
      return false
    }
  }
  return allPids().filter((pid) => isIn(pid))
}
