import type { Signal } from '../../../core/task/context.ts'
import type { Halt } from '../attempt/halt.ts'
import type { Delivery } from './delivery.ts'
import type { Mailbox } from './mailbox.ts'
import type { IsolateHeartbeat } from '../attempt/heartbeat.ts'

/** The surroundings of a signal iterator. */
export interface IteratorParts {
  readonly mailbox: Mailbox
  readonly halt: Halt
  readonly heartbeat: IsolateHeartbeat
}

/** The signals of a name, one after the other: asking for the next says that the one before is dealt with. */
export class SignalIterator implements AsyncIterableIterator<Signal> {
  readonly #mailbox: Mailbox
  readonly #halt: Halt
  readonly #heartbeat: IsolateHeartbeat
  readonly #name: string
  #current: Delivery | null = null
  #isDone = false

  constructor({ mailbox, halt, heartbeat }: IteratorParts, name: string) {
    this.#mailbox = mailbox
    this.#halt = halt
    this.#heartbeat = heartbeat
    this.#name = name
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** @throws {CheckreinError} the reason, where the attempt is to end. */
  async next(): Promise<IteratorResult<Signal>> {
    this.#current?.settle()
    this.#current = null
    if (this.#isDone || this.#mailbox.isClosed) return { done: true, value: undefined }
    this.#halt.throwIfHalted()
    this.#current = this.#mailbox.take(this.#name, 'iterator') ?? (await this.#arrival())
    return { done: false, value: this.#current.signal }
  }

  /**
   * Ends the iteration. The last signal is dealt with at the next checkpoint, as any that was taken, or when the handler returns. It
   * is not dealt with before, because a loop that was broken can't be told from one that has thrown, and a handler that broke the
   * loop may still answer.
   */
  async return(): Promise<IteratorResult<Signal>> {
    this.#isDone = true
    return { done: true, value: undefined }
  }

  #arrival(): Promise<Delivery> {
    return new Promise((resolve, reject) => {
      const release = this.#heartbeat.keepBeating()
      const over = () => {
        release()
        takeBack()
        unwatch()
      }
      const takeBack = this.#mailbox.wait({
        wanted: this.#name,
        consumer: 'iterator',
        give: (delivery) => {
          over()
          resolve(delivery)
        },
      })
      const unwatch = this.#halt.watch(() => {
        const { reason } = this.#halt
        if (reason === null) return
        over()
        reject(reason)
      })
    })
  }
}
