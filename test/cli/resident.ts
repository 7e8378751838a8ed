/** Processes that do command lines one after the other: to start one for each takes most of the time that a test has. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('resident-main.ts', import.meta.url))

/** A command line, and where it is typed. */
export interface Asked {
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
}

/** How a command ended, and all that it printed. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The residents that have nothing to do. They end with this process, and do not keep it alive. */
const idle: ChildProcess[] = []

/** Does a command line in a process that has done others before. @param withinMs the call rejects after that time. */
export async function doInResident(asked: Asked, withinMs: number): Promise<Ended> {
  const resident = idle.pop() ?? fork(main, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  resident.ref()
  resident.channel?.ref()
  const answer = once(resident, 'message', { signal: AbortSignal.timeout(withinMs) })
  resident.send(asked)
  try {
    const [ended] = (await answer) as [Ended]
    idle.push(resident)
    return ended
  } catch (cause) {
    resident.kill('SIGKILL')
    throw new Error(`${asked.args.join(' ')} does not end`, { cause })
  } finally {
    resident.unref()
    resident.channel?.unref()
  }
}
