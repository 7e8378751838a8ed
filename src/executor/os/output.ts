/**
 * Standard output and standard error, which a worker and its isolates share. Their reader may be gone, may not read, or may be slow;
 * that may cost no run.
 *
 * An isolate must not inherit a pipe. A process that spawns another which inherits a pipe has that pipe block from then on, for all
 * processes that hold it: libuv sets that for the sake of programs that expect it. With a reader that does not read, the worker itself would then
 * stand still at its next line, and lose its lease. So an isolate gets pipes of its own, and its worker reads them and prints what
 * comes, or drops it where too much waits already. A file or a terminal is inherited: it has no such reader.
 *
 * A stream whose reader is gone has an error with each write, and an error that nobody listens for would end the process.
 */
import { fstatSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'

type Output = 'stdout' | 'stderr'
const outputs = { stdout: 1, stderr: 2 } as const satisfies Record<Output, number>
const names = Object.keys(outputs) as readonly Output[]

const backlog = 1_048_576

/** Whether more waits for the reader of a stream than is worth keeping in memory: what is printed now is to be dropped. */
export function isOutputFull(stream: Writable): boolean {
  return stream.writableLength > backlog
}

/** How a child gets standard output and standard error: a pipe to this process in place of a pipe of this process. */
export function outputStdio(): readonly ('inherit' | 'pipe')[] {
  return names.map((name) => (isPipe(outputs[name]) ? 'pipe' : 'inherit'))
}

function isPipe(fd: number): boolean {
  try {
    const stat = fstatSync(fd)
    return stat.isFIFO() || stat.isSocket()
  } catch {
    return false
  }
}

/** Prints what a child or a thread prints, where it has pipes to this process. It never waits for the reader. */
export function printFor(from: Readonly<Record<Output, Readable | null>>): void {
  for (const name of names) from[name]?.on('data', (chunk: Buffer) => print(name, chunk))
}

/** The errors of writes of ours. */
const ours = new WeakSet<Error>()
const heard = new Set<Output>()

function print(name: Output, chunk: Buffer): void {
  const stream = process[name]
  if (!heard.has(name)) stream.on('error', (error: Error) => onError(stream, error))
  heard.add(name)
  // The callback comes right before the error event.
  if (!isOutputFull(stream)) stream.write(chunk, (error) => error && ours.add(error))
}

/** An error of a write of the program's own is the program's, as if nobody listened here. */
function onError(stream: Writable, error: Error): void {
  if (!ours.has(error) && stream.listenerCount('error') === 1) throw error
}

const ignore = (): void => {}

/** Has errors of the output of this process ignored, from its first use on: to open it takes some ms, and most handlers never print. */
export function ignoreOutputErrors(): void {
  for (const name of names) {
    const open = Object.getOwnPropertyDescriptor(process, name)
    const get = open?.get?.bind(process)
    if (get === undefined) continue
    let isHeard = false
    const opened = (): unknown => {
      const stream = get() as NodeJS.WriteStream
      if (!isHeard) stream.on('error', ignore)
      isHeard = true
      return stream
    }
    Object.defineProperty(process, name, { ...open, get: opened })
  }
}
