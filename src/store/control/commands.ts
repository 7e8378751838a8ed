/** The verbs, signals and holds that clients ask for: each in a transaction, or as a bulk operation where it is for a filter. */
import { checkedFilter } from '../../core/filter.ts'
import { isOfLanes } from '../../core/hold.ts'
import { abortBulk } from './abort-bulk.ts'
import { afterRecord, Bulks } from './bulk.ts'
import { type AskedOfId, controlIds, controlKey } from './control.ts'
import { retryRuns } from '../runs/retry.ts'
import { askedAgain } from '../runs/tombstones.ts'
import type { Driver } from '../driver/driver.ts'
import type { GroupCommit, Writer } from '../driver/group-commit.ts'
import { carryOutHold, liftHold, putHold } from './holds.ts'
import { signalIds, signalKey, type SignalToId } from './signals.ts'
import type {
  Bulk,
  Controlled,
  ControlRequest,
  Hold,
  HoldRequest,
  Retried,
  RetryOfRun,
  Signalled,
  SignalRequest,
  Store,
} from '../store.ts'

/** How a verb is asked for the second time. */
const secondTime = { tombstoneMs: 0, isAgain: true } as const

/** Carries out what clients ask of runs. */
export class Commands {
  readonly #driver: Driver
  readonly #commits: GroupCommit
  readonly #control: Writer<AskedOfId, Controlled>
  readonly #signal: Writer<SignalToId, Signalled>
  readonly #retry: Writer<RetryOfRun, Retried>
  readonly bulks: Bulks

  constructor(driver: Driver, commits: GroupCommit) {
    this.#driver = driver
    this.#commits = commits
    this.#control = (tx, calls) => controlIds(tx, calls)
    this.#signal = (tx, calls) => signalIds(tx, calls)
    this.#retry = (tx, calls) => retryRuns(tx, calls)
    this.bulks = new Bulks(driver, commits)
  }

  async control({ target, ...asked }: ControlRequest): Promise<readonly Controlled[]> {
    if ('ids' in target) {
      const calls = target.ids.map((id) => ({ id, asked }))
      const answers = await this.#commits.submit(this.#control, calls)
      return this.#sure(asked.callId, answers, (missing) =>
        this.#commits.submit(
          this.#control,
          missing.map((id) => ({ id, asked: { ...asked, ...secondTime } })),
        ),
      )
    }
    if ('key' in target) {
      const ask = async (how = asked): Promise<readonly Controlled[]> => [
        await this.#commits.once((tx) => controlKey(tx, { ...target, asked: how })),
      ]
      return this.#sure(asked.callId, await ask(), () => ask({ ...asked, ...secondTime }))
    }
    const filter = checkedFilter(target.filter)
    const answers = await this.bulks.run({ kind: 'control', filter, asked })
    return answers.map(({ id, answer, state }) => ({ id, answer, state, tombstoneUntil: null }))
  }

  async retry(calls: readonly RetryOfRun[]): Promise<readonly Retried[]> {
    return this.#commits.submit(this.#retry, calls)
  }

  async signal({ target, ...message }: SignalRequest): Promise<readonly Signalled[]> {
    if ('ids' in target) {
      const calls = target.ids.map((id) => ({ id, message }))
      return this.#commits.submit(this.#signal, calls)
    }
    if ('key' in target)
      return [await this.#commits.once((tx) => signalKey(tx, { ...target, message }))]
    const filter = checkedFilter(target.filter)
    const answers = await this.bulks.run({ kind: 'signal', filter, message })
    return answers.map(({ id, answer, position = null }) => ({ runId: id, answer, position }))
  }

  async hold(request: HoldRequest): Promise<Hold> {
    // A filter that the database cannot carry out is found before anything is on record: what throws has done nothing.
    if (!isOfLanes(request)) await this.bulks.tryOut(request.filter)
    const held = await this.#commits.once((tx) => putHold(tx, request))
    // A claim that began before the hold has not seen it, and the runs that it takes cannot be found until it commits.
    return carryOutHold(this.bulks, held, async () => {
      if (isOfLanes(held.hold)) await this.#driver.outlast()
    })
  }

  async lift(...[target, who]: Parameters<Store['lift']>): Promise<Hold | null> {
    const lifted = await this.#commits.once((tx) => liftHold(tx, { target, who }))
    return lifted && carryOutHold(this.bulks, lifted)
  }

  async abortBulk(...[id, who]: Parameters<Store['abortBulk']>): Promise<Bulk | null> {
    return this.#commits.once((tx) => abortBulk(tx, { id, who }))
  }

  /** Asks for the second time, where writers do not see each other; see `askedAgain`. The first request is durable, whatever becomes of the second. */
  #sure = async (
    callId: string,
    ...[answers, ask]: Parameters<typeof askedAgain>
  ): Promise<readonly Controlled[]> =>
    this.#driver.isConcurrent ? afterRecord(callId, () => askedAgain(answers, ask)) : answers
}
