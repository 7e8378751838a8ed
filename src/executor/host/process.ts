import { extname } from 'node:path'
import { defaultKill, type KillWay, type SentOsSignal } from '../../core/run/kill.ts'
import type { ExitProof } from '../../core/run/stop.ts'
import { ProcessTree } from './process-tree.ts'
import type { Surroundings } from '../os/surroundings.ts'
import type { AbortReason, KillOutcome } from '../executor.ts'
import type { Seat } from './isolate.ts'
import type { SeatMaker } from './pool.ts'

const entry = new URL(`../isolate/process-isolate${extname(import.meta.url)}`, import.meta.url)

/** How long a process may take to die of SIGKILL: only one that sits in the kernel (state D) takes longer than a few ms. */
const killBoundMs = 5000

/** `process` isolation: each isolate is a child process with its own group. */
export class ProcessSeats implements SeatMaker {
  readonly isolation = 'process'
  whyUnmade: unknown = null
  readonly #children = new Set<ProcessTree>()
  readonly #surroundings: Surroundings
  #goodUntil: number

  constructor(goodUntil: number, surroundings: Surroundings) {
    this.#goodUntil = goodUntil
    this.#surroundings = surroundings
  }

  open(): Seat {
    const child = new ProcessTree({
      entry,
      goodUntil: this.#goodUntil,
      surroundings: this.#surroundings,
      onUnmade: (error) => (this.whyUnmade = error),
    })
    this.#children.add(child)
    void child.gone.then(() => this.#children.delete(child))
    return new ProcessSeat(child)
  }

  renew(goodUntil: number): void {
    this.#goodUntil = goodUntil
    for (const child of this.#children) child.renew(goodUntil)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.end(defaultKill)))
  }
}

class ProcessSeat implements Seat {
  readonly lane
  readonly gone: Promise<ExitProof | null>
  readonly isOpen = true
  readonly #child: ProcessTree

  constructor(child: ProcessTree) {
    this.#child = child
    this.lane = child.pipe(3)
    this.gone = child.gone
  }

  abort(seq: number, reason: AbortReason): void {
    this.#child.tellDeadman(['abort', seq, reason])
  }

  pause(seq: number, isAsked: boolean): void {
    this.#child.tellDeadman(['pause', seq, isAsked])
  }

  freeze(): Promise<boolean> {
    return this.#child.freeze()
  }

  thaw(): void {
    this.#child.thaw()
  }

  setBusy(): void {}

  get sent(): readonly SentOsSignal[] {
    return this.#child.sent
  }

  end(way: KillWay): Promise<KillOutcome> {
    return this.#inTime(this.#child.end(way))
  }

  retire(way?: KillWay): Promise<KillOutcome> {
    return this.#inTime(this.#child.retire(way))
  }

  /** The bound begins at SIGKILL, for until then the processes may take their time. */
  #inTime(over: Promise<void>): Promise<KillOutcome> {
    const dead = over.then((): KillOutcome => 'dead')
    return within(this.#child.killInMs + killBoundMs, dead)
  }
}

/** The outcome of a kill, or `unresponsive` where it isn't there in time. */
export async function within(boundMs: number, dead: Promise<KillOutcome>): Promise<KillOutcome> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<KillOutcome>((resolve) => {
    timer = setTimeout(() => resolve('unresponsive'), boundMs)
  })
  try {
    return await Promise.race([dead, late])
  } finally {
    clearTimeout(timer)
  }
}
