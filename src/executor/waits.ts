/**
 * `ctx.sleep` and `ctx.receive`: waits that give the slot back when they last.
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
import { type Duration, durationMs, longestMs, longestTimerMs } from '../core/duration.ts'
import type { ReceiveOptions, Signal } from '../core/context.ts'
import type { WaitOutcome } from '../core/run.ts'
import { mostKept } from './bounds.ts'
import type { ParkedWait } from './executor.ts'
import type { Halt } from './halt.ts'
import type { Letter } from './letter.ts'
import type { Mailbox } from './mailbox.ts'
import type { Pulse } from './pulse.ts'

const clockMs = performance.now.bind(performance)

/** How long a wait that is over gives the listeners: one of them may itself wait for the handler. */
const longestHearingMs = 5000

/** How a wait ended in this attempt. */
type Ended = Letter | 'slept' | 'timeout'

interface Wait {
  /** Its place among the waits since the last checkpoint. */
  readonly number: number
  /** Those waits; not the current list any more once a checkpoint was met. */
  readonly list: (WaitOutcome | undefined)[]
  /** The signal waited for: its name, or the position that it had before; null for a sleep. */
  readonly wanted: string | number | null
  /** Where the wait is over already: what else it waits for. */
  readonly until: 'settled' | 'quiet' | null
  readonly endsAt: number
  /** When it gives the slot back; never where it is short enough. */
  parksAt: number
  readonly resolve: (ended: Ended) => void
  readonly reject: (reason: unknown) => void
  takeBack: () => void
  letGo: () => void
  timer: NodeJS.Timeout | null
}

export interface WaitsParts {
  readonly halt: Halt
  readonly mailbox: Mailbox
  readonly pulse: Pulse
}

export class Waits {
  readonly #halt: Halt
  readonly #mailbox: Mailbox
  readonly #pulse: Pulse
  readonly #pending = new Set<Wait>()
  #done: (WaitOutcome | undefined)[]
  #met = 0
  #parkAfterMs = Infinity
  #parked: (Pick<ParkedWait, 'signal' | 'done'> & { readonly endsAt: number }) | null = null

  /** @param done how the waits since the last checkpoint ended, in earlier attempts. */
  constructor({ halt, mailbox, pulse }: WaitsParts, done: readonly WaitOutcome[]) {
    this.#halt = halt
    this.#mailbox = mailbox
    this.#pulse = pulse
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
    const { signal, endsAt, done } = this.#parked
    // Whole, and never more than the store can count: the sum of the clock and the time may be rounded up.
    const leftMs = Math.min(Math.max(0, Math.ceil(endsAt - clockMs())), longestMs)
    const known = new Set<WaitOutcome>(done)
    const taken = this.#mailbox.taken.filter((position) => !known.has(position))
    return { signal, wakeInMs: endsAt === Infinity ? null : leftMs, done, taken }
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
      const letter = await this.#again({ number, position: before, ms })
      if (letter?.name === name) {
        await this.#hear(ms)
        return letter.signal
      }
      if (letter !== null) this.#mailbox.putBack(letter)
    }
    this.#forgetFrom(number)
    const parksInMs = ms > this.#parkAfterMs ? this.#parkAfterMs : Infinity
    const ended = await this.#wait({ number, wanted: name, ms, parksInMs })
    return typeof ended === 'string' ? null : ended.signal
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
  async #again(how: { number: number; position: number; ms: number }): Promise<Letter | null> {
    const { number, position: wanted, ms } = how
    const ended = await this.#wait({ number, wanted, ms, parksInMs: Infinity })
    if (typeof ended === 'string') return null
    ended.hold = 'replayed'
    return ended
  }

  /** The handler has gone another way than before: what is known of its waits from here on is of no use. */
  #forgetFrom(number: number): void {
    if (this.#done.length <= number) return
    this.#done.length = number
    this.#mailbox.release()
  }

  #wait(how: {
    readonly number: number
    readonly wanted: Wait['wanted']
    readonly until?: Wait['until']
    readonly ms: number
    readonly parksInMs: number
  }): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const { number, wanted, ms, parksInMs, until = null } = how
      const now = clockMs()
      // Never at once: a loop of such waits must let the event loop turn.
      const times = { endsAt: now + Math.max(ms, 1), parksAt: now + parksInMs }
      const ways = { resolve, reject, takeBack: () => {}, letGo: this.#pulse.hold(), timer: null }
      this.#begin({ number, list: this.#done, wanted, until, ...times, ...ways })
    })
  }

  #begin(wait: Wait): void {
    const { wanted } = wait
    this.#pending.add(wait)
    // A pause comes before what lies in the mailbox: the next attempt finds that again.
    if (this.#mayPark(wait) && this.#halt.isPauseDue) return this.#park(wait)
    if (wanted === null) return this.#consider(wait)
    const letter = this.#mailbox.take(wanted, 'receive')
    if (letter !== null) return this.#settle(wait, letter)
    const give = (letter: Letter) => this.#settle(wait, letter)
    wait.takeBack = this.#mailbox.wait({ wanted, consumer: 'receive', give })
    this.#consider(wait)
  }

  /** Ends it, parks it, or looks again later. */
  #consider(wait: Wait): void {
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
    const nextAt = now < wait.parksAt ? Math.min(wait.parksAt, wait.endsAt) : wait.endsAt
    // Rounded up, for a timer may fire up to a millisecond early.
    const ms = Math.min(Math.ceil(nextAt - now), longestTimerMs)
    wait.timer = setTimeout(() => this.#consider(wait), ms)
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
    const { wanted, endsAt } = wait
    const signal = typeof wanted === 'string' ? wanted : null
    // A signal that was taken before is on its way: the run does not wait for it, it is paused.
    if (typeof wanted !== 'number') this.#parked = { signal, endsAt, done: this.#known() }
    this.#halt.park()
  }

  /** How the waits ended, up to the first that has not. */
  #known(): WaitOutcome[] {
    const open = this.#done.findIndex((outcome) => outcome === undefined)
    return this.#done.slice(0, open < 0 ? undefined : open) as WaitOutcome[]
  }

  #settle(wait: Wait, ended: Ended): void {
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

  #note(number: number, ended: Ended): void {
    this.#done[number] = typeof ended === 'string' ? ended : ended.position
    if (typeof ended !== 'string') ended.hold ??= 'received'
  }

  #end(wait: Wait): void {
    this.#pending.delete(wait)
    wait.takeBack()
    wait.letGo()
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
