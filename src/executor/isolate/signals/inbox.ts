import { CheckreinError } from '../../../core/errors.ts'
import type { SignalOutcome } from '../../../core/run/events.ts'
import type { Checkpoints } from '../attempt/checkpoints.ts'
import type { AttemptOrder, ParkedWait } from '../../executor.ts'
import type { Halt } from '../attempt/halt.ts'
import type { Delivery } from './delivery.ts'
import { Mailbox } from './mailbox.ts'
import type { IsolateHeartbeat } from '../attempt/heartbeat.ts'
import type { EndsOf } from './wait.ts'
import { HandlerWaits } from './handler-waits.ts'
import type { AnyTask } from '../../../core/task/context.ts'

/** The surroundings of an inbox. */
export interface InboxParts {
  readonly halt: Halt
  readonly checkpoints: Checkpoints
  readonly heartbeat: IsolateHeartbeat
  readonly onTaken: (position: number, at: number) => void
  readonly endsOf: EndsOf
}

/** The mailbox and the waits of an attempt. They are made when they are needed: most attempts need neither, and begin in half the time. */
export class Inbox {
  readonly #order: AttemptOrder
  readonly #parts: InboxParts
  #mailbox: Mailbox | null = null
  #waits: HandlerWaits | null = null
  #task: AnyTask | null = null
  #isClosed = false

  constructor(order: AttemptOrder, parts: InboxParts) {
    this.#order = order
    this.#parts = parts
    if (order.waits.length > 0 || order.begunWait !== null) this.#waits = this.#makeWaits()
  }

  /** @throws {CheckreinError} `USAGE` once it is closed. */
  get mailbox(): Mailbox {
    if (this.#isClosed) throw attemptEnded()
    this.#mailbox ??= this.#makeMailbox()
    return this.#mailbox
  }

  /** @throws {CheckreinError} `USAGE` once it is closed. */
  get waits(): HandlerWaits {
    if (this.#isClosed) throw attemptEnded()
    this.#waits ??= this.#makeWaits()
    return this.#waits
  }

  /** The wait for which the attempt has parked; null where it has not. */
  get parkedWait(): ParkedWait | null {
    return this.#waits?.parked ?? null
  }

  /** Lets signals in and waits park, as the task says. */
  open(task: AnyTask): void {
    this.#task = task
    this.#mailbox?.open(task.signals)
    this.#waits?.open(task.parkAfterMs)
  }

  /** Notes a checkpoint. @param isKept whether it has a state. */
  onCheckpoint(isKept: boolean): void {
    if (isKept) this.#waits?.reset()
    this.#mailbox?.onCheckpoint(isKept)
  }

  /** The outcomes that a checkpoint covers, and that were not told yet; they count as told from now on. */
  drain(): readonly SignalOutcome[] {
    return this.#mailbox?.drain('covered') ?? []
  }

  /**
   * Ends the inbox, and gives the outcomes that go with the end. A handler that has returned has dealt with every signal that it
   * took. Otherwise the outcomes since the last checkpoint are dropped, replies included: the state that has their effect was not
   * kept, and the next attempt gets those signals again.
   */
  close(kind: 'returned' | 'threw' | 'parked'): readonly SignalOutcome[] {
    this.#isClosed = true
    this.#waits?.close()
    const mailbox = this.#mailbox
    if (mailbox === null) return []
    mailbox.close()
    if (kind === 'returned') mailbox.settleAll()
    return mailbox.drain(kind === 'returned' ? 'all' : 'covered')
  }

  #makeMailbox(): Mailbox {
    const { halt, checkpoints, onTaken } = this.#parts
    const mailbox = new Mailbox(halt, this.#order, {
      taken: onTaken,
      handled: (delivery) => this.#onHandled(delivery),
      rejected: (outcome) => checkpoints.tellAlone([outcome]),
    })
    if (this.#task !== null) mailbox.open(this.#task.signals)
    return mailbox
  }

  #makeWaits(): HandlerWaits {
    const { halt, heartbeat, endsOf } = this.#parts
    const waits = new HandlerWaits({ halt, heartbeat, mailbox: this.mailbox, endsOf }, this.#order)
    if (this.#task !== null) waits.open(this.#task.parkAfterMs)
    return waits
  }

  /** A handler that keeps no state has dealt with a signal at once; a handler that is going to keep a first state has not. */
  #onHandled({ keptOpen: hold }: Delivery): void {
    const { checkpoints } = this.#parts
    const keepsState = checkpoints.hasState || (this.#task !== null && this.#task.state !== null)
    if (keepsState || hold !== null) return
    const signals = this.mailbox.drain('answered')
    if (signals.length > 0) checkpoints.tellAlone(signals)
  }
}

/** The error for a call after the end of the attempt. */
export function attemptEnded(): CheckreinError {
  return new CheckreinError('USAGE', { message: 'The attempt has ended' })
}
