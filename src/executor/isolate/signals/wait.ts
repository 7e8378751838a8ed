/** One wait of a handler, while it lasts. */
import type { WaitOutcome } from '../../../core/run/run.ts'
import type { Halt } from '../attempt/halt.ts'
import type { Delivery } from './delivery.ts'
import type { Mailbox } from './mailbox.ts'
import type { IsolateHeartbeat } from '../attempt/heartbeat.ts'
import type { Settled } from '../../../core/run/settled.ts'
import { clockMs } from '../attempt/clock.ts'

/** What children have come to, in order; null while not all have ended. */
export type EndsOf = (ids: readonly string[]) => Promise<readonly Settled[] | null>

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

export interface Wait {
  /** Its place among the waits since the last checkpoint. */
  readonly number: number
  /** Those waits; not the current list any more once a checkpoint was met. */
  readonly list: (WaitOutcome | undefined)[]
  readonly wanted: WaitedFor
  /** Where the wait is over already: what else it waits for. */
  readonly until: 'settled' | 'quiet' | null
  readonly endsAt: number
  /** When it gives the slot back; never where it is short enough. */
  parksAt: number
  /** While it asks whether the children have ended: only who knows that they have not may park. */
  isAsking: boolean
  readonly resolve: (ended: WaitEnd) => void
  readonly reject: (reason: unknown) => void
  takeBack: () => void
  stopBeating: () => void
  timer: NodeJS.Timeout | null
}

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
  // Never at once: a loop of such waits must let the event loop turn.
  const times = { endsAt: now + Math.max(ms, 1), parksAt: now + parksInMs }
  const none = { takeBack: () => {}, timer: null, isAsking: false }
  return { number, list, wanted, until, ...times, ...ways, ...none }
}

export const isForChildren = (wanted: WaitedFor): wanted is readonly string[] =>
  Array.isArray(wanted)

export const isDelivery = (ended: WaitEnd): ended is Delivery =>
  typeof ended === 'object' && !Array.isArray(ended)

/** What is kept of it for the next attempt. */
export function waitOutcome(ended: WaitEnd): WaitOutcome {
  if (typeof ended === 'string') return ended
  return isDelivery(ended) ? ended.position : 'ended'
}
