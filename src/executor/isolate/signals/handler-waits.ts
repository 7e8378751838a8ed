/**
 * `ctx.sleep`, `ctx.receive` and `ctx.waitFor`: waits that give the slot back when they last.
 *
 * A wait that parks ends the attempt. The run then waits in the store, and its next attempt begins at the last checkpoint, from
 * where it comes to the same waits again, in the same order. So waits are numbered since the last checkpoint, and each attempt is
 * told how the first ones ended: those return what they returned before, at once.
 *
 *     checkpoint ─▶ sleep 0 ─▶ receive 1 ─▶ sleep 2 …          attempt 1 parks at 2: done = [slept, 17]
 *     (state)       slept      signal 17    12 h
 *     checkpoint ─▶ sleep 0 ─▶ receive 1 ─▶ sleep 2 ─▶ …       attempt 2 is told [slept, 17, slept]
 *
 * Parking is only right for a handler that does nothing else. So a wait does not park while another one is under way, while its
 * listeners have signals to hear, in a shield, or once a checkpoint was met since it began: then it goes on in the process for as
 * long as it takes. Signals may have come during a wait that an earlier attempt had finished. Such a wait returns only when the
 * signals that were sent have arrived and the listeners have been called for them.
 */
import { setTimeout, clearTimeout } from 'node:timers'
import { type Duration, durationMs } from '../../../core/duration.ts'
import type { ReceiveOptions, Signal } from '../../../core/task/context.ts'
import type { WaitOutcome } from '../../../core/run/run.ts'
import { mostKept } from '../../wire/bounds.ts'
import type { ParkedWait } from '../../executor.ts'
import type { Halt } from '../attempt/halt.ts'
import type { Delivery } from './delivery.ts'
import type { Mailbox } from './mailbox.ts'
import type { IsolateHeartbeat } from '../attempt/heartbeat.ts'
import {
  begunHere,
  type BegunHere,
  type WaitEnd,
  type EndsOf,
  isForChildren,
  isDelivery,
  isMailboxReady,
  knownOutcomes,
  leftOf,
  nextLookMs,
  newWait,
  type ParkedHere,
  reportedWait,
  waitOutcome,
  type Wait,
  type WaitRequest,
  type WaitsOrder,
  type WaitsParts,
} from './wait.ts'
import type { Settled } from '../../../core/run/settled.ts'
import { clockMs } from '../attempt/clock.ts'

/** How long a finished wait gives the listeners at most: one of them may itself wait for the handler. */
const longestHearingMs = 5000
const unnumbered = { number: -1, wanted: null, parksInMs: Infinity } as const

/** The waits of one attempt. */
export class HandlerWaits {
  readonly #halt: Halt
  readonly #mailbox: Mailbox
  readonly #heartbeat: IsolateHeartbeat
  readonly #endsOf: EndsOf
  readonly #pending = new Set<Wait>()
  #done: (WaitOutcome | undefined)[]
  #met = 0
  #parkAfterMs = Infinity
  #parked: ParkedHere | null = null
  #begun: BegunHere | null

  /** @param order how the waits since the last checkpoint ended, in earlier attempts, and the one that goes on. */
  constructor({ halt, mailbox, heartbeat, endsOf }: WaitsParts, order: WaitsOrder) {
    this.#halt = halt
    this.#mailbox = mailbox
    this.#heartbeat = heartbeat
    this.#endsOf = endsOf
    this.#done = [...order.waits]
    this.#begun = begunHere(order)
    halt.watch(() => this.#review())
    mailbox.onCalm = () => this.#review()
  }

  open(parkAfterMs: number): void {
    this.#parkAfterMs = parkAfterMs
  }

  /** The wait for which the attempt has given its slot back; null where it has not. */
  get parked(): ParkedWait | null {
    return this.#parked && reportedWait(this.#parked, this.#mailbox.taken)
  }

  /** Forgets all waits, for a checkpoint was met: no wait before it is ever met again. */
  reset(): void {
    this.#begun = null
    this.#done = []
    this.#met = 0
  }

  /** Waits that long; `ctx.sleep`. */
  async sleep(time: Duration): Promise<void> {
    const ms = durationMs(time, 'sleep')
    this.#halt.throwIfHalted()
    const number = this.#met++
    if (this.#done[number] === 'slept') return void (await this.#hear(ms))
    this.#forgetFrom(number)
    await this.#wait({ number, wanted: null, ms, parksInMs: ms > this.#parkAfterMs ? 0 : Infinity })
  }

  /** Waits for a signal; `ctx.receive`. */
  async receive(name: string, { timeout }: ReceiveOptions = {}): Promise<Signal | null> {
    this.#mailbox.check(name)
    const ms = timeout === undefined ? Infinity : durationMs(timeout, 'timeout')
    this.#halt.throwIfHalted()
    const number = this.#met++
    const before = this.#done[number]
    if (before === 'timeout') return await this.#hear(ms)
    if (typeof before === 'number') {
      const delivery = await this.#again({ number, wanted: before, ms })
      if (delivery?.name === name) {
        await this.#hear(ms)
        return delivery.signal
      }
      if (delivery !== null) this.#mailbox.putBack(delivery)
    }
    this.#forgetFrom(number)
    const begun = this.#begun?.number === number && this.#begun.signal === name ? this.#begun : null
    const askedAt = clockMs()
    // A signal that came in time is taken, also where the time is over by now, or is shorter than a signal takes from the store.
    if (begun || ms < Infinity) await this.#settled(begun ? Infinity : longestHearingMs)
    const leftMs = begun ? leftOf(begun, ms) : ms - (clockMs() - askedAt)
    const parksInMs = leftMs > this.#parkAfterMs ? this.#parkAfterMs : Infinity
    const ended = await this.#wait({ number, wanted: name, ms: leftMs, parksInMs })
    return isDelivery(ended) ? ended.signal : null
  }

  /** Waits for the ends of children; `ctx.waitFor`. It gives the slot back from the first moment on, for the children may need it. */
  async children(
    ids: readonly string[],
    { timeout }: ReceiveOptions = {},
  ): Promise<readonly Settled[] | null> {
    const ms = timeout === undefined ? Infinity : durationMs(timeout, 'timeout')
    this.#halt.throwIfHalted()
    const number = this.#met++
    const before = this.#done[number]
    if (before === 'timeout') return await this.#hear(ms)
    if (before !== 'ended') this.#forgetFrom(number)
    const ended = await this.#wait({ number, wanted: ids, ms, parksInMs: 0 })
    if (before === 'ended') await this.#hear(ms)
    return typeof ended === 'string' || isDelivery(ended) ? null : ended
  }

  close(): void {
    for (const wait of this.#pending) this.#end(wait)
  }

  /** Lets the listeners hear the signals that came during a finished wait, as if it had lasted here, and for no longer than that. @returns null, for a wait whose time was over. */
  async #hear(ms: number): Promise<null> {
    await this.#settled()
    if (!this.#mailbox.isQuiet)
      await this.#wait({ ...unnumbered, until: 'quiet', ms: Math.min(ms, longestHearingMs) })
    return null
  }

  async #settled(ms = Infinity): Promise<void> {
    if (!this.#mailbox.isSettled) await this.#wait({ ...unnumbered, until: 'settled', ms })
  }

  /** Waits for the signal that this wait has taken in an earlier attempt; it is on its way. */
  async #again(how: Omit<WaitRequest, 'parksInMs'>): Promise<Delivery | null> {
    const ended = await this.#wait({ ...how, parksInMs: Infinity })
    if (!isDelivery(ended)) return null
    ended.keptOpen = 'replayed'
    return ended
  }

  /** Forgets the outcomes from that wait on: the handler has gone another way than the earlier attempts. */
  #forgetFrom(number: number): void {
    if (this.#done.length <= number) return
    this.#done.length = number
    this.#begun = null
    this.#mailbox.release()
  }

  #wait(how: WaitRequest): Promise<WaitEnd> {
    return new Promise((resolve, reject) => {
      const stopBeating = this.#heartbeat.keepBeating()
      this.#begin(newWait(how, this.#done, { resolve, reject, stopBeating }))
    })
  }

  #begin(wait: Wait): void {
    const { wanted } = wait
    this.#pending.add(wait)
    // A pause comes before a signal that lies in the mailbox: the next attempt finds the signal again.
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
    if (isMailboxReady(wait, this.#mailbox)) return this.#settle(wait, 'slept')
    if (now >= wait.endsAt) return this.#settle(wait, wait.wanted === null ? 'slept' : 'timeout')
    const isDue = now >= wait.parksAt || this.#halt.isPauseDue
    if (isDue && this.#mayPark(wait)) return this.#park(wait)
    this.#look(wait, now)
  }

  /** Considers it again at the next time that something is due. */
  #look(wait: Wait, now: number): void {
    if (wait.timer !== null) clearTimeout(wait.timer)
    const { wanted, endsAt } = wait
    wait.timer = setTimeout(
      () => {
        if (isForChildren(wanted) && clockMs() < endsAt) this.#ask(wait, wanted)
        else this.#consider(wait)
      },
      nextLookMs(wait, now),
    )
  }

  #mayPark({ list, number, until }: Wait): boolean {
    if (until !== null || this.#pending.size > 1 || this.#halt.isShielded) return false
    // A wait must not park for signals that are on their way from the store, nor while a listener has signals to hear.
    if (!this.#mailbox.isQuiet || this.#mailbox.takenCount > mostKept) return false
    return list === this.#done && number < mostKept
  }

  #park(wait: Wait): void {
    const { number, wanted, endsAt } = wait
    const signal = typeof wanted === 'string' ? wanted : null
    const children = isForChildren(wanted) ? { children: wanted } : {}
    // A signal that an earlier attempt took is on its way: then the run does not wait for it, but is paused.
    if (typeof wanted !== 'number')
      this.#parked = {
        signal,
        ...children,
        endsAt,
        done: knownOutcomes(this.#done).slice(0, number),
      }
    this.#halt.park()
  }

  #settle(wait: Wait, ended: WaitEnd): void {
    this.#end(wait)
    const { list, number } = wait
    if (wait.until === null && list === this.#done && number < mostKept) {
      list[number] = waitOutcome(ended)
      if (isDelivery(ended)) ended.keptOpen ??= 'received'
    }
    wait.resolve(ended)
    for (const other of this.#pending) this.#postpone(other)
  }

  /** Delays the parking of a wait: another one is over, and the handler needs time to go on from there. */
  #postpone(wait: Wait): void {
    const now = clockMs()
    if (wait.parksAt !== Infinity) wait.parksAt = Math.max(wait.parksAt, now + this.#parkAfterMs)
    this.#look(wait, now)
  }

  #end(wait: Wait): void {
    this.#pending.delete(wait)
    wait.takeBack()
    wait.stopBeating()
    if (wait.timer !== null) clearTimeout(wait.timer)
  }

  /** Looks at all waits anew: an abort ends them, a pause parks them, and after a shield an overdue wait parks. */
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
