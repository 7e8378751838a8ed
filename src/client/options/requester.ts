/** The requester, the reason and the origin, which the record keeps of every request. */
import { randomUUIDv7 } from 'node:crypto'
import { hostname } from 'node:os'
import { CheckreinError, shown } from '../../core/errors.ts'
import { wholeText } from '../../core/text.ts'
import type { RequestedBy } from '../../store/store.ts'

/** The options of every request that go into the record: the reason, the requester, and the id of the call. */
export interface WhoOptions {
  readonly reason?: string
  /** The requester: a person or a program; default: the client's `by`. */
  readonly by?: string
  /**
   * A UUIDv7 of the caller's; default: a new one. A request that is made again under the same id is the same request;
   * `client.bulk` shows by it how far one on a filter is, also in another process.
   */
  readonly callId?: string
  /**
   * The program or place from which the request comes, for the record: at most 2,000 characters; default: the client's
   * `origin`. A service that asks for its users says here which of them, and over which address: `web 203.0.113.9`.
   */
  readonly origin?: string
}

/** How a client names the requester of its calls. */
export interface RequesterOptions {
  /** The requester in the record of every request for which a call names nobody. */
  readonly by?: string
  /** Whether a request is refused with `BY_REQUIRED` that says nowhere who asks; default false. */
  readonly requireBy?: boolean
  /** The program that asks, in the record of every request; default: its host and pid. */
  readonly origin?: string
}

const longestText = 2000

/** Completes what callers say of themselves. */
export class Requester {
  readonly #by: string | null
  readonly #isByRequired: boolean
  readonly #origin: string

  constructor({ by, requireBy = false, origin }: RequesterOptions = {}) {
    this.#by = text(by, 'by')
    this.#isByRequired = requireBy
    this.#origin = text(origin, 'origin') ?? `${hostname()} pid ${process.pid}`
  }

  /** @throws {CheckreinError} `BY_REQUIRED`; `USAGE` for what cannot be kept. */
  who({ reason, by, callId, origin }: WhoOptions): RequestedBy {
    const requester = text(by, 'by') ?? this.#by
    if (this.#isByRequired && (requester ?? '').trim() === '') throw byRequired()
    return {
      callId: callId === undefined ? randomUUIDv7() : checkedCallId(callId),
      reason: text(reason, 'reason'),
      by: requester,
      origin: text(origin, 'origin') ?? this.#origin,
    }
  }
}

function byRequired(): CheckreinError {
  return new CheckreinError('BY_REQUIRED', {
    hint: 'Nothing was done. Say who asks: `by` of the call or of the client, --by on the command line.',
  })
}

function text(value: string | undefined, what: string): string | null {
  if (value === undefined) return null
  if (typeof value === 'string' && value.length <= longestText) return wholeText(value, what)
  throw new CheckreinError('USAGE', {
    message: `${what} must be text of at most ${longestText} characters`,
  })
}

const uuidv7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

/** @throws {CheckreinError} `USAGE` for what cannot be the id of a call. */
function checkedCallId(id: unknown): string {
  if (typeof id === 'string' && uuidv7.test(id)) return id
  throw new CheckreinError('USAGE', {
    message: `${shown(id).slice(0, 100)} is not the id of a call`,
    hint: 'The id is a UUIDv7 in small letters, as `crypto.randomUUIDv7()` makes it.',
  })
}
