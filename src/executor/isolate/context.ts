import { CheckreinError, type ErrorRecord } from '../../core/errors.ts'
import type {
  CheckpointOptions,
  Child,
  ChildEnds,
  ChildOptions,
  Context,
  ReceiveOptions,
  RunInfo,
  Signal,
  AnyTask,
} from '../../core/task/context.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import type { Saved, SignalOutcome } from '../../core/run/events.ts'
import { decodePayload } from '../../core/payload.ts'
import type { StopRecord } from '../../core/run/stop.ts'
import { Checkpoints } from './attempt/checkpoints.ts'
import { Children, idsOf } from './signals/children.ts'
import type {
  HandlerListener,
  AbortReason,
  StoreAnswer,
  AttemptOrder,
  ParkedWait,
  SentSignal,
} from '../executor.ts'
import { Halt, type HaltSource } from './attempt/halt.ts'
import { attemptEnded, Inbox } from './signals/inbox.ts'
import { IsolateHeartbeat } from './attempt/heartbeat.ts'
import { ProgressReporter, toLogLine } from './attempt/reporter.ts'
import { quiet } from './attempt/quiet.ts'
import { SignalIterator } from './signals/signal-iterator.ts'
import { epochMs } from './attempt/clock.ts'

/** The handler's `ctx`. Its methods may be taken off it; those that report are silent once the attempt has ended. */
export class AttemptContext implements Context {
  readonly run: RunInfo
  readonly stop: StopRecord | null
  readonly error: ErrorRecord | null
  readonly result: unknown
  readonly #isMapped: boolean
  readonly #listener: HandlerListener
  readonly #halt: Halt
  readonly #checkpoints: Checkpoints
  readonly #heartbeat: IsolateHeartbeat
  readonly #inbox: Inbox
  readonly #children: Children
  #progress: ProgressReporter | null = null
  #task: AnyTask | null = null
  #hasMetAbort = false
  #isClosed = false

  /** @param source null where an abort can only come between two turns of this thread's own loop. */
  constructor(order: AttemptOrder, listener: HandlerListener, source: HaltSource | null) {
    this.run = order.run
    this.stop = order.rollback?.stop ?? null
    this.error = order.rollback?.error ?? null
    this.result = decodePayload(order.rollback?.undoes?.result ?? null)
    this.#isMapped = order.isMapped
    this.#listener = listener
    const halt = new Halt(source, (at) => listener.onDelivered(at))
    const checkpoints = new Checkpoints(order, (saved, number) =>
      listener.onCheckpoint(saved, number),
    )
    const heartbeat = new IsolateHeartbeat(() => checkpoints.tellAlone([]))
    this.#halt = halt
    this.#checkpoints = checkpoints
    this.#heartbeat = heartbeat
    const onTaken = (position: number, at: number): void => listener.onTaken(position, at)
    const children = new Children({
      order,
      ask: (question, number) => listener.onQuestion(question, number),
      beforeAsking: () => checkpoints.tellNow(),
    })
    this.#children = children
    const { endsOf } = children
    this.#inbox = new Inbox(order, { halt, checkpoints, heartbeat, onTaken, endsOf })
  }

  get abortSignal(): AbortSignal {
    return this.#halt.signal
  }

  get state(): unknown {
    return this.#checkpoints.state
  }

  readonly checkpoint = (state?: unknown, options?: CheckpointOptions): Promise<void> => {
    try {
      if (this.#isClosed) throw attemptEnded()
      // A child counts from the state in which it was enqueued, so a new state waits for the enqueues under way.
      const underWay = this.#children.underWay
      if (underWay !== null)
        return quiet(() => underWay.then(() => this.checkpoint(state, options)))
      this.#keep(state)
      const reason = this.#meet()
      if (reason !== null) return quiet(() => this.#refuse(reason))
      const signals = this.#inbox.drain()
      if (options?.save === true) return quiet(() => this.#save(signals))
      if (signals.length > 0) this.#checkpoints.tell(signals)
      return this.#checkpoints.tellSoon()
    } catch (error) {
      return quiet(() => this.#refuse(error))
    }
  }

  readonly shield = <T>(section: () => T | Promise<T>): Promise<T> => this.#halt.shield(section)

  readonly on = (
    name: string,
    listener: (payload: never, signal: Signal<never>) => unknown,
  ): Disposable =>
    this.#inbox.mailbox.listen(name, listener as (payload: unknown, signal: Signal) => unknown)

  readonly signals = <Payload>(name: string): AsyncIterable<Signal<Payload>> => {
    const { mailbox } = this.#inbox
    mailbox.check(name)
    const parts = { mailbox, halt: this.#halt, heartbeat: this.#heartbeat }
    return new SignalIterator(parts, name) as AsyncIterable<Signal<Payload>>
  }

  readonly receive = <Payload>(
    name: string,
    options?: ReceiveOptions,
  ): Promise<Signal<Payload> | null> =>
    quiet(
      async () => await this.#inbox.waits.receive(name, options),
    ) as Promise<Signal<Payload> | null>

  readonly sleep = (time: Duration): Promise<void> =>
    quiet(async () => await this.#inbox.waits.sleep(time))

  readonly enqueue = <Output>(
    task: AnyTask,
    ...given: [input?: unknown, options?: ChildOptions]
  ): Promise<Child<Output>> =>
    quiet(async () => {
      if (this.#isClosed) throw attemptEnded()
      this.#halt.throwIfHalted()
      return await this.#children.enqueue(task, ...given)
    }) as Promise<Child<Output>>

  readonly waitFor = <const Of extends readonly Child[]>(
    children: Of,
    options?: ReceiveOptions,
  ): Promise<ChildEnds<Of>> =>
    quiet(async () => await this.#inbox.waits.children(idsOf(children), options)) as Promise<
      ChildEnds<Of>
    >

  readonly extend = (time: Duration): void => {
    const ms = durationMs(time, 'extend')
    if (this.#task === null || this.#task.maxTimeoutMs === null)
      throw new CheckreinError('USAGE', {
        message: 'The task has no maxTimeout, so an attempt cannot ask for more time',
        hint: 'Say in the task how long an attempt may take at most: `maxTimeout`.',
      })
    if (!this.#isClosed) this.#listener.onExtend(ms)
  }

  readonly progress = (value: unknown): void => {
    if (this.#isClosed) return
    this.#progress ??= new ProgressReporter((text) => this.#listener.onProgress(text))
    this.#progress.report(value)
  }

  readonly log = (message: unknown, data?: unknown): void => {
    if (!this.#isClosed) this.#listener.onLog(toLogLine(epochMs(), message, data))
  }

  // The methods from here on are for `perform` and the executors, not for handlers.

  /** When an abort reached the handler, epoch ms; null where none has. */
  get deliveredAt(): number | null {
    return this.#halt.deliveredAt
  }

  /** Whether the handler was told to park. */
  get isParked(): boolean {
    return this.#halt.isParked
  }

  /** The wait for which the attempt has parked; null where it has not. */
  get parkedWait(): ParkedWait | null {
    return this.#inbox.parkedWait
  }

  /** Whether what was thrown is the reason of its halt itself. */
  isReason(thrown: unknown): boolean {
    return thrown === this.#halt.reason
  }

  /**
   * Reads the saved state and lets the signals in.
   * @throws {CheckreinError} `INPUT_REJECTED` where the saved state does not fit the task's schema for it.
   */
  async open(task: AnyTask): Promise<void> {
    // Where a task has a `heartbeatTimeout`, checkpoints are told often enough to be signs of life.
    const lifeMs = (task.heartbeatTimeoutMs ?? Infinity) / 4
    this.#checkpoints.open(Math.min(task.checkpointMs, lifeMs))
    // The saved state of a run for each of a list has another form: `each.ts` reads it.
    if (task.state !== null && this.#checkpoints.hasState && !this.#isMapped)
      await this.#checkpoints.restore(task.state)
    this.#task = task
    this.#heartbeat.open(task.heartbeatTimeoutMs)
    this.#inbox.open(task)
  }

  abort(reason: AbortReason): void {
    this.#halt.abort(reason)
  }

  pause(isAsked: boolean): void {
    this.#halt.pause(isAsked)
  }

  /** Something may have been asked from another thread. */
  wake(): void {
    this.#halt.wake()
  }

  deliver(signal: SentSignal): void {
    if (!this.#isClosed) this.#inbox.mailbox.deliver(signal)
  }

  caughtUp(position: number): void {
    if (!this.#isClosed) this.#inbox.mailbox.caughtUp(position)
  }

  onAnswer(number: number, answer: StoreAnswer): void {
    this.#children.onAnswer(number, answer)
  }

  onSaved(number: number, error: ErrorRecord | null): void {
    this.#checkpoints.onStored(number, error)
  }

  /** @throws {CheckreinError} the reason, where the attempt has been aborted. */
  throwIfAborted(): void {
    this.#halt.throwIfHalted()
  }

  /** Sends the newest progress and drops all later calls. @returns the state and the signals that were not told yet. */
  close(kind: 'returned' | 'threw' | 'parked'): Saved {
    this.#progress?.flush()
    this.#isClosed = true
    this.#halt.close()
    this.#heartbeat.close()
    this.#children.close(attemptEnded)
    this.#checkpoints.close()
    return { checkpoint: this.#checkpoints.take(), signals: this.#inbox.close(kind) }
  }

  #keep(state: unknown): void {
    // A checkpoint without a state keeps nothing: the state of before stays, and so do the waits since then.
    const isKept = state !== undefined
    if (isKept) {
      this.#checkpoints.keep(state)
      this.#children.onCheckpoint()
    } else this.#heartbeat.beat()
    this.#inbox.onCheckpoint(isKept)
  }

  /** The reason why the handler is to end at this checkpoint; null where it may go on. */
  #meet(): CheckreinError | null {
    const { reason } = this.#halt
    if (reason !== null || !this.#halt.isPauseDue) return reason
    return this.#halt.park()
  }

  async #refuse(reason: unknown): Promise<void> {
    if (this.#isClosed) await this.#checkpoints.turn()
    else if (this.#halt.isParked) await this.#whileParked()
    else {
      // An abort may end in a kill, so the newest state is told at once.
      const isFirst = this.#halt.reason !== null && !this.#hasMetAbort
      if (isFirst) this.#checkpoints.tell(this.#inbox.drain())
      this.#hasMetAbort ||= isFirst
      await this.#checkpoints.tellSoon()
    }
    throw reason
  }

  /** Waits a turn: the newest state goes with the end of the attempt, which is near. */
  #whileParked(): Promise<void> {
    this.#checkpoints.tellLater()
    return this.#checkpoints.turn()
  }

  /** Waits until it is stored, or until the attempt is to end. */
  async #save(signals: readonly SignalOutcome[]): Promise<void> {
    const unwatch = this.#halt.watch(() => {
      const { reason } = this.#halt
      if (reason !== null) this.#checkpoints.giveUp(reason)
    })
    await this.#checkpoints.save(signals).finally(unwatch)
  }
}
