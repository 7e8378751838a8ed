/**
 * One attempt, from the claimed run to the settled one, in steps that read like a recipe: start it in an isolate, arm
 * its limits, wait for its end, say what that means, and have the store write it.
 */
import { type ErrorRecord, errorRecord } from '../core/errors.ts'
import type { LogLine, MachineEvent } from '../core/events.ts'
import type { Fence } from '../core/run.ts'
import type { AttemptEnd, AttemptListener, Executor, RunningAttempt } from '../executor/executor.ts'
import type { ClaimedRun, HeldIntent, Store } from '../store/store.ts'
import type { Pace } from './pace.ts'
import type { Registered } from './registry.ts'
import { settle } from './settle.ts'
import { StopLadder } from './stop.ts'
import { publish } from './telemetry.ts'
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
  readonly #registered: Registered
  readonly #running: RunningAttempt
  readonly #fence: Fence
  readonly #startedAt = performance.now()
  #limits: NodeJS.Timeout[] = []

  constructor(run: ClaimedRun, registered: Registered, parts: AttemptParts) {
    this.run = run
    this.#registered = registered
    this.#parts = parts
    this.#fence = { runId: run.id, attempt: run.attempt, workerId: parts.workerId }
    const { id, task, queue, key, tags, attempt, input } = run
    const info = { id, task, queue, key, tags, attempt }
    const order = { run: info, module: registered.module, input, payloadLimit: parts.payloadLimit }
    this.#running = parts.executor.start(order, this)
    this.ladder = new StopLadder(this.#running, () => this.#onOverdue())
    this.#armLimits()
    publish(() => ({ type: 'attempt-started', ...this.#names() }))
    this.ended = this.#running.ended.then((end) => this.#onEnded(end))
  }

  /** Waits for the end of the attempt, and has it written. Fulfils when the store has answered, or never will. */
  async settle(): Promise<void> {
    const end = await this.ended
    const { task } = this.#registered
    const event = verdict({ fence: this.#fence, task, ladder: this.ladder, end })
    await this.#parts.pace.beat()
    const { id: runId, seq } = this.run
    const answer = await settle(this.#parts.store, { runId, seq, event }, (error) =>
      this.#complain(event.type, error),
    )
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

  /** Follows what was asked of the run, if it was asked of this attempt. */
  follow({ intent, stopAgeMs, attempt }: HeldIntent): void {
    if (intent.stop && attempt === this.run.attempt) this.ladder.follow(intent.stop, stopAgeMs)
  }

  onDelivered(at: number): void {
    if (this.ladder.abortCause === 'stop')
      this.#report({ type: 'deliver', fence: this.#fence, deliveredAt: at })
  }

  onProgress(progress: string): void {
    this.#report({ type: 'progress', fence: this.#fence, progress })
  }

  onLog(line: LogLine): void {
    const { id: runId, attempt } = this.run
    this.#parts.store
      .log([{ runId, attempt, line }])
      .catch((error: unknown) => this.#complain('log', error))
  }

  #onOverdue(): void {
    publish(() => ({ type: 'unresponsive', ...this.#names() }))
    if (this.ladder.killCause === 'stop') this.#report({ type: 'overdue', fence: this.#fence })
  }

  #onEnded(end: AttemptEnd): AttemptEnd {
    this.ladder.end()
    this.#parts.pace.tick(performance.now() - this.#startedAt)
    for (const timer of this.#limits) clearTimeout(timer)
    return end
  }

  #armLimits(): void {
    const { timeoutMs, hardTimeoutMs } = this.#registered.task
    if (timeoutMs !== null) {
      const message = `The attempt ran past its time limit of ${timeoutMs} ms`
      const reason = { code: 'ATTEMPT_TIMEOUT', message, details: { timeoutMs } } as const
      this.#limits.push(setTimeout(() => this.ladder.abort('timeout', reason), timeoutMs))
    }
    if (hardTimeoutMs !== null) {
      this.#limits.push(setTimeout(() => void this.ladder.kill('hard-timeout'), hardTimeoutMs))
    }
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
