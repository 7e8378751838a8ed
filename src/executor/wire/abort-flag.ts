/**
 * An abort that is seen in the middle of a loop.
 *
 * `AbortSignal.aborted` turns true when somebody calls `controller.abort()`, which takes a turn of the event loop; a
 * handler that never yields never gives one. So the watcher thread of a child (or the main thread of a host) raises a
 * flag in shared memory, and the signals handed to handlers look at it whenever they are asked:
 *
 *     watcher thread                              thread of the handler
 *     post [seq, reason] to the port
 *     flag = seq                      ───▶        abortSignal.aborted: flag is my seq? take the reason off the port,
 *                                                 fire the controller now, listeners and all
 *
 * The reason is posted before the flag is raised, so a thread that sees the flag finds the reason. Where the handler does
 * yield, the port's message event brings the abort as any other event. The flag holds the number of the attempt that
 * is meant: an abort that comes late can't hit the next attempt, and nothing has to be reset between two.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { AbortReason } from '../executor.ts'

const abortedOf = getter('aborted')
const reasonOf = getter('reason')

function getter(name: 'aborted' | 'reason'): (signal: AbortSignal) => unknown {
  const get: (this: AbortSignal) => unknown =
    Reflect.getOwnPropertyDescriptor(AbortSignal.prototype, name)?.get ?? missing
  return (signal) => get.call(signal)
}

function missing(): undefined {}

/** Makes a signal call `poll` before it answers whether it is aborted. */
export function watchedAbortSignal(signal: AbortSignal, poll: () => void): void {
  const read = (get: (signal: AbortSignal) => unknown) => (): unknown => {
    poll()
    return get(signal)
  }
  Object.defineProperties(signal, {
    aborted: { get: read(abortedOf), configurable: true },
    reason: { get: read(reasonOf), configurable: true },
    throwIfAborted: {
      value: (): void => {
        if (signal.aborted) throw signal.reason
      },
      configurable: true,
    },
  })
}

/** A thread's ends of the flag and the port by which it hears of aborts and pauses; they can be sent to another thread. */
export interface AbortEars {
  readonly flag: Int32Array<SharedArrayBuffer>
  readonly port: MessagePort
}

/** The cells of the flag: the number of the attempt that is to abort, and of the one that is to pause. */
const abortCell = 0
const pauseCell = 1

/** Makes a flag that asks for nothing. */
export function makeFlag(): AbortEars['flag'] {
  return new Int32Array(new SharedArrayBuffer(8))
}

/** A message to the port: an abort with its reason; without a reason a pause, which is no more than a hint to look at the flag. */
type Raised = readonly [seq: number, reason: AbortReason | null]

/** Raises an abort for attempt `seq` of the isolate that holds the other end. */
export function raiseAbort({ flag, port }: AbortEars, seq: number, reason: AbortReason): void {
  port.postMessage([seq, reason] satisfies Raised)
  Atomics.store(flag, abortCell, seq)
}

/** Asks attempt `seq` to park at its next checkpoint, or takes that back. */
export function raisePause({ flag, port }: AbortEars, seq: number, isAsked: boolean): void {
  if (!isAsked) return void Atomics.compareExchange(flag, pauseCell, seq, 0)
  Atomics.store(flag, pauseCell, seq)
  port.postMessage([seq, null] satisfies Raised)
}

/** The calls that the handler's end makes from the event loop when something was raised. */
export interface AbortEvents {
  onAbort(seq: number, reason: AbortReason): void
  onPause(seq: number): void
}

/** The handler's end: hears of aborts by event, or at once when asked. */
export class AbortListener {
  readonly #ears: AbortEars
  #newest: AbortReason | null = null

  constructor(ears: AbortEars, events: AbortEvents) {
    this.#ears = ears
    ears.port.on('message', ([seq, reason]: Raised) => {
      if (reason === null) return events.onPause(seq)
      this.#newest = reason
      events.onAbort(seq, reason)
    })
  }

  isAborted(seq: number): boolean {
    return Atomics.load(this.#ears.flag, abortCell) === seq
  }

  isPauseAsked(seq: number): boolean {
    return Atomics.load(this.#ears.flag, pauseCell) === seq
  }

  /** The reason of the newest abort. */
  reason(): AbortReason {
    for (;;) {
      const next = receiveMessageOnPort(this.#ears.port)
      if (next === undefined) break
      const [, reason] = next.message as Raised
      // The event of a pause is lost with that: where there is an abort, it does not matter any more.
      this.#newest = reason ?? this.#newest
    }
    return (
      this.#newest ?? {
        code: 'ATTEMPT_CANCELLED',
        message: 'The run was asked to stop',
        details: {},
      }
    )
  }
}
