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
export {
  Client,
  type ClientOptions,
  type EnqueueArguments,
  type ListOptions,
  type RetentionOptions,
} from './client/client.ts'
export type { AskOptions, ControlTarget, StopOptions } from './client/controls.ts'
export type { EnqueueOptions } from './client/enqueue.ts'
export { RunCancelledError, RunFailedError } from './client/errors.ts'
export {
  type EventsOptions,
  type ResultOptions,
  RunHandle,
  type StopOutcome,
} from './client/handle.ts'
export type { Run } from './client/view.ts'
export type { Within } from './client/within.ts'
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
export type { RunFilter } from './core/filter.ts'
export type { Answer } from './core/decision.ts'
export type { Status } from './core/run.ts'
export type { ExitProof, StopMode, StopRecord } from './core/stop.ts'
export {
  type AnyTask,
  type Context,
  type InputOf,
  type Isolation,
  type OutputOf,
  type RunInfo,
  type Task,
  task,
} from './core/task.ts'
export { type State, states, type StopVerb } from './core/transitions.ts'
export type { Controlled, Finding, OnConflict, Tombstone, WorkerRecord } from './store/store.ts'
export { type Config, defineConfig } from './worker/config.ts'
export type { WorkerOptions } from './worker/options.ts'
export { type StartWorkerOptions, startWorker } from './worker/start.ts'
export { workerChannel, type WorkerEvent } from './worker/telemetry.ts'
export { type StopWorkerOptions, Worker } from './worker/worker.ts'
