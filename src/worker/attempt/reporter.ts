import { errorRecord } from '../../core/error-record.ts'
import type { Answer, EventOf } from '../../core/run/decision.ts'
import type { LogLine, MachineEvent } from '../../core/run/events.ts'
import type { Fence } from '../../core/run/run.ts'
import type { ClaimedRun, Store } from '../../store/store.ts'
import { publish } from '../telemetry.ts'
import { storeEnd } from './store-end.ts'
import { unstorable } from './verdict.ts'
import type { RetryPolicy } from '../../core/backoff.ts'

/** How long a handler goes on until the store is told that it was called: the ends of shorter ones say so, and need no write more. */
const begunAfterMs = 100

/** Tells of one attempt: writes its events to the store, fence first, and publishes what happens to it. */
export class AttemptReporter {
  readonly run: ClaimedRun
  readonly store: Store
  readonly fence: Fence
  readonly #startedAt = performance.now()
  #begun: EventOf<'begin'> | null = null
  #beginTimer: NodeJS.Timeout | null = null

  constructor(run: ClaimedRun, store: Store, workerId: string) {
    this.run = run
    this.store = store
    this.fence = { runId: run.id, attempt: run.attempt, workerId }
  }

  /** Ms since the attempt began. */
  get ageMs(): number {
    return performance.now() - this.#startedAt
  }

  /** When the handler was called, epoch ms, where the claim has not said that; undefined where it was not, or the claim has. */
  get begunAt(): number | undefined {
    return this.#begun?.startedAt
  }

  /** Notes that the handler is called. The store is told so once that has lasted, or with the end of the attempt. */
  begin(): void {
    if (this.run.startedAt !== null) return
    this.#begun = { type: 'begin', fence: this.fence, startedAt: this.store.now() }
    this.#beginTimer = setTimeout(() => this.#tellBegun(), begunAfterMs).unref()
  }

  #tellBegun(): void {
    this.#beginTimer = null
    if (this.#begun !== null) this.report(this.#begun)
  }

  /** The attempt is over: its end says when it began. */
  end(): void {
    if (this.#beginTimer !== null) clearTimeout(this.#beginTimer)
  }

  /** Writes an event that may be lost: the end of the attempt says the same, or the event comes again. */
  report(event: MachineEvent): void {
    const calls = [{ runId: this.run.id, event }]
    this.store.apply(calls).catch((error: unknown) => this.complain(event.type, error))
  }

  /** Adds a line to the log of the run; a line that can't be written is lost. */
  log(line: LogLine): void {
    const { id: runId, attempt } = this.run
    this.store
      .log([{ runId, attempt, line }])
      .catch((error: unknown) => this.complain('log', error))
  }

  /**
   * Writes the end of the attempt, however long that takes. Where the store can't hold it, a failure is written instead.
   * @returns null where the store will never take either.
   */
  async storeEnd(event: MachineEvent, retry: RetryPolicy): Promise<Answer | null> {
    return (await this.#write(event)) ?? (await this.#write(unstorable(this.fence, retry)))
  }

  #write(event: MachineEvent): Promise<Answer | null> {
    const { id: runId, seq, workflow, node } = this.run
    const member = workflow === null || node === null ? {} : { member: { workflow, node } }
    return storeEnd(this.store, { runId, seq, event, ...member }, (error) =>
      this.complain(event.type, error),
    )
  }

  /** Publishes that the attempt has started. */
  announceStart(): void {
    publish(() => ({ type: 'attempt-started', ...this.#names() }))
  }

  /** Publishes how the attempt ended, and what the store made of it. */
  announceEnd(event: MachineEvent, answer: Answer | null): void {
    publish(() => ({
      type: 'attempt-ended',
      ...this.#names(),
      event: event.type,
      answer,
      durationMs: this.ageMs,
      error: 'error' in event ? event.error : null,
    }))
  }

  /** Publishes that the isolate does not die. */
  announceUnresponsive(): void {
    publish(() => ({ type: 'unresponsive', ...this.#names() }))
  }

  /** Publishes that the store failed. @param during the event, or the kind of call, that it failed on. */
  complain(during: string, thrown: unknown): void {
    const { workerId } = this.fence
    publish(() => ({ type: 'store-error', workerId, during, error: errorRecord(thrown) }))
  }

  #names(): { workerId: string; runId: string; task: string; attempt: number } {
    const { id: runId, task, attempt } = this.run
    return { workerId: this.fence.workerId, runId, task, attempt }
  }
}
