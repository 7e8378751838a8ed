import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { SignalSchemas } from '../../../core/task/context.ts'
import { errorRecord } from '../../../core/error-record.ts'
import { CheckreinError } from '../../../core/errors.ts'
import type { SignalOutcome } from '../../../core/run/events.ts'
import { decodePayload } from '../../../core/payload.ts'
import { portableError } from '../../wire/channel.ts'
import type { SentSignal } from '../../executor.ts'
import { Delivery } from './delivery.ts'
import { PositionQueue } from './pending.ts'
import { EventLoopTurns } from '../attempt/event-loop-turns.ts'
import { firstIssue, validate } from '../../../core/task/validate.ts'

/** The calls that a validator makes for the signals that arrive. */
export interface SignalValidatorEvents {
  /** A signal fits. */
  admitted(delivery: Delivery): void
  /** The handler has answered a signal. */
  handled(delivery: Delivery): void
  /** A signal does not fit, so the handler will never see it. */
  rejected(outcome: SignalOutcome): void
  /** All signals that have arrived were looked at. */
  idle(): void
}

/** Checks the signals that arrive, one after the other: a schema may take its time, and the order must stay. */
export class SignalValidator {
  readonly #events: SignalValidatorEvents
  /** The largest reply. */
  readonly #limit: number
  readonly #seen = new Set<number>()
  readonly #turns = new EventLoopTurns()
  #incoming = new PositionQueue<SentSignal>()
  #schemas: SignalSchemas | null = null
  #isAdmitting = false
  #isClosed = false

  constructor(limit: number, events: SignalValidatorEvents) {
    this.#limit = limit
    this.#events = events
  }

  get isIdle(): boolean {
    return !this.#isAdmitting && this.#incoming.first === undefined
  }

  /** Lets signals in. @param schemas those of the task. */
  open(schemas: SignalSchemas): void {
    this.#schemas = schemas
    void this.#admit()
  }

  deliver(sent: SentSignal): void {
    if (this.#isClosed || this.#seen.has(sent.position)) return
    this.#seen.add(sent.position)
    this.#incoming.insert(sent)
    void this.#admit()
  }

  /** @throws {CheckreinError} `USAGE` where the task takes no signal of that name. */
  check(name: string): void {
    const schemas = this.#schemas ?? {}
    if (Object.hasOwn(schemas, name)) return
    const names = Object.keys(schemas).join(', ')
    throw new CheckreinError('USAGE', {
      message: `The task takes no signal ${JSON.stringify(name)}`,
      hint: names === '' ? 'Declare it in the `signals` of the task.' : `It takes: ${names}`,
    })
  }

  close(): void {
    this.#isClosed = true
    this.#incoming = new PositionQueue()
  }

  async #admit(): Promise<void> {
    if (this.#isAdmitting || this.#schemas === null) return
    this.#isAdmitting = true
    for (let sent = this.#incoming.shift(); sent !== undefined; sent = this.#incoming.shift()) {
      const delivery = await this.#checked(sent, this.#schemas)
      if (delivery !== null && !this.#isClosed) this.#events.admitted(delivery)
      await this.#turns.pass()
    }
    this.#isAdmitting = false
    this.#events.idle()
  }

  async #checked(sent: SentSignal, schemas: SignalSchemas): Promise<Delivery | null> {
    try {
      this.check(sent.name)
      const schema = schemas[sent.name] as StandardSchemaV1
      const checked = await validate(schema, decodePayload(sent.payload))
      if (!checked.isValid) {
        const message = `The payload of the signal ${JSON.stringify(sent.name)} does not fit: ${firstIssue(checked.issues)}`
        return this.#reject(sent, { message, details: { issues: checked.issues } })
      }
      const onHandled = (delivery: Delivery): void => {
        if (!this.#isClosed) this.#events.handled(delivery)
      }
      return new Delivery(sent, checked.value, { limit: this.#limit, onHandled })
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return this.#reject(sent, { message, details: {} })
    }
  }

  #reject(
    { position, name }: SentSignal,
    { message, details }: { message: string; details: Readonly<Record<string, unknown>> },
  ): null {
    const error = new CheckreinError('SIGNAL_REJECTED', { message, details: { name, ...details } })
    const outcome = { position, reply: null, error: portableError(errorRecord(error)) }
    if (!this.#isClosed) this.#events.rejected(outcome)
    return null
  }
}
