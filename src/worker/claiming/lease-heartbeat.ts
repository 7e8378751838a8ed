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
 * The margin is a fifth of the lease, and renewals come every third of it. One that fails is tried again soon; when
 * the time is up, or the store says that the lease has lapsed, it is lost for good: the worker kills what it still
 * has, and goes on under a new id, so that late writes of the old one show a fence that no longer holds.
 */
import { monotonicMs } from '../../executor/os/monotonic.ts'
import type { Store } from '../../store/store.ts'

export interface LeaseHeartbeatParts {
  readonly store: Store
  readonly workerId: string
  readonly leaseMs: number
  /** @param goodUntil on the machine's monotonic clock. */
  readonly onRenewed: (goodUntil: number) => void
  readonly onLost: () => void
  readonly onError: (error: unknown) => void
}

/** Until when isolates may run, where a lease was taken or renewed no earlier than at `sentAt` (monotonic ms). */
export function goodUntil(sentAt: number, leaseMs: number): number {
  return sentAt + leaseMs * 0.8
}

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

  /** Whether attempts may start: the lease is held, as far as this process can tell without asking. */
  get isGood(): boolean {
    return !this.#isOver && monotonicMs() < this.#loseAt()
  }

  /** Gives the lease up, so that what it holds lapses. */
  giveUp(): void {
    this.#lose()
  }

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
