/** The verbs that end, pause and resume runs, and those that stand, as requests to the store. */
import { defaultKill, killChoiceOf, type KillOptions, wayOf } from '../../core/run/kill.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import {
  byRequest,
  type PausePolicy,
  type RunningPolicy,
  defaultGraceMs,
  defaultPauseMs,
  pauseFallbacks,
  pausePolicies,
  runningPolicies,
} from '../../core/run/intent.ts'
import {
  type Controlled,
  type ControlRequest,
  type ControlVerb,
  type HoldRequest,
  type Store,
} from '../../store/store.ts'
import type { Requester } from '../options/requester.ts'
import { theOnly } from '../views/errors.ts'
import { refuseUnknownOptions } from '../options/unknown-options.ts'
import { instantOrDelayOf, type Now, type UntilOptions } from '../options/instants.ts'
import {
  askOptions,
  cancelOptions,
  freezeOptions,
  runPauseOptions,
  terminateOptions,
  whoOptions,
} from '../options/parameters.ts'
import { type ControlTarget, targetOf } from '../options/targets.ts'
import {
  type FreezeOptions,
  type FreezeRunsOptions,
  type ParkOptions,
  type PauseOptions,
  type StopOptions,
  type AnyChildrenOptions,
  type ControlOptions,
  oneOf,
  waitingOptions,
} from '../options/options.ts'
/** How long a tombstone stands where the caller says nothing. */
export const defaultTombstone = '24h'

/** The names of the options of each verb on runs. */
const verbOptions = {
  revoke: Object.keys(askOptions),
  abort: Object.keys(askOptions),
  cancel: Object.keys(cancelOptions),
  terminate: Object.keys(terminateOptions),
  pause: Object.keys(runPauseOptions),
  resume: Object.keys(whoOptions),
} as const satisfies Record<ControlVerb, readonly string[]>

/** The verbs whose outcome a handle waits for. */
const waitingVerbs: readonly ControlVerb[] = ['cancel', 'terminate', 'pause']

/** Carries out the verbs on runs that exist, on a store or within a transaction. */
export class Controls {
  readonly #store: Pick<Store, 'control'>
  readonly #requester: Requester
  readonly #now: Now

  constructor(store: Pick<Store, 'control'>, requester: Requester, now: Now) {
    this.#store = store
    this.#requester = requester
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

  /** Stops the processes of these runs where they stand. */
  async freeze(target: ControlTarget, options: FreezeRunsOptions): Promise<readonly Controlled[]> {
    refuseUnknownFreeze(options)
    return this.many('pause', target, { ...options, ...atOnce })
  }

  /** Asks one run, by a verb that its handle may wait for: so the options of the wait are accepted, too. Fulfils when the request is on record. */
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
      ...this.#requester.who(options),
      graceMs: graceMs(options),
      tombstoneMs: durationMs(options.tombstone ?? defaultTombstone, 'tombstone'),
      rollback: options.rollback ?? false,
      ...(verb === 'pause' ? {} : childrenOf(options)),
      ...killOf(options),
      pause: pauseOrder(verb === 'pause' ? options : {}, this.#now()),
    })
  }
}

/** @throws {CheckreinError} `USAGE`. @param waits the names of those that say how it is waited for. */
export function refuseUnknownFreeze(options: FreezeOptions, waits: readonly string[] = []): void {
  refuseUnknownOptions('freeze', options, [...Object.keys(freezeOptions), ...waits])
}

/** The options of `pause` that make a `freeze` of it. */
export const atOnce = { within: 0, otherwise: 'freeze' } as const satisfies PauseOptions

/** The furthest needs no word. */
export function childrenOf({
  children = 'cancel',
}: AnyChildrenOptions): Pick<ControlRequest, 'children'> {
  const policy = oneOf(runningPolicies, children as RunningPolicy, 'children')
  return policy === 'cancel' ? {} : { children: policy }
}

/** The choice of the way in which runs are killed. @throws {CheckreinError} `USAGE`. */
export function killOf(options: KillOptions): Pick<ControlRequest, 'kill'> {
  const kill = killChoiceOf(options)
  return kill === undefined ? {} : { kill }
}

/** How long the handler gets, ms. */
export function graceMs({ grace }: { readonly grace?: Duration }): number {
  return grace === undefined ? defaultGraceMs : durationMs(grace, 'grace')
}

/** How long it may take to the next checkpoint, ms. */
function withinMs({ within }: Pick<PauseOptions, 'within'>): number {
  return within === undefined ? defaultPauseMs : durationMs(within, 'within')
}

/** How long a verb is waited for past the time that handlers get, where the caller says nothing. */
const confirmWaitMs = 30_000

/** How long the confirmation of a stop is waited for, ms; default: the grace, the time until SIGKILL and 30 s. @throws {CheckreinError} `USAGE`. */
export function stopWaitMs({
  timeout,
  ...options
}: Pick<StopOptions, 'timeout' | 'grace' | keyof KillOptions>): number {
  if (timeout !== undefined) return durationMs(timeout, 'timeout')
  const { killAfterMs } = wayOf(killChoiceOf(options), defaultKill)
  return graceMs(options) + killAfterMs + confirmWaitMs
}

/** How long it is waited for that a run has parked, ms; default: `within` and 30 s. @throws {CheckreinError} `USAGE`. */
export function parkWaitMs({
  timeout,
  ...options
}: Pick<PauseOptions, 'timeout' | 'within'>): number {
  return timeout === undefined ? withinMs(options) + confirmWaitMs : durationMs(timeout, 'timeout')
}

/** The pause that a request asks of runs. @param now the store's time, epoch ms. @throws {CheckreinError} `USAGE`. */
export function pauseOrder(
  options: UntilOptions & ParkOptions & AnyChildrenOptions,
  now: number,
): ControlRequest['pause'] {
  return {
    ...pausing(options),
    until: instantOrDelayOf(options, now),
    ...byRequest,
    parksIn: 'paused',
  }
}

/** How runs are brought to a pause, with the defaults. @throws {CheckreinError} `USAGE`. */
export function pausing(options: ParkOptions & AnyChildrenOptions): HoldRequest['pause'] {
  const otherwise = oneOf(pauseFallbacks, options.otherwise ?? 'wait', 'otherwise')
  const isWithChildren =
    oneOf(pausePolicies, (options.children ?? 'leave') as PausePolicy, 'children') === 'pause'
  return {
    withinMs: withinMs(options),
    otherwise,
    ...(isWithChildren ? { children: 'pause' as const } : {}),
  }
}
