import type { Saved } from '../../core/run/events.ts'
import type { StopIntent } from '../../core/run/intent.ts'
import type { AnyTask } from '../../core/task/context.ts'
import type { AbortReason, RunningAttempt } from '../../executor/executor.ts'
import type { HeldIntent } from '../../store/store.ts'
import { CheckpointSaver, mergeSaved } from './checkpoint-saver.ts'
import { AttemptLimits, hasLimits } from './limits.ts'
import { PauseLadder } from './pause.ts'
import type { AttemptReporter } from './reporter.ts'
import { SignalForwarder } from './signal-forwarder.ts'
import { StopLadder } from './stop.ts'

/**
 * Holds all that acts on an attempt while its handler runs: the stop ladder, the time limits, the pause, the signals on
 * their way in and the checkpoints on their way out. All but the ladder are made when they are needed: most attempts need none.
 */
export class AttemptControls {
  readonly ladder: StopLadder
  /** The time limit that the attempt has met; null where it has met none. */
  limit: AbortReason | null = null
  readonly #attempt: RunningAttempt
  readonly #task: AnyTask
  readonly #reporter: AttemptReporter
  #limits: AttemptLimits | null = null
  #pauseOrNull: PauseLadder | null = null
  #forwarder: SignalForwarder | null = null
  #saver: CheckpointSaver | null = null

  constructor(attempt: RunningAttempt, task: AnyTask, reporter: AttemptReporter) {
    this.#attempt = attempt
    this.#task = task
    this.#reporter = reporter
    this.ladder = new StopLadder(attempt, () => this.#onOverdue(), task.kill)
  }

  /** Starts the timers of the task's time limits, where it has any. */
  armLimits(): void {
    if (hasLimits(this.#task)) this.#limits = this.#makeLimits()
  }

  /** Brings the signals up to that position to the handler. @param newest null where no signal was ever sent. */
  forwardSignals(newest: number | null): void {
    if (newest === null) return
    this.#forwarder ??= this.#makeForwarder()
    this.#forwarder.follow(newest)
  }

  /** Carries out what is asked of the run now. @param held null where nothing is; a request to another attempt is ignored. */
  follow(held: HeldIntent | null): void {
    if (held !== null && held.attempt !== this.#reporter.run.attempt) return
    const { stop = null, pause = null } = held?.intent ?? {}
    if (held && stop) {
      if (mustHear(stop)) this.#pauseOrNull?.thaw()
      this.ladder.follow(stop, held.stopAgeMs)
    }
    // A frozen run that is to stop is thawed, so that it hears of the stop; a run that is revoked may finish.
    const asked = stop === null ? pause : null
    if (asked) this.#pause.follow(asked, held?.pauseAgeMs ?? 0)
    else this.#pauseOrNull?.follow(null, 0)
    this.forwardSignals(held?.signalled ?? null)
  }

  /** Notes a sign of life, from which the heartbeat limit counts anew. */
  beat(): void {
    this.#limits?.beat()
  }

  /** Moves the time limits of the attempt this much further, as far as its task allows. */
  extend(ms: number): void {
    this.#limits?.extend(ms)
  }

  /** Has a checkpoint stored; its number is told to the isolate when it is. */
  save(saved: Saved, number: number): void {
    this.#saver ??= this.#makeSaver()
    this.#saver.save(saved, number)
  }

  /** Fulfils when the checkpoints that were handed over so far are stored, or never will be. */
  saved(): Promise<void> | undefined {
    return this.#saver?.idle()
  }

  /** Collects all that the attempt kept and the store does not have; it goes with the end. @param last the part that came with the end itself. */
  collect(last: Saved): Saved | Promise<Saved> {
    return this.#saver === null
      ? last
      : this.#saver.end().then((pending) => mergeSaved(pending, last))
  }

  /** The code of the attempt has ended: nothing here has an effect any more. */
  end(): void {
    this.ladder.end()
    this.#pauseOrNull?.end()
    this.#limits?.end()
  }

  #onOverdue(): void {
    this.#reporter.announceUnresponsive()
    const { killCause } = this.ladder
    if (killCause === 'stop' || killCause === 'pause') this.#reportOverdue(killCause)
  }

  #reportOverdue(of: 'stop' | 'pause'): void {
    this.#reporter.report({ type: 'overdue', fence: this.#reporter.fence, of })
  }

  #makeLimits(): AttemptLimits {
    return new AttemptLimits({
      limits: this.#task,
      onAbort: (reason) => {
        this.limit ??= reason
        this.ladder.abort('timeout', reason)
      },
      onKill: (reason) => {
        if (this.ladder.killCause === null) this.limit = reason
        void this.ladder.kill('limit')
      },
    })
  }

  #makeForwarder(): SignalForwarder {
    const { store, run } = this.#reporter
    const onError = (error: unknown): void => this.#reporter.complain('signals', error)
    return new SignalForwarder({ store, runId: run.id, attempt: this.#attempt, onError })
  }

  #makeSaver(): CheckpointSaver {
    const { store, fence, run } = this.#reporter
    return new CheckpointSaver({
      store,
      fence,
      seq: run.seq,
      onSaved: (number, error) => this.#attempt.saved(number, error),
      onError: (error) => this.#reporter.complain('checkpoint', error),
    })
  }

  get #pause(): PauseLadder {
    const { store, fence } = this.#reporter
    this.#pauseOrNull ??= new PauseLadder({
      attempt: this.#attempt,
      kill: () => void this.ladder.kill('pause'),
      onOverdue: () => this.#reportOverdue('pause'),
      onFrozen: () => {
        this.#limits?.freeze()
        this.#reporter.report({ type: 'freeze', fence, frozenAt: store.now() })
      },
      onThawed: () => this.#limits?.thaw(),
    })
    return this.#pauseOrNull
  }
}

/** Whether a frozen process has to hear of a stop: not of a plain `terminate`, which kills it where it stands. */
function mustHear({ verb, kill }: StopIntent): boolean {
  if (verb === 'terminate') return kill !== undefined && kill.osSignal !== 'SIGKILL'
  return verb === 'abort' || verb === 'cancel'
}
