/** The verbs that end, pause and resume runs, and those that stand, as requests to the store. */
import { type Duration, durationMs } from '../../core/duration.ts'
import { CheckreinError } from '../../core/errors.ts'
import { type HoldFilter, isOfLanes } from '../../core/hold.ts'
import {
  defaultGraceMs,
  defaultPauseMs,
  type PauseFallback,
  pauseFallbacks,
} from '../../core/run/intent.ts'
import { type StopVerb, stopVerbs } from '../../core/run/transitions.ts'
import { type RunningPolicy, runningPolicies } from '../../core/workflow/workflow.ts'
import {
  type AskedBy,
  type Controlled,
  type ControlRequest,
  type ControlVerb,
  type Hold,
  type HoldRequest,
  type InFlight,
  inFlights,
  type Store,
} from '../../store/store.ts'
import type { Asker, WhoOptions } from '../options/requester.ts'
import { theOnly } from '../views/errors.ts'
import { refuseUnknownOptions } from '../options/unknown-options.ts'
import { momentOf, type Now, type UntilOptions } from '../options/instants.ts'
import {
  askOptions,
  cancelOptions,
  freezeOptions,
  holdOptions,
  pauseOptions,
  whoOptions,
} from '../options/parameters.ts'
import {
  checkedId,
  type ControlTarget,
  type Scope,
  scopeFilter,
  standingFilter,
  targetOf,
} from '../options/targets.ts'

/** How runs are asked to end. */
export interface AskOptions extends WhoOptions {
  /** How long a tombstone waits for an id or key that does not exist yet; default 24 h, 0 for none. */
  readonly tombstone?: Duration
  /** Whether the run is rolled back after its stop, whatever its task says; default false. */
  readonly rollback?: boolean
  /**
   * What becomes of the runs that the run's handler has enqueued: with `cancel` (default) they are asked the same, and those that they have
   * enqueued; with `wait` those that run may finish, and the others never start; with `detach` all go on.
   */
  readonly children?: RunningPolicy
}

export interface StopOptions extends AskOptions {
  /** How long the handler has to end by itself; default 5 s. */
  readonly grace?: Duration
  /** How long to wait for the confirmation; default: the grace and 30 s. A roll-back is waited for, too. */
  readonly timeout?: Duration
  readonly abortSignal?: AbortSignal
}

interface ParkWait {
  /** How long to wait until the run has parked; default: `within` and 30 s. */
  readonly timeout?: Duration
  readonly abortSignal?: AbortSignal
}

/** How runs, or a whole task or queue, are frozen. */
export type FreezeRunsOptions = WhoOptions & UntilOptions
/** The same where the handle waits for it. */
export type FreezeOptions = FreezeRunsOptions & ParkWait

interface ParkOptions {
  /** How long it may take to the next checkpoint; default 30 s. */
  readonly within?: Duration
  /**
   * What is done with a run that meets no checkpoint in time: `wait` (default) shows it as overdue; `kill` kills its
   * isolate, and it resumes from its last checkpoint; `freeze` stops its process where it stands.
   */
  readonly otherwise?: PauseFallback
}

/** Of verbs that wait for nothing but the record. */
export type CancelOptions = Omit<StopOptions, Waiting>
export type PauseRunsOptions = FreezeRunsOptions & ParkOptions
export type PauseOptions = PauseRunsOptions & ParkWait

/** Of the handle's verbs, which wait. */
export const waitingOptions = ['timeout', 'abortSignal'] as const
type Waiting = (typeof waitingOptions)[number]

/** What becomes of the runs that a pause of a whole task or queue finds running; default `finish`. */
export interface InFlightOptions {
  readonly inFlight?: InFlight
}

/** How a whole task or queue is paused. */
export type ScopeOptions = PauseRunsOptions & InFlightOptions

export type HoldOptions = PauseRunsOptions & HoldParts

interface HoldParts {
  readonly verb: 'pause' | StopVerb
  readonly filter: HoldFilter
  /**
   * What becomes of the runs that it finds running: they `finish`, the verb is asked of them too (`park`), or they are
   * cancelled. Default: `finish` where a whole task or queue is paused, and for `revoke`; else `park`.
   */
  readonly inFlight?: InFlight
  /** With verbs that end runs: how long handlers have to end by themselves; default 5 s. */
  readonly grace?: Duration
  /** With verbs that end runs: whether they are rolled back, whatever their tasks say. */
  readonly rollback?: boolean
}

/** Which hold is meant: by its id, or as it was made. */
export type HoldTarget = string | Pick<HoldOptions, 'verb' | 'filter'>

/** All that a verb on runs may be told. */
export type ControlOptions = StopOptions & PauseOptions

/** How long a tombstone stands where the caller says nothing. */
const defaultTombstone = '24h'

/** What each verb on runs may be told. */
const verbOptions = {
  revoke: Object.keys(askOptions),
  abort: Object.keys(askOptions),
  cancel: Object.keys(cancelOptions),
  terminate: Object.keys(askOptions),
  pause: Object.keys(pauseOptions).filter((name) => name !== 'inFlight'),
  resume: Object.keys(whoOptions),
} as const satisfies Record<ControlVerb, readonly string[]>

/** Those that a handle waits for. */
const waitingVerbs: readonly ControlVerb[] = ['cancel', 'terminate', 'pause']

export class Controls {
  readonly #store: Pick<Store, 'control'>
  readonly #asker: Asker
  readonly #now: Now

  constructor(store: Pick<Store, 'control'>, asker: Asker, now: Now) {
    this.#store = store
    this.#asker = asker
    this.#now = now
  }

  /** Fulfils when the requests are on record, with an answer for each run. */
  async many(
    verb: ControlVerb,
    target: ControlTarget,
    options: ControlOptions,
  ): Promise<readonly Controlled[]> {
    refuseUnknownOptions(verb, options, verbOptions[verb])
    return this.#ask(verb, target, options)
  }

  /** The same of one run, by a verb that its handle may wait for. */
  async one(verb: ControlVerb, id: string, options: ControlOptions): Promise<Controlled> {
    const waiting = waitingVerbs.includes(verb) ? waitingOptions : []
    refuseUnknownOptions(verb, options, [...verbOptions[verb], ...waiting])
    return theOnly(await this.#ask(verb, id, options))
  }

  async #ask(
    verb: ControlVerb,
    target: ControlTarget,
    options: ControlOptions,
  ): Promise<readonly Controlled[]> {
    return this.#store.control({
      verb,
      target: targetOf(target),
      ...this.#asker.who(options),
      graceMs: graceMs(options),
      tombstoneMs: durationMs(options.tombstone ?? defaultTombstone, 'tombstone'),
      rollback: options.rollback ?? false,
      ...childrenOf(options),
      pause: pauseOrder(options, this.#now()),
    })
  }
}

/** @throws {CheckreinError} `USAGE`. @param waits the names of those that say how it is waited for. */
export function refuseUnknownFreeze(options: FreezeOptions, waits: readonly string[] = []): void {
  refuseUnknownOptions('freeze', options, [...Object.keys(freezeOptions), ...waits])
}

/** The verbs that stand. */
export class Holds {
  readonly #store: Pick<Store, 'hold' | 'lift' | 'now'>
  readonly #asker: Asker

  constructor(store: Pick<Store, 'hold' | 'lift' | 'now'>, asker: Asker) {
    this.#store = store
    this.#asker = asker
  }

  async hold(options: HoldOptions): Promise<Hold> {
    refuseUnknownOptions('hold', options, [...Object.keys(holdOptions), 'verb', 'filter'])
    const now = this.#store.now()
    return this.#store.hold({ ...holdRequest(options, now), ...this.#asker.who(options) })
  }

  async pause(scope: Scope, options: ScopeOptions): Promise<Hold> {
    refuseUnknownOptions('pause', options, pauseOptions)
    return this.hold({ ...options, verb: 'pause', filter: scopeFilter(scope) })
  }

  async lift(target: HoldTarget, options: WhoOptions): Promise<Hold | null> {
    refuseUnknownOptions('lift', options, whoOptions)
    return this.#lift(target, this.#asker.who(options))
  }

  async resume(scope: Scope, options: WhoOptions): Promise<Hold | null> {
    refuseUnknownOptions('resume', options, whoOptions)
    return this.#lift({ verb: 'pause', filter: scopeFilter(scope) }, this.#asker.who(options))
  }

  async #lift(target: HoldTarget, who: AskedBy): Promise<Hold | null> {
    if (typeof target === 'string') return this.#store.lift({ id: checkedId(target) }, who)
    // What is a hold itself has more parts.
    if (!('id' in target)) refuseUnknownOptions('what is lifted', target, ['verb', 'filter'])
    const { verb, filter } = target
    return this.#store.lift({ verb: checkedHoldVerb(verb), filter: standingFilter(filter) }, who)
  }
}

/** What `freeze` is in terms of `pause`. */
export const atOnce = { within: 0, otherwise: 'freeze' } as const satisfies PauseOptions

/** The furthest needs no word. */
export function childrenOf({
  children = 'cancel',
}: Pick<AskOptions, 'children'>): Pick<ControlRequest, 'children'> {
  const policy = oneOf(runningPolicies, children, 'children')
  return policy === 'cancel' ? {} : { children: policy }
}

/** How long the handler gets, ms. */
export function graceMs({ grace }: { readonly grace?: Duration }): number {
  return grace === undefined ? defaultGraceMs : durationMs(grace, 'grace')
}

/** How long it may take to the next checkpoint, ms. */
export function withinMs({ within }: Pick<PauseOptions, 'within'>): number {
  return within === undefined ? defaultPauseMs : durationMs(within, 'within')
}

export function pauseOrder(options: PauseOptions, now: number): ControlRequest['pause'] {
  return { ...pausing(options), until: momentOf(options, now), holdId: null, parksIn: 'paused' }
}

function pausing(options: ParkOptions): HoldRequest['pause'] {
  const otherwise = oneOf(pauseFallbacks, options.otherwise ?? 'wait', 'otherwise')
  return { withinMs: withinMs(options), otherwise }
}

function holdRequest(
  options: HoldOptions,
  now: number,
): Omit<HoldRequest, keyof WhoOptions | 'origin'> {
  const verb = checkedHoldVerb(options.verb)
  const filter = standingFilter(options.filter)
  return {
    verb,
    filter,
    until: momentOf(options, now),
    inFlight: oneOf(inFlights, options.inFlight ?? usualInFlight({ verb, filter }), 'inFlight'),
    graceMs: graceMs(options),
    rollback: options.rollback ?? false,
    pause: pausing(options),
  }
}

/** What becomes of the runs that a hold finds running, where nobody says. */
export function usualInFlight(hold: Pick<HoldOptions, 'verb' | 'filter'>): InFlight {
  return hold.verb === 'revoke' || isOfLanes(hold) ? 'finish' : 'park'
}

const checkedHoldVerb = (verb: HoldOptions['verb']): HoldOptions['verb'] =>
  oneOf(['pause', ...stopVerbs], verb, 'verb')

/** @throws {CheckreinError} `USAGE` for what is none of the words. */
export function oneOf<Word extends string>(
  words: readonly Word[],
  given: Word,
  what: string,
): Word {
  if (words.includes(given)) return given
  throw new CheckreinError('USAGE', { message: `${what} must be one of ${words.join(', ')}` })
}
