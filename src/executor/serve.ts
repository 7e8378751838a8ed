import { Socket } from 'node:net'
import { type AbortEars, AbortListener } from './abort-signal.ts'
import { type Report, readOrder } from './channel.ts'
import { AttemptContext, type ContextSink } from './context.ts'
import { type Outcome, perform, threw } from './perform.ts'
import { Wire } from './wire.ts'

/** How many bytes may wait for a worker that does not read before log lines are dropped. */
const logBacklog = 1_048_576

/**
 * The isolate's side of its lane: runs one attempt at a time, as ordered, until the process or thread is killed.
 * An error that nobody caught ends the attempt that is running, and the worker then replaces the isolate.
 */
export function serve(lane: number, ears: AbortEars): void {
  const service = new Service(new Socket({ fd: lane, readable: true, writable: true }), ears)
  process.on('uncaughtException', (error) => service.uncaught(error))
  service.ready()
}

interface Current {
  readonly seq: number
  readonly context: AttemptContext
}

class Service {
  readonly #wire: Wire
  readonly #aborts: AbortListener
  #current: Current | null = null

  constructor(socket: Socket, ears: AbortEars) {
    this.#wire = new Wire(socket, (line) => this.#begin(line), Infinity)
    this.#aborts = new AbortListener(ears, (seq, reason) => {
      if (this.#current?.seq === seq) this.#current.context.abort(reason)
    })
  }

  ready(): void {
    this.#send(['ready'])
  }

  /** Ends the running attempt; without one, nobody is left to tell and the isolate dies of the error. */
  uncaught(error: unknown): void {
    if (this.#current === null) throw error
    this.#finish(this.#current, { ...threw(error), isTainted: true } as Outcome)
  }

  #begin(line: string): void {
    const { seq, order } = readOrder(line)
    const source = {
      isRaised: () => this.#aborts.isRaised(seq),
      reason: () => this.#aborts.reason(),
    }
    const current = { seq, context: new AttemptContext(order.run, this.#sink(seq), source) }
    this.#current = current
    void perform(order, current.context).then((outcome) => this.#finish(current, outcome))
  }

  #finish(current: Current, outcome: Outcome): void {
    if (this.#current !== current) return
    current.context.close()
    this.#current = null
    const { seq } = current
    if (outcome.kind === 'returned') return this.#send(['returned', seq, outcome.result])
    const { error, isRetryable, isTainted } = outcome
    this.#send(['threw', seq, error, isRetryable, isTainted])
  }

  #sink(seq: number): ContextSink {
    return {
      delivered: (at) => this.#send(['delivered', seq, at]),
      progress: (value) => this.#wire.send(`["progress",${seq},${value}]`),
      log: (line) => {
        if (this.#wire.backlog < logBacklog) this.#send(['log', seq, line])
      },
    }
  }

  #send(report: Report): void {
    this.#wire.send(JSON.stringify(report))
  }
}
