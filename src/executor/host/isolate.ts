import type { Duplex } from 'node:stream'
import type { ExitProof } from '../../core/run/stop.ts'
import { orderLine, loadLine } from '../wire/channel.ts'
import type {
  AbortReason,
  AttemptListener,
  AttemptOrder,
  KillOutcome,
  RunningAttempt,
} from '../executor.ts'
import { type IsolateControls, IsolatedAttempt } from './isolated-attempt.ts'
import { type Expected, type Heard, readReport } from './report.ts'
import { Wire } from '../wire/wire.ts'

/** The seat of an isolate: a child process, or a thread in a host. Its methods are all that can be done to the isolate from outside. */
export interface Seat {
  /** The pipe for orders and reports; null where the child could not be spawned. */
  readonly lane: Duplex | null
  /** Fulfils when its exit was observed; with null where it never came to life. */
  readonly gone: Promise<ExitProof | null>
  /** Whether it may be given another attempt. */
  readonly isOpen: boolean
  abort(seq: number, reason: AbortReason): void
  pause(seq: number, isAsked: boolean): void
  /** Stops it where it stands, and fulfils when that was observed; with false where it can't be done. */
  freeze(): Promise<boolean>
  thaw(): void
  /** Called when an attempt starts and when it has ended. */
  setBusy(isBusy: boolean): void
  /** Kills it; `unresponsive` where its exit was not observed within the seat's bound. It may be called again. */
  end(): Promise<KillOutcome>
}

const slack = 1_048_576

/** How long the last lines of an isolate may take to arrive after its exit. */
const drainMs = 100

/** The worker's side of an isolate: one attempt at a time, none after a kill or a delivered abort. */
export class Isolate implements IsolateControls {
  /** True once it can take an order without a delay; false where it ended before. */
  readonly ready: Promise<boolean>
  /** Settles after its last attempt has. */
  readonly gone: Promise<void>
  readonly #seat: Seat
  readonly #wire: Wire
  readonly #onEnded: () => void
  readonly #setReady: (isReady: boolean) => void
  #attempt: IsolatedAttempt | null = null
  #expected: Expected | null = null
  #seq = 0
  #isRetired = false

  /**
   * @param modules file URLs of the modules that it loads before it is ready.
   * @param onEnded called when its attempt has ended, before that attempt's `ended` settles.
   */
  constructor(seat: Seat, modules: readonly string[], onEnded: () => void) {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.ready = promise
    this.#setReady = resolve
    this.#seat = seat
    this.#onEnded = onEnded
    this.#wire = new Wire(seat.lane, (line) => this.#hear(readReport(line, this.#expected)), slack)
    this.#wire.send(loadLine(modules))
    this.gone = seat.gone.then((proof) => this.#onGone(proof))
    // A lane that ends means that the isolate has died, or broke the protocol and must.
    void this.#wire.closed.then(() => this.retire())
  }

  get isUsable(): boolean {
    return !this.#isRetired && this.#seat.isOpen
  }

  start(order: AttemptOrder, listener: AttemptListener): RunningAttempt {
    const attempt = new IsolatedAttempt(this, ++this.#seq, listener)
    const { payloadLimit, checkpointLimit } = order
    this.#attempt = attempt
    this.#expected = { seq: attempt.seq, payloadLimit, checkpointLimit }
    this.#seat.setBusy(true)
    // Twice, for JSON within JSON; a result and the last checkpoint come in one line.
    const longest = (payloadLimit + checkpointLimit) * 2 + slack
    this.#wire.longestLine = Math.max(this.#wire.longestLine, longest)
    this.#wire.send(orderLine(attempt.seq, order))
    return attempt
  }

  abort(seq: number, reason: AbortReason): void {
    this.#seat.abort(seq, reason)
  }

  pause(seq: number, isAsked: boolean): void {
    this.#seat.pause(seq, isAsked)
  }

  freeze(): Promise<boolean> {
    return this.#seat.freeze()
  }

  thaw(): void {
    this.#seat.thaw()
  }

  /** Tells it something about its attempt. */
  tell(line: string): void {
    this.#wire.send(line)
  }

  /** Notes that its attempt is being killed; the caller ends the seat. */
  condemn(): void {
    this.#isRetired = true
    if (this.#attempt !== null) this.#attempt.wasKilled = true
  }

  /** Kills it, and with it the attempt that it runs. */
  async kill(): Promise<KillOutcome> {
    this.condemn()
    const outcome = await this.retire()
    if (outcome === 'dead') await this.gone
    return outcome
  }

  /** Ends it without saying that its attempt was killed. */
  retire(): Promise<KillOutcome> {
    this.#isRetired = true
    return this.#seat.end()
  }

  #hear(report: Heard | null): void {
    if (report === null) return
    if (report[0] === 'ready') return this.#setReady(true)
    const attempt = this.#attempt
    if (attempt === null) return
    attempt.hear(report)
    if (attempt.outcome !== null) this.#finish(attempt)
  }

  /** An attempt that heard of an abort may have left anything behind: it has ended when its isolate is gone. */
  #finish(attempt: IsolatedAttempt): void {
    if (attempt.mustRetire || this.#isRetired) void this.retire()
    else this.#settle(attempt, null)
  }

  async #onGone(proof: ExitProof | null): Promise<void> {
    this.#isRetired = true
    this.#setReady(false)
    await Promise.race([this.#wire.closed, delay(drainMs)])
    if (this.#attempt !== null) this.#settle(this.#attempt, proof)
  }

  #settle(attempt: IsolatedAttempt, proof: ExitProof | null): void {
    this.#attempt = null
    this.#expected = null
    // A freeze that is under way must not hit the attempt after this one.
    this.#seat.thaw()
    this.#seat.setBusy(false)
    this.#onEnded()
    attempt.settle(proof)
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref())
}
