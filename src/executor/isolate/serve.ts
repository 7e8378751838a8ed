import { stringifyJson } from '../../core/json.ts'
import { Socket } from 'node:net'
import { errorRecord } from '../../core/error-record.ts'
import type { SignalOutcome } from '../../core/run/events.ts'
import { type AbortEars, AbortListener } from '../wire/abort-flag.ts'
import { type Order, type Report, readOrder } from '../wire/channel.ts'
import { AttemptContext } from './context.ts'
import type { AttemptOrder, HandlerListener } from '../executor.ts'
import { isSettled, loadTasks } from './load-task.ts'
import { type HandlerOutcome, performAttempt, threw } from './perform.ts'
import { epochMs } from './attempt/clock.ts'
import { Traces } from './traces.ts'
import { currentOwner, type ErrorOwner, ownedBy } from '../os/uncaught.ts'
import { Wire } from '../wire/wire.ts'

/** How many bytes may wait for a worker that does not read before log lines are dropped. */
const logBacklog = 1_048_576

/** How long modules may load before the isolate takes orders all the same. */
const longestLoadMs = 5000

/**
 * The isolate's side of its lane: runs one attempt at a time, as ordered, until the process or thread is killed.
 * An error that nobody caught ends the attempt that is running, and the worker then replaces the isolate.
 */
export function serve(lane: number, ears: AbortEars): void {
  const service = new Service(new Socket({ fd: lane, readable: true, writable: true }), ears)
  process.on('uncaughtException', (error) => service.uncaught(error))
}

interface Current extends ErrorOwner {
  readonly seq: number
  readonly context: AttemptContext
}

class Service {
  readonly #wire: Wire
  readonly #aborts: AbortListener
  readonly #traces = new Traces()
  #current: Current | null = null
  #modules: readonly string[] = []
  /** Whether the running attempt is the last: something goes on here that is not its own. */
  #isHaunted = false

  constructor(socket: Socket, ears: AbortEars) {
    this.#wire = new Wire(socket, (line) => this.#hear(readOrder(line)), Infinity)
    this.#aborts = new AbortListener(ears, {
      onAbort: (seq, reason) => this.#at(seq)?.abort(reason),
      onPause: (seq) => this.#at(seq)?.wake(),
    })
  }

  /**
   * Loads what its attempts will need, so that the first one need not wait for it. A module that failed once fails in this isolate
   * for ever, for Node keeps the failure: so the worker is told, and an attempt that needs the module goes to another isolate.
   */
  async #load(modules: readonly string[]): Promise<void> {
    this.#modules = modules
    const late = setTimeout(() => this.#send(['ready', null]), longestLoadMs)
    const loaded = await Promise.allSettled(modules.map((module) => loadTasks(module)))
    clearTimeout(late)
    const failed = modules.filter((_, at) => loaded[at]?.status === 'rejected')
    this.#send(['ready', failed])
  }

  /**
   * Ends the running attempt, unless an attempt before it has thrown the error. Without a running attempt nobody is left to tell, and
   * the isolate dies of the error.
   */
  uncaught(error: unknown): void {
    const current = this.#current
    if (current === null) throw error
    const owner = currentOwner()
    if (owner === null || owner === current) return current.onUncaught(error)
    this.#isHaunted = true
    const { message, stack = message } = errorRecord(error)
    process.emitWarning(`An attempt that has ended threw: ${stack}`, 'CheckreinWarning')
  }

  /** The context of the attempt of that number, while it runs. */
  #at(seq: number): AttemptContext | null {
    return this.#current?.seq === seq ? this.#current.context : null
  }

  #hear(order: Order): void {
    switch (order.type) {
      case 'start':
        return this.#begin(order.seq, order.order)
      case 'signal':
        return this.#at(order.seq)?.deliver(order.signal)
      case 'caught-up':
        return this.#at(order.seq)?.caughtUp(order.position)
      case 'load':
        return void this.#load(order.modules)
      case 'answer':
        return this.#at(order.seq)?.onAnswer(order.number, order.answer)
      case 'saved':
        return this.#at(order.seq)?.onSaved(order.number, order.error)
    }
  }

  #begin(seq: number, order: AttemptOrder): void {
    const aborts = this.#aborts
    const source = {
      isAborted: () => aborts.isAborted(seq),
      isPauseAsked: () => aborts.isPauseAsked(seq),
      reason: () => aborts.reason(),
    }
    const context = new AttemptContext(order, this.#listener(seq), source)
    const onUncaught = (error: unknown): void =>
      this.#finish(current, { ...threw(error, context), isTainted: true })
    const current: Current = { seq, context, onUncaught }
    this.#current = current
    const onBegun = (): void => this.#onBegun(seq, order.module)
    void ownedBy(current, () => performAttempt(order, context, { onBegun })).then((outcome) =>
      this.#finish(current, outcome),
    )
  }

  /** A module that is still being loaded may set things up meanwhile that are no traces of the attempt: so that attempt is the last. */
  #onBegun(seq: number, module: string): void {
    this.#send(['begun', seq])
    if (!this.#modules.every(isSettled)) this.#isHaunted = true
    else this.#traces.note(module)
  }

  #finish(current: Current, outcome: HandlerOutcome): void {
    if (this.#current !== current) return
    this.#current = null
    const { seq } = current
    const { saved } = outcome
    const isTainted = !this.#traces.restoreFolder() || outcome.isTainted || this.#isHaunted
    this.#handled(seq, saved.signals)
    const last = [saved.checkpoint, isTainted] as const
    if (outcome.kind === 'returned')
      this.#send(['returned', seq, outcome.result, ...last, epochMs()])
    else if (outcome.kind === 'parked') this.#send(['parked', seq, outcome.wait, ...last])
    else this.#send(['threw', seq, outcome.error, outcome.isRetryable, ...last])
    if (!isTainted) this.#traces.restore()
  }

  #listener(seq: number): HandlerListener {
    return {
      onDelivered: (at) => this.#send(['delivered', seq, at]),
      onProgress: (value) => this.#send(['progress', seq, value]),
      onLog: (line) => {
        if (this.#wire.unsentBytes < logBacklog) this.#send(['log', seq, line])
      },
      onCheckpoint: ({ checkpoint, signals }, number) => {
        this.#handled(seq, signals)
        this.#send(['checkpoint', seq, number, checkpoint])
      },
      onTaken: (position, at) => this.#send(['taken', seq, position, at]),
      onQuestion: (question, number) => this.#send(['question', seq, number, question]),
      onExtend: (ms) => this.#send(['extend', seq, ms]),
    }
  }

  /** Sends the outcomes of signals. They belong to the checkpoint or the end that is sent next. */
  #handled(seq: number, signals: readonly SignalOutcome[]): void {
    for (const outcome of signals) this.#send(['handled', seq, outcome])
  }

  #send(report: Report): void {
    // Part by part, for a handler may have given lists a form of their own in JSON.
    this.#wire.send(`[${report.map((part) => stringifyJson(part) ?? 'null').join(',')}]`)
  }
}
