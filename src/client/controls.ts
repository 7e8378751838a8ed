import { type Duration, durationMs } from '../core/duration.ts'
import { CheckreinError, shown } from '../core/errors.ts'
import { checkedFilter, type RunFilter } from '../core/filter.ts'
import { defaultGraceMs } from '../core/intent.ts'
import { wholeText } from '../core/text.ts'
import type { StopVerb } from '../core/transitions.ts'
import type { Controlled, Store, Target } from '../store/store.ts'

/** Which runs a verb is for: an id, several, the run of a task that holds a key, or all that fit a filter. */
export type ControlTarget =
  | string
  | readonly string[]
  | { readonly task: string; readonly key: string }
  | { readonly filter: RunFilter }

/** Goes into the record of what was asked. */
export interface AskOptions {
  readonly reason?: string
  /** Who asks; default: the client's `by`. */
  readonly by?: string
  /** How long a tombstone waits for an id or key that does not exist yet; default 24 h, 0 for none. */
  readonly tombstone?: Duration
}

export interface StopOptions extends AskOptions {
  /** How long the handler has to end by itself; default 5 s. */
  readonly grace?: Duration
  /** How long to wait for the confirmation; default: the grace and 30 s. */
  readonly timeout?: Duration
  readonly abortSignal?: AbortSignal
}

/** How long a tombstone stands where the caller says nothing. */
const defaultTombstone = '24h'

/** The verbs that end runs, as requests to the store. */
export class Controls {
  readonly #store: Pick<Store, 'control'>
  readonly #by: string | null

  constructor(store: Pick<Store, 'control'>, by: string | null) {
    this.#store = store
    this.#by = by
  }

  /** Fulfils when the requests are on record, with an answer for each run. */
  async many(
    verb: StopVerb,
    target: ControlTarget,
    options: StopOptions,
  ): Promise<readonly Controlled[]> {
    return this.#store.control({
      verb,
      target: targetOf(target),
      reason: text(options.reason, 'reason'),
      by: text(options.by, 'by') ?? this.#by,
      graceMs: options.grace === undefined ? defaultGraceMs : durationMs(options.grace, 'grace'),
      tombstoneMs: durationMs(options.tombstone ?? defaultTombstone, 'tombstone'),
    })
  }

  async one(verb: StopVerb, id: string, options: StopOptions): Promise<Controlled> {
    const [answer] = await this.many(verb, id, options)
    if (!answer) throw new CheckreinError('INTERNAL', { message: 'a verb was not answered' })
    return answer
  }
}

const longestText = 2000

function text(value: string | undefined, what: string): string | null {
  if (value === undefined) return null
  if (typeof value === 'string' && value.length <= longestText) return wholeText(value, what)
  throw new CheckreinError('USAGE', {
    message: `${what} must be text of at most ${longestText} characters`,
  })
}

/** @throws {CheckreinError} `USAGE` for a target that is none. */
function targetOf(target: ControlTarget): Target {
  if (typeof target === 'string') return { ids: [checkedId(target)] }
  if (isMany(target)) return { ids: target.map(checkedId) }
  if (typeof target !== 'object' || target === null) throw noTarget()
  if ('filter' in target) return { filter: checkedFilter(target.filter) }
  if ('key' in target && typeof target.key === 'string' && typeof target.task === 'string') {
    return { task: wholeText(target.task, 'task'), key: wholeText(target.key, 'key') }
  }
  throw noTarget()
}

function noTarget(): CheckreinError {
  return new CheckreinError('USAGE', {
    message: 'The target names no runs',
    hint: "Give an id, an array of ids, { task, key }, or { filter: { tag: 'tenant:9' } }.",
  })
}

function isMany(target: ControlTarget): target is readonly string[] {
  return Array.isArray(target)
}

/** @throws {CheckreinError} `USAGE` for what cannot be the id of a run. */
export function checkedId(id: unknown): string {
  if (typeof id === 'string' && id.length >= 1 && id.length <= 200) return wholeText(id, 'the id')
  throw new CheckreinError('USAGE', {
    message: `${shown(id).slice(0, 100)} is not an id of 1 to 200 characters`,
  })
}
