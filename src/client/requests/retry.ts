/** Runs that are tried again, as requests to the store. */
import { randomUUIDv7 } from 'node:crypto'
import { CheckreinError } from '../../core/errors.ts'
import { type RunFilter, statesOf } from '../../core/filter.ts'
import { defaultPayloadLimit, encodePayload } from '../../core/payload.ts'
import { hasComeToNothing, isNotUndone } from '../../core/run/rollback.ts'
import type { StoredRun } from '../../core/run/run.ts'
import { finalStates } from '../../core/run/transitions.ts'
import type { AnyTask } from '../../core/task/context.ts'
import type { RequestedBy, Retried as Answered, Store } from '../../store/store.ts'
import type { RetryOptions } from '../options/options.ts'
import { retryOptions } from '../options/retry-parameters.ts'
import type { Requester } from '../options/requester.ts'
import { type RetryTarget, targetOf } from '../options/targets.ts'
import { refuseUnknownOptions } from '../options/unknown-options.ts'
import { notFound, theOnly } from '../views/errors.ts'
import { refuseBadInput } from './enqueue.ts'

/** The answer of one run that was to be tried again. */
export interface Retried extends Answered {
  /** How to do it where the run was refused; null where it was not. */
  readonly hint: string | null
}

const hints: Readonly<Record<Answered['answer'], string | null>> = {
  retried: null,
  'not-final': 'Only a run that has ended is tried again: wait for its end, or stop it.',
  'not-found': null,
  'is-member': 'Retry its workflow: `retryWorkflow`, or `checkrein workflow retry`.',
  'is-child': 'Retry its parent, which enqueues it again.',
  'no-rollback': 'Only a roll-back that failed or was given up is tried again, and it had none.',
  'rolling-back': 'Wait for the end of its roll-back: `get` shows the run that does it.',
  'rolled-back': 'It is undone: nothing is left to do.',
}

/** How many runs are read, or tried again, at once. */
const atOnce = 500

/** The parts of a client that retries need. */
export interface RetriesParts {
  readonly store: Pick<Store, 'retry' | 'list' | 'signals'>
  readonly requester: Requester
  readonly payloadLimit: number | undefined
}

/** Tries runs again. */
export class Retries {
  readonly #parts: RetriesParts

  constructor(parts: RetriesParts) {
    this.#parts = parts
  }

  /** Fulfils when the new runs are durable, with an answer for each run. */
  async many(target: RetryTarget, given: RetryOptions = {}): Promise<readonly Retried[]> {
    refuseUnknownOptions('retry', given, [...Object.keys(retryOptions), 'input'])
    const { input, rollback = false, ...who } = given
    const meant = targetOf(target)
    if ('key' in meant) throw noKey()
    if (input !== undefined && rollback) throw noInput()
    if (input !== undefined && !('ids' in meant && meant.ids.length === 1)) throw manyInputs()
    const asked = this.#parts.requester.who(who)
    const text = this.#encoded(input)
    const ids =
      'ids' in meant ? meant.ids : await this.#finalRuns(meant.filter, { ...asked, rollback })
    const answers: Retried[] = []
    for (let at = 0; at < ids.length; at += atOnce) {
      const calls = ids
        .slice(at, at + atOnce)
        .map((id) => ({ id, newId: randomUUIDv7(), input: text, rollback, asked }))
      for (const one of await this.#parts.store.retry(calls))
        answers.push({ ...one, hint: hints[one.answer] })
    }
    return answers
  }

  /** The same of one run. @returns the id of the new run. @throws {CheckreinError} `INPUT_REJECTED`, `ROLLBACK_MISSING`, `RUN_NOT_FOUND`, `USAGE`. */
  async one(id: string, options: RetryOptions, task: AnyTask | null): Promise<string> {
    if (task !== null && options.input !== undefined) await refuseBadInput(task, options.input)
    if (task?.rollback === null && options.rollback === true) throw noRollback(task.name)
    const { answer, newId, hint } = theOnly(await this.many(id, options))
    if (newId !== null) return newId
    if (answer === 'not-found') throw notFound(id)
    throw new CheckreinError('USAGE', {
      message: `Run ${id} is not tried again: ${answer}`,
      ...(hint === null ? {} : { hint }),
      details: { id, answer },
    })
  }

  #encoded(input: unknown): string | undefined {
    const limit = this.#parts.payloadLimit ?? defaultPayloadLimit
    return input === undefined ? undefined : (encodePayload(input, 'input', limit) ?? undefined)
  }

  /** The ids of all runs of the filter that are final: they are decided before the first new run is made, for that may end soon. */
  async #finalRuns(
    filter: RunFilter,
    { callId, rollback }: RequestedBy & { readonly rollback: boolean },
  ): Promise<readonly string[]> {
    const wanted = statesOf(filter)
    const state = finalStates.filter((one) => wanted.length === 0 || wanted.includes(one))
    if (state.length === 0) return []
    const made = await this.#madeBefore(callId)
    const ids: string[] = []
    for (let cursor: string | null = null, isFirst = true; isFirst || cursor !== null;) {
      isFirst = false
      const page = { limit: atOnce, cursor, order: 'oldest', payloads: false } as const
      const found: Awaited<ReturnType<Store['list']>> = await this.#parts.store.list(
        { ...filter, state },
        page,
      )
      for (const run of found.runs)
        if (!made.has(run.id) && (!rollback || isMeant(run, made))) ids.push(run.id)
      cursor = found.cursor
    }
    return ids
  }

  /** The runs that the same call has made before, where it is made again: they are not tried again in their turn. */
  async #madeBefore(callId: string): Promise<ReadonlySet<string>> {
    const made = new Set<string>()
    for (let after = -1, isLast = false; !isLast;) {
      const query = { callIds: [callId], names: ['retry'] }
      const page = await this.#parts.store.signals(query, { after, limit: atOnce })
      for (const { reply } of page) if (reply !== null) made.add(String(JSON.parse(reply)))
      after = page.at(-1)?.position ?? after
      isLast = page.length < atOnce
    }
    return made
  }
}

/** Whether the roll-back of a run has come to nothing, and no other call has tried it again. */
function isMeant({ rollback }: StoredRun, made: ReadonlySet<string>): boolean {
  return (
    isNotUndone(rollback) || (hasComeToNothing(rollback) && made.has(rollback?.retriedAs ?? ''))
  )
}

function noInput(): CheckreinError {
  return new CheckreinError('USAGE', {
    message: 'A roll-back has no input of its own',
    hint: 'Leave `input` out: the roll-back gets the input of the run that it undoes.',
  })
}

function noRollback(task: string): CheckreinError {
  return new CheckreinError('ROLLBACK_MISSING', {
    message: `The task ${JSON.stringify(task)} has no rollback function`,
    hint: 'Give the task a `rollback`, start a worker with it, and try again.',
  })
}

function noKey(): CheckreinError {
  return new CheckreinError('USAGE', {
    message: 'A run that holds a key has not ended, and cannot be retried',
    hint: 'Give an id, an array of ids, or { filter: { task, key } } for the runs that have had the key.',
  })
}

function manyInputs(): CheckreinError {
  return new CheckreinError('USAGE', {
    message: 'A new input is for one run',
    hint: 'Give the id of one run, or leave `input` out.',
  })
}
