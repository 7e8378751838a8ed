/**
 * One attempt, from the claimed run to the settled one, in steps that read like a recipe: start it in an isolate, arm
 * its limits, wait for its end, say what that means, and have the store write it.
 */
import { type ErrorRecord, errorRecord } from '../../core/errors.ts'
import type { LogLine, MachineEvent, Saved } from '../../core/run/events.ts'
import type { Answer } from '../../core/run/decision.ts'
import type { Fence } from '../../core/run/run.ts'
import type {
  AbortReason,
  AttemptEnd,
  AttemptListener,
  AttemptOrder,
  Executor,
  StoreQuestion,
  RunningAttempt,
} from '../../executor/executor.ts'
import type { ClaimedRun, HeldIntent, Store } from '../../store/store.ts'
import { hasLimits, AttemptLimits } from './limits.ts'
import { SignalForwarder } from './signal-forwarder.ts'
import { answerTo } from './answers.ts'
import type { Pace } from './pace.ts'
import { PauseLadder } from './pause.ts'
import type { RegisteredTask } from '../registry.ts'
import { mergeSaved, CheckpointSaver } from './checkpoint-saver.ts'
import { storeEnd } from './store-end.ts'
import { StopLadder } from './stop.ts'
import { publish } from '../telemetry.ts'
import { verdict } from './verdict.ts'

export interface AttemptParts {
  readonly store: Store
  readonly executor: Executor
  readonly workerId: string
  readonly payloadLimit: number
  readonly pace: Pace
  /** The store will never take the end of the attempt. */
  readonly onLostEnd: () => void
}

export class Attempt implements AttemptListener {
  readonly run: ClaimedRun
  readonly ladder: StopLadder
  /** Fulfils when the code of the attempt has ended; never rejects. */
  readonly ended: Promise<AttemptEnd>
  readonly #parts: AttemptParts
  readonly #registered: RegisteredTask
  readonly #running: RunningAttempt
  readonly #fence: Fence
  readonly #startedAt = performance.now()
  // Most attempts need none of these.
  readonly #limits: AttemptLimits | null
  #pauseOrNull: PauseLadder | null = null
  #mailboxOrNull: SignalForwarder | null = null
  #saver: CheckpointSaver | null = null
  /** The limit that it has met. */
  #limit: AbortReason | null = null
  #hasEnded = false

  constructor(run: ClaimedRun, registered: RegisteredTask, parts: AttemptParts) {
    this.run = run
    this.#registered = registered
    this.#parts = parts
    this.#fence = { runId: run.id, attempt: run.attempt, workerId: parts.workerId }
    this.#running = parts.executor.start(orderOf(run, registered, parts.payloadLimit), this)
    this.ladder = new StopLadder(this.#running, () => this.#onOverdue())
    this.#limits = hasLimits(registered.task) ? this.#armLimits() : null
    if (run.signalled !== null) this.#mailbox.follow(run.signalled)
    publish(() => ({ type: 'attempt-started', ...this.#names() }))
    this.ended = this.#running.ended.then((end) => this.#onEnded(end))
  }

  /** Waits for the end of the attempt, and has it written. Fulfils when the store has answered, or never will. */
  async settle(): Promise<void> {
    const end = await this.ended
    const saved = this.#saver ? mergeSaved(await this.#saver.end(), end.saved) : end.saved
    const { task } = this.#registered
    const limit = this.#limit
    const event = verdict({ fence: this.#fence, task, ladder: this.ladder, limit, end, saved })
    await this.#parts.pace.beat()
    const answer = (await this.#write(event)) ?? (await this.#write(this.#unstorable()))
    if (answer === null) this.#parts.onLostEnd()
    const error = 'error' in event ? event.error : null
    const durationMs = performance.now() - this.#startedAt
    publish(() => ({
      type: 'attempt-ended',
      ...this.#names(),
      event: event.type,
      answer,
      durationMs,
      error,
    }))
  }

  /** Null where the store will never take it. */
  #write(event: MachineEvent): Promise<Answer | null> {
    const { id: runId, seq, workflow, node } = this.run
    const { store } = this.#parts
    const member = workflow === null || node === null ? {} : { member: { workflow, node } }
    return storeEnd(store, { runId, seq, event, ...member }, (error) =>
      this.#complain(event.type, error),
    )
  }

  /** What the attempt came to is nothing that the store can hold: that is its own affair, and no other run's. */
  #unstorable(): MachineEvent {
    const { retry } = this.#registered.task
    const message = 'What the attempt came to could not be stored'
    const error = { name: 'CheckreinError', code: 'INTERNAL', message }
    const ended = { deliveredAt: null, proof: null }
    const failure = { error, isRetryable: true, retry, random: Math.random() }
    return { type: 'fail', fence: this.#fence, ...failure, ...ended }
  }

  /** Follows what is asked of the run, if it is asked of this attempt; null where nothing is. */
  follow(held: HeldIntent | null): void {
    if (held !== null && held.attempt !== this.run.attempt) return
    const { stop = null, pause = null } = held?.intent ?? {}
    if (held && stop) {
      if (stop.verb === 'abort' || stop.verb === 'cancel') this.#pauseOrNull?.thaw()
      this.ladder.follow(stop, held.stopAgeMs)
    }
    // A frozen run that is to stop goes on, to hear of it; one that is revoked may finish.
    const asked = stop === null ? pause : null
    if (asked) this.#pause.follow(asked, held?.pauseAgeMs ?? 0)
    else this.#pauseOrNull?.follow(null, 0)
    if (held?.signalled != null) this.#mailbox.follow(held.signalled)
  }

  onDelivered(at: number): void {
    if (this.ladder.abortCause === 'stop')
      this.#report({ type: 'deliver', fence: this.#fence, deliveredAt: at })
  }

  onProgress(progress: string): void {
    this.#limits?.beat()
    this.#report({ type: 'progress', fence: this.#fence, progress })
  }

  onCheckpoint(saved: Saved, number: number): void {
    this.#limits?.beat()
    this.#saver ??= this.#makeSaver()
    this.#saver.save(saved, number)
  }

  onTaken(position: number, takenAt: number): void {
    this.#report({ type: 'take', fence: this.#fence, position, takenAt })
  }

  onQuestion(question: StoreQuestion, number: number): void {
    const { store } = this.#parts
    const stored = (): Promise<void> | undefined => this.#saver?.idle()
    const parts = { store, fence: this.#fence, stored, isOver: () => this.#hasEnded }
    void answerTo(question, parts).then((answer) => this.#running.answer(number, answer))
  }

  onExtend(ms: number): void {
    this.#limits?.extend(ms)
  }

  onLog(line: LogLine): void {
    const { id: runId, attempt } = this.run
    this.#parts.store
      .log([{ runId, attempt, line }])
      .catch((error: unknown) => this.#complain('log', error))
  }

  #onOverdue(): void {
    publish(() => ({ type: 'unresponsive', ...this.#names() }))
    const { killCause } = this.ladder
    if (killCause === 'stop' || killCause === 'pause')
      this.#report({ type: 'overdue', fence: this.#fence, of: killCause })
  }

  #onEnded(end: AttemptEnd): AttemptEnd {
    this.#hasEnded = true
    this.ladder.end()
    this.#pauseOrNull?.end()
    this.#limits?.end()
    this.#parts.pace.tick(performance.now() - this.#startedAt)
    return end
  }

  #armLimits(): AttemptLimits {
    return new AttemptLimits({
      limits: this.#registered.task,
      onAbort: (reason) => {
        this.#limit ??= reason
        this.ladder.abort('timeout', reason)
      },
      onKill: (reason) => {
        if (this.ladder.killCause === null) this.#limit = reason
        void this.ladder.kill('limit')
      },
    })
  }

  get #mailbox(): SignalForwarder {
    const { store } = this.#parts
    const [runId, attempt] = [this.run.id, this.#running]
    const onError = (error: unknown): void => this.#complain('signals', error)
    this.#mailboxOrNull ??= new SignalForwarder({ store, runId, attempt, onError })
    return this.#mailboxOrNull
  }

  #makeSaver(): CheckpointSaver {
    return new CheckpointSaver({
      store: this.#parts.store,
      fence: this.#fence,
      seq: this.run.seq,
      onSaved: (number, error) => this.#running.saved(number, error),
      onError: (error) => this.#complain('checkpoint', error),
    })
  }

  get #pause(): PauseLadder {
    const { store } = this.#parts
    this.#pauseOrNull ??= new PauseLadder({
      attempt: this.#running,
      kill: () => void this.ladder.kill('pause'),
      onOverdue: () => this.#report({ type: 'overdue', fence: this.#fence, of: 'pause' }),
      onFrozen: () => {
        this.#limits?.freeze()
        this.#report({ type: 'freeze', fence: this.#fence, frozenAt: store.now() })
      },
      onThawed: () => this.#limits?.thaw(),
    })
    return this.#pauseOrNull
  }

  /** Reports that may be lost: what they say is also in the end of the attempt, or comes again. */
  #report(event: MachineEvent): void {
    const calls = [{ runId: this.run.id, event }]
    this.#parts.store.apply(calls).catch((error: unknown) => this.#complain(event.type, error))
  }

  #complain(during: string, thrown: unknown): void {
    const error: ErrorRecord = errorRecord(thrown)
    publish(() => ({ type: 'store-error', workerId: this.#fence.workerId, during, error }))
  }

  #names(): { workerId: string; runId: string; task: string; attempt: number } {
    const { id: runId, task, attempt } = this.run
    return { workerId: this.#fence.workerId, runId, task, attempt }
  }
}

function orderOf(run: ClaimedRun, registered: RegisteredTask, payloadLimit: number): AttemptOrder {
  const { module } = registered
  const { checkpointLimit } = registered.task
  const { id, task, queue, key, tags, attempt, workflow, parent, rollback } = run
  const { input, isMapped, checkpoint, wait, signalled } = run
  const info = { id, task, queue, key, tags, attempt, workflow, parent }
  const back = rollback && {
    stop: rollback.stop,
    error: rollback.stop === null ? run.error : null,
    undoes: rollback.undoes ?? null,
  }
  const kept = { state: checkpoint, waits: wait?.done ?? [], signalled, rollback: back }
  return { run: info, module, input, isMapped, payloadLimit, checkpointLimit, ...kept }
}
