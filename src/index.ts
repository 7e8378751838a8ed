/**
 * The front door: define tasks, enqueue runs of them, keep them in hand, and run workers.
 * @module
 */
export {
  connect,
  type ConnectOptions,
  type Migrated,
  migrate,
  type MigrateOptions,
  type StorePlace,
} from './client/connect.ts'
export type { WhoOptions } from './client/options/requester.ts'
export type { AuditPage, AuditQuery, SignalEntry } from './client/views/audit.ts'
export { Client, type ClientOptions } from './client/client.ts'
export type {
  AskOptions,
  CancelOptions,
  FreezeOptions,
  FreezeRunsOptions,
  HoldOptions,
  HoldTarget,
  PauseOptions,
  PauseRunsOptions,
  ScopeOptions,
  StopOptions,
} from './client/requests/controls.ts'
export type { EnqueueArguments, EnqueueOptions } from './client/requests/enqueue.ts'
export {
  RunCancelledError,
  RunFailedError,
  SignalFailedError,
  WorkflowCancelledError,
  WorkflowFailedError,
} from './client/views/errors.ts'
export {
  type EventsOptions,
  type ResultOptions,
  RunHandle,
  type SignalArguments,
} from './client/handles/handle.ts'
export type { PauseOutcome, RollbackOutcome, StopOutcome } from './client/views/outcomes.ts'
export type { ListOptions } from './client/options/pages.ts'
export type { Preview, PreviewVerb } from './client/views/preview.ts'
export type { RetentionOptions } from './client/options/retention.ts'
export type { ReplyOptions, SignalHandle } from './client/handles/signal-handle.ts'
export type { Sent } from './client/requests/signals.ts'
export type {
  StartArguments,
  StopWorkflowOptions,
  WorkflowControlOptions,
  WorkflowOptions,
} from './client/requests/workflows.ts'
export { WorkflowHandle, type WorkflowOutcome } from './client/handles/workflow-handle.ts'
export type {
  ChainTree,
  GroupTree,
  RunTree,
  Workflow,
  WorkflowStatus,
  WorkflowTree,
} from './client/views/workflow-view.ts'
export type { ControlTarget, Scope } from './client/options/targets.ts'
export type { Paused, Run, WaitingFor } from './client/views/view.ts'
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
  type Settled,
  type Step,
  type StepFailure,
  type StepLike,
  type StepOptions,
} from './core/workflow/parts.ts'
export type { WorkflowExport } from './core/workflow/export.ts'
export type {
  RunningPolicy,
  WorkflowPause,
  WorkflowRollback,
  WorkflowState,
  WorkflowStop,
} from './core/workflow/workflow.ts'
export type { RunFilter } from './core/filter.ts'
export type { Answer } from './core/run/decision.ts'
export type { HoldFilter } from './core/hold.ts'
export type { PauseFallback, PauseIntent, StopIntent } from './core/run/intent.ts'
export type { PausedBy, RollbackCause, RollbackFacts, Status } from './core/run/run.ts'
export type { ExitProof, StopMode, StopRecord } from './core/run/stop.ts'
export {
  type AnyTask,
  type InputOf,
  type Isolation,
  type OutputOf,
  type PayloadOf,
  type SignalsOf,
  type Task,
  task,
} from './core/task/task.ts'
export { type State, states, type StopVerb } from './core/run/transitions.ts'
export type {
  Bulk,
  Controlled,
  Finding,
  Hold,
  InFlight,
  OnConflict,
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
export type { StopWorkerOptions, Worker } from './worker/worker.ts'
