/** The questions to the store: methods of the port that change nothing. */
import { checkedFilter, type RunFilter } from '../../core/filter.ts'
import type { StoredRun } from '../../core/run/run.ts'
import { bulkOf } from '../control/bulk.ts'
import type { Driver } from '../driver/driver.ts'
import { enqueueEntry } from '../rows/new-run.ts'
import { lanesOf, newestTasksOf } from './lanes.ts'
import { countsOf, listedOf, pageParams } from './pages.ts'
import { feedEntryOf } from '../rows/feed.ts'
import { holdOf, signalOf, tombstoneOf } from '../rows/requests.ts'
import { childEnd, heldIntentOf, heldRun, runOf, type SeqRun } from '../rows/runs.ts'
import { workerOf } from '../rows/workers.ts'
import type { Store, StoredWorkflow } from '../store.ts'
import { checkedWorkflowFilter } from '../driver/workflow-filter.ts'
import { memberOf, nodeOf, workflowOf } from '../rows/workflows.ts'
import { matchParams, type Param, type Row } from '../driver/sql.ts'

/** How many bulk operations are listed, the newest ones. */
const mostBulks = 100
/** How many signals are read at once; there may be more. */
const mailboxLimit = 1000

/** How many nodes of a workflow are read at once at most. */
const mostNodesRead = 5000

/** Stands for the node of a run whose workflow is deleted. */
const nowhere = { isHead: true, up: null, role: 'step' } as const

/** The methods of the port that change nothing; see `Store` for what each answers. */
export class Queries {
  readonly #driver: Driver

  constructor(driver: Driver) {
    this.#driver = driver
  }

  #read(statement: string, params: readonly Param[] = []): Promise<readonly Row[]> {
    return this.#driver.read(statement, params)
  }

  /** For what people ask: its answer may be long, and is waited for. */
  #readLong(statement: string, params: readonly Param[]): Promise<readonly Row[]> {
    return this.#driver.read(statement, params, { isLong: true })
  }

  get: Store['get'] = async (id) => {
    const { runsById } = this.#driver.statements
    const [row] = await this.#read(runsById, [[id]])
    if (!row) return null
    const [run = null] = await this.#withSaved([runOf(row)])
    return run
  }

  /** The runs with the states that their handlers saved last. */
  async #withSaved(runs: readonly SeqRun[]): Promise<readonly SeqRun[]> {
    const seqs = runs.filter(({ checkpointAt }) => checkpointAt !== null).map(({ seq }) => seq)
    if (seqs.length === 0) return runs
    const rows = await this.#read(this.#driver.statements.checkpointsOf, [seqs])
    const data = new Map(rows.map((row) => [Number(row['run_seq']), String(row['data'])]))
    return runs.map((run) => ({ ...run, checkpoint: data.get(run.seq) ?? null }))
  }

  finals: Store['finals'] = async (ids) =>
    (await this.#read(this.#driver.statements.finalRuns, [ids])).map(runOf)

  retriedAs: Store['retriedAs'] = async (id) => {
    const [row] = await this.#read(this.#driver.statements.newestRetry, [id])
    return row ? String(row['id']) : null
  }

  children: Store['children'] = async (parent, ids) =>
    (await this.#readLong(this.#driver.statements.childrenOf, [parent, ids])).map(childEnd.read)

  list: Store['list'] = async (filter, page) => {
    const { statements } = this.#driver
    const sql = statements.filterSql(checkedFilter(filter))
    const params = [...pageParams(page), ...sql.params]
    const rows = await this.#readLong(statements.listRuns(sql, page), params)
    const found = rows.map(runOf)
    return listedOf(page.payloads === false ? found : await this.#withSaved(found), page)
  }

  counts: Store['counts'] = async (filter: RunFilter, which = 'all') => {
    const { statements } = this.#driver
    const kept = which === 'kept' ? ({ isKept: true } as const) : {}
    const sql = statements.filterSql({ ...checkedFilter(filter), ...kept })
    return countsOf(await this.#readLong(statements.countRuns(sql), matchParams(sql)))
  }

  lanes: Store['lanes'] = () => lanesOf(this.#driver)

  newestTasks: Store['newestTasks'] = () => newestTasksOf(this.#driver)

  feed: Store['feed'] = async ({ runId, after, limit }) => {
    const rows =
      runId === null
        ? await this.#driver.readFeed(after, limit)
        : await this.#read(this.#driver.statements.feedOfRun, [runId, after, limit])
    const entries = rows.map(feedEntryOf)
    if (runId === null || after >= 0 || entries[0]?.type === 'enqueue') return entries
    const run = await this.get(runId)
    return run ? [enqueueEntry(run, await this.#firstStateOf(run)), ...entries] : []
  }

  /** The state in which a run was stored. A member waits for its turn, unless nothing comes before it: it is the first of its chain, and so is each group around it. */
  async #firstStateOf({ workflow, node }: StoredRun): Promise<'queued' | 'waiting'> {
    if (workflow === null) return 'queued'
    for (let at = node; at !== null;) {
      const [row] = await this.#read(this.#driver.statements.nodesOf, [workflow, [at]])
      const { isHead, up, role } = row ? nodeOf(row) : nowhere
      if (!isHead || role === 'rollback') return 'waiting'
      at = up
    }
    return 'queued'
  }

  workers: Store['workers'] = async () => {
    const rows = await this.#read(this.#driver.statements.allWorkers)
    return rows.map((row) => workerOf(row, this.#driver.leaseNow()))
  }

  held: Store['held'] = async (workerId) =>
    (await this.#read(this.#driver.statements.heldRuns, [workerId])).map(heldRun.read)

  intents: Store['intents'] = async (workerId) => {
    const rows = await this.#read(this.#driver.statements.heldIntents, [workerId])
    const now = this.#driver.now()
    return rows.map((row) => heldIntentOf(row, now))
  }

  tombstones: Store['tombstones'] = async () =>
    (await this.#read(this.#driver.statements.liveTombstones, [this.#driver.now()])).map(
      tombstoneOf,
    )

  holds: Store['holds'] = async () =>
    (await this.#read(this.#driver.statements.liveHolds, [this.#driver.now()])).map(holdOf)

  bulks: Store['bulks'] = async (ids) => {
    const { bulksById, newestBulks } = this.#driver.statements
    const rows = await (ids ? this.#read(bulksById, [ids]) : this.#read(newestBulks, [mostBulks]))
    return rows.map(bulkOf)
  }

  signals: Store['signals'] = async (query, { after, before, limit }) => {
    const { statements } = this.#driver
    const sql = statements.signalSql(query)
    const order = after === undefined ? 'newest' : 'oldest'
    const params = [after ?? before ?? Number.MAX_SAFE_INTEGER, limit, ...sql.params]
    return (await this.#readLong(statements.listSignals(sql, order), params)).map(signalOf)
  }

  mailbox: Store['mailbox'] = async (runId, after) => {
    const params = [runId, after, mailboxLimit]
    return (await this.#read(this.#driver.statements.mailbox, params)).map(signalOf)
  }

  workflows: Store['workflows'] = async (ids) => {
    const { workflowsById } = this.#driver.statements
    return this.#withCounts((await this.#read(workflowsById, [ids])).map(workflowOf))
  }

  endedWorkflows: Store['endedWorkflows'] = async (ids) => {
    const { workflowsById } = this.#driver.statements
    const found = (await this.#read(workflowsById, [ids])).map(workflowOf)
    return this.#withCounts(found.filter(({ finishedAt }) => finishedAt !== null))
  }

  listWorkflows: Store['listWorkflows'] = async (filter, page) => {
    const { statements } = this.#driver
    const sql = statements.workflowSql(checkedWorkflowFilter(filter))
    const params = [...pageParams(page), ...sql.params]
    const rows = await this.#readLong(statements.listWorkflows(sql, page.order), params)
    const found = rows.slice(0, page.limit).map(workflowOf)
    const cursor = rows.length > page.limit ? String(found.at(-1)?.seq) : null
    return { workflows: await this.#withCounts(found), cursor }
  }

  async #withCounts(found: readonly StoredWorkflow[]): Promise<readonly StoredWorkflow[]> {
    if (found.length === 0) return found
    const ids = found.map(({ id }) => id)
    const rows = await this.#readLong(this.#driver.statements.memberCounts, [ids])
    return found.map((flow) => {
      const own = rows.filter((row) => row['workflow'] === flow.id)
      const counts = countsOf(own)
      const begun = countsOf(own.filter((row) => Number(row['was_reached']) === 1))
      const activeCount = begun.running + begun.queued + begun.scheduled + begun.waiting
      return { ...flow, counts, activeCount }
    })
  }

  feedStartOf: Store['feedStartOf'] = async (workflow) => {
    const [row] = await this.#readLong(this.#driver.statements.feedStart, [workflow])
    return Number(row?.['position'] ?? 0) - 1
  }

  workflowNodes: Store['workflowNodes'] = async (id, { after, limit, payloads = true }) => {
    const { membersOf, slimMembersOf } = this.#driver.statements
    const params = [id, after, Math.min(limit, mostNodesRead)]
    return (await this.#readLong(payloads ? membersOf : slimMembersOf, params)).map(memberOf)
  }
}
