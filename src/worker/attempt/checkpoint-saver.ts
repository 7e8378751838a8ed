/**
 * The way of checkpoints to the store: one write at a time, with the newest state and every signal that was dealt with. The part
 * that is not written when the attempt ends goes with its end.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { errorRecord } from '../../core/error-record.ts'
import { CheckreinError, type ErrorRecord, isCheckreinError } from '../../core/errors.ts'
import type { Saved } from '../../core/run/events.ts'
import type { Fence } from '../../core/run/run.ts'
import type { Store } from '../../store/store.ts'

const retryMs = 100

/** The surroundings of a checkpoint saver. */
export interface CheckpointSaverParts {
  readonly store: Pick<Store, 'apply'>
  readonly fence: Fence
  readonly seq: number
  /** Called when the checkpoint of that number, and all before it, are stored. @param error why they never will be, else null. */
  readonly onSaved: (number: number, error: ErrorRecord | null) => void
  readonly onError: (error: unknown) => void
}

/** A write without a checkpoint and without signals. */
export const nothing: Saved = { checkpoint: null, signals: [] }

/** Whether there is nothing to write. */
export const isNothing = ({ checkpoint, signals }: Saved): boolean =>
  checkpoint === null && signals.length === 0

/** Joins two writes into one: the newer checkpoint, and all signals. */
export function mergeSaved(older: Saved, newer: Saved): Saved {
  return {
    checkpoint: newer.checkpoint ?? older.checkpoint,
    signals: [...older.signals, ...newer.signals],
  }
}

/** Stores the checkpoints of one attempt, one write at a time. */
export class CheckpointSaver {
  readonly #parts: CheckpointSaverParts
  #pending: Saved = nothing
  #number = 0
  #savedNumber = 0
  #writing: Promise<void> | null = null
  #isOver = false

  constructor(parts: CheckpointSaverParts) {
    this.#parts = parts
  }

  /** Stores a checkpoint in its turn. An empty one is not written: it is reported as stored when all before it are. */
  save(saved: Saved, number: number): void {
    this.#pending = mergeSaved(this.#pending, saved)
    this.#number = number
    this.#writing ??= this.#writeAll()
  }

  /** Fulfils when all that was handed over so far is stored, or never will be. */
  async idle(): Promise<void> {
    await this.#writing
  }

  /** Waits for the write that is under way, and starts no other. @returns the checkpoint and the signals that are not written. */
  async end(): Promise<Saved> {
    this.#isOver = true
    await this.#writing
    return this.#pending
  }

  async #writeAll(): Promise<void> {
    // The first write begins in a later turn, when the caller has noted that this goes on.
    await Promise.resolve()
    while (!this.#isOver && this.#number > this.#savedNumber) await this.#writeNext()
    this.#writing = null
  }

  async #writeNext(): Promise<void> {
    const [saved, number] = [this.#pending, this.#number]
    this.#pending = nothing
    try {
      if (!isNothing(saved)) await this.#write(saved)
      this.#settle(number, null)
    } catch (error) {
      this.#parts.onError(error)
      if (!isPassing(error)) return this.#settle(number, errorRecord(error))
      this.#pending = mergeSaved(saved, this.#pending)
      if (!this.#isOver) await pause(retryMs)
    }
  }

  #settle(number: number, error: ErrorRecord | null): void {
    this.#savedNumber = number
    this.#parts.onSaved(number, error)
  }

  /** @throws {CheckreinError} `LEASE_LOST` where the attempt is not the current one any more. */
  async #write(saved: Saved): Promise<void> {
    const { store, fence, seq } = this.#parts
    const event = { type: 'checkpoint', fence, ...saved } as const
    const [answer] = await store.apply([{ runId: fence.runId, seq, event }])
    if (answer === 'done') return
    throw new CheckreinError('LEASE_LOST')
  }
}

/** Whether the same write may succeed later. */
export function isPassing(error: unknown): boolean {
  return isCheckreinError(error) && error.isRetryable && error.code !== 'LEASE_LOST'
}
