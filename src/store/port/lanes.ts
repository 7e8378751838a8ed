/** How the runs that have not ended are spread over queues and tasks. Instants are epoch ms of the store's clock. */
import type { State } from '../../core/run/transitions.ts'

/** The states of a run that has not ended, in the order in which people read them. */
export const liveStates = [
  'queued',
  'running',
  'scheduled',
  'waiting',
  'paused',
] as const satisfies readonly State[]
/** One of `liveStates`. */
export type LiveState = (typeof liveStates)[number]

/** The runs of one task in one queue. */
export interface LaneCounts {
  readonly queue: string
  readonly task: string
  /** How many runs are in each state; of a state in `Lanes.cut` there may be more. */
  readonly counts: Readonly<Record<LiveState, number>>
  /** When the queued run that was enqueued first was enqueued; null where none is queued. */
  readonly oldestQueuedAt: number | null
}

/** The outcome of a look at the lanes. A look is bounded: it costs the same with a million runs. */
export interface Lanes {
  /** By queue, then by task. */
  readonly lanes: readonly LaneCounts[]
  /**
   * The states of which not every run was counted. `queued` is counted to 10,000 for each lane, and for 5,000 lanes (each
   * priority of a lane counts as one); of each other state 10,000 runs are counted, in whatever lanes they are.
   */
  readonly cut: readonly LiveState[]
}
