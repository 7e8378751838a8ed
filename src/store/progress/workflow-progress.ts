/** One workflow while a transaction goes on with it, round by round; `advance.ts` says how. */
import type { Hooks } from '../../core/workflow/graph.ts'
import { type Cause, finalStateOf, hasEnded } from '../../core/workflow/workflow.ts'
import type { MemberEnd } from '../changes/ends.ts'
import type { Tx } from '../driver/driver.ts'
import { cascade } from './cascade.ts'
import { causeOf } from './cause.ts'
import { fanIn, tooLarge } from './fan-in.ts'
import { failureOf, runHooks, tellPrevented } from './hooks.ts'
import type { StoredWorkflow } from '../port/workflows.ts'
import { beginRollback } from './rollback.ts'
import { nodeOf, type NodeRow, workflowParams } from '../rows/workflows.ts'
import { Starts } from './starts.ts'
import { firstUndoing } from '../rows/undo-nodes.ts'
import type { Param } from '../driver/sql.ts'
import type { OpenWorkflow, Outcome } from './open-workflow.ts'

const isCompleted = ({ state }: MemberEnd): boolean => state === 'completed'

/** Members of a group that have ended in this round. */
interface Arrivals {
  ended: number
  failed: number
  cause: Cause | null
  /** Why a member was cancelled, where the workflow had been stopped by then. */
  cut: Cause | null
}

const noRun = { runId: null, task: null, error: null } as const

/** One workflow, while a transaction holds it. */
export class WorkflowProgress implements OpenWorkflow {
  facts: StoredWorkflow
  readonly tx: Tx
  readonly #starts: Starts
  #outcomes: Outcome[] = []
  #arrivals = new Map<number, Arrivals>()
  /** Parameters of `noteCauses`, by the numbers of the nodes that did not complete. */
  readonly #causes = new Map<number, Param[]>()

  constructor(tx: Tx, facts: StoredWorkflow) {
    this.tx = tx
    this.facts = facts
    this.#starts = new Starts(this)
  }

  async end(ends: readonly MemberEnd[]): Promise<void> {
    for (const end of ends) this.#count(end)
    const reached = ends.filter(({ wasReached, state }) => wasReached && state !== 'detached')
    const nodes = await this.#nodesOf(reached)
    for (const { node, state, run } of reached) {
      const row = nodes.get(node)
      if (!row) continue
      const isCompleted = state === 'completed'
      const cause = isCompleted ? null : causeOf({ ...run, state })
      this.#outcomes.push({ node: row, value: isCompleted ? run.result : null, cause })
    }
    await tellPrevented(this, ends)
    await this.settle()
  }

  /** The nodes of members that have ended. Nodes after which only the count of their group changes are counted here, and left out. */
  async #nodesOf(reached: readonly MemberEnd[]): Promise<ReadonlyMap<number, NodeRow>> {
    const others = reached.filter((end) => !isCompleted(end)).map(({ node }) => node)
    const completed = reached.filter(isCompleted).map(({ node }) => node)
    if (completed.length === 0) return this.nodes(others)
    const { tx, facts } = this
    const [arrived, further, rest] = await Promise.all([
      tx.run('plainArrivals', [facts.id, completed]),
      tx.run('furtherNodesOf', [facts.id, completed]),
      this.nodes(others),
    ])
    for (const row of arrived) this.#arrive(Number(row['up']), { ended: Number(row['n']) })
    return new Map([...rest, ...further.map((row) => [Number(row['node']), nodeOf(row)] as const)])
  }

  #count({ node, state, run }: MemberEnd): void {
    const { rollback } = this.facts
    if (node < firstUndoing || rollback === null) {
      this.facts = { ...this.facts, [state]: this.facts[state] + 1 }
      return
    }
    const failed = rollback.failed + (run.rollback?.state === 'completed' ? 0 : 1)
    this.facts = { ...this.facts, rollback: { ...rollback, done: rollback.done + 1, failed } }
  }

  /** Starts nodes that start with the workflow. */
  async begin(nodes: readonly NodeRow[]): Promise<void> {
    this.#starts.add(nodes.map((node) => ({ node, value: null, isHeld: node.isPausePoint })))
    await this.settle()
  }

  /** Nodes by their numbers. */
  async nodes(numbers: readonly number[]): Promise<ReadonlyMap<number, NodeRow>> {
    if (numbers.length === 0) return new Map()
    const rows = await this.tx.run('nodesOf', [this.facts.id, numbers])
    return new Map(rows.map((row) => [Number(row['node']), nodeOf(row)]))
  }

  /** See `OpenWorkflow.add`. */
  add(outcome: Outcome): void {
    this.#outcomes.push(outcome)
  }

  async settle(): Promise<void> {
    while (this.#outcomes.length + this.#arrivals.size > 0 || this.#starts.isWanted) {
      const outcomes = this.#outcomes
      this.#outcomes = []
      const nexts: Outcome[] = []
      for (const outcome of outcomes) {
        await this.#tell(outcome)
        await this.#take(outcome, nexts)
      }
      this.#writeCauses()
      await this.#countDown()
      this.#writeCauses()
      await this.#startNexts(nexts)
      await this.#starts.flush()
    }
    await this.#finish()
  }

  async #tell({ node, value, cause, isTold = false }: Outcome): Promise<void> {
    if (!isTold) await this.#tellEnd(node.plan, { value, cause })
  }

  async #tellEnd(
    { onCompleted, onFailed }: Hooks,
    { value, cause }: Pick<Outcome, 'value' | 'cause'>,
  ): Promise<void> {
    const plan = cause === null ? onCompleted : onFailed
    const told = cause === null ? value : failureOf(this, cause)
    if (plan) await runHooks(this, [{ plan, value: told }])
  }

  /** Deals with a node that has ended. @param nexts receives the outcomes after which a node comes. */
  async #take(outcome: Outcome, nexts: Outcome[]): Promise<void> {
    const { node, cause, value } = outcome
    if (node.role === 'rollback') {
      // A member that could not be undone keeps no other member from being undone.
      if (node.next !== null) nexts.push(outcome)
      return
    }
    if (node.role === 'clause' && cause === null && value === 'true') this.#pauseFor(node)
    if (cause !== null) await this.#fail(node, cause)
    else if (node.next !== null) return void nexts.push(outcome)
    if (node.up !== null) this.#arrive(node.up, { ended: 1, cause })
    else if (cause === null) this.facts = { ...this.facts, isDone: true, result: value }
    else this.facts = { ...this.facts, cause: this.facts.cause ?? cause }
  }

  /** Cancels the nodes that would have come after one that did not complete. */
  async #fail(node: NodeRow, cause: Cause): Promise<void> {
    // A group keeps the cause until all of its members have ended.
    if (node.up !== null || node.runSeq === null) this.#noteCause(node, cause)
    if (node.next !== null && this.facts.stop === null)
      await cascade(this.tx, {
        workflow: this.facts.id,
        nodes: [node.next, node.chainEnd],
        cause,
      })
  }

  #noteCause({ node }: NodeRow, cause: Cause): void {
    this.#causes.set(node, [this.facts.id, node, JSON.stringify(cause)])
  }

  #writeCauses(): void {
    if (this.#causes.size > 0) this.tx.send('noteCauses', [...this.#causes.values()])
    this.#causes.clear()
  }

  #pauseFor({ node }: NodeRow): void {
    const reason = `the clause at node ${node} answered yes`
    const now = this.tx.now()
    this.facts = {
      ...this.facts,
      paused: this.facts.paused ?? { reason, by: null, at: now, until: null },
    }
  }

  #arrive(
    group: number,
    { ended, cause = null }: { readonly ended: number; readonly cause?: Cause | null },
  ): void {
    const fresh = { ended: 0, failed: 0, cause: null, cut: null }
    const arrivals = this.#arrivals.get(group) ?? fresh
    arrivals.ended += ended
    if (cause !== null) arrivals.failed += ended
    arrivals.cause ??= cause
    if (this.facts.stop !== null && cause?.state === 'cancelled') arrivals.cut ??= cause
    this.#arrivals.set(group, arrivals)
  }

  /** Counts the members of groups that have ended; a group that has none left settles. */
  async #countDown(): Promise<void> {
    if (this.#arrivals.size === 0) return
    const arrivals = this.#arrivals
    this.#arrivals = new Map()
    const sets = [...arrivals].map(([group, { ended, failed }]) => [
      this.facts.id,
      group,
      ended,
      failed,
    ])
    for (const row of await this.tx.each('countDown', sets)) {
      const group = nodeOf(row)
      const { failed = 0, cause = null, cut = null } = arrivals.get(group.node) ?? {}
      const isFirstFailure = failed > 0 && group.failures === failed
      const isStrict = group.policy === 'allCompleted'
      const own = group.cause ?? (isStrict ? cause : cut)
      if (isStrict && isFirstFailure && own) await this.#fail(group, own)
      if (!isStrict && own && group.cause === null) this.#noteCause(group, own)
      if (group.pending === 0) this.#outcomes.push(await this.#settled(group, own))
    }
  }

  async #settled(node: NodeRow, cause: Cause | null): Promise<Outcome> {
    // A group that a stop has cut short does not complete, even where its policy takes every outcome: nobody who stopped it is told that it completed.
    if (cause !== null) return { node, value: null, cause }
    const value = await fanIn(this, node)
    if (value === null) return { node, value, cause: tooLarge }
    this.tx.send('noteResults', [[this.facts.id, node.node, value]])
    return { node, value, cause: null }
  }

  async #startNexts(nexts: readonly Outcome[]): Promise<void> {
    if (nexts.length === 0) return
    const nodes = await this.nodes(nexts.map(({ node }) => node.next ?? 0))
    const starts = nexts.flatMap(({ node, value }) => {
      const next = nodes.get(node.next ?? 0)
      return next ? [{ node: next, value, isHeld: next.isPausePoint }] : []
    })
    this.#starts.add(starts)
  }

  /** Ends the workflow once all of its members have ended, unless the members that have completed are to be rolled back first. */
  async #finish(): Promise<void> {
    const { facts } = this
    if (facts.finishedAt !== null || !hasEnded(facts)) return
    if (facts.stop?.rollback && facts.rollback === null) {
      const node = await beginRollback(this)
      if (node !== null) return this.begin([node])
    }
    const finishedAt = this.tx.now()
    const state = finalStateOf(facts)
    const rollback = facts.rollback && { ...facts.rollback, finishedAt }
    this.facts = { ...facts, state, finishedAt, rollback, holdsKey: false, paused: null }
    this.tx.tell('end')
    const stopped: Cause = { state: 'cancelled', ...noRun, stop: facts.stop }
    const cause = state === 'completed' ? null : (facts.cause ?? stopped)
    await this.#tellEnd(facts.hooks, { value: facts.result, cause })
  }

  async write(): Promise<void> {
    await this.tx.run('updateWorkflow', workflowParams(this.facts))
  }
}
