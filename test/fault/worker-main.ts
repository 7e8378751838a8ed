/** A worker as a process of its own; prints what it does as JSON lines. Its options come as JSON in the first argument. */
import { subscribe } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import { startWorker, workerChannel, type WorkerEvent } from '../../src/index.ts'

const { url, except, ...options } = JSON.parse(process.argv[2] ?? '{}') as {
  url: string
  modules: string[]
  except?: string[]
}
const print = (event: unknown): void => {
  if (!except?.includes((event as WorkerEvent).type)) writeSync(1, `${JSON.stringify(event)}\n`)
}
subscribe(workerChannel, print)
const worker = await startWorker(url, options)
process.once('SIGTERM', () => void worker.stop({ finish: 0, grace: 100 }))
