import { extname } from 'node:path'
import { MessageChannel, Worker } from 'node:worker_threads'
import { type AbortEars, makeFlag } from '../wire/abort-flag.ts'
import { markerName } from '../os/family.ts'
import { ownCodeEnv } from '../os/own-code-env.ts'

/** The data that the deadman thread is given. */
export interface DeadmanData {
  /** The file descriptor of the child's end of the deadman's pipe. */
  readonly fd: number
  readonly ears: AbortEars
  readonly marker: string
}

/** The number of the deadman's pipe in every child. */
export const deadmanFd = 4

/**
 * Starts the deadman thread of this child; resolves once it knows the first deadline, so that no handler ever runs
 * unwatched. Should the thread end, so does the child.
 */
export async function armDeadman(): Promise<AbortEars> {
  const { port1, port2 } = new MessageChannel()
  const flag = makeFlag()
  const marker = process.env[markerName] ?? ''
  const data: DeadmanData = { fd: deadmanFd, ears: { flag, port: port1 }, marker }
  // Neither preloads nor NODE_OPTIONS are for this thread: it runs our code only.
  const options = { workerData: data, transferList: [port1], execArgv: [], env: ownCodeEnv() }
  const entry = new URL(`./deadman${extname(import.meta.url)}`, import.meta.url)
  const deadman = new Worker(entry, options)
  deadman.on('error', () => {})
  const kill = process.kill.bind(process)
  deadman.on('exit', () => kill(process.pid, 'SIGKILL'))
  await new Promise((resolve) => {
    deadman.once('message', resolve)
  })
  deadman.unref()
  return { flag, port: port2 }
}
