import type { Duplex } from 'node:stream'
import { defaultKill, type KillWay, type SentOsSignal } from '../../core/run/kill.ts'
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
  /** The OS signals that its processes were sent to end it. */
  readonly sent: readonly SentOsSignal[]
  /** Kills it; `unresponsive` where its exit was not observed within the seat's bound. It may be called again. */
  end(way: KillWay): Promise<KillOutcome>
  /** The same for an isolate that has nothing left to do. @param way without one, the way of an earlier call stays. */
  retire(way?: KillWay): Promise<KillOutcome>
}

const slack = 1_048_576

/** The settings of an isolate. */
export interface IsolateSettings {
  /** File URLs of the modules that it loads before it is ready. */
  readonly modules: readonly string[]
  /** How long it may take to load them, and then to begin with an attempt. */
  readonly startMs: number
  /** After so many attempts it is ended. */
  readonly attemptsPerIsolate: number
}

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
  /** How it is retired; null for the usual way, and where it is being killed in a way of its own. */
  #way: KillWay | null = null
  /** The modules that it could not load; null while it loads them. */
  #failed: readonly string[] | null = null
  readonly #startMs: number
  readonly #mostAttempts: number
  /** Since when it is due to say something: that its modules are loaded, or that it has begun with its attempt. */
  #dueSince = performance.now()
  #startTimer: NodeJS.Timeout | null = null

  /** @param onEnded called when its attempt has ended, before that attempt's `ended` settles. */
  constructor(seat: Seat, settings: IsolateSettings, onEnded: () => void) {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.ready = promise
    this.#setReady = resolve
    this.#seat = seat
    this.#onEnded = onEnded
    this.#wire = new Wire(seat.lane, (line) => this.#hear(readReport(line, this.#expected)), slack)
    this.#startMs = settings.startMs
    this.#mostAttempts = settings.attemptsPerIsolate
    this.#wire.send(loadLine(settings.modules))
    this.#watchStart()
    this.gone = seat.gone.then((proof) => this.#onGone(proof))
    // A lane that ends means that the isolate has died, or broke the protocol and must.
    void this.#wire.closed.then(() => this.retire())
  }

  /** Whether it has run no attempt yet. */
  get isFresh(): boolean {
    return this.#seq === 0
  }

  get isUsable(): boolean {
    return !this.#isRetired && this.#seat.isOpen
  }

  /** Whether it can't run the tasks of that module, as far as is known. */
  lacks(module: string): boolean {
    return this.#failed?.includes(module) === true
  }

  start(order: AttemptOrder, listener: AttemptListener): RunningAttempt {
    const attempt = new IsolatedAttempt(this, ++this.#seq, listener)
    const { payloadLimit, checkpointLimit, reuseIsolate = true } = order
    attempt.mustRetire = !reuseIsolate || attempt.seq >= this.#mostAttempts
    this.#attempt = attempt
    if (this.#failed !== null) this.#dueSince = performance.now()
    this.#watchStart()
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

  retireBy(way: KillWay): void {
    if (this.#attempt?.wasKilled !== true) this.#way = way
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
  async kill(way: KillWay = defaultKill): Promise<KillOutcome> {
    this.condemn()
    this.#way = null
    const outcome = await this.#seat.end(way)
    if (outcome === 'dead') await this.gone
    return outcome
  }

  /** Ends it without saying that its attempt was killed. */
  retire(): Promise<KillOutcome> {
    const way = this.#way ?? undefined
    this.#way = null
    this.#isRetired = true
    return this.#seat.retire(way)
  }

  #hear(report: Heard | null): void {
    if (report === null) return
    if (report[0] === 'ready') return this.#onReady(report[1])
    const attempt = this.#attempt
    if (attempt === null) return
    attempt.hear(report)
    if (attempt.outcome !== null) this.#finish(attempt)
  }

  #onReady(failed: readonly string[] | null): void {
    if (failed !== null) {
      this.#failed ??= failed
      this.#dueSince = performance.now()
    }
    this.#setReady(true)
  }

  /**
   * Ends an isolate that hangs in its start, or whose thread is blocked by what an earlier attempt left behind: its attempt would
   * wait for ever. One timer looks again and again while there is something to wait for, for attempts are many.
   */
  #watchStart(): void {
    if (this.#startTimer !== null || !this.#isDue) return
    const leftMs = this.#dueSince + this.#startMs - performance.now()
    this.#startTimer = setTimeout(
      () => {
        this.#startTimer = null
        if (this.#isDue && performance.now() >= this.#dueSince + this.#startMs) void this.retire()
        else this.#watchStart()
      },
      Math.max(1, leftMs),
    ).unref()
  }

  get #isDue(): boolean {
    if (this.#isRetired) return false
    return this.#attempt === null ? this.#failed === null : !this.#attempt.hasBegun
  }

  /** An attempt that heard of an abort may have left anything behind: it has ended when its isolate is gone. */
  #finish(attempt: IsolatedAttempt): void {
    if (attempt.mustRetire || this.#isRetired) void this.retire()
    else this.#settle(attempt, null)
  }

  async #onGone(proof: ExitProof | null): Promise<void> {
    this.#isRetired = true
    if (this.#startTimer !== null) clearTimeout(this.#startTimer)
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
    this.#watchStart()
    this.#onEnded()
    attempt.settle(proof, this.#seat.sent)
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref())
}
