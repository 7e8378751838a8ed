/**
 * The signals of an attempt: from their arrival to their outcomes.
 *
 *     deliver ──▶ checked, in order ──▶ in the mailbox ──▶ taken by a listener, an iterator or a `receive`
 *                      │ does not fit                          │
 *                      ▼                                       ▼ answered, or dealt with
 *                 its sender is told at once              handled ──▶ told with the next checkpoint
 *
 * A signal is told of with a checkpoint because the two belong together: the state that the handler kept is the one in
 * which the signal has had its effect. Should the attempt end before, but by returning, the next one gets the signal again.
 */
import type { SignalOutcome } from '../../../core/run/events.ts'
import type { Signal, SignalSchemas } from '../../../core/task/context.ts'
import { CheckreinError } from '../../../core/errors.ts'
import type { AttemptOrder, SentSignal } from '../../executor.ts'
import { type Halt, isHalting } from '../attempt/halt.ts'
import { SignalValidator } from './validator.ts'
import type { Consumer, Delivery } from './delivery.ts'
import { PendingDeliveries } from './pending.ts'
import { nextTurn, EventLoopTurns } from '../attempt/event-loop-turns.ts'
import { epochMs } from '../attempt/clock.ts'

/** The calls that a mailbox makes when something happens to a signal. */
export interface MailboxEvents {
  /** A signal was handed to the handler. @param at epoch ms. */
  taken(position: number, at: number): void
  /** A signal was answered, so that there may be something to tell. */
  handled(delivery: Delivery): void
  /** A signal did not fit: it was not handed to the handler. */
  rejected(outcome: SignalOutcome): void
}

type Listener = (payload: unknown, signal: Signal) => unknown

/** A consumer that waits for a signal: for any of that name, or for the one at that position. */
interface Waiter {
  readonly wanted: string | number
  readonly consumer: Consumer
  readonly give: (delivery: Delivery) => void
}

/**
 * The outcomes that are due. `answered`: of all signals that were answered and that no parked wait needs again; `covered`: only of
 * those that were answered before a checkpoint; `all`: of every signal that was taken.
 */
export type OutcomesDue = 'answered' | 'covered' | 'all'

/** The signals of one attempt, from their arrival to their outcomes. */
export class Mailbox {
  /** Whether all signals that were sent before the attempt began have arrived and were looked at. */
  isSettled: boolean
  /** Called when the mailbox is settled, and when the listeners have nothing more to do. */
  onCalm: () => void = () => undefined
  readonly #halt: Halt
  readonly #events: MailboxEvents
  readonly #validator: SignalValidator
  readonly #deliveries: PendingDeliveries
  /** The signals that were handed out, and whose outcomes were not told. */
  readonly #taken = new Set<Delivery>()
  readonly #waiters = new Map<string | number, Set<Waiter>>()
  readonly #listeners = new Map<string, Listener>()
  readonly #turns = new EventLoopTurns()
  /** The newest signal that was sent before the attempt began. */
  readonly #sentBefore: number
  #caughtUpTo = 0
  #isCalling = false
  #isClosed = false

  constructor(
    halt: Halt,
    order: Pick<AttemptOrder, 'waits' | 'signalled' | 'payloadLimit'>,
    events: MailboxEvents,
  ) {
    this.#halt = halt
    this.#sentBefore = order.signalled ?? 0
    this.isSettled = order.signalled === null
    this.#deliveries = new PendingDeliveries(
      order.waits.filter((outcome) => typeof outcome === 'number'),
    )
    this.#events = events
    this.#validator = new SignalValidator(order.payloadLimit, {
      admitted: (delivery) => this.#put(delivery),
      handled: (delivery) => events.handled(delivery),
      rejected: (outcome) => events.rejected(outcome),
      idle: () => this.#settle(),
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether the mailbox is settled, and no listener is being called or about to be. */
  get isQuiet(): boolean {
    return this.isSettled && !this.#isCalling
  }

  /** The positions of the signals that were handed out, and whose outcomes were not told. */
  get taken(): readonly number[] {
    return Array.from(this.#taken, ({ position }) => position)
  }

  get takenCount(): number {
    return this.#taken.size
  }

  /** Lets signals in. @param schemas those of the task. */
  open(schemas: SignalSchemas): void {
    this.#validator.open(schemas)
  }

  caughtUp(position: number): void {
    this.#caughtUpTo = Math.max(this.#caughtUpTo, position)
    this.#settle()
  }

  deliver(sent: SentSignal): void {
    this.#validator.deliver(sent)
  }

  /** @throws {CheckreinError} `USAGE` where the task takes no signal of that name. */
  check(name: string): void {
    this.#validator.check(name)
  }

  /** Takes the first signal of that name, or the one at that position; null where there is none. */
  take(wanted: string | number, consumer: Consumer): Delivery | null {
    const delivery = this.#deliveries.find(wanted)
    if (delivery !== null) this.#hand(delivery, consumer)
    return delivery
  }

  /** Puts a signal back that its consumer has no use for. */
  putBack(delivery: Delivery): void {
    this.#taken.delete(delivery)
    delivery.consumer = null
    delivery.keptOpen = null
    this.#put(delivery)
  }

  /** Gives the next such signal to the waiter, once. @returns a function that takes that back. */
  wait(waiter: Waiter): () => void {
    const { wanted } = waiter
    const waiters = this.#waiters.get(wanted) ?? new Set()
    this.#waiters.set(wanted, waiters.add(waiter))
    return () => {
      if (waiters.delete(waiter) && waiters.size === 0 && this.#waiters.get(wanted) === waiters)
        this.#waiters.delete(wanted)
    }
  }

  /** Calls the listener for each signal of the name. @throws {CheckreinError} `USAGE` where the name has a listener, or is none of the task. */
  listen(name: string, listener: Listener): Disposable {
    this.check(name)
    if (this.#listeners.has(name))
      throw new CheckreinError('USAGE', {
        message: `There is a listener for the signal ${JSON.stringify(name)} already`,
      })
    this.#listeners.set(name, listener)
    void this.#call()
    return { [Symbol.dispose]: () => void this.#listeners.delete(name) }
  }

  /** Frees the signals that were reserved for waits: the handler has gone another way than the earlier attempts. */
  release(): void {
    for (const delivery of this.#deliveries.release()) this.#offer(delivery)
  }

  /**
   * Notes that the handler has come to a checkpoint. The signals that it took by an iterator are dealt with. Where it kept a
   * state, so are the signals that it received, for no wait before that state will ever be met again.
   */
  onCheckpoint(isStateKept: boolean): void {
    if (isStateKept) this.release()
    for (const delivery of this.#taken) {
      if (isStateKept) delivery.keptOpen = null
      if (delivery.keptOpen !== null) continue
      if (delivery.consumer !== 'listener') delivery.settle()
      delivery.isCovered = delivery.outcome !== null
    }
  }

  /** The outcomes that are due and were not told yet; they count as told from now on. */
  drain(due: OutcomesDue): SignalOutcome[] {
    const outcomes: SignalOutcome[] = []
    for (const delivery of this.#taken) {
      const { outcome, keptOpen: hold, isCovered } = delivery
      const isDue = due === 'all' || (hold === null && (due === 'answered' || isCovered))
      if (outcome === null || !isDue) continue
      this.#taken.delete(delivery)
      outcomes.push(outcome)
    }
    return outcomes
  }

  /** Answers every signal that was taken, for the handler has returned. */
  settleAll(): void {
    for (const delivery of this.#taken) delivery.settle()
  }

  close(): void {
    this.#isClosed = true
    this.#waiters.clear()
    this.#listeners.clear()
    this.#validator.close()
  }

  #settle(): void {
    if (this.isSettled || !this.#validator.isIdle || this.#caughtUpTo < this.#sentBefore) return
    this.isSettled = true
    this.onCalm()
  }

  #put(delivery: Delivery): void {
    this.#deliveries.add(delivery)
    this.#offer(delivery)
  }

  /** Gives a signal to the wait that it is reserved for, else to the consumer that waits longest; else it stays until one asks. */
  #offer(delivery: Delivery): void {
    const waiter = this.#firstOf(delivery.position) ?? this.#firstOf(delivery.name, delivery)
    if (waiter === null) return void this.#call()
    this.#waiters.get(waiter.wanted)?.delete(waiter)
    this.#hand(delivery, waiter.consumer)
    waiter.give(delivery)
  }

  /** The consumer that waits longest. @param delivery a signal that is reserved for a wait: no consumer gets it by its name. */
  #firstOf(wanted: string | number, delivery?: Delivery): Waiter | null {
    if (delivery !== undefined && this.#deliveries.isReserved(delivery)) return null
    const [waiter = null] = this.#waiters.get(wanted) ?? []
    return waiter
  }

  #hand(delivery: Delivery, consumer: Consumer): void {
    this.#deliveries.remove(delivery)
    this.#taken.add(delivery)
    delivery.consumer = consumer
    this.#events.taken(delivery.position, epochMs())
  }

  /** Calls the listeners, one signal after the other, in a later turn. */
  async #call(): Promise<void> {
    if (this.#isCalling || this.#listeners.size === 0) return
    this.#isCalling = true
    await nextTurn()
    for (let next = this.#nextCall(); next !== null; next = this.#nextCall()) {
      await next()
      await this.#turns.pass()
    }
    this.#isCalling = false
    this.onCalm()
  }

  /** The next call of a listener: for the first of all signals that have one. */
  #nextCall(): (() => Promise<void>) | null {
    if (this.#isClosed || this.#halt.reason !== null) return null
    let first: { readonly delivery: Delivery; readonly listener: Listener } | null = null
    for (const [name, listener] of this.#listeners) {
      const delivery = this.#deliveries.find(name)
      if (delivery === null || delivery.position >= (first?.delivery.position ?? Infinity)) continue
      first = { delivery, listener }
    }
    if (first === null) return null
    const { delivery, listener } = first
    return () => this.#callWith(delivery, listener)
  }

  async #callWith(delivery: Delivery, listener: Listener): Promise<void> {
    this.#hand(delivery, 'listener')
    try {
      delivery.settleWith(await listener(delivery.signal.payload, delivery.signal))
    } catch (error) {
      // A listener that an abort or a pause interrupted is not through with its signal: the next attempt gets it again.
      if (this.#halt.reason === null || !(error === this.#halt.reason || isHalting(error)))
        delivery.fail(error)
    }
  }
}
