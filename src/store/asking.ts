/** The client's verbs, each in a transaction of its own, or in chunks where a filter finds many. */
import { checkedFilter, type RunFilter, statesOf } from '../core/filter.ts'
import {
  askedAgain,
  type AskedOfId,
  controlChunk,
  controlIds,
  controlKey,
  controlMatched,
  matchParams,
} from './control.ts'
import type { Driver, Tx } from './driver.ts'
import type { GroupCommit, Writer } from './group-commit.ts'
import { matchedOf } from './rows.ts'
import type { Controlled, ControlRequest } from './store.ts'

/** How a verb is asked for the second time. */
const again = { tombstoneMs: 0, isAgain: true } as const

export class Asking {
  readonly #driver: Driver
  readonly #commits: GroupCommit
  readonly #control: Writer<AskedOfId, Controlled>

  constructor(driver: Driver, commits: GroupCommit) {
    this.#driver = driver
    this.#commits = commits
    this.#control = (tx, calls) => controlIds(tx, driver.statements, calls)
  }

  async #write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const [result] = await this.#commits.submit(async (tx) => [await work(tx)], [null])
    return result as T
  }

  async control({ target, ...asked }: ControlRequest): Promise<readonly Controlled[]> {
    const { statements } = this.#driver
    if ('ids' in target) {
      const calls = target.ids.map((id) => ({ id, asked }))
      return this.#sure(await this.#commits.submit(this.#control, calls), (missing) =>
        this.#commits.submit(
          this.#control,
          missing.map((id) => ({ id, asked: { ...asked, ...again } })),
        ),
      )
    }
    if ('key' in target) {
      const ask = async (how = asked): Promise<readonly Controlled[]> => [
        await this.#write((tx) => controlKey(tx, statements, { ...target, asked: how })),
      ]
      return this.#sure(await ask(), () => ask({ ...asked, ...again }))
    }
    return this.#controlFilter(checkedFilter(target.filter), asked)
  }

  #sure: typeof askedAgain = (answers, ask) =>
    this.#driver.isConcurrent ? askedAgain(answers, ask) : Promise.resolve(answers)

  async #controlFilter(
    filter: RunFilter,
    asked: Omit<ControlRequest, 'target'>,
  ): Promise<readonly Controlled[]> {
    const { statements } = this.#driver
    const sql = statements.filterSql(filter)
    const matched = (
      await this.#driver.read(statements.matchRuns(sql), matchParams(sql), { isLong: true })
    ).map(matchedOf)
    const wanted = statesOf(filter)
    const answers: Controlled[] = []
    for (let at = 0; at < matched.length; at += controlChunk) {
      const chunk = matched.slice(at, at + controlChunk)
      const done = await this.#write((tx) =>
        controlMatched(tx, statements, { matched: chunk, wanted, asked }),
      )
      for (const answer of done) answers.push(answer)
    }
    return answers
  }
}
