/**
 * The newest checkpoint of a handler, and the times at which the worker is told of it.
 *
 * A handler may keep a state a million times a second, which nobody wants to store. So the newest state is kept here. The worker
 * is told of it at once where it was told of nothing within the last interval, and else by a timer at the end of the interval. A
 * number, a text or a boolean can't be changed by the handler afterwards, so it becomes JSON only when it is told.
 *
 * A loop of checkpoints that are awaited never lets the event loop turn by itself. So every 10 ms such a call waits for the
 * next turn, in which timers, signals and messages come through.
 */
import { stringifyJson } from '../../../core/json.ts'
import { setTimeout, clearTimeout } from 'node:timers'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { CheckreinError, errorFrom, type ErrorRecord } from '../../../core/errors.ts'
import type { Saved, SignalOutcome } from '../../../core/run/events.ts'
import { decodePayload, encodePayload, refuseLarge } from '../../../core/payload.ts'
import type { JsonText } from '../../../core/run/run.ts'
import type { AttemptOrder } from '../../executor.ts'
import { EventLoopTurns } from './event-loop-turns.ts'
import { type SchemaIssue, firstIssue, validate } from '../../../core/task/validate.ts'
import { clockMs } from './clock.ts'

/** A state that is JSON already, with its length in bytes. */
export interface EncodedState {
  readonly text: JsonText
  readonly bytes: number
}

/** A state that makes its own JSON when it is kept. */
export class SelfEncoding {
  readonly encode: () => EncodedState

  constructor(encode: () => EncodedState) {
    this.encode = encode
  }
}

interface Waiter {
  readonly number: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The checkpoints of one attempt. */
export class Checkpoints {
  readonly #report: (saved: Saved, number: number) => void
  #intervalMs = 1000
  readonly #limit: number
  /** The newest state: as JSON, or as it is where it can't change. */
  #text: JsonText | null
  #plain: unknown = undefined
  /** The value that `state` gave out last, which is read once for each checkpoint. */
  #parsed: { readonly value: unknown } | null = null
  #isDirty = false
  #number = 0
  #waiters: Waiter[] = []
  #reportedAt = -Infinity
  readonly #turns = new EventLoopTurns()
  #timer: NodeJS.Timeout | null = null

  constructor(
    { state, checkpointLimit }: Pick<AttemptOrder, 'state' | 'checkpointLimit'>,
    report: (saved: Saved, number: number) => void,
  ) {
    this.#text = state
    this.#limit = checkpointLimit
    this.#report = report
  }

  /** Whether there is a state, of this attempt or of an earlier one. */
  get hasState(): boolean {
    return this.#text !== null || this.#plain !== undefined
  }

  /** The newest state, also of an earlier attempt; undefined where there is none. */
  get state(): unknown {
    if (this.#plain !== undefined) return this.#plain
    this.#parsed ??= { value: decodePayload(this.#text) }
    return this.#parsed.value
  }

  /** Lets checkpoints be told. @param intervalMs how often at most. */
  open(intervalMs: number): void {
    this.#intervalMs = intervalMs
  }

  /**
   * Reads the saved state by its schema.
   * @throws {CheckreinError} `INPUT_REJECTED` where it does not fit.
   */
  async restore(schema: StandardSchemaV1): Promise<void> {
    const checked = await validate(schema, this.state)
    if (!checked.isValid) throw strangeState(checked.issues)
    this.#parsed = { value: checked.value }
  }

  /** Keeps a state. @throws {CheckreinError} `PAYLOAD_TOO_LARGE`, `PAYLOAD_NOT_JSON`; the state that was kept before stays. */
  keep(value: unknown): void {
    if (isPlain(value, this.#limit)) {
      this.#plain = value
    } else {
      this.#text = encoded(value, this.#limit)
      this.#plain = undefined
      this.#parsed = null
    }
    this.#isDirty = true
  }

  /** Tells of the newest state, and of signals that the handler has dealt with. */
  tell(signals: readonly SignalOutcome[]): void {
    this.#stopTimer()
    this.#reportedAt = clockMs()
    this.#report({ checkpoint: this.take(), signals }, ++this.#number)
  }

  /** Tells of the newest state at once, where it was not told: a call comes that counts from it. */
  tellNow(): void {
    if (this.#isDirty) this.tell([])
  }

  /** Tells of signals without a state. */
  tellAlone(signals: readonly SignalOutcome[]): void {
    this.#report({ checkpoint: null, signals }, ++this.#number)
  }

  /** Tells of the newest state within an interval. @returns the promise of `turn`. */
  tellSoon(): Promise<void> {
    const now = clockMs()
    if (this.#isDirty && this.#timer === null) {
      const waitMs = this.#reportedAt + this.#intervalMs - now
      if (waitMs <= 0) this.tell([])
      else this.#timer = setTimeout(() => this.#onTime(), waitMs).unref()
    }
    return this.turn(now)
  }

  /** Tells of the newest state after an interval, if it was not told by then. */
  tellLater(): void {
    if (this.#isDirty) this.#timer ??= setTimeout(() => this.#onTime(), this.#intervalMs).unref()
  }

  /** A promise that is settled, but for every 10 ms: then it lets the event loop turn. */
  turn(now = clockMs()): Promise<void> {
    return this.#turns.pass(now)
  }

  /** The newest state, where it was not told yet; it counts as told from now on. */
  take(): JsonText | null {
    if (!this.#isDirty) return null
    this.#isDirty = false
    return this.#plain === undefined ? this.#text : stringifyJson(this.#plain)
  }

  /** Tells of the newest state, and waits until it is stored. */
  save(signals: readonly SignalOutcome[]): Promise<void> {
    // The wait is noted before the worker is told, for the answer may come within the call.
    const number = this.#number + 1
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiters.push({ number, resolve, reject })
    this.tell(signals)
    return promise
  }

  /** Ends the waits for that number and all before it. @param error why they never will be stored, else null. */
  onStored(upTo: number, error: ErrorRecord | null): void {
    const over = this.#waiters.filter(({ number }) => number <= upTo)
    this.#waiters = this.#waiters.filter(({ number }) => number > upTo)
    for (const { resolve, reject } of over) {
      if (error === null) resolve()
      else reject(errorFrom(error))
    }
  }

  /** Ends all waits with that reason. */
  giveUp(reason: unknown): void {
    for (const { reject } of this.#waiters.splice(0)) reject(reason)
  }

  close(): void {
    this.#stopTimer()
  }

  #onTime(): void {
    this.#timer = null
    if (this.#isDirty) this.tell([])
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

function encoded(value: unknown, limit: number): JsonText | null {
  if (!(value instanceof SelfEncoding)) return encodePayload(value, 'checkpoint', limit)
  const { text, bytes } = value.encode()
  refuseLarge(bytes, 'checkpoint', limit)
  return text
}

/** Whether a value is within the limit and can't be changed afterwards. A character of a text is at most six in JSON (`\u0000`). */
function isPlain(value: unknown, limit: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && limit >= 32
  if (typeof value === 'boolean') return limit >= 5
  return typeof value === 'string' && value.length * 6 + 2 <= limit
}

function strangeState(issues: readonly SchemaIssue[]): CheckreinError {
  return new CheckreinError('INPUT_REJECTED', {
    message: `The saved state does not fit the schema that the task has for it: ${firstIssue(issues)}`,
    hint: 'An older version of the task has saved it: let the `state` schema take (and transform) that form, too.',
    details: { issues },
  })
}
