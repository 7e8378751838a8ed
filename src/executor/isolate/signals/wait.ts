/** One wait of a handler, while it lasts. */
import { longestMs, longestTimerMs } from '../../../core/duration.ts'
import type { AttemptOrder, ParkedWait } from '../../executor.ts'
import type { WaitOutcome } from '../../../core/run/run.ts'
import type { Halt } from '../attempt/halt.ts'
import type { Delivery } from './delivery.ts'
import type { Mailbox } from './mailbox.ts'
import type { IsolateHeartbeat } from '../attempt/heartbeat.ts'
import type { Settled } from '../../../core/run/settled.ts'
import { clockMs } from '../attempt/clock.ts'

/** How often a wait that keeps its slot looks whether the children have ended. */
const lookMs = 250

/** Asks for the outcomes of children, in the order of the ids; fulfils with null while not all have ended. */
export type EndsOf = (ids: readonly string[]) => Promise<readonly Settled[] | null>

/** The surroundings of the waits of an attempt. */
export interface WaitsParts {
  readonly halt: Halt
  readonly mailbox: Mailbox
  readonly heartbeat: IsolateHeartbeat
  readonly endsOf: EndsOf
}

/** How a wait ended in this attempt. */
export type WaitEnd = Delivery | readonly Settled[] | 'slept' | 'timeout'

/** The signal waited for: its name, or the position that it had before; the children; null for a sleep. */
export type WaitedFor = string | number | readonly string[] | null

/** A wait that is under way. */
export interface Wait {
  /** Its number among the waits since the last checkpoint, from 0. */
  readonly number: number
  /** The outcomes of the waits since that checkpoint; a later checkpoint begins a new list. */
  readonly list: (WaitOutcome | undefined)[]
  readonly wanted: WaitedFor
  /** Set for a wait that an earlier attempt had finished: the state of the mailbox that it still waits for. */
  readonly until: 'settled' | 'quiet' | null
  readonly endsAt: number
  /** When it gives the slot back; `Infinity` where it is short enough to keep it. */
  parksAt: number
  /** Whether it asks just now whether the children have ended: it may park only when it knows that they have not. */
  isAsking: boolean
  readonly resolve: (ended: WaitEnd) => void
  readonly reject: (reason: unknown) => void
  takeBack: () => void
  stopBeating: () => void
  timer: NodeJS.Timeout | null
}

/** The parts that a handler, or an earlier attempt, decides of a wait. */
export interface WaitRequest {
  readonly number: number
  readonly wanted: WaitedFor
  readonly until?: Wait['until']
  readonly ms: number
  readonly parksInMs: number
}

/** A wait that begins now. */
export function newWait(
  { number, wanted, ms, parksInMs, until = null }: WaitRequest,
  list: Wait['list'],
  ways: Pick<Wait, 'resolve' | 'reject' | 'stopBeating'>,
): Wait {
  const now = clockMs()
  // A wait never ends at once: a loop of such waits must let the event loop turn.
  const times = { endsAt: now + Math.max(ms, 1), parksAt: now + parksInMs }
  const none = { takeBack: () => {}, timer: null, isAsking: false }
  return { number, list, wanted, until, ...times, ...ways, ...none }
}

/** A wait that was begun in an earlier attempt, with the time of its end on this thread's clock. */
export interface BegunHere {
  readonly number: number
  readonly signal: string
  readonly endsAt: number
}

/** The wait that is to go on where a signal has woken it: the first one that is not over. */
export function begunHere({ waits, begunWait }: WaitsOrder): BegunHere | null {
  if (begunWait === null) return null
  const { signal, leftMs } = begunWait
  return { number: waits.length, signal, endsAt: clockMs() + leftMs }
}

/** The time that is left of such a wait, ms, but never more than the handler asks for now. */
export const leftOf = ({ endsAt }: BegunHere, ms: number): number =>
  Math.min(ms, Math.max(0, endsAt - clockMs()))

/** How waits ended, up to the first that has not. */
export function knownOutcomes(done: Wait['list']): WaitOutcome[] {
  const open = done.findIndex((outcome) => outcome === undefined)
  return done.slice(0, open < 0 ? undefined : open) as WaitOutcome[]
}

/** Whether the mailbox has come to the state that a wait is for. */
export function isMailboxReady({ until }: Pick<Wait, 'until'>, mailbox: Mailbox): boolean {
  if (until === null) return false
  return until === 'settled' ? mailbox.isSettled : mailbox.isQuiet
}

/** The time until something is due of a wait, ms. */
export function nextLookMs({ wanted, parksAt, endsAt }: Wait, now: number): number {
  const nextAt = now < parksAt ? Math.min(parksAt, endsAt) : endsAt
  // Rounded up, for a timer may fire up to a millisecond early.
  return Math.min(Math.ceil(nextAt - now), isForChildren(wanted) ? lookMs : longestTimerMs)
}

/** The waits of earlier attempts, as an order names them. */
export type WaitsOrder = Pick<AttemptOrder, 'waits' | 'begunWait'>

/** Whether a wait is for children. */
export const isForChildren = (wanted: WaitedFor): wanted is readonly string[] =>
  Array.isArray(wanted)

/** Whether a wait ended with a signal. */
export const isDelivery = (ended: WaitEnd): ended is Delivery =>
  typeof ended === 'object' && !Array.isArray(ended)

/** The outcome of a wait, as it is kept for the next attempt. */
export function waitOutcome(ended: WaitEnd): WaitOutcome {
  if (typeof ended === 'string') return ended
  return isDelivery(ended) ? ended.position : 'ended'
}

/** The wait that has parked, with the time of its end on this thread's clock. */
export type ParkedHere = Pick<ParkedWait, 'signal' | 'children' | 'done'> & {
  readonly endsAt: number
}

/** The wait that has parked, as the worker is told of it. @param taken the positions of the signals that were handed out. */
export function reportedWait(
  { endsAt, done, ...waitsFor }: ParkedHere,
  taken: readonly number[],
): ParkedWait {
  // Whole, and never more than the store can count: the sum of the clock and the time may be rounded up.
  const leftMs = Math.min(Math.max(0, Math.ceil(endsAt - clockMs())), longestMs)
  const known = new Set<WaitOutcome>(done)
  const others = taken.filter((position) => !known.has(position))
  return { ...waitsFor, wakeInMs: endsAt === Infinity ? null : leftMs, done, taken: others }
}
