/**
 * The one implementation of the store's port, over a driver.
 *
 * It holds no truth of its own: each method is a transaction or a read. Writes go through the group commit, so calls
 * made in one turn of the event loop share a transaction; the rooms beside this one (`enqueue`, `apply`, `control`,
 * `claims`) say what is done within it, and `reading` has the methods that change nothing.
 */
import type { Answer } from '../../core/run/decision.ts'
import { applyEvents, completeAlone } from '../runs/apply.ts'
import { Commands } from '../control/commands.ts'
import { claim } from '../claims/claim.ts'
import { controlWithin } from '../control/control.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import { enqueueAlone, enqueueRuns } from '../runs/enqueue.ts'
import { GroupCommit, type Writer } from '../driver/group-commit.ts'
import { Reading } from './queries.ts'
import { enqueueChildren } from '../runs/enqueue-children.ts'
import { signalWithin } from '../control/signals.ts'
import type {
  Change,
  ClaimedRun,
  ClaimRequest,
  Controlled,
  ControlRequest,
  Enqueued,
  Finding,
  Hold,
  HoldRequest,
  Housekept,
  NewChild,
  NewRun,
  NewWorkflow,
  Retention,
  RunEventCall,
  Signalled,
  SignalRequest,
  Store,
  StoreWithin,
  WorkerInfo,
  WorkflowControl,
  WorkflowControlled,
  WorkflowEnqueued,
  WorkflowRetry,
} from '../store.ts'
import { type LogCall, pruneOnce, writeLog } from '../runs/prune.ts'
import type { WorkflowExport } from '../../core/workflow/export.ts'
import { startWorkflow, Workflows } from '../workflow/workflows.ts'
import { housekeep } from '../chores/housekeeping.ts'
import { lapseRunsOf, workerParams } from '../runs/leases.ts'

export class SqlStore extends Reading implements Store {
  readonly lookPauseMs: number
  readonly now: () => number
  readonly #driver: Driver
  readonly #commits: GroupCommit
  /** Claims, leases and housekeeping: where transactions can be under way side by side, the others don't wait for them. */
  readonly #chores: GroupCommit
  /** What may have to wait for somebody else's runs. */
  readonly #upkeep: GroupCommit
  readonly #enqueue: Writer<NewRun, Enqueued>
  readonly #apply: Writer<RunEventCall, Answer>
  /** Each caller's only one: so what is left of several of them is left of whole calls. */
  readonly #applyOne: Writer<RunEventCall, Answer>
  readonly #enqueueChildren: Writer<NewChild, string | null>
  readonly #asking: Commands
  readonly #log: Writer<LogCall, null>
  readonly #workflows: Workflows

  constructor(driver: Driver) {
    super(driver)
    this.#driver = driver
    this.lookPauseMs = driver.lookPauseMs
    this.now = () => driver.now()
    this.#commits = new GroupCommit(driver)
    this.#chores = driver.isConcurrent ? new GroupCommit(driver) : this.#commits
    this.#upkeep = driver.isConcurrent ? new GroupCommit(driver) : this.#commits
    this.#enqueue = Object.assign((tx: Tx, runs: readonly NewRun[]) => enqueueRuns(tx, runs), {
      alone: (runs: readonly NewRun[]) => enqueueAlone(driver, runs),
    })
    this.#apply = (tx, calls) => applyEvents(tx, calls)
    this.#applyOne = Object.assign(
      (tx: Tx, calls: readonly RunEventCall[]) => applyEvents(tx, calls),
      { alone: (calls: readonly RunEventCall[]) => completeAlone(driver, calls) },
    )
    this.#enqueueChildren = (tx, children) => enqueueChildren(tx, children)
    this.#asking = new Commands(driver, this.#commits)
    this.#workflows = new Workflows(driver, this.#commits, this.#asking.bulks)
    driver.onBegun = (ids) => this.#asking.bulks.driveSoon(ids)
    this.#log = (tx, calls) => writeLog(tx, calls)
  }

  enqueue(runs: readonly NewRun[]): Promise<readonly Enqueued[]> {
    return this.#commits.submit(this.#enqueue, runs)
  }

  apply(calls: readonly RunEventCall[]): Promise<readonly Answer[]> {
    return this.#commits.submit(calls.length === 1 ? this.#applyOne : this.#apply, calls)
  }

  enqueueChildren(children: readonly NewChild[]): Promise<readonly (string | null)[]> {
    return this.#commits.submit(this.#enqueueChildren, children)
  }

  async log(calls: readonly LogCall[]): Promise<void> {
    await this.#commits.submit(this.#log, calls)
  }

  control(request: ControlRequest): Promise<readonly Controlled[]> {
    return this.#asking.control(request)
  }

  signal(request: SignalRequest): Promise<readonly Signalled[]> {
    return this.#asking.signal(request)
  }

  hold(request: HoldRequest): Promise<Hold> {
    return this.#asking.hold(request)
  }

  lift(...args: Parameters<Store['lift']>): Promise<Hold | null> {
    return this.#asking.lift(...args)
  }

  startWorkflow(flow: NewWorkflow): Promise<WorkflowEnqueued> {
    return this.#workflows.start(flow)
  }

  controlWorkflow(request: WorkflowControl): Promise<WorkflowControlled> {
    return this.#workflows.control(request)
  }

  retryWorkflow(request: WorkflowRetry): Promise<WorkflowEnqueued> {
    return this.#workflows.retry(request)
  }

  workflowRemainder(id: string): Promise<WorkflowExport> {
    return this.#workflows.rest(id)
  }

  within(transaction: unknown): StoreWithin {
    const join = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
      this.#driver.join(transaction, work)
    return {
      enqueue: (runs) => join((tx) => enqueueRuns(tx, runs)),
      control: ({ target, ...asked }) => join((tx) => controlWithin(tx, { target, asked })),
      signal: ({ target, ...message }) => join((tx) => signalWithin(tx, { target, message })),
      startWorkflow: (flow) => join((tx) => startWorkflow(tx, flow)),
    }
  }

  async registerWorker(worker: WorkerInfo): Promise<void> {
    await this.#chores.once(async (tx) =>
      tx.run('insertWorker', workerParams(worker, tx.now(), tx.grantNow())),
    )
  }

  renewLease(workerId: string): Promise<boolean> {
    const { renewLease } = this.#driver.statements
    return this.#driver
      .touch(renewLease, () => [workerId, this.#driver.leaseNow(), this.#driver.grantNow()])
      .then((rows) => rows.length > 0)
  }

  async removeWorker(workerId: string): Promise<void> {
    await this.#chores.once(async (tx) => {
      const [worker] = await tx.run('deleteWorker', [workerId])
      if (worker) await lapseRunsOf(tx, worker)
    })
  }

  claimableTasks(request: Pick<ClaimRequest, 'queues' | 'tasks'>): Promise<readonly string[]> {
    return this.#driver.claimableTasks(request)
  }

  claim(request: ClaimRequest): Promise<readonly ClaimedRun[]> {
    return claim({ driver: this.#driver, chores: this.#chores, commits: this.#commits }, request)
  }

  housekeep(): Promise<Housekept> {
    const { bulks } = this.#asking
    const [driver, chores, upkeep] = [this.#driver, this.#chores, this.#upkeep]
    return housekeep({ driver, chores, upkeep, bulks })
  }

  prune(retention: Retention, limit: number): Promise<number> {
    const work = (tx: Tx): Promise<number> => pruneOnce(tx, { retention, limit })
    return this.#driver.isConcurrent
      ? this.#driver.transact(work, { isLong: true })
      : this.#commits.once(work)
  }

  feedEnd(): Promise<number> {
    return this.#driver.feedEnd()
  }

  liftTombstone(target: Parameters<Store['liftTombstone']>[0]): Promise<boolean> {
    const place = 'id' in target ? ['id', '', target.id] : ['key', target.task, target.key]
    return this.#commits.once(async (tx) => (await tx.each('deleteTombstone', [place])).length > 0)
  }

  async findings(): Promise<readonly Finding[]> {
    const failing = await this.#asking.bulks.findings()
    return [...(await this.#driver.findings()), ...failing]
  }

  onChange(listener: (change: Change) => void): Disposable {
    return this.#driver.onChange(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#commits, this.#chores, this.#upkeep].map((one) => one.close()))
    await this.#driver[Symbol.asyncDispose]()
  }
}
