import type { ErrorRecord } from '../../core/errors.ts'
import type { Saved, SignalOutcome } from '../../core/run/events.ts'
import type { JsonText } from '../../core/run/run.ts'
import type { KillWay, SentOsSignal } from '../../core/run/kill.ts'
import type { ExitProof } from '../../core/run/stop.ts'
import { answerLine, caughtUpLine, type EndReport, savedLine, signalLine } from '../wire/channel.ts'
import type {
  AbortReason,
  StoreAnswer,
  AttemptEnd,
  AttemptListener,
  KillOutcome,
  RunningAttempt,
  SentSignal,
} from '../executor.ts'
import type { Heard } from './report.ts'

type ReportedEnd =
  | Pick<Extract<AttemptEnd, { kind: 'returned' }>, 'kind' | 'result' | 'at' | 'saved'>
  | Pick<Extract<AttemptEnd, { kind: 'threw' }>, 'kind' | 'error' | 'isRetryable' | 'saved'>
  | Pick<Extract<AttemptEnd, { kind: 'parked' }>, 'kind' | 'wait' | 'saved'>

const nothingSaved: Saved = { checkpoint: null, signals: [] }

const brokenEnd: ErrorRecord = {
  name: 'CheckreinError',
  message: 'The isolate reported an end of the attempt that cannot be stored',
  code: 'INTERNAL',
  hint: 'Something in the handler or its modules writes to the pipe of its isolate, or has changed what JSON does.',
}

/** The part of its `Isolate` that an attempt needs. `attempt` is the number of the attempt within the isolate. */
export interface IsolateControls {
  abort(attempt: number, reason: AbortReason): void
  /** Says how it is ended where nobody kills it. */
  retireBy(way: KillWay): void
  pause(attempt: number, isAsked: boolean): void
  tell(line: string): void
  freeze(): Promise<boolean>
  thaw(): void
  kill(way?: KillWay): Promise<KillOutcome>
}

const tellsOfHandler = (report: Heard[0]): boolean =>
  report !== 'delivered' && report !== 'threw' && report !== 'broken'

/** An attempt in an isolate, as its worker sees it. */
export class IsolatedAttempt implements RunningAttempt {
  readonly ended: Promise<AttemptEnd>
  readonly seq: number
  outcome: ReportedEnd | null = null
  mustRetire = false
  /** Whether the isolate has said that it calls the handler. */
  hasBegun = false
  wasKilled = false
  readonly #isolate: IsolateControls
  readonly #listener: AttemptListener
  readonly #resolve: (end: AttemptEnd) => void
  /** The signals that it was sent and has not told the outcome of: it can't speak of any others. */
  readonly #open = new Set<number>()
  /** The outcomes that wait for the checkpoint or the end that follows. */
  #handled: SignalOutcome[] = []
  #deliveredAt: number | null = null
  #isAborted = false
  #isPauseAsked = false
  #hasEnded = false

  constructor(isolate: IsolateControls, seq: number, listener: AttemptListener) {
    const { promise, resolve } = Promise.withResolvers<AttemptEnd>()
    this.ended = promise
    this.#resolve = resolve
    this.#isolate = isolate
    this.#listener = listener
    this.seq = seq
  }

  abort(reason: AbortReason, way?: KillWay): void {
    if (way !== undefined && !this.#hasEnded) this.#isolate.retireBy(way)
    if (this.#isAborted || this.#hasEnded) return
    this.#isAborted = true
    this.#isolate.abort(this.seq, reason)
  }

  pause(isAsked: boolean): void {
    if (this.#isPauseAsked === isAsked || this.#hasEnded) return
    this.#isPauseAsked = isAsked
    this.#isolate.pause(this.seq, isAsked)
  }

  signal(signal: SentSignal): void {
    if (this.#hasEnded) return
    this.#open.add(signal.position)
    this.#isolate.tell(signalLine(this.seq, signal))
  }

  caughtUp(position: number): void {
    if (!this.#hasEnded) this.#isolate.tell(caughtUpLine(this.seq, position))
  }

  saved(number: number, error: ErrorRecord | null): void {
    if (!this.#hasEnded) this.#isolate.tell(savedLine(this.seq, number, error))
  }

  answer(number: number, answer: StoreAnswer): void {
    if (!this.#hasEnded) this.#isolate.tell(answerLine(this.seq, number, answer))
  }

  async freeze(): Promise<boolean> {
    return !this.#hasEnded && (await this.#isolate.freeze())
  }

  thaw(): void {
    if (!this.#hasEnded) this.#isolate.thaw()
  }

  async kill(way?: KillWay): Promise<KillOutcome> {
    return this.#hasEnded ? 'dead' : await this.#isolate.kill(way)
  }

  /** @param sent the OS signals that its isolate was sent. */
  settle(proof: ExitProof | null, sent: readonly SentOsSignal[]): void {
    this.#hasEnded = true
    const killed = { kind: 'exited', wasKilled: this.wasKilled, saved: nothingSaved } as const
    const outcome = this.outcome ?? killed
    const signals = sent.length === 0 ? {} : { sent }
    this.#resolve({ ...outcome, deliveredAt: this.#deliveredAt, proof, ...signals })
  }

  hear(report: Exclude<Heard, readonly ['ready', ...unknown[]]>): void {
    if (this.outcome !== null) return
    this.#noteBegun(report[0])
    switch (report[0]) {
      case 'begun':
        return undefined
      case 'delivered':
        return this.#onDelivered(report[2])
      case 'progress':
        return this.#listener.onProgress(report[2])
      case 'log':
        return this.#listener.onLog(report[2])
      case 'checkpoint':
        return this.#listener.onCheckpoint(this.#saved(report[3]), report[2])
      case 'handled':
        return this.#onHandled(report[2])
      case 'taken':
        return this.#onTaken(report[2], report[3])
      case 'extend':
        return this.#listener.onExtend(report[2])
      case 'question':
        return this.#listener.onQuestion(report[3], report[2])
      case 'returned':
      case 'threw':
      case 'parked':
        return this.#onEnd(report)
      case 'broken':
        return this.#onBroken()
    }
  }

  /** Every report of a handler says that it was called; an abort may be delivered, and an error thrown, before that. */
  #noteBegun(report: Heard[0]): void {
    if (this.hasBegun || !tellsOfHandler(report)) return
    this.hasBegun = true
    this.#listener.onBegun()
  }

  #onEnd(report: EndReport): void {
    if (report[0] === 'threw') {
      const [kind, , error, isRetryable, checkpoint, isTainted] = report
      this.outcome = { kind, error, isRetryable, saved: this.#saved(checkpoint) }
      this.mustRetire ||= isTainted
      return
    }
    const saved = this.#saved(report[3])
    this.mustRetire ||= report[4]
    if (report[0] === 'parked') {
      this.outcome = { kind: 'parked', wait: report[2], saved }
      return
    }
    const [kind, , result, , , at] = report
    this.outcome = { kind, result, saved, ...(at === undefined ? {} : { at }) }
  }

  /** Ends the attempt with an error. Nothing that came with the broken end is kept, the outcomes of signals included, and the isolate is not used again. */
  #onBroken(): void {
    this.outcome = { kind: 'threw', error: brokenEnd, isRetryable: true, saved: nothingSaved }
    this.mustRetire = true
  }

  #onDelivered(at: number): void {
    if (this.#deliveredAt !== null) return
    this.#deliveredAt = at
    this.mustRetire = true
    this.#listener.onDelivered(at)
  }

  #onTaken(position: number, at: number): void {
    if (this.#open.has(position)) this.#listener.onTaken(position, at)
  }

  #onHandled(outcome: SignalOutcome): void {
    if (this.#open.delete(outcome.position)) this.#handled.push(outcome)
  }

  #saved(checkpoint: JsonText | null): Saved {
    const signals = this.#handled
    this.#handled = []
    return { checkpoint, signals }
  }
}
