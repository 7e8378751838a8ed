/** Starts nodes whose turn has come: runs are queued, and groups start the first nodes of their members. */
import type { JsonText } from '../../core/run/run.ts'
import { inputOf } from '../../core/workflow/step-plan.ts'
import { isFinal } from '../../core/run/transitions.ts'
import { Changes } from '../changes/changes.ts'
import { writeFeed } from '../journal/feed.ts'
import type { FeedRow } from '../rows/feed.ts'
import { runOf, type SeqRun, startedMember } from '../rows/runs.ts'
import type { OpenWorkflow } from './open-workflow.ts'
import { causeOf } from './cause.ts'
import { largestFanIn, resultText, tooLarge } from './fan-in.ts'
import { runHooks } from './hooks.ts'
import { nodesWithin, unreadSignals } from './read-nodes.ts'
import { exportOf, pausedText } from './remainder.ts'
import { nodeOf, type NodeRow } from '../rows/workflows.ts'
import type { Param } from '../driver/sql.ts'

/** A node whose turn has come. */
export interface Start {
  readonly node: NodeRow
  /** The result of the node before it, as JSON; null for none. */
  readonly value: JsonText | null
  /** Whether it is at a point where a pause of the workflow takes effect. */
  readonly isHeld: boolean
}

/** How long the copies of one result may be together that the members of a group get, in characters. */
const mostCopied = 16 * largestFanIn

/** The nodes of one workflow that are to be started in this round. */
export class Starts {
  readonly #flow: OpenWorkflow
  #wanted: Start[] = []

  constructor(flow: OpenWorkflow) {
    this.#flow = flow
  }

  get isWanted(): boolean {
    return this.#wanted.length > 0
  }

  add(starts: readonly Start[]): void {
    this.#wanted.push(...starts)
  }

  async flush(): Promise<void> {
    const wanted = await this.#withSources(this.#wanted)
    this.#wanted = []
    const { facts } = this.#flow
    // A workflow that is stopped starts nothing but the runs that undo its members.
    const open = wanted.filter(({ node }) => facts.stop === null || node.role === 'rollback')
    await this.#tellPaused(open)
    const runs: Start[] = []
    for (const start of open) {
      if (start.node.runSeq === null) await this.#startGroup(start)
      else runs.push(start)
    }
    await this.#startRuns(runs)
  }

  /** A step behind a clause takes the result of the step before that. */
  async #withSources(starts: readonly Start[]): Promise<readonly Start[]> {
    const sources = starts.flatMap(({ node }) => (node.source === null ? [] : [node.source]))
    if (sources.length === 0) return starts
    const { tx, facts } = this.#flow
    const rows = await tx.run('resultsOf', [facts.id, sources])
    const values = new Map(rows.map((row) => [Number(row['node']), resultText(row)]))
    return starts.map((start) => {
      const { source } = start.node
      return source === null ? start : { ...start, value: values.get(source) ?? null }
    })
  }

  async #tellPaused(starts: readonly Start[]): Promise<void> {
    const { facts } = this.#flow
    if (facts.paused === null || facts.paused.isTold === true) return
    const held = starts.find(({ node, isHeld }) => isHeld && node.plan.onPaused)
    if (!held?.node.plan.onPaused) return
    this.#flow.facts = { ...facts, paused: { ...facts.paused, isTold: true } }
    const { tx } = this.#flow
    const nodes = await nodesWithin(tx, facts.id)
    const unread = await unreadSignals(tx, nodes)
    const rest = exportOf(facts, { nodes, unread }, tx.now())
    const told = pausedText(facts, { rest, value: held.value })
    await runHooks(this.#flow, [{ plan: held.node.plan.onPaused, value: told }])
  }

  async #startGroup({ node, value, isHeld }: Start): Promise<void> {
    const { tx, facts } = this.#flow
    if (node.size === 0) {
      tx.send('noteResults', [[facts.id, node.node, '[]']])
      return this.#flow.add({ node, value: '[]', cause: null })
    }
    if ((value?.length ?? 0) * node.size > mostCopied)
      return this.#flow.add({ node, value: null, cause: tooLarge })
    if (!isHeld || facts.paused === null) await this.#startPlainHeads(node)
    const heads = await tx.run('headsOf', [facts.id, node.node])
    this.#wanted.push(...heads.map((row) => ({ node: nodeOf(row), value, isHeld })))
  }

  /** Queues the first nodes that take nothing from before, by one statement: in wide groups those are most. */
  async #startPlainHeads({ node }: NodeRow): Promise<void> {
    const { tx, facts } = this.#flow
    const rows = await tx.run('startPlainHeads', [facts.id, node])
    if (rows.length === 0) return
    tx.tell('work')
    const seqs = rows.map((row) => Number(row['seq'])).toSorted((a, b) => a - b)
    const now = tx.now()
    writeFeed(
      tx,
      seqs.map((seq) => wokenEntry({ seq, at: now, attempt: 0, state: 'queued' })),
    )
  }

  async #startRuns(starts: readonly Start[]): Promise<void> {
    if (starts.length === 0) return
    const { tx } = this.#flow
    const members = starts.map((start) => this.#startedOf(start))
    const isStarted = await tx.change('startMembers', members.map(startedParams))
    tx.tell('work')
    const started = members.filter((_, at) => isStarted[at])
    writeFeed(
      tx,
      started.flatMap((member) => this.#entriesOf(member)),
    )
    await this.#startOthers(starts.filter((_, at) => !isStarted[at]))
  }

  /** The facts of the run of a node whose turn has come. */
  #startedOf({ node, value, isHeld }: Start): StartedMember {
    const { facts, tx } = this.#flow
    const { takes = 'given', bound = null, delayMs = null, ttlMs = null } = node.plan
    const now = tx.now()
    const runAt = delayMs === null ? null : now + delayMs
    const state = runAt === null ? 'queued' : 'scheduled'
    const input = takes === 'given' ? null : inputOf({ takes, bound }, value)
    const expiresAt = ttlMs === null ? null : now + ttlMs
    const started = { seq: node.runSeq ?? 0, state, input, runAt, expiresAt } as const
    if (!isHeld || facts.paused === null) return { ...started, pausedFrom: null, paused: null }
    const { reason, by } = facts.paused
    const paused = { reason, by, at: now, holdId: null, workflowId: facts.id }
    return { ...started, state: 'paused', pausedFrom: state, paused }
  }

  #entriesOf({ seq, state, pausedFrom, paused }: StartedMember): FeedRow[] {
    const entry = { seq, at: this.#flow.tx.now(), attempt: 0 }
    const woken = wokenEntry({ ...entry, state: pausedFrom ?? state })
    if (paused === null) return [woken]
    const { reason, by } = paused
    const data = JSON.stringify({ reason, by, answer: 'paused' })
    return [woken, { ...entry, type: 'pause', state, data }]
  }

  /** Starts the runs that do not simply wait for their turn: somebody has cancelled or paused them. */
  async #startOthers(starts: readonly Start[]): Promise<void> {
    if (starts.length === 0) return
    const { tx } = this.#flow
    const seqs = starts.map(({ node }) => node.runSeq ?? 0)
    const rows = await tx.run('runsBySeqToChange', [seqs])
    const runs = new Map(rows.map((row) => [Number(row['seq']), runOf(row)]))
    for (const start of starts) {
      const run = runs.get(start.node.runSeq ?? 0)
      if (run) await this.#startOther(start, run)
    }
  }

  async #startOther(start: Start, run: SeqRun): Promise<void> {
    const { tx } = this.#flow
    if (run.state === 'completed')
      return this.#flow.add({ node: start.node, value: run.result, cause: null })
    if (isFinal(run.state))
      return this.#flow.add({ node: start.node, value: null, cause: causeOf(run), isTold: true })
    const changes = new Changes(tx.now(), [run])
    if (!changes.decide(run.id, { type: 'wake', by: 'run' }).run) return
    const { seq, input, expiresAt } = this.#startedOf(start)
    tx.send('giveInput', [[seq, input, expiresAt]])
    await changes.send(tx).written
  }
}

/** The facts that change of a member whose turn has come. */
type StartedMember = Pick<
  SeqRun,
  'seq' | 'state' | 'input' | 'runAt' | 'expiresAt' | 'pausedFrom' | 'paused'
>

/** The parameters of `startMembers`. */
function startedParams(member: StartedMember): Param[] {
  return [member.seq, member.input, ...startedMember.write(member)]
}

/** The entry which says that the turn of a member has come. */
function wokenEntry(entry: Pick<FeedRow, 'seq' | 'at' | 'attempt' | 'state'>): FeedRow {
  return { ...entry, type: 'wake', data: '{"by":"run"}' }
}
