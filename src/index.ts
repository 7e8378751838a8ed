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
export type { WhoOptions } from './client/asker.ts'
export type { AuditPage, AuditQuery, SignalEntry } from './client/audit.ts'
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
} from './client/controls.ts'
export type { EnqueueArguments, EnqueueOptions } from './client/enqueue.ts'
export {
  RunCancelledError,
  RunFailedError,
  SignalFailedError,
  WorkflowCancelledError,
  WorkflowFailedError,
} from './client/errors.ts'
export {
  type EventsOptions,
  type ResultOptions,
  RunHandle,
  type SignalArguments,
} from './client/handle.ts'
export type { PauseOutcome, RollbackOutcome, StopOutcome } from './client/outcomes.ts'
export type { ListOptions } from './client/pages.ts'
export type { Preview, PreviewVerb } from './client/preview.ts'
export type { RetentionOptions } from './client/retention.ts'
export type { ReplyOptions, SignalHandle } from './client/signal-handle.ts'
export type { Sent } from './client/signals.ts'
export type {
  StartArguments,
  StopWorkflowOptions,
  WorkflowControlOptions,
  WorkflowOptions,
} from './client/flows.ts'
export { WorkflowHandle, type WorkflowOutcome } from './client/workflow-handle.ts'
export type {
  ChainTree,
  GroupTree,
  RunTree,
  Workflow,
  WorkflowStatus,
  WorkflowTree,
} from './client/workflow-view.ts'
export type { ControlTarget, Scope } from './client/targets.ts'
export type { Paused, Run, WaitingFor } from './client/view.ts'
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
} from './core/context.ts'
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
export type { FeedEntry, FeedType } from './core/events.ts'
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
} from './core/canvas.ts'
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
} from './core/parts.ts'
export type { WorkflowExport } from './core/export.ts'
export type {
  RunningPolicy,
  WorkflowPause,
  WorkflowRollback,
  WorkflowState,
  WorkflowStop,
} from './core/workflow.ts'
export type { RunFilter } from './core/filter.ts'
export type { Answer } from './core/decision.ts'
export type { HoldFilter } from './core/hold.ts'
export type { PauseFallback, PauseIntent, StopIntent } from './core/intent.ts'
export type { PausedBy, RollbackCause, RollbackFacts, Status } from './core/run.ts'
export type { ExitProof, StopMode, StopRecord } from './core/stop.ts'
export {
  type AnyTask,
  type InputOf,
  type Isolation,
  type OutputOf,
  type PayloadOf,
  type SignalsOf,
  type Task,
  task,
} from './core/task.ts'
export { type State, states, type StopVerb } from './core/transitions.ts'
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
