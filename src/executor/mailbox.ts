/**
 * The signals of an attempt: from their arrival to what came of them.
 *
 *     deliver ──▶ checked, in order ──▶ in the mailbox ──▶ taken by a listener, an iterator or a `receive`
 *                      │ does not fit                          │
 *                      ▼                                       ▼ answered, or dealt with
 *                 its sender is told at once              handled ──▶ told with the next checkpoint
 *
 * A signal is told of with a checkpoint because the two belong together: the state that the handler kept is the one in
 * which the signal has had its effect. Should the attempt die before, the next one gets the signal again.
 */
import { setImmediate } from 'node:timers'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { CheckreinError, errorRecord } from '../core/errors.ts'
import type { SignalOutcome } from '../core/events.ts'
import { decodePayload } from '../core/payload.ts'
import type { Signal, SignalSchemas } from '../core/context.ts'
import { portableError } from './channel.ts'
import type { AttemptOrder, SentSignal } from './executor.ts'
import { type Halt, isHalting } from './halt.ts'
import { type Consumer, Letter } from './letter.ts'
import { firstIssue, validate } from './validate.ts'

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

export class Mailbox {
  /** Whether all signals that were sent before the attempt began have arrived and were looked at. */
  isSettled: boolean
  /** Called when it has become so. */
  onSettled: () => void = () => undefined
  readonly #halt: Halt
  readonly #events: MailboxEvents
  #schemas: SignalSchemas | null = null
  /** The largest reply. */
  readonly #limit: number
  readonly #seen = new Set<number>()
  #incoming: SentSignal[] = []
  /** Those that nobody has taken, by position. */
  #letters: Letter[] = []
  /** Handed out and not told of. */
  #taken: Letter[] = []
  readonly #waiters = new Set<Waiter>()
  readonly #listeners = new Map<string, Listener>()
  /** Positions that an earlier attempt took, and that only the same wait may take again. */
  readonly #reserved: Set<number>
  /** The newest signal that was sent before the attempt began. */
  readonly #sentBefore: number
  #caughtUpTo = 0
  #isAdmitting = false
  #isCalling = false
  #isClosed = false

  constructor(
    halt: Halt,
    order: Pick<AttemptOrder, 'waits' | 'signalled' | 'payloadLimit'>,
    events: MailboxEvents,
  ) {
    this.#halt = halt
    this.#limit = order.payloadLimit
    this.#sentBefore = order.signalled ?? 0
    this.isSettled = order.signalled === null
    this.#reserved = new Set(order.waits.filter((outcome) => typeof outcome === 'number'))
    this.#events = events
  }

  /** From here on signals are let in. */
  open(schemas: SignalSchemas): void {
    this.#schemas = schemas
    void this.#admit()
  }

  caughtUp(position: number): void {
    this.#caughtUpTo = Math.max(this.#caughtUpTo, position)
    this.#settle()
  }

  deliver(sent: SentSignal): void {
    if (this.#isClosed || this.#seen.has(sent.position)) return
    this.#seen.add(sent.position)
    insert(this.#incoming, sent)
    void this.#admit()
  }

  /** @throws {CheckreinError} `USAGE` where the task takes no signal of that name. */
  check(name: string): void {
    const schemas = this.#schemas ?? {}
    if (Object.hasOwn(schemas, name)) return
    const names = Object.keys(schemas).join(', ')
    throw new CheckreinError('USAGE', {
      message: `The task takes no signal ${JSON.stringify(name)}`,
      hint: names === '' ? 'Declare it in the `signals` of the task.' : `It takes: ${names}`,
    })
  }

  /** The first that is there, if any. */
  take(wanted: string | number, consumer: Consumer): Letter | null {
    const letter = this.#letters.find((one) => this.#fits(one, wanted))
    if (letter === undefined) return null
    this.#hand(letter, consumer)
    return letter
  }

  /** Whoever took it has no use for it. */
  putBack(letter: Letter): void {
    this.#taken = this.#taken.filter((one) => one !== letter)
    letter.consumer = null
    letter.hold = null
    insert(this.#letters, letter)
    this.#offer(letter)
  }

  /** Calls back with the next one, once; the function that it returns takes that back. */
  wait(waiter: Waiter): () => void {
    this.#waiters.add(waiter)
    return () => this.#waiters.delete(waiter)
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
    if (this.#reserved.size === 0) return
    this.#reserved.clear()
    for (const letter of this.#letters.slice()) this.#offer(letter)
  }

  /**
   * The handler has come to a checkpoint: what it took by an iterator is dealt with, and where it kept a state so is what
   * it received, for no wait before that state will ever be met again.
   */
  onCheckpoint(isStateKept: boolean): void {
    if (isStateKept) this.release()
    for (const letter of this.#taken) {
      if (isStateKept) letter.hold = null
      if (letter.hold === null && letter.consumer !== 'listener') letter.settle()
    }
  }

  /** Outcomes that were not told of yet, of letters that `isDue`; they count as told. */
  drain(isDue: (letter: Letter) => boolean = (letter) => letter.hold === null): SignalOutcome[] {
    if (this.#taken.length === 0) return []
    const due = this.#taken.filter((letter) => letter.outcome !== null && isDue(letter))
    this.#taken = this.#taken.filter((letter) => !due.includes(letter))
    return due.flatMap(({ outcome }) => outcome ?? [])
  }

  /** The handler has returned: it is through with all that it took. */
  settleAll(): void {
    for (const letter of this.#taken) letter.settle()
  }

  close(): void {
    this.#isClosed = true
    this.#waiters.clear()
    this.#listeners.clear()
    this.#incoming = []
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** One after the other, for a schema may take its time and the order must stay. */
  async #admit(): Promise<void> {
    if (this.#isAdmitting || this.#schemas === null) return
    this.#isAdmitting = true
    for (let sent = this.#incoming.shift(); sent !== undefined; sent = this.#incoming.shift()) {
      const letter = await this.#checked(sent, this.#schemas)
      if (letter === null || this.#isClosed) continue
      insert(this.#letters, letter)
      this.#offer(letter)
    }
    this.#isAdmitting = false
    this.#settle()
  }

  #settle(): void {
    const isBusy = this.#isAdmitting || this.#incoming.length > 0
    if (this.isSettled || isBusy || this.#caughtUpTo < this.#sentBefore) return
    this.isSettled = true
    this.onSettled()
  }

  async #checked(sent: SentSignal, schemas: SignalSchemas): Promise<Letter | null> {
    try {
      this.check(sent.name)
      const checked = await validate(
        schemas[sent.name] as StandardSchemaV1,
        decodePayload(sent.payload),
      )
      if (!checked.isValid) {
        const message = `The payload of the signal ${JSON.stringify(sent.name)} does not fit: ${firstIssue(checked.issues)}`
        return this.#reject(sent, { message, details: { issues: checked.issues } })
      }
      const events = { limit: this.#limit, onHandled: (letter: Letter) => this.#onHandled(letter) }
      return new Letter(sent, checked.value, events)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return this.#reject(sent, { message, details: {} })
    }
  }

  #reject(
    { position, name }: SentSignal,
    { message, details }: { message: string; details: Readonly<Record<string, unknown>> },
  ): null {
    const error = new CheckreinError('SIGNAL_REJECTED', { message, details: { name, ...details } })
    const outcome = { position, reply: null, error: portableError(errorRecord(error)) }
    if (!this.#isClosed) this.#events.rejected(outcome)
    return null
  }

  #fits(letter: Letter, wanted: string | number): boolean {
    if (typeof wanted === 'number') return letter.position === wanted
    return letter.name === wanted && !this.#reserved.has(letter.position)
  }

  /** To whoever waits longest; else it stays until somebody asks. */
  #offer(letter: Letter): void {
    for (const waiter of this.#waiters) {
      if (!this.#fits(letter, waiter.wanted)) continue
      this.#waiters.delete(waiter)
      this.#hand(letter, waiter.consumer)
      return waiter.give(letter)
    }
    void this.#call()
  }

  #hand(letter: Letter, consumer: Consumer): void {
    this.#letters = this.#letters.filter((one) => one !== letter)
    this.#taken.push(letter)
    letter.consumer = consumer
    this.#events.taken(letter.position, epochMs())
  }

  /** Calls the listeners, one signal after the other, in a later turn. */
  async #call(): Promise<void> {
    if (this.#isCalling || this.#listeners.size === 0) return
    this.#isCalling = true
    await new Promise((resolve) => void setImmediate(resolve))
    for (let next = this.#nextCall(); next !== null; next = this.#nextCall()) await next()
    this.#isCalling = false
  }

  #nextCall(): (() => Promise<void>) | null {
    if (this.#isClosed || this.#halt.reason !== null) return null
    for (const letter of this.#letters) {
      const listener = this.#listeners.get(letter.name)
      if (listener !== undefined && !this.#reserved.has(letter.position))
        return () => this.#callWith(letter, listener)
    }
    return null
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

  #onHandled(letter: Letter): void {
    if (!this.#isClosed) this.#events.handled(letter)
  }
}

/** Puts one in its place by position: nearly always the last. */
function insert<T extends { readonly position: number }>(list: T[], one: T): void {
  const place = list.findLastIndex(({ position }) => position < one.position) + 1
  list.splice(place, 0, one)
}
