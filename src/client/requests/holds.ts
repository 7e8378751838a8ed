import {
  type RequestedBy,
  type Hold,
  type Store,
  type HoldRequest,
  inFlights,
  type InFlight,
} from '../../store/store.ts'
import type { Requester, WhoOptions } from '../options/requester.ts'
import { refuseUnknownOptions } from '../options/unknown-options.ts'
import { holdOptions, pauseOptions, whoOptions } from '../options/parameters.ts'
import { checkedId, type Scope, scopeFilter, standingFilter } from '../options/targets.ts'
import {
  type ScopeOptions,
  type FreezeRunsOptions,
  type HoldOptions,
  type HoldTarget,
  oneOf,
} from '../options/options.ts'
import { instantOrDelayOf } from '../options/instants.ts'
import { atOnce, graceMs, killOf, pausing, refuseUnknownFreeze } from './controls.ts'
import { isOfLanes } from '../../core/hold.ts'
import { stopVerbs } from '../../core/run/transitions.ts'

/** The verbs that stand. */
export class Holds {
  readonly #store: Pick<Store, 'hold' | 'lift'>
  readonly #requester: Requester
  readonly #now: () => number

  constructor(store: Pick<Store, 'hold' | 'lift'>, requester: Requester, now: () => number) {
    this.#store = store
    this.#requester = requester
    this.#now = now
  }

  async hold(options: HoldOptions): Promise<Hold> {
    refuseUnknownOptions('hold', options, [...Object.keys(holdOptions), 'verb', 'filter'])
    const request = holdRequest(options, this.#now())
    return this.#store.hold({ ...request, ...this.#requester.who(options) })
  }

  async pause(scope: Scope, options: ScopeOptions): Promise<Hold> {
    refuseUnknownOptions('pause', options, pauseOptions)
    return this.hold({ ...options, verb: 'pause', filter: scopeFilter(scope) })
  }

  async freeze(scope: Scope, options: FreezeRunsOptions): Promise<Hold> {
    refuseUnknownFreeze(options)
    return this.pause(scope, { ...options, ...atOnce, inFlight: 'park' })
  }

  async lift(target: HoldTarget, options: WhoOptions): Promise<Hold | null> {
    refuseUnknownOptions('lift', options, whoOptions)
    return this.#lift(target, this.#requester.who(options))
  }

  async resume(scope: Scope, options: WhoOptions): Promise<Hold | null> {
    refuseUnknownOptions('resume', options, whoOptions)
    return this.#lift({ verb: 'pause', filter: scopeFilter(scope) }, this.#requester.who(options))
  }

  async #lift(target: HoldTarget, who: RequestedBy): Promise<Hold | null> {
    if (typeof target === 'string') return this.#store.lift({ id: checkedId(target) }, who)
    // A `Hold` may be handed back as it was answered; it has more parts.
    if (!('id' in target)) refuseUnknownOptions('what is lifted', target, ['verb', 'filter'])
    const { verb, filter } = target
    return this.#store.lift({ verb: checkedHoldVerb(verb), filter: standingFilter(filter) }, who)
  }
}

/** A hold as a request to the store. @param now the store's time, epoch ms. @throws {CheckreinError} `USAGE`. */
export function holdRequest(
  options: HoldOptions,
  now: number,
): Omit<HoldRequest, keyof WhoOptions | 'origin'> {
  const verb = checkedHoldVerb(options.verb)
  const filter = standingFilter(options.filter)
  return {
    verb,
    filter,
    until: instantOrDelayOf(options, now),
    inFlight: oneOf(inFlights, options.inFlight ?? usualInFlight({ verb, filter }), 'inFlight'),
    graceMs: graceMs(options),
    rollback: options.rollback ?? false,
    ...killOf(options),
    pause: pausing(options),
  }
}

/** The fate of the runs that a hold finds running, where the caller says nothing. */
export function usualInFlight(hold: Pick<HoldOptions, 'verb' | 'filter'>): InFlight {
  return hold.verb === 'revoke' || isOfLanes(hold) ? 'finish' : 'park'
}

/** Checks that a verb can stand. @throws {CheckreinError} `USAGE`. */
export const checkedHoldVerb = (verb: HoldOptions['verb']): HoldOptions['verb'] =>
  oneOf(['pause', ...stopVerbs], verb, 'verb')
