/** The client's verbs and signals, each in a transaction of its own, or as a bulk operation where a filter finds many. */
import { checkedFilter } from '../../core/filter.ts'
import { isOfLanes } from '../../core/hold.ts'
import { afterRecord, Bulks } from './bulk.ts'
import { type AskedOfId, controlIds, controlKey } from './control.ts'
import { askedAgain } from '../runs/tombstones.ts'
import type { Driver } from '../driver/driver.ts'
import type { GroupCommit, Writer } from '../driver/group-commit.ts'
import { carryOutHold, liftHold, putHold } from './holds.ts'
import { signalIds, signalKey, type SignalToId } from './signals.ts'
import type {
  Controlled,
  ControlRequest,
  Hold,
  HoldRequest,
  Signalled,
  SignalRequest,
  Store,
} from '../store.ts'

/** How a verb is asked for the second time. */
const secondTime = { tombstoneMs: 0, isAgain: true } as const

export class Commands {
  readonly #driver: Driver
  readonly #commits: GroupCommit
  readonly #control: Writer<AskedOfId, Controlled>
  readonly #signal: Writer<SignalToId, Signalled>
  readonly bulks: Bulks

  constructor(driver: Driver, commits: GroupCommit) {
    this.#driver = driver
    this.#commits = commits
    this.#control = (tx, calls) => controlIds(tx, calls)
    this.#signal = (tx, calls) => signalIds(tx, calls)
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
    const held = await this.#commits.once((tx) => putHold(tx, request))
    // A claim that began before did not see a hold on its lane, and what it takes cannot be found yet.
    return carryOutHold(this.bulks, held, async () => {
      if (isOfLanes(held.hold)) await this.#driver.outlast()
    })
  }

  async lift(...[target, who]: Parameters<Store['lift']>): Promise<Hold | null> {
    const lifted = await this.#commits.once((tx) => liftHold(tx, { target, who }))
    return lifted && carryOutHold(this.bulks, lifted)
  }

  /** What was asked is done by now, whatever becomes of the second asking. */
  #sure = async (
    callId: string,
    ...[answers, ask]: Parameters<typeof askedAgain>
  ): Promise<readonly Controlled[]> =>
    this.#driver.isConcurrent ? afterRecord(callId, () => askedAgain(answers, ask)) : answers
}
