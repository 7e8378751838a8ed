/**
 * The front door: define tasks, enqueue runs of them, keep them in hand, and run workers.
 * @module
 */
export {
  type BackedUp,
  backup,
  connect,
  type ConnectOptions,
  type Migrated,
  migrate,
  type MigrateOptions,
  type StorePlace,
} from './client/connect.ts'
export type { WhoOptions } from './client/options/requester.ts'
export type { AuditPage, SignalEntry } from './client/views/audit.ts'
export { Client, type ClientOptions } from './client/client.ts'
export type { EnqueueArguments } from './client/requests/enqueue.ts'
export {
  RunCancelledError,
  RunFailedError,
  SignalFailedError,
  WorkflowCancelledError,
  WorkflowFailedError,
} from './client/views/errors.ts'
export { RunHandle, type SignalArguments } from './client/handles/handle.ts'
export type { PauseOutcome, RollbackOutcome, StopOutcome } from './client/views/outcomes.ts'
export type { ListOptions, PayloadOptions } from './client/options/pages.ts'
export type { Preview, PreviewVerb } from './client/views/preview.ts'
export type { RetentionOptions } from './client/options/retention.ts'
export type { ReplyOptions, SignalHandle } from './client/handles/signal-handle.ts'
export type { Retried } from './client/requests/retry.ts'
export type { Sent } from './client/requests/signals.ts'
export type { StartArguments } from './client/requests/workflows.ts'
export { WorkflowHandle, type WorkflowOutcome } from './client/handles/workflow-handle.ts'
export type {
  ChainTree,
  GroupTree,
  RunTree,
  Workflow,
  WorkflowStatus,
  WorkflowTree,
} from './client/views/workflow-view.ts'
export type { ControlTarget, RetryTarget, Scope } from './client/options/targets.ts'
export type { Paused, RollbackRetry, Run, RunOf, RunRow, WaitingFor } from './client/views/view.ts'
export type { Within } from './client/within.ts'
export type {
  CheckpointOptions,
  Child,
  ChildArguments,
  ChildEnds,
  ChildOptions,
  Context,
  ReceiveOptions,
  RunInfo,
  Signal,
  SignalSchemas,
} from './core/task/context.ts'
export type { Backoff, Retry } from './core/backoff.ts'
export type { Duration } from './core/duration.ts'
export {
  CheckreinError,
  type ErrorCode,
  errorCodes,
  type ErrorRecord,
  isCheckreinError,
  NonRetryableError,
} from './core/errors.ts'
export type { FeedEntry, FeedType } from './core/run/events.ts'
export {
  chain,
  chord,
  chunks,
  group,
  type InOf,
  map,
  type OutOf,
  starmap,
  step,
} from './core/workflow/canvas.ts'
export {
  type ChainOptions,
  type FanInPolicy,
  type GroupOptions,
  type PausedWorkflow,
  type Previous,
  previous,
  type Step,
  type StepLike,
  type StepOptions,
} from './core/workflow/parts.ts'
export type { GraphNode, WorkflowGraph } from './core/workflow/read-graph.ts'
export { workflowGraph } from './client/requests/workflow-graph.ts'
export type { StartGraphOptions } from './client/requests/workflows.ts'
export type { WorkflowExport } from './core/workflow/export.ts'
export type {
  WorkflowPause,
  WorkflowRollback,
  WorkflowState,
  WorkflowStop,
} from './core/workflow/workflow.ts'
export type { RunFilter } from './core/filter.ts'
export type { Answer } from './core/run/decision.ts'
export type { HoldFilter } from './core/hold.ts'
export type { PauseFallback, PauseIntent, StopIntent } from './core/run/intent.ts'
export type { KillChoice, KillOptions, OsSignal, SentOsSignal } from './core/run/kill.ts'
export type { PausedBy, RollbackCause, RollbackFacts, Status } from './core/run/run.ts'
export type { ExitProof, StopMode, StopRecord } from './core/run/stop.ts'
export { task } from './core/task/task.ts'
export type { OnConflict } from './core/run/on-conflict.ts'
export { type State, states, type StopVerb } from './core/run/transitions.ts'
export type {
  Bulk,
  BulkAbort,
  Controlled,
  Finding,
  Hold,
  InFlight,
  LaneCounts,
  LiveState,
  SignalKind,
  Tombstone,
  WorkerRecord,
  WorkflowControlled,
  WorkflowEnqueued,
  WorkflowFilter,
} from './store/store.ts'
export { type Config, defineConfig } from './worker/config.ts'
export type { WorkerOptions } from './worker/options.ts'
export { type StartWorkerOptions, startWorker } from './worker/start.ts'
export { workerChannel, type WorkerEvent } from './worker/telemetry.ts'
export type { StopWorkerOptions } from './worker/shutdown.ts'
export type { Worker } from './worker/worker.ts'
export type {
  Lane,
  LanesAnswer,
  TaskDefinition,
  TasksAnswer,
  TaskSummary,
} from './client/views/lanes.ts'
export type {
  RunWaited,
  SignalWaited,
  WaitOutcome,
  WorkflowWaited,
} from './client/waits/long-polls.ts'
export type { RunWaitOptions } from './client/options/options.ts'
export type { SignalWaitOptions } from './client/options/options.ts'
export type { AuditQuery } from './client/options/options.ts'
export type { AskOptions } from './client/options/options.ts'
export type { CancelOptions } from './client/options/options.ts'
export type { FreezeOptions } from './client/options/options.ts'
export type { FreezeRunsOptions } from './client/options/options.ts'
export type { HoldOptions } from './client/options/options.ts'
export type { HoldTarget } from './client/options/options.ts'
export type { PauseOptions } from './client/options/options.ts'
export type { PauseRunsOptions } from './client/options/options.ts'
export type { RetryOptions } from './client/options/options.ts'
export type { ScopeOptions } from './client/options/options.ts'
export type { TerminateOptions } from './client/options/options.ts'
export type { StopOptions } from './client/options/options.ts'
export type { EnqueueOptions } from './client/options/options.ts'
export type { EventsOptions } from './client/options/options.ts'
export type { ResultOptions } from './client/options/options.ts'
export type { StopWorkflowOptions } from './client/options/options.ts'
export type { WorkflowRetryOptions } from './client/options/options.ts'
export type { WorkflowControlOptions } from './client/options/options.ts'
export type { WorkflowOptions } from './client/options/options.ts'
export type { Settled } from './core/run/settled.ts'
export type { StepFailure } from './core/run/settled.ts'
export type { RunningPolicy } from './core/run/intent.ts'
export type { AnyTask } from './core/task/context.ts'
export type { InputOf } from './core/task/context.ts'
export type { Isolation } from './core/task/task-limits.ts'
export type { OutputOf } from './core/task/context.ts'
export type { PayloadOf } from './core/task/context.ts'
export type { SignalsOf } from './core/task/context.ts'
export type { Task } from './core/task/context.ts'
