/**
 * The signals of an attempt: from their arrival to what came of them.
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
import { Intake } from './admit.ts'
import type { Consumer, Letter } from './delivery.ts'
import { Letters } from './pending.ts'
import { nextTurn, Turns } from '../attempt/turns.ts'

const epochMs = Date.now

export interface MailboxEvents {
  taken(position: number, at: number): void
  /** There is something to tell. */
  handled(letter: Letter): void
  /** It was not handed to the handler. */
  rejected(outcome: SignalOutcome): void
}

type Listener = (payload: unknown, signal: Signal) => unknown

/** Somebody who waits for a signal: of that name, or the one at that position. */
interface Waiter {
  readonly wanted: string | number
  readonly consumer: Consumer
  readonly give: (letter: Letter) => void
}

/**
 * Of what was answered, and no wait without a slot will need again: all of it, what was there at a checkpoint, or
 * whatever was taken.
 */
export type Due = 'answered' | 'covered' | 'all'

export class Mailbox {
  /** Whether all signals that were sent before the attempt began have arrived and were looked at. */
  isSettled: boolean
  /** Called when it has become so, and when the listeners have nothing more to do. */
  onCalm: () => void = () => undefined
  readonly #halt: Halt
  readonly #events: MailboxEvents
  readonly #intake: Intake
  readonly #letters: Letters
  /** Handed out and not told of. */
  readonly #taken = new Set<Letter>()
  readonly #waiters = new Map<string | number, Set<Waiter>>()
  readonly #listeners = new Map<string, Listener>()
  readonly #turns = new Turns()
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
    this.#letters = new Letters(order.waits.filter((outcome) => typeof outcome === 'number'))
    this.#events = events
    this.#intake = new Intake(order.payloadLimit, {
      admitted: (letter) => this.#put(letter),
      handled: (letter) => events.handled(letter),
      rejected: (outcome) => events.rejected(outcome),
      idle: () => this.#settle(),
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether it is settled, and no listener is being called or about to be. */
  get isQuiet(): boolean {
    return this.isSettled && !this.#isCalling
  }

  /** The signals that were handed out and not told of. */
  get taken(): readonly number[] {
    return Array.from(this.#taken, ({ position }) => position)
  }

  get takenCount(): number {
    return this.#taken.size
  }

  /** From here on signals are let in. */
  open(schemas: SignalSchemas): void {
    this.#intake.open(schemas)
  }

  caughtUp(position: number): void {
    this.#caughtUpTo = Math.max(this.#caughtUpTo, position)
    this.#settle()
  }

  deliver(sent: SentSignal): void {
    this.#intake.deliver(sent)
  }

  /** @throws {CheckreinError} `USAGE` where the task takes no signal of that name. */
  check(name: string): void {
    this.#intake.check(name)
  }

  /** The first that is there, if any. */
  take(wanted: string | number, consumer: Consumer): Letter | null {
    const letter = this.#letters.find(wanted)
    if (letter !== null) this.#hand(letter, consumer)
    return letter
  }

  /** Whoever took it has no use for it. */
  putBack(letter: Letter): void {
    this.#taken.delete(letter)
    letter.consumer = null
    letter.hold = null
    this.#put(letter)
  }

  /** Calls back with the next one, once; the function that it returns takes that back. */
  wait(waiter: Waiter): () => void {
    const { wanted } = waiter
    const waiters = this.#waiters.get(wanted) ?? new Set()
    this.#waiters.set(wanted, waiters.add(waiter))
    return () => {
      if (waiters.delete(waiter) && waiters.size === 0 && this.#waiters.get(wanted) === waiters)
        this.#waiters.delete(wanted)
    }
  }

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

  /** What was reserved for a wait is anybody's: the handler has gone another way than before. */
  release(): void {
    for (const letter of this.#letters.release()) this.#offer(letter)
  }

  /**
   * The handler has come to a checkpoint: what it took by an iterator is dealt with, and where it kept a state so is what
   * it received, for no wait before that state will ever be met again.
   */
  onCheckpoint(isStateKept: boolean): void {
    if (isStateKept) this.release()
    for (const letter of this.#taken) {
      if (isStateKept) letter.hold = null
      if (letter.hold !== null) continue
      if (letter.consumer !== 'listener') letter.settle()
      letter.isCovered = letter.outcome !== null
    }
  }

  /** Outcomes that were not told of yet; they count as told. */
  drain(due: Due): SignalOutcome[] {
    const outcomes: SignalOutcome[] = []
    for (const letter of this.#taken) {
      const { outcome, hold, isCovered } = letter
      const isDue = due === 'all' || (hold === null && (due === 'answered' || isCovered))
      if (outcome === null || !isDue) continue
      this.#taken.delete(letter)
      outcomes.push(outcome)
    }
    return outcomes
  }

  /** The handler has returned: it is through with all that it took. */
  settleAll(): void {
    for (const letter of this.#taken) letter.settle()
  }

  close(): void {
    this.#isClosed = true
    this.#waiters.clear()
    this.#listeners.clear()
    this.#intake.close()
  }

  #settle(): void {
    if (this.isSettled || !this.#intake.isIdle || this.#caughtUpTo < this.#sentBefore) return
    this.isSettled = true
    this.onCalm()
  }

  #put(letter: Letter): void {
    this.#letters.add(letter)
    this.#offer(letter)
  }

  /** To the wait that it is for, else to whoever waits longest; else it stays until somebody asks. */
  #offer(letter: Letter): void {
    const waiter = this.#firstOf(letter.position) ?? this.#firstOf(letter.name, letter)
    if (waiter === null) return void this.#call()
    this.#waiters.get(waiter.wanted)?.delete(waiter)
    this.#hand(letter, waiter.consumer)
    waiter.give(letter)
  }

  /** @param letter where it is somebody's, nobody gets it by its name. */
  #firstOf(wanted: string | number, letter?: Letter): Waiter | null {
    if (letter !== undefined && this.#letters.isReserved(letter)) return null
    const [waiter = null] = this.#waiters.get(wanted) ?? []
    return waiter
  }

  #hand(letter: Letter, consumer: Consumer): void {
    this.#letters.remove(letter)
    this.#taken.add(letter)
    letter.consumer = consumer
    this.#events.taken(letter.position, epochMs())
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

  /** For the first of all that somebody listens to. */
  #nextCall(): (() => Promise<void>) | null {
    if (this.#isClosed || this.#halt.reason !== null) return null
    let first: { readonly letter: Letter; readonly listener: Listener } | null = null
    for (const [name, listener] of this.#listeners) {
      const letter = this.#letters.find(name)
      if (letter === null || letter.position >= (first?.letter.position ?? Infinity)) continue
      first = { letter, listener }
    }
    if (first === null) return null
    const { letter, listener } = first
    return () => this.#callWith(letter, listener)
  }

  async #callWith(letter: Letter, listener: Listener): Promise<void> {
    this.#hand(letter, 'listener')
    try {
      letter.settleWith(await listener(letter.signal.payload, letter.signal))
    } catch (error) {
      // A listener that an abort or a pause interrupted is not through with its signal: the next attempt gets it again.
      if (this.#halt.reason === null || !(error === this.#halt.reason || isHalting(error)))
        letter.fail(error)
    }
  }
}
