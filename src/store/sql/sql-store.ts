/**
 * The one implementation of the store's port, over a driver.
 *
 * It holds no truth of its own and does nothing itself: each method hands its call to the room that knows how, as a read or as a
 * transaction. Writes go through a group commit, so that calls which are made in one turn of the event loop share a
 * transaction. The contract of each method stands on the port (`store/store.ts`).
 */
import type { Answer } from '../../core/run/decision.ts'
import { housekeep } from '../chores/housekeeping.ts'
import { claim } from '../claims/claim.ts'
import { Commands } from '../control/commands.ts'
import { liftHold, putHold } from '../control/holds.ts'
import { controlWithin } from '../control/control.ts'
import { signalWithin } from '../control/signals.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import { GroupCommit, type Writer } from '../driver/group-commit.ts'
import { applyEvents, completeAlone } from '../runs/apply.ts'
import { enqueueAlone, enqueueRuns } from '../runs/enqueue.ts'
import { enqueueChildren } from '../runs/enqueue-children.ts'
import { Leases } from '../runs/leases.ts'
import { type LogCall, pruneOnce, writeLog } from '../runs/prune.ts'
import { liftTombstone } from '../runs/tombstones.ts'
import type { Enqueued, NewChild, NewRun, RunEventCall, Store, StoreWithin } from '../store.ts'
import { startWorkflow } from '../workflow/start.ts'
import { Workflows } from '../workflow/workflows.ts'
import { Queries } from './queries.ts'

/** A store on SQLite or PostgreSQL, whichever the driver is for. */
export class SqlStore implements Store {
  readonly lookPauseMs: number
  readonly #driver: Driver
  readonly #commits: GroupCommit
  /** Claims, leases and housekeeping: where transactions can be under way side by side, the others do not wait for these. */
  readonly #chores: GroupCommit
  /** Transactions that may have to wait for somebody else's runs. */
  readonly #upkeep: GroupCommit
  readonly #commands: Commands
  readonly #leases: Leases
  readonly #queries: Queries
  readonly #workflows: Workflows
  readonly #writers: Writers

  constructor(driver: Driver) {
    this.lookPauseMs = driver.lookPauseMs
    this.#driver = driver
    this.#commits = new GroupCommit(driver)
    this.#chores = driver.isConcurrent ? new GroupCommit(driver) : this.#commits
    this.#upkeep = driver.isConcurrent ? new GroupCommit(driver) : this.#commits
    this.#commands = new Commands(driver, this.#commits)
    this.#leases = new Leases(driver, this.#chores)
    this.#queries = new Queries(driver)
    this.#workflows = new Workflows(driver, this.#commits, this.#commands.bulks)
    this.#writers = writersOn(driver)
    driver.onBegun = (ids) => this.#commands.bulks.driveSoon(ids)
  }

  // Runs

  enqueue: Store['enqueue'] = (runs) => this.#commits.submit(this.#writers.enqueue, runs)

  enqueueChildren: Store['enqueueChildren'] = (children) =>
    this.#commits.submit(this.#writers.enqueueChildren, children)

  apply: Store['apply'] = (calls) => {
    const { applyOne, apply } = this.#writers
    return this.#commits.submit(calls.length === 1 ? applyOne : apply, calls)
  }

  log: Store['log'] = async (calls) => void (await this.#commits.submit(this.#writers.log, calls))

  get: Store['get'] = (id) => this.#queries.get(id)
  retriedAs: Store['retriedAs'] = (id) => this.#queries.retriedAs(id)
  finals: Store['finals'] = (ids) => this.#queries.finals(ids)
  children: Store['children'] = (parent, ids) => this.#queries.children(parent, ids)
  list: Store['list'] = (filter, page) => this.#queries.list(filter, page)
  counts: Store['counts'] = (...asked) => this.#queries.counts(...asked)
  lanes: Store['lanes'] = () => this.#queries.lanes()
  newestTasks: Store['newestTasks'] = () => this.#queries.newestTasks()
  feed: Store['feed'] = (query) => this.#queries.feed(query)
  feedEnd: Store['feedEnd'] = () => this.#driver.feedEnd()

  // Requests to runs

  control: Store['control'] = (request) => this.#commands.control(request)
  signal: Store['signal'] = (request) => this.#commands.signal(request)
  retry: Store['retry'] = (calls) => this.#commands.retry(calls)
  hold: Store['hold'] = (request) => this.#commands.hold(request)
  lift: Store['lift'] = (target, who) => this.#commands.lift(target, who)

  liftTombstone: Store['liftTombstone'] = (target, who) =>
    this.#commits.once((tx) => liftTombstone(tx, { target, who }))

  holds: Store['holds'] = () => this.#queries.holds()
  tombstones: Store['tombstones'] = () => this.#queries.tombstones()
  abortBulk: Store['abortBulk'] = (id, who) => this.#commands.abortBulk(id, who)
  bulks: Store['bulks'] = (ids) => this.#queries.bulks(ids)
  signals: Store['signals'] = (query, page) => this.#queries.signals(query, page)
  mailbox: Store['mailbox'] = (runId, after) => this.#queries.mailbox(runId, after)

  // Workflows

  startWorkflow: Store['startWorkflow'] = (flow) => this.#workflows.start(flow)
  controlWorkflow: Store['controlWorkflow'] = (request) => this.#workflows.control(request)
  retryWorkflow: Store['retryWorkflow'] = (request) => this.#workflows.retry(request)
  workflowRemainder: Store['workflowRemainder'] = (id) => this.#workflows.rest(id)
  workflows: Store['workflows'] = (ids) => this.#queries.workflows(ids)
  endedWorkflows: Store['endedWorkflows'] = (ids) => this.#queries.endedWorkflows(ids)
  listWorkflows: Store['listWorkflows'] = (filter, page) =>
    this.#queries.listWorkflows(filter, page)
  workflowNodes: Store['workflowNodes'] = (id, page) => this.#queries.workflowNodes(id, page)
  feedStartOf: Store['feedStartOf'] = (workflow) => this.#queries.feedStartOf(workflow)

  // Workers

  registerWorker: Store['registerWorker'] = (worker) => this.#leases.register(worker)
  renewLease: Store['renewLease'] = (workerId) => this.#leases.renew(workerId)
  removeWorker: Store['removeWorker'] = (workerId) => this.#leases.remove(workerId)
  workers: Store['workers'] = () => this.#queries.workers()
  claimableTasks: Store['claimableTasks'] = (request) => this.#driver.claimableTasks(request)

  claim: Store['claim'] = (request) =>
    claim({ driver: this.#driver, chores: this.#chores, commits: this.#commits }, request)

  intents: Store['intents'] = (workerId) => this.#queries.intents(workerId)
  held: Store['held'] = (workerId) => this.#queries.held(workerId)

  // Keepers

  housekeep: Store['housekeep'] = () => {
    const { bulks } = this.#commands
    const [driver, chores, upkeep] = [this.#driver, this.#chores, this.#upkeep]
    return housekeep({ driver, chores, upkeep, bulks })
  }

  prune: Store['prune'] = (retention, limit, who) => {
    const work = (tx: Tx): Promise<number> => pruneOnce(tx, { retention, limit, who })
    return this.#driver.isConcurrent
      ? this.#driver.transact(work, { isLong: true })
      : this.#commits.once(work)
  }

  findings: Store['findings'] = async () => {
    const failing = await this.#commands.bulks.findings()
    return [...(await this.#driver.findings()), ...failing]
  }

  // The store

  now: Store['now'] = () => this.#driver.now()
  hasten: Store['hasten'] = () => this.#driver.hasten()
  onChange: Store['onChange'] = (listener) => this.#driver.onChange(listener)

  within(transaction: unknown): StoreWithin {
    const join = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
      this.#driver.join(transaction, work)
    return {
      enqueue: (runs) => join((tx) => enqueueRuns(tx, runs)),
      control: ({ target, ...asked }) => join((tx) => controlWithin(tx, { target, asked })),
      signal: ({ target, ...message }) => join((tx) => signalWithin(tx, { target, message })),
      hold: async (request) => (await join((tx) => putHold(tx, request))).hold,
      lift: async (target, who) =>
        (await join((tx) => liftHold(tx, { target, who })))?.hold ?? null,
      startWorkflow: (flow) => join((tx) => startWorkflow(tx, flow)),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#commits, this.#chores, this.#upkeep].map((one) => one.close()))
    await this.#driver[Symbol.asyncDispose]()
  }
}

/** The writers of calls that are written together with others of their kind; see `Writer`. */
interface Writers {
  readonly enqueue: Writer<NewRun, Enqueued>
  readonly enqueueChildren: Writer<NewChild, string | null>
  readonly apply: Writer<RunEventCall, Answer>
  /** For callers with one event each: an event that the shortcut leaves over is then a whole call. */
  readonly applyOne: Writer<RunEventCall, Answer>
  readonly log: Writer<LogCall, null>
}

function writersOn(driver: Driver): Writers {
  return {
    enqueue: Object.assign((tx: Tx, runs: readonly NewRun[]) => enqueueRuns(tx, runs), {
      alone: (runs: readonly NewRun[]) => enqueueAlone(driver, runs),
    }),
    enqueueChildren,
    apply: applyEvents,
    applyOne: Object.assign((tx: Tx, calls: readonly RunEventCall[]) => applyEvents(tx, calls), {
      alone: (calls: readonly RunEventCall[]) => completeAlone(driver, calls),
    }),
    log: writeLog,
  }
}
