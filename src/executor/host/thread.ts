import { extname } from 'node:path'
import type { Duplex } from 'node:stream'
import { defaultKill, type SentOsSignal } from '../../core/run/kill.ts'
import type { ExitProof } from '../../core/run/stop.ts'
import type { HostOrder } from '../wire/channel.ts'
import { ProcessTree, type Exit } from './process-tree.ts'
import type { Surroundings } from '../os/surroundings.ts'
import type { AbortReason, KillOutcome } from '../executor.ts'
import type { Seat } from './isolate.ts'
import type { SeatMaker } from './pool.ts'
import { within } from './process.ts'
import { readHostReport } from './report.ts'
import { Wire } from '../wire/wire.ts'

const entry = new URL(`../isolate/thread-host${extname(import.meta.url)}`, import.meta.url)

/** How long a terminated thread may take: JavaScript takes 1-5 ms (measured), a blocking native call as long as it likes. */
const usualKillBoundMs = 500

/** The file descriptor of a host's first lane; 3 is for its orders, 4 for its dead man's switch. */
const firstLane = 5

/** How many threads a host may open in its life beside the most that run at once, to replace threads that were killed. */
const replacements = 32

/** The settings of all threads of an executor. */
export interface ThreadSettings {
  /** How many threads there may be at once. */
  readonly threadCount: number
  readonly surroundings: Surroundings
  /** How long a terminated thread may take; default 500 ms. */
  readonly killBoundMs?: number
}

/**
 * `thread` isolation: threads in a host process, which is a child like any other. The host is recycled when a thread
 * in it does not end, or when its lanes are used up: it gets no new attempts, and is killed once only stuck ones are left.
 */
export class ThreadSeats implements SeatMaker {
  readonly isolation = 'thread'
  whyUnmade: unknown = null
  readonly #hosts = new Set<Host>()
  readonly #settings: HostSettings
  #goodUntil: number

  constructor(goodUntil: number, { threadCount, surroundings, killBoundMs }: ThreadSettings) {
    this.#goodUntil = goodUntil
    this.#settings = {
      laneCount: threadCount + replacements,
      surroundings,
      killBoundMs: killBoundMs ?? usualKillBoundMs,
      onUnmade: (error) => (this.whyUnmade = error),
    }
  }

  open(onShut: () => void): Seat {
    const host = [...this.#hosts].find((one) => one.hasRoom) ?? this.#openHost()
    return host.open(onShut)
  }

  renew(goodUntil: number): void {
    this.#goodUntil = goodUntil
    for (const host of this.#hosts) host.child.renew(goodUntil)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#hosts].map((host) => host.child.end(defaultKill)))
  }

  #openHost(): Host {
    const host = new Host(this.#goodUntil, this.#settings)
    this.#hosts.add(host)
    void host.child.gone.then(() => this.#hosts.delete(host))
    return host
  }
}

interface HostSettings {
  readonly laneCount: number
  readonly surroundings: Surroundings
  readonly killBoundMs: number
  readonly onUnmade: (error: unknown) => void
}

/** The worker's side of a host. */
class Host {
  readonly child: ProcessTree
  readonly killBoundMs: number
  readonly #laneCount: number
  readonly #wire: Wire
  readonly #seats = new Map<number, ThreadSeat>()
  #opened = 0
  #isDraining = false

  constructor(goodUntil: number, settings: HostSettings) {
    this.#laneCount = settings.laneCount
    this.killBoundMs = settings.killBoundMs
    this.child = new ProcessTree({ entry, goodUntil, ...settings })
    this.#wire = new Wire(this.child.pipe(3), (line) => this.#hear(line), 65_536)
    void this.child.gone.then((exit) => this.#onGone(exit))
  }

  get hasRoom(): boolean {
    return !this.#isDraining && this.#opened < this.#laneCount
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  open(onShut: () => void): ThreadSeat {
    const lane = firstLane + this.#opened++
    const seat = new ThreadSeat(this, { lane, onShut })
    this.#seats.set(lane, seat)
    void seat.gone.then(() => this.#forget(lane))
    this.tell(['open', lane])
    return seat
  }

  tell(order: HostOrder): void {
    this.#wire.send(JSON.stringify(order))
  }

  /** Takes no new attempts. The running ones go on to their end, and the idle threads are given up. */
  drain(): void {
    if (this.#isDraining) return
    this.#isDraining = true
    for (const seat of this.#seats.values()) seat.onShut()
    this.settle()
  }

  /** Ends the process when nothing runs in it that may still end by itself. */
  settle(): void {
    const isNeeded = [...this.#seats.values()].some((seat) => seat.isBusy && !seat.isStuck)
    if (this.#opened === this.#laneCount && this.#seats.size === 0) this.#isDraining = true
    if (this.#isDraining && !isNeeded) void this.child.end()
  }

  #forget(lane: number): void {
    this.#seats.delete(lane)
    this.settle()
  }

  #onGone(exit: Exit | null): void {
    this.#isDraining = true
    for (const seat of this.#seats.values()) seat.onHostGone(exit)
  }

  #hear(line: string): void {
    const report = readHostReport(line)
    if (report === null) return
    const [type, lane, value] = report
    const seat = this.#seats.get(lane)
    if (type === 'opened') seat?.onOpened(this.child.pid, value)
    else seat?.onGone(value)
  }
}

/** A thread, as its worker sees it. */
class ThreadSeat implements Seat {
  readonly lane: Duplex | null
  readonly gone: Promise<ExitProof | null>
  readonly onShut: () => void
  isBusy = false
  /** Terminated, and not seen to end within the bound. */
  isStuck = false
  readonly #host: Host
  readonly #number: number
  readonly #setGone: (proof: ExitProof | null) => void
  readonly #opened = Promise.withResolvers<void>()
  #id: { readonly pid: number; readonly threadId: number } | null = null

  constructor(host: Host, { lane, onShut }: { lane: number; onShut: () => void }) {
    const { promise, resolve } = Promise.withResolvers<ExitProof | null>()
    this.gone = promise
    this.#setGone = resolve
    this.#host = host
    this.#number = lane
    this.onShut = onShut
    this.lane = host.child.pipe(lane)
  }

  /** The signals that its host was sent: no OS signal reaches a thread alone. */
  get sent(): readonly SentOsSignal[] {
    return this.#host.child.sent
  }

  get isOpen(): boolean {
    return !this.#host.isDraining
  }

  abort(seq: number, reason: AbortReason): void {
    this.#host.tell(['abort', this.#number, seq, reason])
  }

  pause(seq: number, isAsked: boolean): void {
    this.#host.tell(['pause', this.#number, seq, isAsked])
  }

  /** One thread of a process can't be stopped alone. */
  async freeze(): Promise<boolean> {
    return false
  }

  thaw(): void {}

  setBusy(isBusy: boolean): void {
    this.isBusy = isBusy
    if (!isBusy && this.#host.isDraining) this.#host.settle()
  }

  async end(): Promise<KillOutcome> {
    this.#host.tell(['kill', this.#number])
    // The bound is for the thread, not for a host that is still starting.
    await Promise.race([this.#opened.promise, this.gone])
    const outcome = await within(
      this.#host.killBoundMs,
      this.gone.then(() => 'dead'),
    )
    if (outcome === 'unresponsive') this.#giveUp()
    return outcome
  }

  retire(): Promise<KillOutcome> {
    return this.end()
  }

  onOpened(pid: number, threadId: number): void {
    this.#id = { pid, threadId }
    this.#opened.resolve()
  }

  onGone(exitCode: number): void {
    this.#setGone(this.#id === null ? null : { ...this.#id, exitCode, osSignal: null })
  }

  onHostGone(exit: Exit | null): void {
    const threadId = this.#id?.threadId
    this.#setGone(exit === null || threadId === undefined ? exit : { ...exit, threadId })
  }

  #giveUp(): void {
    this.isStuck = true
    this.#host.drain()
    this.#host.settle()
  }
}
