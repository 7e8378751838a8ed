import { CheckreinError } from '../core/errors.ts'
import type { AnyTask, InputOf } from '../core/task.ts'
import type { StopVerb } from '../core/transitions.ts'
import type { Controlled, Enqueued } from '../store/store.ts'
import type { AskOptions, Controls, ControlTarget, StopOptions } from './controls.ts'
import type { Enqueuer, EnqueueOptions } from './enqueue.ts'
import type { EnqueueArguments } from './client.ts'

/** A verb that ends runs, asked within a transaction: it takes effect when that is committed. */
type Ask = (
  target: ControlTarget,
  options?: Omit<StopOptions, 'timeout' | 'abortSignal'>,
) => Promise<readonly Controlled[]>

/**
 * What can be part of a transaction of the caller's: it is done if they commit, and has never been if they don't. No
 * method waits for a run, which cannot hear of anything before the commit.
 *
 * - A call that fails has done nothing, and the transaction goes on as if it had not been made. What the caller sends on
 *   the same connection while a call is under way may be undone with it: await each call.
 * - A running run that is asked to stop is held until the end of the transaction, and its worker's report of its end
 *   waits: keep such a transaction short.
 * - On PostgreSQL a verb on a run that does not exist yet cannot see one that somebody enqueues at the same time; if that
 *   has started when the transaction is committed, it goes on. Outside of a transaction no run gets away so.
 */
export class Within {
  readonly #enqueuer: Enqueuer
  readonly revoke: Ask
  readonly abort: Ask
  readonly cancel: Ask
  readonly terminate: Ask

  constructor(enqueuer: Enqueuer, controls: Controls) {
    this.#enqueuer = enqueuer
    const verb =
      (name: StopVerb): Ask =>
      (target, options: AskOptions = {}) =>
        controls.many(name, target, options)
    this.revoke = verb('revoke')
    this.abort = verb('abort')
    this.cancel = verb('cancel')
    this.terminate = verb('terminate')
  }

  /** Stores a run of the task; its id serves for `client.run(id)` after the commit. @throws {CheckreinError} as `Client.enqueue`. */
  async enqueue<T extends AnyTask>(
    task: T,
    ...[input, options]: EnqueueArguments<T>
  ): Promise<Enqueued> {
    const [one] = await this.enqueueMany(task, [{ input: input as InputOf<T>, ...options }])
    if (!one) throw new CheckreinError('INTERNAL', { message: 'an enqueue was not answered' })
    return one
  }

  async enqueueMany<T extends AnyTask>(
    task: T,
    runs: readonly ({ readonly input: InputOf<T> } & EnqueueOptions)[],
  ): Promise<readonly Enqueued[]> {
    return this.#enqueuer.enqueue(task, runs)
  }

  /** Stores a run of a task by its name alone, as `Client.enqueueByName` does. */
  async enqueueByName(
    task: string,
    input?: unknown,
    options: EnqueueOptions = {},
  ): Promise<Enqueued> {
    const [one] = await this.#enqueuer.enqueueByName(task, [{ input, ...options }])
    if (!one) throw new CheckreinError('INTERNAL', { message: 'an enqueue was not answered' })
    return one
  }
}
