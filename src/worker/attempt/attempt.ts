/**
 * One attempt: from the claimed run to the stored end, as a list of steps. `begin` and `#conclude` name them in their order.
 *
 *     claimed            the claimer has the run, and a slot is free                   claiming/lease-session.ts
 *       │ begin
 *     1 start            an isolate takes the order; it will call the handler          order.ts, executor/
 *     2 forward signals  the signals that were sent already are read and handed over   signal-forwarder.ts
 *       │ onBegun: the isolate has the task in hand, and calls the handler
 *     3 arm limits       the timers of the task's time limits start                    limits.ts
 *     4 announce         `attempt-started` is published                                reporter.ts
 *       │
 *       │  The handler runs. `follow` carries out what is asked of the run meanwhile:  controls.ts
 *       │  a stop, a pause, signals. The `on…` methods pass on what it reports:        stop.ts, pause.ts
 *       │  checkpoints, progress, log lines, questions to the store.                   checkpoint-saver.ts, answers.ts
 *       │
 *     5 observe the end  the executor has seen the handler end, or the isolate exit    executor/
 *     6 disarm           stop, pause and limits have no effect any more                controls.ts
 *     7 give back        the isolate is free, and so is the slot: the next run starts  claiming/lease-session.ts
 *     8 collect          what the attempt kept that the store does not have yet        checkpoint-saver.ts
 *     9 verdict          the event that says what the end means                        verdict.ts
 *    10 store            the event is written, fence first, however long that takes    pace.ts, store-end.ts
 *    11 announce         `attempt-ended` is published                                  reporter.ts
 *
 * An attempt that ends without `onBegun` was no attempt of the run: no handler was called. So it is handed back and does not count,
 * unless the module of the task failed to load, which is a failure like any other. Either way the worker leaves the task to others
 * for a while (`claiming/serving.ts`).
 *
 * The slot is given back before the end is written, because the code of the attempt is over by then, and a slow database
 * must not keep other runs from starting.
 */
import type { ErrorRecord } from '../../core/errors.ts'
import type { LogLine, MachineEvent, Saved } from '../../core/run/events.ts'
import type {
  AbortReason,
  AttemptEnd,
  AttemptListener,
  Executor,
  RunningAttempt,
  StoreQuestion,
} from '../../executor/executor.ts'
import type { ClaimedRun, HeldIntent, Store } from '../../store/store.ts'
import { answerTo } from './answers.ts'
import { AttemptControls } from './controls.ts'
import { orderOf } from './order.ts'
import type { Pace } from './pace.ts'
import type { RegisteredTask } from '../registry.ts'
import { AttemptReporter } from './reporter.ts'
import type { AbortCause, KillCause } from './stop.ts'
import { neverBegun, verdict } from './verdict.ts'

/** The surroundings of an attempt. */
export interface AttemptParts {
  readonly store: Store
  readonly executor: Executor
  readonly workerId: string
  /** The largest result, in bytes of JSON. */
  readonly payloadLimit: number
  /** How fast the attempts of the task end. */
  readonly pace: Pace
  /** Called once, when the code of the attempt has ended and its slot is free. */
  readonly onEnded: (attempt: Attempt) => void
  /** Called when the store will never take the end of the attempt. */
  readonly onLostEnd: () => void
  /** Called when the handler is called, or when it is known that it will not be. @param error why not; null where it is. */
  readonly onBegun: (error: ErrorRecord | null) => void
}

/** One attempt at a run. Nothing happens before `begin`, which is called once. */
export class Attempt implements AttemptListener {
  readonly run: ClaimedRun
  readonly #registered: RegisteredTask
  readonly #parts: AttemptParts
  readonly #reporter: AttemptReporter
  #running!: RunningAttempt
  #controls!: AttemptControls
  #hasBegun = false
  #hasEnded = false

  constructor(run: ClaimedRun, registered: RegisteredTask, parts: AttemptParts) {
    this.run = run
    this.#registered = registered
    this.#parts = parts
    this.#reporter = new AttemptReporter(run, parts.store, parts.workerId)
  }

  /**
   * Takes the steps up to the running handler; those after its end follow by themselves.
   * @returns a promise that fulfils when the end is stored, or never will be. It never rejects.
   * @throws {CheckreinError} as `Executor.start` does: then nothing has begun.
   */
  begin(): { readonly settled: Promise<void> } {
    this.#start()
    this.#controls.forwardSignals(this.run.signalled)
    return { settled: this.#conclude() }
  }

  async #conclude(): Promise<void> {
    const end = await this.#running.ended
    this.#disarm(end)
    this.#parts.onEnded(this)
    const saved = await this.#controls.collect(end.saved)
    const event = this.#verdict(end, saved)
    await this.#parts.pace.beat()
    const answer = await this.#reporter.storeEnd(event, this.#registered.task.retry)
    if (answer === null) this.#parts.onLostEnd()
    this.#reporter.announceEnd(event, answer)
  }

  #start(): void {
    const { executor, payloadLimit, store } = this.#parts
    const { task } = this.#registered
    const order = orderOf(this.run, this.#registered, { payloadLimit, now: store.now() })
    this.#running = executor.start(order, this)
    this.#controls = new AttemptControls(this.#running, task, this.#reporter)
  }

  #disarm(end: AttemptEnd): void {
    this.#hasEnded = true
    const error = this.#hasBegun ? null : neverBegun(end, this.#controls.ladder)
    if (error !== null) this.#parts.onBegun(error)
    this.#controls.end()
    this.#reporter.end()
    this.#parts.pace.tick(this.#reporter.ageMs)
  }

  #verdict(end: AttemptEnd, saved: Saved): MachineEvent {
    const { ladder, limit } = this.#controls
    const { task } = this.#registered
    const { fence, begunAt } = this.#reporter
    return verdict({ fence, task, ladder, limit, end, saved, hasBegun: this.#hasBegun, begunAt })
  }

  // --- what is asked of the run while its handler runs ------------------------------------------------------------

  /** Carries out what is asked of the run now. @param held null where nothing is; a request to another attempt is ignored. */
  follow(held: HeldIntent | null): void {
    this.#controls.follow(held)
  }

  /** Asks the handler to end, for a reason of the worker's own: its abort signal fires. */
  abort(cause: AbortCause, reason: AbortReason): void {
    this.#controls.ladder.abort(cause, reason)
  }

  /** Kills the isolate, for a reason of the worker's own. Fulfils when its exit was observed, or could not be in time. */
  kill(cause: KillCause): Promise<void> {
    return this.#controls.ladder.kill(cause)
  }

  // --- what the attempt reports; each is documented at `AttemptListener` ------------------------------------------

  onBegun(): void {
    this.#hasBegun = true
    this.#reporter.begin()
    this.#controls.armLimits()
    this.#reporter.announceStart()
    this.#parts.onBegun(null)
  }

  onDelivered(at: number): void {
    if (this.#controls.ladder.abortCause === 'stop')
      this.#reporter.report({ type: 'deliver', fence: this.#reporter.fence, deliveredAt: at })
  }

  onProgress(progress: string): void {
    this.#controls.beat()
    this.#reporter.report({ type: 'progress', fence: this.#reporter.fence, progress })
  }

  onCheckpoint(saved: Saved, number: number): void {
    this.#controls.beat()
    this.#controls.save(saved, number)
  }

  onTaken(position: number, takenAt: number): void {
    this.#reporter.report({ type: 'take', fence: this.#reporter.fence, position, takenAt })
  }

  onQuestion(question: StoreQuestion, number: number): void {
    const { store, fence } = this.#reporter
    const stored = (): Promise<void> | undefined => this.#controls.saved()
    const parts = { store, fence, stored, isOver: () => this.#hasEnded }
    void answerTo(question, parts).then((answer) => this.#running.answer(number, answer))
  }

  onExtend(ms: number): void {
    this.#controls.extend(ms)
  }

  onLog(line: LogLine): void {
    this.#reporter.log(line)
  }
}
