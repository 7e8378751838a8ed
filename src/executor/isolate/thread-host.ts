/**
 * Entry of a child that hosts threads. Its own main thread runs no handler: it opens threads, raises their aborts,
 * terminates them and tells when they have ended. Orders and results do not pass through it: each thread has a pipe
 * to the worker of its own, its lane (measured: 15,000 no-op attempts a second through the main thread, 35,000 past it).
 */
import { parseJson, stringifyJson } from '../../core/json.ts'
import { Socket } from 'node:net'
import { extname } from 'node:path'
import { MessageChannel, Worker } from 'node:worker_threads'
import { type AbortEars, makeFlag, raiseAbort, raisePause } from '../wire/abort-flag.ts'
import type { HostOrder, HostReport } from '../wire/channel.ts'
import { armDeadman } from '../watchdog/arm-deadman.ts'
import { ignoreOutputErrors, printFor } from '../os/output.ts'
import { Wire } from '../wire/wire.ts'

/** The data that a thread is given. */
export interface ThreadData {
  /** The number of its pipe to the worker. */
  readonly lane: number
  readonly ears: AbortEars
}

interface Hosted {
  readonly thread: Worker
  readonly ears: AbortEars
}

const entry = new URL(`./thread-isolate${extname(import.meta.url)}`, import.meta.url)
const hosted = new Map<number, Hosted>()

ignoreOutputErrors()
await armDeadman()
const wire = new Wire(new Socket({ fd: 3, readable: true, writable: true }), obey, Infinity)

function obey(line: string): void {
  const order = parseJson(line) as HostOrder
  const [type, lane] = order
  if (type === 'open') return open(lane)
  const target = hosted.get(lane)
  if (target === undefined) return
  if (type === 'abort') raiseAbort(target.ears, order[2], order[3])
  else if (type === 'pause') raisePause(target.ears, order[2], order[3])
  else void target.thread.terminate()
}

function open(lane: number): void {
  const { port1, port2 } = new MessageChannel()
  const flag = makeFlag()
  const data: ThreadData = { lane, ears: { flag, port: port2 } }
  const given = { workerData: data, transferList: [port2] }
  const thread = new Worker(entry, { ...given, stdout: true, stderr: true })
  printFor(thread)
  const { threadId } = thread
  hosted.set(lane, { thread, ears: { flag, port: port1 } })
  // An error that the thread could not handle ends it: `exit` follows.
  thread.on('error', () => {})
  thread.once('exit', (exitCode) => {
    hosted.delete(lane)
    report(['gone', lane, exitCode])
  })
  report(['opened', lane, threadId])
}

function report(message: HostReport): void {
  wire.send(stringifyJson(message))
}
