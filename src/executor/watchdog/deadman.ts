/**
 * The dead man's switch: a thread in each child that kills the child when its worker can't be heard any more.
 *
 * A worker may be SIGKILLed, stopped, or block its own loop until its lease lapses; another worker then claims its
 * runs. Their old code must be gone by then. The worker can't kill it, being dead, and neither can the handler's own
 * thread, which may sit in a loop. So this thread, which runs no code but this, reads the deadman's pipe:
 *
 *     worker ──── deadman (a pipe) ────▶ deadman thread          main thread: handlers, or the host of threads
 *       ["until", ms]                    moves the deadline
 *       ["abort", seq, reason]           raises the abort      ───▶  abort-flag.ts
 *       ["pause", seq, isAsked]          raises the pause, or lowers it
 *       end of file: the worker is gone  ─┐
 *       the deadline passes              ─┴▶ kills strays, then SIGKILL to its own process group, itself included
 *
 * The deadline is a point on the machine's monotonic clock, so nothing has to be subtracted for the time that a line
 * spends in the pipe, and a child that was stopped and continued finds at once that its time is up; unless it was frozen
 * by its worker, who says in time until when the lease is good now.
 *
 * It can't run while the whole child is stopped (no code of the child runs then either), and it can't reach a descendant that
 * left the group on a system without `/proc`.
 */
import { flushCompileCache } from 'node:module'
import { Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { raiseAbort, raisePause } from '../wire/abort-flag.ts'
import type { DeadmanLine } from '../wire/channel.ts'
import { familyOf, livingMembers, signalGroup, signalStrays } from '../os/family.ts'
import type { DeadmanData } from './arm-deadman.ts'
import { monotonicMs } from '../os/monotonic.ts'
import { Wire } from '../wire/wire.ts'

const { fd, ears, marker } = workerData as DeadmanData
const family = familyOf(process.pid, marker)
let deadline = Infinity
let timer: NodeJS.Timeout | null = null
let isArmed = false

const deadman = new Wire(new Socket({ fd, readable: true, writable: false }), hear, Infinity)
void deadman.closed.then(dieNow)

function hear(line: string): void {
  const message = JSON.parse(line) as DeadmanLine
  if (message[0] === 'abort') return raiseAbort(ears, message[1], message[2])
  if (message[0] === 'pause') return raisePause(ears, message[1], message[2])
  const isFirst = deadline === Infinity
  deadline = message[1]
  if (isFirst) watch()
  arm()
}

/** Lets the child begin, once it is known until when it may run: where it started slowly, the first deadline may have passed. */
function arm(): void {
  if (isArmed || deadline <= monotonicMs()) return
  isArmed = true
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage('armed')
  // It is killed, so that it never comes to the end at which Node would keep what it compiled for the next one.
  flushCompileCache()
}

/** A renewal only moves the deadline; the timer finds that out when it fires. */
function watch(): void {
  if (timer !== null) clearTimeout(timer)
  const leftMs = deadline - monotonicMs()
  if (leftMs <= 0) void dieUnlessRenewed()
  else timer = setTimeout(watch, Math.min(leftMs, 60_000))
}

/**
 * In a child that was frozen and goes on, this timer fires before the renewal is read that its worker has put into the
 * pipe right before. So the event loop turns once more, which reads what is there; it waits for nothing.
 */
async function dieUnlessRenewed(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => void setImmediate(resolve))
  if (deadline > monotonicMs()) watch()
  else await dieNow()
}

/** How long the look for strays may take: it goes through the thread pool of the process, which a handler may hold up for ever. */
const longestLookMs = 1000

async function dieNow(): Promise<void> {
  setTimeout(endGroup, longestLookMs)
  try {
    await endStrays()
  } finally {
    endGroup()
  }
}

/** Kills strays for a few rounds at most: a process that forks faster than that must not keep the group alive. */
async function endStrays(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const strays = (await livingMembers(family)).filter((member) => !member.isInGroup)
    if (strays.length === 0) return
    signalStrays(strays, 'SIGKILL')
  }
}

function endGroup(): void {
  if (process.platform === 'win32') return signalGroup(process.pid, 'SIGKILL')
  try {
    process.kill(-process.pid, 'SIGKILL')
  } catch {
    process.kill(process.pid, 'SIGKILL')
  }
}
