/** Entry of the guard of a frozen family: the dead man's switch for processes whose own one stands still. See `host/freeze.ts`. */
import { Socket } from 'node:net'
import { type Family, livingMembers, signalGroup, signalStrays } from '../os/family.ts'
import { monotonicMs } from '../os/monotonic.ts'
import { Wire } from '../wire/wire.ts'

/** A line from the worker to the guard. The worker kills the guard where it is not needed any more. */
export type GuardLine =
  | readonly ['guard', family: GuardedFamily, goodUntil: number]
  | readonly ['until', goodUntil: number]

type GuardedFamily = Omit<Family, 'known'> & { readonly known: [pid: number, bornAt: number][] }

let family: Family | null = null
let deadline = Infinity
let timer: NodeJS.Timeout | null = null

// The worker may be gone before it hears that the guard is armed: then the pipe has ended, too.
process.stdout.on('error', () => undefined)
const deadman = new Wire(new Socket({ fd: 0, readable: true, writable: false }), hear, Infinity)
void deadman.closed.then(endAll)

function hear(text: string): void {
  const line = JSON.parse(text) as GuardLine
  if (line[0] === 'guard') {
    family = { ...line[1], known: new Map(line[1].known) }
    deadline = line[2]
    process.stdout.write('armed\n')
  } else {
    deadline = line[1]
  }
  watch()
}

function watch(): void {
  if (timer !== null) clearTimeout(timer)
  const leftMs = deadline - monotonicMs()
  if (leftMs <= 0) void endAll()
  else timer = setTimeout(watch, Math.min(leftMs, 60_000))
}

/** Kills and looks again until no process is left: a stopped process cannot run away, and one that was continued is seen. */
async function endAll(): Promise<void> {
  const guarded = family
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 100)) {
    const left = guarded === null ? [] : await livingMembers(guarded).catch(() => null)
    if (left?.length === 0) break
    signalStrays(left ?? [], 'SIGKILL')
    // The number of the group belongs to no other group only while a member of it is alive.
    const isGroupAlive = left?.some(({ isInGroup }) => isInGroup) === true
    if (isGroupAlive && guarded !== null) signalGroup(guarded.leader, 'SIGKILL')
    await new Promise((resolve) => void setTimeout(resolve, waitMs))
  }
  process.kill(process.pid, 'SIGKILL')
}
