/** Messages to handlers, checked and stored. */
import { CheckreinError, shown } from '../../core/errors.ts'
import { encodePayload } from '../../core/payload.ts'
import { checkedName } from '../../core/task/task.ts'
import type { Signalled, Store } from '../../store/store.ts'
import type { Requester, WhoOptions } from '../options/requester.ts'
import { refuseUnknownOptions } from '../options/unknown-options.ts'
import { whoOptions } from '../options/parameters.ts'
import { issuesOf, issueWords } from '../options/schema.ts'
import { type ControlTarget, targetOf } from '../options/targets.ts'
import type { AnyTask } from '../../core/task/context.ts'

/** The answer of one run to a signal. */
export interface Sent extends Signalled {
  /** The id of the call that has sent the signal. */
  readonly callId: string
}

/** A signal that is to be sent. */
export interface Message {
  readonly name: string
  readonly payload: unknown
  readonly options: WhoOptions
  /** Where it is known: what the payload is checked against. */
  readonly task?: AnyTask | null
}

/** Sends signals, on a store or within a transaction. */
export class Signals {
  readonly #store: Pick<Store, 'signal'>
  readonly #requester: Requester
  readonly #payloadLimit: number | undefined

  constructor(
    store: Pick<Store, 'signal'>,
    requester: Requester,
    payloadLimit: number | undefined,
  ) {
    this.#store = store
    this.#requester = requester
    this.#payloadLimit = payloadLimit
  }

  /** Fulfils when it is on record. The payload is stored as the caller passed it, for the worker checks it again. */
  async send(target: ControlTarget, { name, payload, options, task }: Message): Promise<Sent[]> {
    const meant = targetOf(target)
    refuseUnknownOptions('signal', options, whoOptions)
    const who = this.#requester.who(options)
    checkedName(name, 'signal')
    if (task) await refuseBadPayload(task, name, payload)
    const json = encodePayload(payload, `payload of the signal ${name}`, this.#payloadLimit)
    const answers = await this.#store.signal({ target: meant, name, payload: json, ...who })
    return answers.map((one) => ({ ...one, callId: who.callId }))
  }
}

/** @throws {CheckreinError} `SIGNAL_REJECTED` for a signal that the task does not take, or with what its schema found. */
async function refuseBadPayload(task: AnyTask, name: string, payload: unknown): Promise<void> {
  const schema = Object.hasOwn(task.signals, name) ? task.signals[name] : undefined
  if (!schema) {
    const names = Object.keys(task.signals)
    throw new CheckreinError('SIGNAL_REJECTED', {
      message: `${task.name} takes no signal ${shown(name)}`,
      hint: names.length === 0 ? 'It takes none.' : `It takes: ${names.join(', ')}.`,
      details: { task: task.name, signal: name },
    })
  }
  const issues = await issuesOf(schema, payload)
  if (issues.length === 0) return
  throw new CheckreinError('SIGNAL_REJECTED', {
    message: `The payload of ${name} does not fit what ${task.name} takes: ${issueWords(issues)}`,
    hint: 'Nothing was sent. `details.issues` lists what is wrong.',
    details: { task: task.name, signal: name, issues },
  })
}
