/**
 * Entry of the watchdog thread of a worker with inline attempts. It sleeps until the lease would lapse and looks
 * whether it was renewed meanwhile; nothing wakes it, so that starting an attempt costs no system call.
 */
import { flushCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'
import { type WatchdogCells, goodUntilCell, runningCell } from './inline-watchdog.ts'
import { monotonicMs } from '../os/monotonic.ts'

const cells = workerData as WatchdogCells
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** How often it looks while the lease has lapsed and nothing runs, or while it is good for very long. */
const idleLookMs = 250
const longestSleepMs = 60_000

// It never comes to the end at which Node would keep what it compiled for the next one.
flushCompileCache()
for (;;) {
  const leftMs = Number(Atomics.load(cells, goodUntilCell)) / 1000 - monotonicMs()
  if (leftMs > 0) sleep(Math.min(leftMs + 1, longestSleepMs))
  else if (Atomics.load(cells, runningCell) === 0n) sleep(idleLookMs)
  else process.kill(process.pid, 'SIGKILL')
}

function sleep(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms)
}
