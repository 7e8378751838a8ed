/**
 * `ctx.sleep`, `ctx.receive` and `ctx.waitFor`: waits that give the slot back when they last.
 *
 * A wait that parks ends the attempt. The run then waits in the store, and its next attempt begins at the last checkpoint,
 * from where it comes to the same waits again, in the same order. So waits are numbered since the last checkpoint, and
 * each attempt is told how the first ones ended: those return what they returned before, at once.
 *
 *     checkpoint ─▶ sleep 0 ─▶ receive 1 ─▶ sleep 2 …          attempt 1 parks at 2: done = [slept, 17]
 *     (state)       slept      signal 17    12 h
 *     checkpoint ─▶ sleep 0 ─▶ receive 1 ─▶ sleep 2 ─▶ …       attempt 2 is told [slept, 17, slept]
 *
 * Parking is only right for a handler that does nothing else. So a wait does not park while another one is under way, while
 * its listeners have signals to hear, in a shield, or once a checkpoint was met since it began: then it goes on in the
 * process for as long as it takes. And a wait that is over for this attempt has been time in which signals came: it returns
 * when those that were sent have arrived, and the listeners have heard them.
 */
import { setTimeout, clearTimeout } from 'node:timers'
import { type Duration, durationMs, longestMs, longestTimerMs } from '../../../core/duration.ts'
import type { ReceiveOptions, Signal } from '../../../core/task/context.ts'
import type { WaitOutcome } from '../../../core/run/run.ts'
import { mostKept } from '../../wire/bounds.ts'
import type { ParkedWait } from '../../executor.ts'
import type { Halt } from '../attempt/halt.ts'
import type { Delivery } from './delivery.ts'
import type { Mailbox } from './mailbox.ts'
import type { IsolateHeartbeat } from '../attempt/heartbeat.ts'
import {
  type WaitEnd,
  type EndsOf,
  isForChildren,
  isDelivery,
  newWait,
  waitOutcome,
  type Wait,
  type WaitRequest,
  type WaitsParts,
} from './wait.ts'
import type { Settled } from '../../../core/run/settled.ts'
import { clockMs } from '../attempt/clock.ts'

/** How long a wait that is over gives the listeners: one of them may itself wait for the handler. */
const longestHearingMs = 5000
/** How often a wait that keeps its slot looks whether the children have ended. */
const lookMs = 250

export class HandlerWaits {
  readonly #halt: Halt
  readonly #mailbox: Mailbox
  readonly #heartbeat: IsolateHeartbeat
  readonly #endsOf: EndsOf
  readonly #pending = new Set<Wait>()
  #done: (WaitOutcome | undefined)[]
  #met = 0
  #parkAfterMs = Infinity
  #parked: (Pick<ParkedWait, 'signal' | 'children' | 'done'> & { readonly endsAt: number }) | null =
    null

  /** @param done how the waits since the last checkpoint ended, in earlier attempts. */
  constructor({ halt, mailbox, heartbeat, endsOf }: WaitsParts, done: readonly WaitOutcome[]) {
    this.#halt = halt
    this.#mailbox = mailbox
    this.#heartbeat = heartbeat
    this.#endsOf = endsOf
    this.#done = [...done]
    halt.watch(() => this.#review())
    mailbox.onCalm = () => this.#review()
  }

  open(parkAfterMs: number): void {
    this.#parkAfterMs = parkAfterMs
  }

  /** What the attempt waits for that has given its slot back. */
  get parked(): ParkedWait | null {
    if (this.#parked === null) return null
    const { endsAt, done, ...waitsFor } = this.#parked
    // Whole, and never more than the store can count: the sum of the clock and the time may be rounded up.
    const leftMs = Math.min(Math.max(0, Math.ceil(endsAt - clockMs())), longestMs)
    const known = new Set<WaitOutcome>(done)
    const taken = this.#mailbox.taken.filter((position) => !known.has(position))
    return { ...waitsFor, wakeInMs: endsAt === Infinity ? null : leftMs, done, taken }
  }

  /** A checkpoint was met: no wait before it is ever met again. */
  reset(): void {
    if (this.#met === 0 && this.#done.length === 0) return
    this.#done = []
    this.#met = 0
  }

  async sleep(time: Duration): Promise<void> {
    const ms = durationMs(time, 'sleep')
    this.#halt.throwIfHalted()
    const number = this.#met++
    if (this.#done[number] === 'slept') return await this.#hear(ms)
    this.#forgetFrom(number)
    await this.#wait({ number, wanted: null, ms, parksInMs: ms > this.#parkAfterMs ? 0 : Infinity })
  }

  async receive(name: string, { timeout }: ReceiveOptions = {}): Promise<Signal | null> {
    this.#mailbox.check(name)
    const ms = timeout === undefined ? Infinity : durationMs(timeout, 'timeout')
    this.#halt.throwIfHalted()
    const number = this.#met++
    const before = this.#done[number]
    if (before === 'timeout') {
      await this.#hear(ms)
      return null
    }
    if (typeof before === 'number') {
      const delivery = await this.#again({ number, position: before, ms })
      if (delivery?.name === name) {
        await this.#hear(ms)
        return delivery.signal
      }
      if (delivery !== null) this.#mailbox.putBack(delivery)
    }
    this.#forgetFrom(number)
    const parksInMs = ms > this.#parkAfterMs ? this.#parkAfterMs : Infinity
    const ended = await this.#wait({ number, wanted: name, ms, parksInMs })
    return isDelivery(ended) ? ended.signal : null
  }

  /** Gives the slot back from the first moment on: those that it waits for may need it. */
  async children(
    ids: readonly string[],
    { timeout }: ReceiveOptions = {},
  ): Promise<readonly Settled[] | null> {
    const ms = timeout === undefined ? Infinity : durationMs(timeout, 'timeout')
    this.#halt.throwIfHalted()
    const number = this.#met++
    const before = this.#done[number]
    if (before === 'timeout') {
      await this.#hear(ms)
      return null
    }
    if (before !== 'ended') this.#forgetFrom(number)
    const ended = await this.#wait({ number, wanted: ids, ms, parksInMs: 0 })
    if (before === 'ended') await this.#hear(ms)
    return typeof ended === 'string' || isDelivery(ended) ? null : ended
  }

  close(): void {
    for (const wait of this.#pending) this.#end(wait)
  }

  /** The wait is over: lets the listeners hear what came meanwhile, as if it had lasted here, and no longer than that. */
  async #hear(ms: number): Promise<void> {
    const how = { number: -1, wanted: null, parksInMs: Infinity }
    if (!this.#mailbox.isSettled) await this.#wait({ ...how, until: 'settled', ms: Infinity })
    if (!this.#mailbox.isQuiet)
      await this.#wait({ ...how, until: 'quiet', ms: Math.min(ms, longestHearingMs) })
  }

  /** The signal that this wait has taken before; it is on its way. */
  async #again(how: { number: number; position: number; ms: number }): Promise<Delivery | null> {
    const { number, position: wanted, ms } = how
    const ended = await this.#wait({ number, wanted, ms, parksInMs: Infinity })
    if (!isDelivery(ended)) return null
    ended.keptOpen = 'replayed'
    return ended
  }

  /** The handler has gone another way than before: what is known of its waits from here on is of no use. */
  #forgetFrom(number: number): void {
    if (this.#done.length <= number) return
    this.#done.length = number
    this.#mailbox.release()
  }

  #wait(how: WaitRequest): Promise<WaitEnd> {
    return new Promise((resolve, reject) => {
      const ways = { resolve, reject, stopBeating: this.#heartbeat.keepBeating() }
      this.#begin(newWait(how, this.#done, ways))
    })
  }

  #begin(wait: Wait): void {
    const { wanted } = wait
    this.#pending.add(wait)
    // A pause comes before what lies in the mailbox: the next attempt finds that again.
    if (this.#mayPark(wait) && this.#halt.isPauseDue) return this.#park(wait)
    if (wanted === null) return this.#consider(wait)
    if (isForChildren(wanted)) return this.#ask(wait, wanted)
    const delivery = this.#mailbox.take(wanted, 'receive')
    if (delivery !== null) return this.#settle(wait, delivery)
    const give = (delivery: Delivery) => this.#settle(wait, delivery)
    wait.takeBack = this.#mailbox.wait({ wanted, consumer: 'receive', give })
    this.#consider(wait)
  }

  /** Asks whether the children have ended, and goes on from there. */
  #ask(wait: Wait, ids: readonly string[]): void {
    wait.isAsking = true
    const over = (go: () => void): void => {
      wait.isAsking = false
      if (this.#pending.has(wait)) go()
    }
    this.#endsOf(ids).then(
      (ends) => over(() => (ends === null ? this.#consider(wait) : this.#settle(wait, ends))),
      (error: unknown) =>
        over(() => {
          this.#end(wait)
          wait.reject(error)
        }),
    )
  }

  /** Ends it, parks it, or looks again later. */
  #consider(wait: Wait): void {
    if (wait.isAsking) return
    const now = clockMs()
    if (this.#isOver(wait)) return this.#settle(wait, 'slept')
    if (now >= wait.endsAt) return this.#settle(wait, wait.wanted === null ? 'slept' : 'timeout')
    const isDue = now >= wait.parksAt || this.#halt.isPauseDue
    if (isDue && this.#mayPark(wait)) return this.#park(wait)
    this.#look(wait, now)
  }

  /** Considers it again at the next time that something is due. */
  #look(wait: Wait, now: number): void {
    if (wait.timer !== null) clearTimeout(wait.timer)
    const { wanted, parksAt, endsAt } = wait
    const nextAt = now < parksAt ? Math.min(parksAt, endsAt) : endsAt
    // Rounded up, for a timer may fire up to a millisecond early.
    const ms = Math.min(Math.ceil(nextAt - now), isForChildren(wanted) ? lookMs : longestTimerMs)
    wait.timer = setTimeout(() => {
      if (isForChildren(wanted) && clockMs() < endsAt) this.#ask(wait, wanted)
      else this.#consider(wait)
    }, ms)
  }

  #isOver({ until }: Wait): boolean {
    if (until === null) return false
    return until === 'settled' ? this.#mailbox.isSettled : this.#mailbox.isQuiet
  }

  #mayPark({ list, number, until }: Wait): boolean {
    if (until !== null || this.#pending.size > 1 || this.#halt.isShielded) return false
    // It must not wait in the store for what is on its way from there, nor end what listens while that has signals to hear.
    if (!this.#mailbox.isQuiet || this.#mailbox.takenCount > mostKept) return false
    return list === this.#done && number < mostKept
  }

  #park(wait: Wait): void {
    const { number, wanted, endsAt } = wait
    const signal = typeof wanted === 'string' ? wanted : null
    const children = isForChildren(wanted) ? { children: wanted } : {}
    // A signal that was taken before is on its way: the run does not wait for it, it is paused.
    if (typeof wanted !== 'number')
      this.#parked = { signal, ...children, endsAt, done: this.#known().slice(0, number) }
    this.#halt.park()
  }

  /** How the waits ended, up to the first that has not. */
  #known(): WaitOutcome[] {
    const open = this.#done.findIndex((outcome) => outcome === undefined)
    return this.#done.slice(0, open < 0 ? undefined : open) as WaitOutcome[]
  }

  #settle(wait: Wait, ended: WaitEnd): void {
    this.#end(wait)
    const { list, number } = wait
    if (wait.until === null && list === this.#done && number < mostKept) this.#note(number, ended)
    wait.resolve(ended)
    for (const other of this.#pending) this.#postpone(other)
  }

  /** Another wait is over, so the handler has something to do: this one does not park before it had time for that. */
  #postpone(wait: Wait): void {
    const now = clockMs()
    if (wait.parksAt !== Infinity) wait.parksAt = Math.max(wait.parksAt, now + this.#parkAfterMs)
    this.#look(wait, now)
  }

  #note(number: number, ended: WaitEnd): void {
    this.#done[number] = waitOutcome(ended)
    if (isDelivery(ended)) ended.keptOpen ??= 'received'
  }

  #end(wait: Wait): void {
    this.#pending.delete(wait)
    wait.takeBack()
    wait.stopBeating()
    if (wait.timer !== null) clearTimeout(wait.timer)
  }

  /** An abort ends what waits; a pause parks it; and after a shield what is overdue parks. */
  #review(): void {
    const { reason } = this.#halt
    for (const wait of this.#pending) {
      if (reason === null) this.#consider(wait)
      else {
        this.#end(wait)
        wait.reject(reason)
      }
    }
  }
}
