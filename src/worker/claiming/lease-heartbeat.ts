/**
 * The lease, kept alive.
 *
 * A worker may hold runs only while its lease is good, and the proof of that has two sides. The store hands the runs
 * of a lapsed lease to others. So before the store may do that, their code here must be dead: every isolate is told
 * until when the lease is good, and kills itself at that time unless it has heard of a later one.
 *
 *     renewal sent        answered                                     isolates die         lease lapses
 *     ──┼───────────────────┼──────────────────────────────────────────────┼────────────────────┼──▶ time
 *       └─ good until: counted from here, for it can't have been written sooner, less a margin ─┘
 *
 * The margin is a fifth of the lease, and renewals come every third of it. A renewal that fails is tried again soon. When the
 * time is up, or the store says that the lease has lapsed, the lease is lost for good: the worker kills all that still runs, and
 * goes on under a new id, so that late writes under the old id show a fence that is not valid any more.
 */
import { monotonicMs } from '../../executor/os/monotonic.ts'
import type { Store } from '../../store/store.ts'

/** The lease that is kept alive, and the actions when it is renewed or lost. */
export interface LeaseHeartbeatParts {
  readonly store: Store
  readonly workerId: string
  readonly leaseMs: number
  /** @param goodUntil on the machine's monotonic clock. */
  readonly onRenewed: (goodUntil: number) => void
  readonly onLost: () => void
  readonly onError: (error: unknown) => void
}

/** The time until which isolates may run (monotonic ms), where a lease was taken or renewed no earlier than at `sentAt`. */
export function goodUntil(sentAt: number, leaseMs: number): number {
  return sentAt + leaseMs * 0.8
}

/** Renews one lease until it is stopped or lost. */
export class LeaseHeartbeat {
  readonly #parts: LeaseHeartbeatParts
  #goodUntil: number
  #timer: NodeJS.Timeout | null = null
  #isOver = false
  /** Fulfils when the lease is lost; never, where it is handed back. */
  readonly lost: Promise<void>
  #onLost: () => void = () => undefined

  constructor(parts: LeaseHeartbeatParts, goodUntil: number) {
    this.#parts = parts
    this.#goodUntil = goodUntil
    this.lost = new Promise((resolve) => (this.#onLost = resolve))
    this.#beatIn(parts.leaseMs / 3)
  }

  /** Whether attempts may start: the lease is good, as far as this process can tell without asking. */
  get isGood(): boolean {
    return !this.#isOver && monotonicMs() < this.#loseAt()
  }

  /** Gives the lease up, so that the runs under it lapse. */
  giveUp(): void {
    this.#lose()
  }

  /** Sends no further renewals. */
  stop(): void {
    this.#isOver = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #beatIn(ms: number): void {
    if (!this.#isOver) this.#timer = setTimeout(() => void this.#beat(), ms)
  }

  async #beat(): Promise<void> {
    const { store, workerId, leaseMs, onRenewed, onError } = this.#parts
    const sentAt = monotonicMs()
    if (sentAt >= this.#loseAt()) {
      this.#lose()
      return
    }
    const lateTimer = setTimeout(() => this.#lose(), Math.max(0, this.#loseAt() - sentAt))
    try {
      const isHeld = await store.renewLease(workerId)
      if (this.#isOver) return
      if (!isHeld) {
        this.#lose()
        return
      }
      this.#goodUntil = goodUntil(sentAt, leaseMs)
      onRenewed(this.#goodUntil)
      this.#beatIn(leaseMs / 3)
    } catch (error) {
      onError(error)
      if (monotonicMs() >= this.#loseAt()) this.#lose()
      else this.#beatIn(leaseMs / 15)
    } finally {
      clearTimeout(lateTimer)
    }
  }

  /** A little before the isolates kill themselves, so that handlers hear of it. */
  #loseAt(): number {
    return this.#goodUntil - this.#parts.leaseMs / 10
  }

  #lose(): void {
    if (this.#isOver) return
    this.stop()
    this.#onLost()
    this.#parts.onLost()
  }
}
